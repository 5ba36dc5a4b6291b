/* null: takes anything and does nothing with it; on request it wastes time or hangs, for tests. */
#include "components/lib/settings.h"
#include "tactus/error.h"

enum { PARAM_SPIN, PARAM_HANG_AT, PARAM_COUNT };

struct null_state {
    int64_t spin, hang_at;
    uint32_t waste;
};

static const struct tt_port null_ports[] = {
    {.name = "in", .late_policies = TT_LATE_DROP | TT_LATE_KEEP, .is_leader = 1, .in_place_of = -1},
};

static const struct tt_param null_params[PARAM_COUNT] = {
    [PARAM_SPIN] = {.name = "spin",
                    .unit = "rounds",
                    .help =
                        "busy rounds for each frame, about a nanosecond each, for tests of load",
                    .initial = "0",
                    .type = TT_PARAM_INT,
                    .is_live = 1,
                    .max = 1e12},
    [PARAM_HANG_AT] = {.name = "hang_at",
                       .unit = "index",
                       .help = "hang at this index until the host says stop, for tests; -1: never",
                       .initial = "-1",
                       .type = TT_PARAM_INT,
                       .min = -1,
                       .max = 1e15},
};

static int null_shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->state_bytes = sizeof(struct null_state);
    return 0;
}

static int null_init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct null_state *state = state_;

    state->spin = tt_setting_int(request, PARAM_SPIN);
    state->hang_at = tt_setting_int(request, PARAM_HANG_AT);
    return 0;
}

static int null_open(void *state, void *scratch, const struct tt_host *host,
                     const struct tt_request *request)
{
    return 0;
}

/* One round is a step of a generator, which the compiler cannot shorten. */
static uint32_t waste_rounds(uint32_t value, int64_t rounds, const volatile uint32_t *stop)
{
    for (int64_t n = 0; n < rounds; n++) {
        value = value * 1664525u + 1013904223u;
        if (n % 4096 == 4095 && *stop != 0)
            break;
    }
    return value;
}

static int null_process(void *state_, struct tt_call *call)
{
    struct null_state *state = state_;
    const volatile uint32_t *stop = &call->stop;
    const struct tt_event *events = tt_call_events(call);

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_PARAM && events[n].id == PARAM_SPIN)
            state->spin = events[n].i;

    while (call->index == state->hang_at && *stop == 0)
        continue;
    state->waste = waste_rounds(state->waste, state->spin, stop);
    call->key_point = 1;
    return TT_DONE;
}

static void null_close(void *state)
{
}

const struct tt_component tt_component_null = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "null",
    .help = "takes anything and throws it away",
    .example = "tactus run test.video width=640 height=360 ! null --for 2s",
    .ports = null_ports,
    .params = null_params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .shape = null_shape,
    .init = null_init,
    .open = null_open,
    .process = null_process,
    .close = null_close,
};
