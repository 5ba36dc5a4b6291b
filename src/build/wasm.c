/* A module's sections: read in order, each number checked before it is believed. */
#include "build/wasm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "build/wasm_cursor.h"

enum { PAGE_BYTES = 65536 };

enum section_id {
    SECTION_CUSTOM,
    SECTION_TYPE,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_TABLE,
    SECTION_MEMORY,
    SECTION_GLOBAL,
    SECTION_EXPORT,
    SECTION_START,
    SECTION_ELEMENT,
    SECTION_CODE,
    SECTION_DATA,
    SECTION_DATA_COUNT
};

static const uint32_t none = UINT32_MAX;

static bool is_number_type(uint8_t type)
{
    return type >= TT_WASM_F64 && type <= TT_WASM_I32;
}

/* How many of a section follow; 0 and an error when that is more than anybody needs. */
static int read_count(struct cursor *cursor, uint32_t count_max, const char *what, uint32_t *ret,
                      struct tt_error *err)
{
    uint32_t count = cursor_u32(cursor);

    if (count > count_max)
        return tt_fail(err, -ENOTSUP, "the module has %u %s and may have %u", count, what,
                       count_max);
    *ret = count;
    return 0;
}

static bool same_signature(const struct tt_wasm_signature *a, const struct tt_wasm_signature *b)
{
    return a->param_count == b->param_count && a->result == b->result &&
           memcmp(a->params, b->params, a->param_count) == 0;
}

static int read_signature(struct cursor *cursor, struct tt_wasm_signature *ret,
                          struct tt_error *err)
{
    uint32_t params, results;

    if (cursor_byte(cursor) != 0x60)
        return tt_fail(err, -EINVAL, "a type of the module is no function's");
    params = cursor_u32(cursor);
    if (params > TT_WASM_ARGUMENTS_MAX)
        return tt_fail(err, -ENOTSUP, "a function takes %u arguments and may take %d", params,
                       TT_WASM_ARGUMENTS_MAX);
    for (uint32_t n = 0; n < params; n++)
        ret->params[n] = cursor_byte(cursor);
    ret->param_count = (uint8_t)params;
    results = cursor_u32(cursor);
    if (results > 1)
        return tt_fail(err, -ENOTSUP, "a function has %u results: multi-value is not accepted",
                       results);
    ret->result = results ? cursor_byte(cursor) : 0;
    for (uint32_t n = 0; n < params; n++)
        if (!is_number_type(ret->params[n]))
            return tt_fail(err, -ENOTSUP, "an argument of type 0x%02x is not accepted",
                           (unsigned)ret->params[n]);
    if (results && !is_number_type(ret->result))
        return tt_fail(err, -ENOTSUP, "a result of type 0x%02x is not accepted",
                       (unsigned)ret->result);
    return 0;
}

/* Indirect calls compare types by their place, so none may be there twice. */
static int read_types(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_TYPES_MAX, "types", &count, err);

    if (r < 0)
        return r;
    wasm->types = calloc(count + 1, sizeof(*wasm->types));
    if (!wasm->types)
        return tt_fail(err, -ENOMEM, "no memory for %u types", count);
    for (uint32_t n = 0; n < count && !cursor->is_broken; n++) {
        r = read_signature(cursor, &wasm->types[n], err);
        if (r < 0)
            return r;
        for (uint32_t k = 0; k < n; k++)
            if (same_signature(&wasm->types[k], &wasm->types[n]))
                return tt_fail(err, -ENOTSUP, "the module has type %u twice, as %u", k, n);
        wasm->type_count = n + 1;
    }
    return 0;
}

struct import {
    const char *name, *signature; /* arguments, ':', result; i is 32 bits, I 64 */
};

static const struct import imports[] = {
    {"frame_new", "ii:i"}, {"frame_emit", "ii:i"}, {"frame_keep", "i:i"},
    {"frame_drop", "i:i"}, {"note", "iI:i"},       {"kernel", "iii:i"},
};

static bool has_signature(const struct tt_wasm_signature *type, const char *wanted)
{
    uint32_t n = 0;

    for (; wanted[n] != ':'; n++)
        if (n >= type->param_count ||
            type->params[n] != (wanted[n] == 'i' ? TT_WASM_I32 : TT_WASM_I64))
            return false;
    return n == type->param_count && type->result == TT_WASM_I32;
}

