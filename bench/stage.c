/* The first and the last component of a chain of the bench `grain`: they work as those between them
 * do, so that a chain holds nothing but work. Built twice. */
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

#include "work.h"

enum { PARAM_ROUNDS, PARAM_RATE, PARAM_LIVE, PARAM_COUNT };
enum { SAMPLES = 960 }; /* 3840 bytes, whatever the rate */

struct state {
    int64_t rounds;
    uint64_t seed;
    uint32_t bytes;
};

#ifdef STAGE_FIRST
static const struct tt_port ports[] = {
    {.name = "out", .is_output = 1, .in_place_of = -1},
};
#else
static const struct tt_port ports[] = {
    {.name = "in", .late_policies = TT_LATE_DROP, .is_leader = 1, .in_place_of = -1},
};
#endif

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_ROUNDS] = {.name = "rounds",
                      .help =
                          "how much it works for each frame; calibrate tells what a round takes",
                      .initial = "1000",
                      .type = TT_PARAM_INT,
                      .min = 0,
                      .max = 1e12},
    [PARAM_RATE] = {.name = "rate",
                    .help = "frames a second, of the first in a chain",
                    .initial = "25",
                    .type = TT_PARAM_INT,
                    .min = 10,
                    .max = 200},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release each frame at its time",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    (void)err;
    ret->state_bytes = sizeof(struct state);
    if (request->out_count > 0)
        ret->bytes_max[0] =
            tt_format_audio(&ret->out[0], TT_F32P,
                            SAMPLES * (uint32_t)tt_setting_int(request, PARAM_RATE), 1, SAMPLES);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    (void)err;
    *(struct state *)state = (struct state){
        .rounds = tt_setting_int(request, PARAM_ROUNDS), .seed = 1, .bytes = SAMPLES * 4};
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

    mine->seed = work(mine->seed, mine->rounds);
    if (call->out_count > 0 && tt_call_out(call, 0)->capacity >= mine->bytes)
        tt_call_out(call, 0)->bytes = mine->bytes;
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
    .name = "stage",
    .help = "begins or ends a chain and works for a fixed number of rounds",
    .example = "tactus run ./libfirst.so ! ./libwork.so ! ./liblast.so --for 1s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
