/* A sandboxed module as the engine sees it: described, shaped, prepared, called; and started again
 * from its snapshot when it trapped. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "sandbox/fake.h"
#include "sandbox/proxy.h"
#include "sandbox/sanitizer.h"
#include "tactus/format.h"

enum { POOL_BYTES = 65536, HALF = POOL_BYTES / 2 };

static uint8_t *pool;
static const struct tt_component *component;
static uint32_t notes, kept, dropped, made;
static int64_t last_note;

static int on_note(void *ctx, uint32_t id, int64_t value)
{
    notes += id == TT_NOTE_TRAP;
    last_note = value;
    return 0;
}

static int on_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    *ret = (struct tt_frame){
        .data = (tt_addr)(uintptr_t)(pool + HALF), .capacity = 4096, .handle = 40 + made++};
    return 0;
}

static int on_emit(void *ctx, uint32_t port, uint32_t handle)
{
    return handle == 40 ? 0 : -EINVAL;
}

static int on_keep(void *ctx, uint32_t handle)
{
    kept++;
    return 0;
}

static int on_drop(void *ctx, uint32_t handle)
{
    dropped++;
    return 0;
}

static const struct tt_host host = {.abi = TT_ABI,
                                    .size = sizeof host,
                                    .frame_new = on_new,
                                    .frame_emit = on_emit,
                                    .frame_keep = on_keep,
                                    .frame_drop = on_drop,
                                    .note = on_note};

static const struct tt_pin pins[] = {{"in", 0, 1}, {"out", 1, 1}};

static struct tt_request request_of(struct tt_format *format, uint32_t width)
{
    *format = (struct tt_format){.size = sizeof *format,
                                 .kind = TT_VIDEO,
                                 .width = width,
                                 .height = 4,
                                 .stride = {64},
                                 .rate = {25, 1}};
    return (struct tt_request){.size = sizeof(struct tt_request),
                               .in_count = 1,
                               .out_count = 1,
                               .in = format,
                               .pins = pins,
                               .texts = "",
                               .texts_bytes = 1,
                               .rate = {25, 1}};
}

static void it_is_described_and_shaped(void)
{
    struct tt_format format;
    struct tt_request request = request_of(&format, 64);
    struct tt_shape shape = {0};
    struct tt_error err = {0};

    CHECK_TEXT(component->name, "./fake.tactus");
    CHECK_TEXT(component->help, "A module of the tests.");
    CHECK_INT(component->port_count, 2);
    CHECK_TEXT(component->ports[1].name, "out");
    CHECK_INT(component->shape(&request, &shape, &err), 0);
    CHECK_INT(shape.bytes_max[0], 256);
    CHECK_INT(shape.out[0].width, 64);
    CHECK(shape.state_bytes > 0);
    format.width = 13;
    CHECK_INT(component->shape(&request, &shape, &err), -EINVAL);
    CHECK_TEXT(err.text, "13 is no width");
}

static struct tt_call call_of(struct tt_frame frames[2], enum fake_deed deed)
{
    frames[0] = (struct tt_frame){
        .data = (tt_addr)(uintptr_t)pool, .bytes = 64, .capacity = 64, .handle = 5};
    frames[1] =
        (struct tt_frame){.data = (tt_addr)(uintptr_t)(pool + HALF), .capacity = 256, .handle = 6};
    return (struct tt_call){.abi = TT_ABI,
                            .size = sizeof(struct tt_call),
                            .index = deed,
                            .in_count = 1,
                            .out_count = 1,
                            .frames = (tt_addr)(uintptr_t)frames};
}

static int run(void *state, enum fake_deed deed, struct tt_call *ret)
{
    static struct tt_frame frames[2];

    *ret = call_of(frames, deed);
    return component->process(state, ret);
}

static uint32_t count_of(const void *state)
{
    return *(const uint32_t *)(const void *)(tt_proxy_slot(state)->memory + FAKE_COUNT_AT);
}

static void *prepared(struct tt_request *request, struct tt_format *format)
{
    struct tt_shape shape = {0};
    struct tt_error err = {0};
    void *state;

    *request = request_of(format, 64);
    CHECK_INT(component->shape(request, &shape, NULL), 0);
    state = aligned_alloc(64, (shape.state_bytes + 63) / 64 * 64);
    memset(state, 0, shape.state_bytes);
    if (component->init(state, request, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK(tt_proxy_slot(state) != NULL);
    CHECK_INT(component->open(state, NULL, &host, request), 0);
    return state;
}

static void it_begins_anew_after_a_trap(void)
{
    struct tt_request request;
    struct tt_format format;
    void *state = prepared(&request, &format), *other = prepared(&request, &format);
    struct tt_trap_report report;
    struct tt_call call;
    char text[256];

    memset(pool, 1, 64);
    CHECK_INT(run(state, FAKE_COPY, &call), 0);
    CHECK_INT(pool[HALF + 63], 2);
    CHECK_INT(count_of(state), 101);
    CHECK_INT(run(state, FAKE_READ_FAR, &call), -EFAULT);
    CHECK_INT(tt_proxy_traps(state, &report), 1);
    CHECK_INT(report.trap, TT_TRAP_BOUNDS);
    tt_proxy_say(&report, text, sizeof text);
    CHECK_TEXT(text, "reached outside of its memory in fake, called for process(), at 104857600 "
                     "(code 1)");
    CHECK_INT(notes, 1);
    CHECK_INT(last_note, TT_TRAP_BOUNDS | 1 << 8);
    CHECK_INT(run(state, FAKE_COPY, &call), 0);
    CHECK_INT(count_of(state), 101);
    CHECK_INT(run(other, FAKE_COPY, &call), 0);
    CHECK_INT(tt_proxy_traps(other, &report), 0);
    component->close(state);
    component->close(other);
    free(state);
    free(other);
}

static void it_hears_again_what_it_was_told(void)
{
    struct tt_event events[] = {{TT_EVENT_PARAM, 1, 5, 5.0},
                                {TT_EVENT_PARAM, 1, 6, 6.0},
                                {TT_EVENT_WALL, 0, 1, 0.0},
                                {TT_EVENT_KEY, 0, 0, 0.0}};
    struct tt_frame frames[2];
    struct tt_request request;
    struct tt_format format;
    void *state = prepared(&request, &format);
    struct tt_call call = call_of(frames, FAKE_EVENTS);

    call.events = (tt_addr)(uintptr_t)events;
    call.event_count = 4;
    CHECK_INT(component->process(state, &call), 0);
    CHECK_INT(call.key_point, 4);
    CHECK_INT(run(state, FAKE_DIVIDE, &call), -EDOM);
    CHECK_INT(run(state, FAKE_EVENTS, &call), 0);
    CHECK_INT(call.key_point, 2);
    CHECK_INT(run(state, FAKE_EVENTS, &call), 0);
    CHECK_INT(call.key_point, 0);
    component->close(state);
    free(state);
}

/* What it made and kept and lost with its memory goes back to the engine. */
static void it_leaves_no_frames_behind(void)
{
    struct tt_request request;
    struct tt_format format;
    void *state = prepared(&request, &format);
    struct tt_call call;

    made = kept = dropped = 0;
    CHECK_INT(run(state, FAKE_MAKE, &call), 0);
    CHECK_INT(pool[HALF], 0x77);
    CHECK_INT(run(state, FAKE_MAKE, &call), -EINVAL); /* made, not taken */
    CHECK_INT(run(state, FAKE_KEEP, &call), 0);
    CHECK_INT(run(state, FAKE_CALL, &call), -ENOEXEC);
    CHECK_INT(dropped, 0);
    CHECK_INT(run(state, FAKE_NOTHING, &call), 0);
    CHECK_INT(kept, 1);
    CHECK_INT(dropped, 2);
    component->close(state);
    free(state);
}