static int refuse_import(const char *module, uint32_t module_bytes, const char *name,
                         uint32_t name_bytes, struct tt_error *err)
{
    (void)tt_format_text(err->token, sizeof(err->token), "%.*s.%.*s",
                         module_bytes < 30 ? (int)module_bytes : 30, module,
                         name_bytes < 30 ? (int)name_bytes : 30, name);
    for (char *at = err->token; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    if (module_bytes >= 4 && memcmp(module, "wasi", 4) == 0)
        return tt_fail(err, -ENOTSUP,
                       "the component needs %s, and a sandboxed component has no files, clock, "
                       "random numbers or exit: take out what calls it (printf, fopen, time, exit)",
                       err->token);
    return tt_fail(err, -ENOTSUP,
                   "the component needs %s, which nobody gives it: write it, or take the call out",
                   err->token);
}

static int read_import(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t module_bytes = cursor_u32(cursor), module_at = cursor->at, name_bytes, name_at, type;
    const char *module, *name;

    if (!cursor_skip(cursor, module_bytes))
        return 0;
    name_bytes = cursor_u32(cursor);
    name_at = cursor->at;
    if (!cursor_skip(cursor, name_bytes))
        return 0;
    module = (const char *)cursor->data + module_at;
    name = (const char *)cursor->data + name_at;
    if (cursor_byte(cursor) != 0)
        return refuse_import(module, module_bytes, name, name_bytes, err);
    type = cursor_u32(cursor);
    if (module_bytes != 7 || memcmp(module, "tactus1", 7) != 0 || type >= wasm->type_count)
        return refuse_import(module, module_bytes, name, name_bytes, err);
    for (size_t n = 0; n < sizeof(imports) / sizeof(imports[0]); n++) {
        if (strlen(imports[n].name) != name_bytes || memcmp(imports[n].name, name, name_bytes) != 0)
            continue;
        if (!has_signature(&wasm->types[type], imports[n].signature))
            return tt_fail(err, -ENOTSUP, "the import tactus1.%s has another type than the host's",
                           imports[n].name);
        wasm->functions[wasm->function_count++] =
            (struct tt_wasm_body){.type = type, .name = imports[n].name, .name_bytes = name_bytes};
        wasm->import_count++;
        return 0;
    }
    return refuse_import(module, module_bytes, name, name_bytes, err);
}

static int read_imports(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, 64, "imports", &count, err);

    for (uint32_t n = 0; r == 0 && n < count && !cursor->is_broken; n++)
        r = read_import(wasm, cursor, err);
    return r;
}

static int read_functions(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_FUNCTIONS_MAX, "functions", &count, err);

    for (uint32_t n = 0; r == 0 && n < count && !cursor->is_broken; n++) {
        uint32_t type = cursor_u32(cursor);

        if (type >= wasm->type_count)
            return tt_fail(err, -EINVAL, "function %u has type %u, and there are %u",
                           wasm->function_count, type, wasm->type_count);
        wasm->functions[wasm->function_count++].type = type;
    }
    return r;
}

/* "limits": a least and maybe a largest count. Returns the flags. */
static uint8_t read_limits(struct cursor *cursor, uint32_t *ret_least, uint32_t *ret_most)
{
    uint8_t flags = cursor_byte(cursor);

    *ret_least = *ret_most = none;
    if (flags > 1)
        return flags;
    *ret_least = cursor_u32(cursor);
    if (flags & 1)
        *ret_most = cursor_u32(cursor);
    return flags;
}

static int read_table(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0, most;
    int r = read_count(cursor, 1, "tables", &count, err);

    if (r < 0 || count == 0)
        return r;
    if (cursor_byte(cursor) != 0x70)
        return tt_fail(err, -ENOTSUP, "the module has a table of references: not accepted");
    if (read_limits(cursor, &wasm->table_count, &most) > 1)
        return tt_fail(err, -ENOTSUP, "the module's table is shared or has 64-bit places");
    if (wasm->table_count > TT_WASM_TABLE_MAX)
        return tt_fail(err, -ENOTSUP, "the module's table has %u entries and may have %d",
                       wasm->table_count, TT_WASM_TABLE_MAX);
    if (most != wasm->table_count)
        return tt_fail(err, -ENOTSUP, "the module's table may grow, and no table may");
    wasm->has_table = true;
    return 0;
}

