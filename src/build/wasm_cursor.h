/* A place in a module's bytes that never runs over the end: what it cannot read it says once. */
#ifndef TT_BUILD_WASM_CURSOR_H
#define TT_BUILD_WASM_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "build/wasm.h"

struct cursor {
    const uint8_t *data;
    uint32_t at, end;
    bool is_broken; /* something ended too early or was no number; what is read then is 0 */
};

static inline uint8_t cursor_byte(struct cursor *cursor)
{
    if (cursor->at >= cursor->end) {
        cursor->is_broken = true;
        return 0;
    }
    return cursor->data[cursor->at++];
}

/* LEB128 of up to `bits` bits, sign-extended when signed; unused bits of the last byte must be
 * copies of the sign, or zeros. */
static inline uint64_t cursor_leb(struct cursor *cursor, uint32_t bits, bool is_signed)
{
    uint64_t value = 0;
    uint32_t shift = 0;
    uint8_t byte;

    do {
        byte = cursor_byte(cursor);
        if (shift >= bits || cursor->is_broken) {
            cursor->is_broken = true;
            return 0;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte & 0x80);
    if (shift > bits) {
        uint32_t used = bits - (shift - 7);
        uint8_t spare = (uint8_t)((byte & 0x7f) >> used);
        uint8_t all = (uint8_t)(0x7f >> used);
        bool is_negative = is_signed && ((byte >> (used - 1)) & 1);

        if (spare != (is_negative ? all : 0))
            cursor->is_broken = true;
    }
    if (is_signed && shift < 64 && (byte & 0x40))
        value |= ~UINT64_C(0) << shift;
    return value;
}

static inline uint32_t cursor_u32(struct cursor *cursor)
{
    return (uint32_t)cursor_leb(cursor, 32, false);
}

static inline bool cursor_skip(struct cursor *cursor, uint32_t bytes)
{
    if (bytes > cursor->end - cursor->at) {
        cursor->is_broken = true;
        return false;
    }
    cursor->at += bytes;
    return true;
}

static inline uint64_t cursor_fixed(struct cursor *cursor, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t n = 0; n < bytes; n++)
        value |= (uint64_t)cursor_byte(cursor) << (8 * n);
    return value;
}

/* A function's body, type-checked; wasm_code.c. */
int wasm_check_body(const struct tt_wasm *wasm, uint32_t function, struct tt_error *err);

/* "function 12 (process)": what errors call it. */
const char *wasm_function_words(const struct tt_wasm *wasm, uint32_t function, char ret[160]);

/* Gives functions the names of a custom section "name"; what is odd in it is passed over. */
void wasm_take_names(struct tt_wasm *wasm, struct cursor *cursor);

#endif