/* A plug-in's loader takes the signals for itself, to tell of crashes. */
static void it_takes_its_signals_back(void)
{
    struct tt_request request;
    struct tt_format format;
    struct tt_shape shape = {0};
    void *state = prepared(&request, &format);
    struct tt_call call;

    CHECK(signal(SIGSEGV, SIG_DFL) != SIG_ERR);
    CHECK_INT(component->shape(&request, &shape, NULL), 0);
    CHECK_INT(run(state, FAKE_READ_FAR, &call), -EFAULT);
    component->close(state);
    free(state);
}

static void it_is_given_up(void)
{
    struct tt_request request;
    struct tt_format format;
    void *state = prepared(&request, &format);
    struct tt_trap_report report;
    struct tt_call call;

    for (uint32_t n = 0; n <= TT_PROXY_RESTARTS_MAX; n++) {
        CHECK(!tt_proxy_is_over(state));
        CHECK_INT(run(state, FAKE_UNREACHABLE, &call), -ENOTRECOVERABLE);
    }
    CHECK(tt_proxy_is_over(state));
    CHECK_INT(run(state, FAKE_COPY, &call), -ENOTRECOVERABLE);
    CHECK_INT(tt_proxy_traps(state, &report), TT_PROXY_RESTARTS_MAX + 1);
    component->close(state);
    free(state);
}

int main(void)
{
    struct tt_pool_view view = {.bytes = POOL_BYTES};
    int fd = memfd_create("pool", 0);
    struct tt_error err = {0};

    if (is_signals_taken())
        return CHECK_SKIP;
    CHECK(fd >= 0 && ftruncate(fd, POOL_BYTES) == 0);
    pool = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(pool != MAP_FAILED);
    view.memory = pool;
    if (tt_proxy_open("./fake.tactus", &fake_module, &component, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    CHECK(tt_proxy_is(component));
    CHECK_INT(tt_proxy_windows(&view, 1, 0, NULL), 0);
    RUN(it_is_described_and_shaped);
    RUN(it_begins_anew_after_a_trap);
    RUN(it_hears_again_what_it_was_told);
    RUN(it_leaves_no_frames_behind);
    RUN(it_takes_its_signals_back);
    RUN(it_is_given_up);
    return 0;
}