static int read_memory(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = cursor_u32(cursor), most;
    uint8_t flags;

    if (count != 1)
        return tt_fail(err, -ENOTSUP, "the module has %u memories: one is accepted", count);
    flags = read_limits(cursor, &wasm->pages, &most);
    if (flags & 4)
        return tt_fail(err, -ENOTSUP, "the module has a 64-bit memory (memory64): not accepted");
    if (flags & 2)
        return tt_fail(err, -ENOTSUP, "the module has a shared memory (threads): not accepted");
    if (flags > 1)
        return tt_fail(err, -ENOTSUP, "the module's memory has the unknown flags 0x%02x",
                       (unsigned)flags);
    if (wasm->pages > TT_WASM_PAGES_MAX || wasm->pages > most)
        return tt_fail(err, -ENOTSUP,
                       "the component's memory begins with %u pages of 64 KiB, and it may have %d",
                       wasm->pages, TT_WASM_PAGES_MAX);
    wasm->pages_max = most < TT_WASM_PAGES_MAX ? most : TT_WASM_PAGES_MAX;
    return 0;
}

/* "expression": a constant of a type, and the end. */
static int read_constant(struct cursor *cursor, uint8_t type, uint64_t *ret, struct tt_error *err)
{
    uint8_t code = cursor_byte(cursor);

    if (type == TT_WASM_I32 && code == 0x41)
        *ret = (uint32_t)cursor_leb(cursor, 32, true);
    else if (type == TT_WASM_I64 && code == 0x42)
        *ret = cursor_leb(cursor, 64, true);
    else if (type == TT_WASM_F32 && code == 0x43)
        *ret = cursor_fixed(cursor, 4);
    else if (type == TT_WASM_F64 && code == 0x44)
        *ret = cursor_fixed(cursor, 8);
    else
        return tt_fail(err, -ENOTSUP, "a first value or a place is no plain constant");
    if (cursor_byte(cursor) != 0x0b)
        return tt_fail(err, -ENOTSUP, "a first value or a place is an extended expression");
    return 0;
}

static int read_globals(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_FUNCTIONS_MAX, "globals", &count, err);

    if (r < 0)
        return r;
    wasm->globals = calloc(count + 1, sizeof(*wasm->globals));
    if (!wasm->globals)
        return tt_fail(err, -ENOMEM, "no memory for %u globals", count);
    for (uint32_t n = 0; n < count && !cursor->is_broken; n++) {
        struct tt_wasm_global *global = &wasm->globals[n];
        uint8_t is_mutable;

        global->type = cursor_byte(cursor);
        is_mutable = cursor_byte(cursor);
        global->is_mutable = is_mutable;
        if (!is_number_type(global->type) || is_mutable > 1)
            return tt_fail(err, -ENOTSUP, "global %u is of a type that is not accepted", n);
        r = read_constant(cursor, global->type, &global->value, err);
        if (r < 0)
            return r;
        wasm->global_count = n + 1;
    }
    return 0;
}

static bool is_named(const struct cursor *cursor, uint32_t at, uint32_t bytes, const char *name)
{
    return strlen(name) == bytes && memcmp(cursor->data + at, name, bytes) == 0;
}

static int read_export(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t bytes = cursor_u32(cursor), at = cursor->at, place;
    const uint32_t limits[] = {wasm->function_count, wasm->has_table, 1, wasm->global_count};
    uint8_t kind;

    if (!cursor_skip(cursor, bytes))
        return 0;
    kind = cursor_byte(cursor);
    place = cursor_u32(cursor);
    if (kind > 3 || place >= limits[kind])
        return tt_fail(err, -EINVAL, "the module exports what it does not have");
    if (kind == 0 && is_named(cursor, at, bytes, "tactus_enter"))
        wasm->enter = place;
    else if (kind == 0 && is_named(cursor, at, bytes, "_initialize"))
        wasm->initialize = place;
    else if (kind == 3 && is_named(cursor, at, bytes, "tactus_record") &&
             wasm->globals[place].type == TT_WASM_I32 && !wasm->globals[place].is_mutable)
        wasm->record_at = (uint32_t)wasm->globals[place].value;
    return 0;
}

static int read_exports(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_FUNCTIONS_MAX, "exports", &count, err);

    for (uint32_t n = 0; r == 0 && n < count && !cursor->is_broken; n++)
        r = read_export(wasm, cursor, err);
    return r;
}

