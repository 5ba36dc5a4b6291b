/* A component that works for a fixed number of rounds and passes on what it was given. */
#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "work.h"

struct state {
    int64_t rounds;
    uint64_t seed;
};

static const struct tt_port ports[] = {
    {.name = "in", .late_policies = TT_LATE_DROP, .is_leader = 1, .in_place_of = 0},
    {.name = "out", .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[] = {
    {.name = "rounds",
     .help = "how much it works for each frame; calibrate tells what a round takes",
     .initial = "1000",
     .type = TT_PARAM_INT,
     .min = 0,
     .max = 1e12},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    (void)err;
    ret->state_bytes = sizeof(struct state);
    if (request->in_count == 0)
        return 0;
    ret->out[0] = request->in[0];
    ret->bytes_max[0] = request->in[0].channels * request->in[0].stride[0];
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    (void)err;
    *(struct state *)state = (struct state){.rounds = tt_setting_int(request, 0), .seed = 1};
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    (void)state, (void)scratch, (void)host, (void)request;
    return 0;
}

static int process(void *state, struct tt_call *call)
{
    struct state *mine = state;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    mine->seed = work(mine->seed, mine->rounds);
    if (in->data == 0 || out->data == 0)
        return TT_DONE;
    if (in->data != out->data)
        __builtin_memcpy(tt_frame_data(out), tt_frame_data(in), in->bytes);
    out->bytes = in->bytes;
    return TT_DONE;
}

static void close(void *state)
{
    (void)state;
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "work",
    .help = "works for a fixed number of rounds and passes sound on",
    .example = "tactus run test.audio ! ./libwork.so rounds=10000 ! null --for 1s",
    .ports = ports,
    .params = params,
    .port_count = 2,
    .param_count = 1,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
