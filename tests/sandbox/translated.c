/* The traps of a module that went through the whole builder: translated hostile.c. Each ends its
 * instance with the error and the function that it is, beside an instance that goes on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "boxed.h"
#include "sandbox/sanitizer.h"
#include "scratch.h"
#include "tactus/format.h"

enum { POOL_BYTES = 1 << 20, TIMER_NS = 1000000, HANG_NS = 900000000 };

static const struct deed {
    int64_t index;
    enum tt_trap trap, other; /* other: which of two a compiler makes of it is its own affair */
    const char *function;
} deeds[] = {{1, TT_TRAP_BOUNDS, 0, "far_read"},
             {2, TT_TRAP_BOUNDS, 0, "far_write"},
             {3, TT_TRAP_BOUNDS, 0, "between_memory_and_frames"},
             {4, TT_TRAP_DIVIDE, 0, "divide"},
             {5, TT_TRAP_DIVIDE, 0, "divide_over"},
             {6, TT_TRAP_UNREACHABLE, 0, "run_into_a_wall"},
             {7, TT_TRAP_CALL, 0, "call_nothing"},
             {8, TT_TRAP_CALL, 0, "call_another"},
             {9, TT_TRAP_BOUNDS, TT_TRAP_STACK, "own_stack"},
             {10, TT_TRAP_STACK, 0, "native_stack"},
             {11, TT_TRAP_TIME, 0, "loop_in_memory"},
             {12, TT_TRAP_TIME, 0, "loop_in_registers"},
             {13, TT_TRAP_MEMORY, 0, NULL},
             {14, TT_TRAP_MEMORY, 0, NULL},
             {15, TT_TRAP_MEMORY, 0, NULL}};

static const struct tt_component *component;
static timer_t timer;

static int on_note(void *ctx, uint32_t id, int64_t value)
{
    return 0;
}

static const struct tt_host host = {.abi = TT_ABI, .size = sizeof host, .note = on_note};

static void on_timer(int number, siginfo_t *info, void *context)
{
    (void)tt_trap_stop(context);
}

static void make_timer(void)
{
    struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 2};

    event._sigev_un._tid = gettid();
    CHECK_INT(sigaction(SIGRTMIN + 2, &action, NULL), 0);
    CHECK_INT(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
}

static void set_timer(int64_t in_ns)
{
    struct itimerspec when = {.it_value = {0, in_ns}, .it_interval = {0, in_ns ? 1000000 : 0}};

    CHECK_INT(timer_settime(timer, 0, &when, NULL), 0);
}

static void *prepared(struct tt_request *request, struct tt_format *format)
{
    static const struct tt_pin pins[] = {{"in", 0, 1}, {"out", 1, 1}};
    struct tt_shape shape = {0};
    struct tt_error err = {0};
    void *state;

    *format = (struct tt_format){.size = sizeof *format, .kind = TT_VIDEO, .rate = {25, 1}};
    *request = (struct tt_request){.size = sizeof *request,
                                   .in_count = 1,
                                   .out_count = 1,
                                   .in = format,
                                   .pins = pins,
                                   .texts = "",
                                   .texts_bytes = 1,
                                   .rate = {25, 1}};
    CHECK_INT(component->shape(request, &shape, &err), 0);
    state = aligned_alloc(64, (shape.state_bytes + 63) / 64 * 64);
    memset(state, 0, shape.state_bytes);
    if (component->init(state, request, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_INT(component->open(state, NULL, &host, request), 0);
    return state;
}

static int run(void *state, int64_t index, uint32_t *ret_count)
{
    struct tt_call call = {.abi = TT_ABI, .size = sizeof call, .index = index};
    int r;

    set_timer(index == 11 || index == 12 ? TIMER_NS : HANG_NS);
    r = component->process(state, &call);
    set_timer(0);
    if (ret_count)
        *ret_count = call.key_point;
    return r;
}

static void *trap_them(void *unused)
{
    struct tt_request requests[2];
    struct tt_format formats[2];
    void *state = prepared(&requests[0], &formats[0]), *other = prepared(&requests[1], &formats[1]);

    make_timer();
    for (size_t n = 0; n < sizeof deeds / sizeof *deeds; n++) {
        const struct deed *deed = &deeds[n];
        struct tt_trap_report report;
        uint32_t count;
        char text[256];

        CHECK_INT(run(state, 0, &count), 0);
        CHECK_INT(count, 1); /* begun anew */
        CHECK(run(state, deed->index, NULL) < 0);
        CHECK_INT(tt_proxy_traps(state, &report), n + 1);
        tt_proxy_say(&report, text, sizeof text);
        fprintf(stderr, "  %s\n", text);
        CHECK(report.trap == deed->trap || (deed->other != 0 && report.trap == deed->other));
        /* A compiler may have put it into who calls it. */
        if (deed->function && strcmp(report.function, deed->function) != 0)
            CHECK_TEXT(report.function, "process");
        CHECK_INT(run(other, 0, &count), 0);
        CHECK_INT(count, n + 1);
    }
    (void)timer_delete(timer);
    component->close(state);
    component->close(other);
    free(state);
    free(other);
    return NULL;
}

int main(int argc, char **argv)
{
    char package[PATH_MAX];
    pthread_attr_t attributes;
    struct tt_error err = {0};
    pthread_t thread;

    CHECK_INT(argc, 2);
    if (is_signals_taken())
        return CHECK_SKIP;
    scratch_open(true);
    CHECK_INT(build_path(package, scratch, "hostile.tactus", &err), 0);
    boxed_build(argv[1], package);
    (void)boxed_pool(POOL_BYTES);
    component = boxed_load(package);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, 1 << 20);
    (void)pthread_attr_setguardsize(&attributes, 1 << 20);
    CHECK_INT(pthread_create(&thread, &attributes, trap_them, NULL), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    scratch_close();
    return 0;
}