static int refuse_start(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    return tt_fail(err, -ENOTSUP, "the module has a start function; _initialize is run instead");
}

static int read_element(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t flags = cursor_u32(cursor), count;
    uint64_t place = 0;
    int r;

    if (flags != 0 || !wasm->has_table)
        return tt_fail(err, -ENOTSUP, "the module changes its table: not accepted");
    r = read_constant(cursor, TT_WASM_I32, &place, err);
    if (r < 0)
        return r;
    count = cursor_u32(cursor);
    if (place + count > wasm->table_count)
        return tt_fail(err, -EINVAL, "the module fills its table beyond the end");
    for (uint32_t n = 0; n < count && !cursor->is_broken; n++)
        if (cursor_u32(cursor) >= wasm->function_count)
            return tt_fail(err, -EINVAL, "the module's table names a function that is not there");
    return 0;
}

static int read_elements(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_TABLE_MAX, "pieces of a table", &count, err);

    for (uint32_t n = 0; r == 0 && n < count && !cursor->is_broken; n++)
        r = read_element(wasm, cursor, err);
    return r;
}

static int read_code(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = cursor_u32(cursor);

    if (count != wasm->function_count - wasm->import_count)
        return tt_fail(err, -EINVAL, "the module declares %u functions and has code for %u",
                       wasm->function_count - wasm->import_count, count);
    for (uint32_t n = 0; n < count && !cursor->is_broken; n++) {
        struct tt_wasm_body *function = &wasm->functions[wasm->import_count + n];

        function->bytes = cursor_u32(cursor);
        function->at = cursor->at;
        (void)cursor_skip(cursor, function->bytes);
    }
    wasm->code_count = count;
    return 0;
}

static int read_data(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t count = 0;
    int r = read_count(cursor, TT_WASM_FUNCTIONS_MAX, "pieces of data", &count, err);

    for (uint32_t n = 0; r == 0 && n < count && !cursor->is_broken; n++) {
        uint64_t place = 0;
        uint32_t bytes;

        if (cursor_u32(cursor) != 0)
            return tt_fail(err, -ENOTSUP,
                           "the module has passive data (bulk memory): not accepted");
        r = read_constant(cursor, TT_WASM_I32, &place, err);
        if (r < 0)
            return r;
        bytes = cursor_u32(cursor);
        if (place + bytes > (uint64_t)wasm->pages * PAGE_BYTES)
            return tt_fail(err, -EINVAL, "the module's data lie beyond its memory");
        (void)cursor_skip(cursor, bytes);
    }
    return r;
}

static int skip_section(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    cursor->at = cursor->end;
    return 0;
}

static int read_custom(struct tt_wasm *wasm, struct cursor *cursor, struct tt_error *err)
{
    uint32_t bytes = cursor_u32(cursor), at = cursor->at;

    if (cursor_skip(cursor, bytes) && is_named(cursor, at, bytes, "name"))
        wasm_take_names(wasm, cursor);
    if (!cursor->is_broken)
        cursor->at = cursor->end;
    return 0;
}

static int read_section(struct tt_wasm *wasm, struct cursor *cursor, uint8_t id,
                        struct tt_error *err)
{
    static int (*const readers[])(struct tt_wasm *, struct cursor *, struct tt_error *) = {
        [SECTION_CUSTOM] = read_custom,      [SECTION_TYPE] = read_types,
        [SECTION_IMPORT] = read_imports,     [SECTION_FUNCTION] = read_functions,
        [SECTION_TABLE] = read_table,        [SECTION_MEMORY] = read_memory,
        [SECTION_GLOBAL] = read_globals,     [SECTION_EXPORT] = read_exports,
        [SECTION_START] = refuse_start,      [SECTION_ELEMENT] = read_elements,
        [SECTION_CODE] = read_code,          [SECTION_DATA] = read_data,
        [SECTION_DATA_COUNT] = skip_section,
    };
    int r;

    if (id >= sizeof(readers) / sizeof(readers[0]))
        return tt_fail(err, -ENOTSUP, "the module has a section of the kind %u: not accepted",
                       (unsigned)id);
    r = readers[id](wasm, cursor, err);
    if (r < 0)
        return r;
    if (cursor->is_broken || cursor->at != cursor->end)
        return tt_fail(err, -EINVAL, "the module's section %u is broken at byte %u", (unsigned)id,
                       cursor->at);
    return 0;
}

