/* A sandboxed component's description, copied out of its memory piece by piece. */
#include "sandbox/describe.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM_BYTES = 2 << 20 };

struct reader {
    const uint8_t *memory;
    uint64_t bytes;
    uint8_t *room;
    uint64_t used;
    struct tt_error *err;
};

/* 64-byte aligned, zeroed room in the host; NULL: there is none left. */
static void *take(struct reader *reader, uint64_t bytes)
{
    void *ret = reader->room + reader->used;
    uint64_t rounded = (bytes + 63) & ~UINT64_C(63);

    if (rounded > ROOM_BYTES - reader->used)
        return NULL;
    reader->used += rounded;
    return ret;
}

static bool holds(const struct reader *reader, uint32_t at, uint64_t bytes)
{
    return at <= reader->bytes && bytes <= reader->bytes - at;
}

static int copy(struct reader *reader, const char *what, uint32_t at, uint64_t bytes, void *ret)
{
    if (!holds(reader, at, bytes))
        return tt_fail(reader->err, -EINVAL, "its %s lie outside of its memory", what);
    memcpy(ret, reader->memory + at, bytes);
    return 0;
}

/* Texts end on terminals: control characters are refused. */
static int read_text(struct reader *reader, const char *what, uint32_t at, const char **ret)
{
    uint64_t room = at <= reader->bytes ? reader->bytes - at : 0, bytes;
    const char *text = (const char *)reader->memory + at;
    char *own;

    *ret = NULL;
    if (at == 0)
        return 0;
    bytes = strnlen(text, room < TT_WASM_TEXT_MAX ? room : TT_WASM_TEXT_MAX);
    if (bytes == room || bytes == TT_WASM_TEXT_MAX)
        return tt_fail(reader->err, -EINVAL, "its %s has no end", what);
    for (uint64_t n = 0; n < bytes; n++)
        if ((unsigned char)text[n] < ' ' || text[n] == 0x7f)
            return tt_fail(reader->err, -EINVAL, "its %s has control characters", what);
    own = take(reader, bytes + 1);
    if (!own)
        return tt_fail(reader->err, -E2BIG, "its description is too long");
    memcpy(own, text, bytes);
    *ret = own;
    return 0;
}

static int read_port(struct reader *reader, uint32_t at, struct tt_port *ret)
{
    struct tt_wasm_port port;
    struct tt_format *accepts;
    int r = copy(reader, "ports", at, sizeof(port), &port);

    if (r == 0 && port.name == 0)
        return tt_fail(reader->err, -EINVAL, "one of its ports has no name");
    if (r == 0)
        r = read_text(reader, "port's name", port.name, &ret->name);
    if (r < 0)
        return r;
    if (port.accept_count > TT_WASM_ACCEPTS_MAX)
        return tt_fail(reader->err, -EINVAL, "the port '%s' accepts %u formats and may %d",
                       ret->name, port.accept_count, TT_WASM_ACCEPTS_MAX);
    if (!port.is_output && port.late_policies == 0)
        return tt_fail(reader->err, -EINVAL, "the input '%s' has no late_policies", ret->name);
    accepts = take(reader, port.accept_count * sizeof(*accepts));
    if (!accepts)
        return tt_fail(reader->err, -E2BIG, "its description is too long");
    ret->accepts = port.accept_count > 0 ? accepts : NULL;
    ret->accept_count = port.accept_count;
    ret->is_output = port.is_output != 0;
    ret->hold_max = port.hold_max;
    ret->late_policies = port.late_policies;
    ret->is_leader = port.is_leader != 0;
    ret->is_optional = port.is_optional != 0;
    ret->instances_max = port.instances_max;
    ret->in_place_of = port.in_place_of;
    ret->late_default = port.late_default;
    return copy(reader, "formats", port.accepts, port.accept_count * sizeof(*accepts), accepts);
}

static int read_ports(struct reader *reader, const struct tt_wasm_component *from,
                      struct tt_component *ret)
{
    uint32_t counts[2] = {0, 0};
    struct tt_port *ports;
    int r = 0;

    if (from->port_count == 0 || from->port_count > 2 * TT_PORTS_MAX)
        return tt_fail(reader->err, -EINVAL, "it has %u ports", from->port_count);
    ports = take(reader, from->port_count * sizeof(*ports));
    if (!ports)
        return tt_fail(reader->err, -E2BIG, "its description is too long");
    for (uint32_t n = 0; n < from->port_count && r == 0; n++) {
        r = read_port(reader, from->ports + n * (uint32_t)sizeof(struct tt_wasm_port), &ports[n]);
        counts[r == 0 && ports[n].is_output]++;
    }
    if (r == 0 && (counts[0] > TT_PORTS_MAX || counts[1] > TT_PORTS_MAX))
        r = tt_fail(reader->err, -EINVAL, "it has more than %u inputs or outputs", TT_PORTS_MAX);
    ret->ports = ports;
    ret->port_count = from->port_count;
    return r;
}

