/* Functions' names for people, and the module without them for the translator. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/wasm_cursor.h"

enum { NAME_BYTES_MAX = 200, NAMES_OF_FUNCTIONS = 1, SECTION_EXPORT = 7, SECTION_DATA_COUNT = 12 };

/* Names end in a C file and on terminals. */
static bool is_plain(const uint8_t *name, uint32_t bytes)
{
    for (uint32_t n = 0; n < bytes; n++) {
        char letter = (char)name[n];
        bool is_letter = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z');

        if (!is_letter && !(letter >= '0' && letter <= '9') &&
            (!letter || !strchr("_.:<>$-", letter)))
            return false;
    }
    return bytes > 0 && bytes <= NAME_BYTES_MAX;
}

static void take_functions(struct tt_wasm *wasm, struct cursor *cursor)
{
    uint32_t count = cursor_u32(cursor);

    for (uint32_t n = 0; n < count && !cursor->is_broken; n++) {
        uint32_t function = cursor_u32(cursor), bytes = cursor_u32(cursor), at = cursor->at;

        if (!cursor_skip(cursor, bytes) || function >= wasm->function_count ||
            !is_plain(cursor->data + at, bytes))
            continue;
        wasm->functions[function].name = (const char *)cursor->data + at;
        wasm->functions[function].name_bytes = bytes;
    }
}

void wasm_take_names(struct tt_wasm *wasm, struct cursor *cursor)
{
    while (cursor->at < cursor->end && !cursor->is_broken) {
        uint8_t id = cursor_byte(cursor);
        uint32_t bytes = cursor_u32(cursor);
        struct cursor part = {.data = cursor->data, .at = cursor->at};

        if (!cursor_skip(cursor, bytes))
            break;
        part.end = cursor->at;
        if (id == NAMES_OF_FUNCTIONS)
            take_functions(wasm, &part);
    }
    cursor->is_broken = false;
    cursor->at = cursor->end;
}

const char *wasm_function_words(const struct tt_wasm *wasm, uint32_t function, char ret[160])
{
    const struct tt_wasm_body *one = &wasm->functions[function];

    if (one->name)
        (void)tt_format_text(ret, 160, "function %.*s()",
                             one->name_bytes < 120 ? (int)one->name_bytes : 120, one->name);
    else
        (void)tt_format_text(ret, 160, "function number %u", function);
    return ret;
}

struct buffer {
    uint8_t *data;
    uint64_t bytes;
};

static void put(struct buffer *buffer, const void *data, uint64_t bytes)
{
    memcpy(buffer->data + buffer->bytes, data, bytes);
    buffer->bytes += bytes;
}

static void put_leb(struct buffer *buffer, uint32_t value)
{
    do {
        uint8_t byte = (uint8_t)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);

        put(buffer, &byte, 1);
        value >>= 7;
    } while (value > 0);
}

static void put_export(struct buffer *buffer, const char *name, uint8_t kind, uint32_t place)
{
    put_leb(buffer, (uint32_t)strlen(name));
    put(buffer, name, strlen(name));
    put(buffer, &kind, 1);
    put_leb(buffer, place);
}

static void put_exports(struct buffer *buffer, const struct tt_wasm *wasm)
{
    uint8_t room[128];
    struct buffer exports = {.data = room};

    put_leb(&exports, 3);
    put_export(&exports, "memory", 2, 0);
    put_export(&exports, "_initialize", 0, wasm->initialize);
    put_export(&exports, "tactus_enter", 0, wasm->enter);
    put_leb(buffer, (uint32_t)exports.bytes);
    put(buffer, exports.data, exports.bytes);
}

int tt_wasm_strip(const struct tt_wasm *wasm, uint8_t **ret, uint64_t *ret_bytes,
                  struct tt_error *err)
{
    /* Each section's head grows by 5 bytes at most, and the exports are short. */
    struct buffer buffer = {.data = malloc(wasm->bytes + 512)};

    if (!buffer.data)
        return tt_fail(err, -ENOMEM, "no memory for a module of %u bytes", wasm->bytes);
    put(&buffer, wasm->data, 8);
    for (uint32_t n = 0; n < wasm->section_count; n++) {
        const struct tt_wasm_section *section = &wasm->sections[n];

        if (section->id == SECTION_DATA_COUNT)
            continue;
        put(&buffer, &section->id, 1);
        if (section->id == SECTION_EXPORT) {
            put_exports(&buffer, wasm);
            continue;
        }
        put_leb(&buffer, section->bytes);
        put(&buffer, wasm->data + section->at, section->bytes);
    }
    *ret = buffer.data;
    *ret_bytes = buffer.bytes;
    return 0;
}