/* Their order in the file; a data count comes between elements and code. */
static uint32_t section_rank(uint8_t id)
{
    return id == SECTION_DATA_COUNT ? 2 * SECTION_ELEMENT + 1 : 2u * id;
}

static int read_sections(struct tt_wasm *wasm, struct tt_error *err)
{
    struct cursor all = {.data = wasm->data, .at = 8, .end = wasm->bytes};
    uint32_t rank = 0;
    int r = 0;

    while (r == 0 && all.at < all.end) {
        uint8_t id = cursor_byte(&all);
        uint32_t bytes = cursor_u32(&all);
        struct cursor cursor = {.data = all.data, .at = all.at, .end = all.at + bytes};

        if (!cursor_skip(&all, bytes))
            return tt_fail(err, -EINVAL, "the module ends in the middle of a section");
        if (id != SECTION_CUSTOM && section_rank(id) <= rank)
            return tt_fail(err, -EINVAL, "the module's sections are out of order");
        if (id != SECTION_CUSTOM) {
            rank = section_rank(id);
            wasm->sections[wasm->section_count++ & 15] =
                (struct tt_wasm_section){.id = id, .at = cursor.at, .bytes = bytes};
        }
        r = read_section(wasm, &cursor, id, err);
    }
    return r;
}

static bool has_type(const struct tt_wasm *wasm, uint32_t function, const char *wanted)
{
    const struct tt_wasm_signature *type = &wasm->types[wasm->functions[function].type];

    return wanted[0] ? has_signature(type, wanted) : type->param_count == 0 && type->result == 0;
}

/* What the shim and the linker put into every component. */
static int check_shim(const struct tt_wasm *wasm, struct tt_error *err)
{
    if (wasm->pages_max == 0)
        return tt_fail(err, -EINVAL, "the module has no memory");
    if (wasm->code_count != wasm->function_count - wasm->import_count)
        return tt_fail(err, -EINVAL, "the module has functions without code");
    if (wasm->enter == none || wasm->enter < wasm->import_count ||
        !has_type(wasm, wasm->enter, "ii:i"))
        return tt_fail(err, -EINVAL, "the module has no tactus_enter: was it built by tactus?");
    if (wasm->initialize == none || wasm->initialize < wasm->import_count ||
        wasm->initialize == wasm->enter || !has_type(wasm, wasm->initialize, ""))
        return tt_fail(err, -EINVAL, "the module has no _initialize: was it built by tactus?");
    if (wasm->record_at == none || wasm->record_at % 4096 != 0 ||
        (uint64_t)wasm->record_at + (256 << 10) > (uint64_t)wasm->pages * PAGE_BYTES)
        return tt_fail(err, -EINVAL, "the module has no tactus_record: was it built by tactus?");
    return 0;
}

int tt_wasm_read(const uint8_t *data, uint64_t bytes, struct tt_wasm *ret, struct tt_error *err)
{
    static const uint8_t magic[] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    struct tt_wasm wasm = {.data = data, .enter = none, .initialize = none, .record_at = none};
    int r;

    if (bytes > TT_WASM_BYTES_MAX)
        return tt_fail(err, -ENOTSUP, "the module is larger than %d MiB", TT_WASM_BYTES_MAX >> 20);
    if (bytes < sizeof(magic) || memcmp(data, magic, sizeof(magic)) != 0)
        return tt_fail(err, -EINVAL, "this is no WebAssembly module of version 1");
    wasm.bytes = (uint32_t)bytes;
    wasm.functions = calloc(TT_WASM_FUNCTIONS_MAX + 64, sizeof(*wasm.functions));
    if (!wasm.functions)
        return tt_fail(err, -ENOMEM, "no memory for the functions of a module");
    r = read_sections(&wasm, err);
    if (r == 0)
        r = check_shim(&wasm, err);
    for (uint32_t n = wasm.import_count; r == 0 && n < wasm.function_count; n++)
        r = wasm_check_body(&wasm, n, err);
    if (r < 0)
        tt_wasm_fini(&wasm);
    else
        *ret = wasm;
    return r;
}

void tt_wasm_fini(struct tt_wasm *wasm)
{
    free(wasm->types);
    free(wasm->functions);
    free(wasm->globals);
    *wasm = (struct tt_wasm){0};
}