static int read_param(struct reader *reader, uint32_t at, struct tt_param *ret)
{
    struct tt_wasm_param param;
    int r = copy(reader, "parameters", at, sizeof(param), &param);

    if (r == 0 && (param.name == 0 || param.type == 0 || param.type > TT_PARAM_OPTIONS))
        return tt_fail(reader->err, -EINVAL, "one of its parameters has no name or no type");
    if (r == 0)
        r = read_text(reader, "parameter's name", param.name, &ret->name);
    if (r == 0)
        r = read_text(reader, "parameter's unit", param.unit, &ret->unit);
    if (r == 0)
        r = read_text(reader, "parameter's help", param.help, &ret->help);
    if (r == 0)
        r = read_text(reader, "parameter's initial value", param.initial, &ret->initial);
    if (r < 0)
        return r;
    ret->type = param.type;
    ret->is_live = param.is_live;
    ret->min = param.min;
    ret->max = param.max;
    return 0;
}

static int read_params(struct reader *reader, const struct tt_wasm_component *from,
                       struct tt_component *ret)
{
    struct tt_param *params;
    int r = 0;

    if (from->param_count > TT_WASM_PARAMS_MAX)
        return tt_fail(reader->err, -EINVAL, "it has %u parameters and may have %d",
                       from->param_count, TT_WASM_PARAMS_MAX);
    params = take(reader, from->param_count * sizeof(*params));
    if (!params)
        return tt_fail(reader->err, -E2BIG, "its description is too long");
    for (uint32_t n = 0; n < from->param_count && r == 0; n++)
        r = read_param(reader, from->params + n * (uint32_t)sizeof(struct tt_wasm_param),
                       &params[n]);
    ret->params = from->param_count > 0 ? params : NULL;
    ret->param_count = from->param_count;
    return r;
}

static int check_kind(const struct tt_wasm_component *from, struct tt_error *err)
{
    static const struct {
        uint32_t flag;
        const char *why;
    } refused[] = {
        {TT_EDGE, "is an edge (TT_EDGE), which needs files or a network"},
        {TT_OPAQUE, "is opaque (TT_OPAQUE); in a sandbox its state is its memory: leave it out"},
        {TT_OWN_THREADS, "has threads of its own (TT_OWN_THREADS)"},
        {TT_DESKTOP, "wants the desktop (TT_DESKTOP)"},
    };

    for (size_t n = 0; n < sizeof(refused) / sizeof(refused[0]); n++)
        if (from->flags & refused[n].flag)
            return tt_fail(err, -EINVAL, "it %s: it can only be a plug-in", refused[n].why);
    if (from->abi != TT_ABI || from->size != sizeof(*from))
        return tt_fail(err, -EINVAL, "it was built for component ABI %u and this is ABI %u",
                       from->abi, TT_ABI);
    if (from->functions & TT_WASM_EDGE)
        return tt_fail(err, -EINVAL, "it has an edge's functions: it can only be a plug-in");
    if (!(from->functions & TT_WASM_SHAPE) || !(from->functions & TT_WASM_PROCESS))
        return tt_fail(err, -EINVAL, "it has no shape() or no process()");
    if (from->name == 0 || from->help == 0)
        return tt_fail(err, -EINVAL, "it has no name or no help");
    return 0;
}

static int read_all(struct reader *reader, uint32_t at, struct tt_described *ret)
{
    struct tt_component *component = &ret->component;
    struct tt_wasm_component from = {0};
    int r = copy(reader, "first words", at, sizeof(from), &from);

    if (r == 0)
        r = check_kind(&from, reader->err);
    if (r == 0)
        r = read_text(reader, "name", from.name, &component->name);
    if (r == 0)
        r = read_text(reader, "help", from.help, &component->help);
    if (r == 0)
        r = read_text(reader, "example", from.example, &component->example);
    if (r == 0)
        r = read_ports(reader, &from, component);
    if (r == 0)
        r = read_params(reader, &from, component);
    component->abi = TT_ABI;
    component->size = sizeof(*component);
    component->flags = from.flags;
    component->version = from.version;
    component->level_count = from.level_count;
    ret->functions = from.functions;
    return r;
}

int tt_describe(const uint8_t *memory, uint64_t memory_bytes, uint32_t at, struct tt_described *ret,
                struct tt_error *err)
{
    struct reader reader = {
        .memory = memory, .bytes = memory_bytes, .room = calloc(1, ROOM_BYTES), .err = err};
    struct tt_described described = {.room = reader.room};
    int r;

    if (!reader.room)
        return tt_fail(err, -ENOMEM, "no memory for a description");
    r = read_all(&reader, at, &described);
    if (r < 0)
        tt_described_fini(&described);
    else
        *ret = described;
    return r;
}

void tt_described_fini(struct tt_described *described)
{
    free(described->room);
    *described = (struct tt_described){0};
}
