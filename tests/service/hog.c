/* A component for tests: passes pictures on, and from time to time does not return. In a profile
 * run it behaves. */
#include <linux/futex.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "passes.h"

enum { PARAM_AT, PARAM_EVERY, PARAM_SPIN, PARAM_HOW, PARAM_COUNT };
enum { HOW_LOOP, HOW_BLOCK };

struct hog {
    uint32_t bytes;
    uint32_t never; /* a futex word that nobody wakes */
    uint32_t is_done;
    int64_t at, every, spin_ns, how, is_live;
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_AT] = {.name = "at",
                  .help = "from which index on",
                  .initial = "50",
                  .type = TT_PARAM_INT},
    [PARAM_EVERY] = {.name = "every",
                     .help = "and each so many later; 0: once",
                     .initial = "0",
                     .type = TT_PARAM_INT},
    [PARAM_SPIN] = {.name = "spin",
                    .help = "for how long; 0: for ever",
                    .initial = "0s",
                    .type = TT_PARAM_TIME},
    [PARAM_HOW] = {.name = "how",
                   .unit = "loop|block",
                   .help = "on the CPU, or asleep in a system call",
                   .initial = "loop",
                   .type = TT_PARAM_CHOICE},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    return passes_shape(request, sizeof(struct hog), ret, err);
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct tt_format format = request->in[0];
    struct hog *self = state;

    *self =
        (struct hog){.bytes = tt_format_video(&format, format.fourcc, format.width, format.height),
                     .at = tt_setting_int(request, PARAM_AT),
                     .every = tt_setting_int(request, PARAM_EVERY),
                     .spin_ns = tt_setting_int(request, PARAM_SPIN),
                     .how = tt_setting_int(request, PARAM_HOW),
                     .is_live = request->is_live};
    return 0;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)1000000000 + now.tv_nsec;
}

static void go_away(struct hog *self)
{
    int64_t until_ns = now_ns() + self->spin_ns;

    while (self->spin_ns == 0 || now_ns() < until_ns) {
        struct timespec left = {.tv_nsec = until_ns - now_ns()};

        left.tv_sec = left.tv_nsec / 1000000000;
        left.tv_nsec %= 1000000000;
        if (self->how == HOW_BLOCK && (self->spin_ns == 0 || left.tv_nsec > 0))
            (void)syscall(SYS_futex, &self->never, FUTEX_WAIT, 0, self->spin_ns == 0 ? NULL : &left,
                          NULL, 0);
    }
}

static int process(void *state, struct tt_call *call)
{
    struct hog *self = state;
    int64_t past = call->index - self->at;

    if (self->is_live && past >= 0 &&
        (self->every > 0 ? past % self->every == 0 : self->is_done == 0)) {
        self->is_done = 1;
        go_away(self);
    }
    return passes_on(call);
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "hog",
    .help = "passes pictures on, and from time to time does not return",
    .example = "tactus run test.video ! ./libhog.so at=50 ! null --for 2s",
    .ports = passes_ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = passes_open,
    .process = process,
    .close = passes_close,
};
