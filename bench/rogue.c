/* A component of somebody else that one day does not come back: it heeds nobody's word to stop. */
#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"

struct rogue {
    int64_t is_wild;
    volatile uint64_t rounds;
};

static const struct tt_port ports[] = {
    {.name = "in", .late_policies = TT_LATE_DROP, .is_leader = 1, .in_place_of = -1},
};

static const struct tt_param params[] = {
    {.name = "wild",
     .help = "1: it does not return from its next frame",
     .initial = "0",
     .type = TT_PARAM_INT,
     .is_live = 1,
     .max = 1},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->state_bytes = sizeof(struct rogue);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    ((struct rogue *)state)->is_wild = tt_setting_int(request, 0);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static int process(void *state, struct tt_call *call)
{
    struct rogue *rogue = state;

    for (uint32_t n = 0; n < call->event_count; n++)
        if (tt_call_events(call)[n].kind == TT_EVENT_PARAM)
            rogue->is_wild = tt_call_events(call)[n].i;
    while (rogue->is_wild != 0)
        rogue->rounds++;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "rogue",
    .help = "takes anything, until it goes wild and never returns",
    .example = "tactus run test.video width=64 height=64 ! ./librogue.so --for 1s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = 1,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
