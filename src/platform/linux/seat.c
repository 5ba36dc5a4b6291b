/* A child's place between tactusd and its worker: shared memory, go and stop, words. */
#include "platform/linux/seat.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/jail.h"
#include "platform/linux/room.h"
#include "platform/linux/stamp.h"

enum { PICTURE_BYTES_MAX = 16 << 20 };

int tt_seat_receive(struct tt_seat *seat, int control, struct tt_error *err)
{
    int r;

    seat->control = control;
    if (seat->done_fd == 0)
        seat->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (seat->done_fd < 0)
        return tt_fail(err, -errno, "cannot make an event descriptor: %s", strerror(errno));
    r = tt_message_receive(control, &seat->setup, err);
    if (r < 0)
        return r;
    if (seat->is_container && strcmp(tt_message_text(&seat->setup, "op"), "picture") == 0)
        return 1;
    if (strcmp(tt_message_text(&seat->setup, "op"), "setup") != 0)
        return tt_fail(err, -EPROTO, "expected the operation 'setup', not '%s'",
                       tt_message_text(&seat->setup, "op"));
    seat->number = (uint32_t)tt_message_int(&seat->setup, "number", 0);
    return 0;
}

struct wish {
    bool is_writable, is_at_once;
};

static int map(struct tt_seat *seat, const char *name, uint64_t bytes, const struct wish *wish,
               void **ret, struct tt_error *err)
{
    int fd = tt_message_take(&seat->setup, name);
    int r;

    if (fd < 0)
        return tt_fail(err, -ENOENT, "the shared memory '%s' was not handed over", name);
    r = tt_room_map(fd, bytes, wish->is_writable, wish->is_at_once, ret);
    (void)close(fd);
    if (r == -EPROTO)
        return tt_fail(err, r, "the shared memory '%s' is shorter than %llu bytes", name,
                       (unsigned long long)bytes);
    return r < 0 ? tt_fail(err, r, "cannot map '%s': %s", name, strerror(-r)) : 0;
}

int tt_seat_map(struct tt_seat *seat, const char *name, uint64_t bytes, bool is_writable,
                void **ret, struct tt_error *err)
{
    /* An edge does not work against a clock, and what it reads is there: it finds each page when it
     * comes to it, and starts milliseconds earlier. */
    const struct wish wish = {.is_writable = is_writable,
                              .is_at_once = is_writable || seat->is_container};

    return map(seat, name, bytes, &wish, ret, err);
}

int tt_seat_pools(struct tt_seat *seat, struct tt_pool_view *pools, uint32_t count,
                  struct tt_error *err)
{
    for (uint32_t n = 0; n < count; n++) {
        bool is_own = n == seat->number, is_idle = (seat->idle_pools >> n & 1) != 0;
        const struct wish wish = {.is_writable = is_own,
                                  .is_at_once = is_own || (seat->is_container && !is_idle)};
        void *memory = NULL;
        char name[TT_MESSAGE_NAME_BYTES];
        int r;

        if (pools[n].class_count == 0)
            continue;
        (void)snprintf(name, sizeof name, "pool:%u", n);
        r = map(seat, name, pools[n].bytes, &wish, &memory, is_own ? err : NULL);
        if (r < 0 && (is_own || r != -ENOENT))
            return tt_wrap(err, r, "pool %u", n);
        pools[n].memory = memory;
        if (!memory)
            memset(&pools[n], 0, sizeof pools[n]);
    }
    return 0;
}

int tt_seat_world(struct tt_seat *seat, uint32_t process_count, uint32_t record_slots,
                  void (*on_budget)(void *ctx), void *ctx, struct tt_error *err)
{
    struct tt_linux_params params = {.number = seat->number,
                                     .record_slots = record_slots,
                                     .on_budget = on_budget,
                                     .on_budget_ctx = ctx};
    uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), record_slots);
    int r = tt_seat_map(seat, "bells", (uint64_t)process_count * TT_BELL_BYTES, true,
                        &seat->bells.memory, err);

    if (r < 0)
        return r;
    seat->bells.count = process_count;
    params.bells = seat->bells;
    params.handoff_bell = tt_message_take(&seat->setup, "handoff-bell");
    if (params.handoff_bell >= 0) {
        void *page = NULL;

        r = tt_seat_map(seat, "handoff", sizeof(struct tt_handoff), true, &page, err);
        if (r < 0)
            return r;
        params.handoff = page;
    }
    if (bytes > 0 && (r = tt_seat_map(seat, "records", bytes, true, &params.records, err)) < 0)
        return r;
    return tt_linux_settle(&seat->world, &params, err);
}

int64_t tt_seat_plan(const struct tt_seat *seat, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(json_object_get(seat->setup.body, "plan"), key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

int64_t tt_seat_plan_of(const struct tt_seat *seat, const char *key, uint32_t component,
                        int64_t otherwise)
{
    const json_t *array = json_object_get(json_object_get(seat->setup.body, "plan"), key);
    const json_t *value = json_array_get(array, component);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

bool tt_seat_is_profile(const struct tt_seat *seat)
{
    return json_is_true(json_object_get(json_object_get(seat->setup.body, "plan"), "is_profile"));
}

int tt_seat_picture(struct tt_seat *seat, char **ret, uint64_t *ret_bytes, struct tt_error *err)
{
    int fd = tt_message_take(&seat->setup, "picture");
    int r;

    if (fd < 0)
        return tt_fail(err, -EPROTO, "the picture was not handed over");
    r = tt_message_read_fd(fd, PICTURE_BYTES_MAX, ret, ret_bytes, err);
    (void)close(fd);
    return r;
}

static void wait_word(const uint32_t *word)
{
    while (!__atomic_load_n(word, __ATOMIC_ACQUIRE))
        (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

static void set_word(uint32_t *word)
{
    __atomic_store_n(word, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

/* A container's worker has nothing to do before go, so it is woken once. What it renounces, and the
 * heap that the C library makes for a thread, are behind it while it waits. */
static void begin(void *ctx)
{
    struct tt_seat *seat = ctx;

    if (seat->is_container)
        (void)tt_jail_drop_last();
    wait_word(seat->is_container ? &seat->is_go : &seat->is_ready);
    seat->entry(seat->argument);
}

static void begin_standby(void *ctx)
{
    struct tt_seat *seat = ctx;

    (void)tt_jail_drop_last();
    wait_word(&seat->is_ready);
    if (seat->standby && seat->world.params.handoff)
        seat->standby(seat->argument);
}

static json_t *say_threads(const struct tt_seat *seat, const char *event)
{
    return json_pack("{ss si si}", "event", event, "tid", seat->world.threads[0].tid, "standby_tid",
                     seat->world.threads[1].tid);
}

int tt_seat_park(struct tt_seat *seat, int control, struct tt_error *err)
{
    struct tt_port_world port = tt_linux_port(&seat->world);
    int r = port.ops->spawn_worker(port.world, begin, seat);

    seat->control = control;
    if (r == 0)
        r = tt_linux_spawn_standby(&seat->world, begin_standby, seat);
    if (r < 0)
        return tt_fail(err, r, "cannot start the worker: %s", strerror(-r));
    seat->is_locked = tt_room_prepare();
    seat->is_parked = true;
    return tt_message_send_new(seat->control, say_threads(seat, "parked"), NULL, NULL, 0, err);
}

static int start_threads(struct tt_seat *seat)
{
    struct tt_port_world port = tt_linux_port(&seat->world);
    int r = port.ops->spawn_worker(port.world, begin, seat);

    if (r == 0 && seat->standby && seat->world.params.handoff)
        r = tt_linux_spawn_standby(&seat->world, begin_standby, seat);
    return r;
}

int tt_seat_start(struct tt_seat *seat, void (*entry)(void *argument), void *argument,
                  struct tt_error *err)
{
    int r = 0;

    tt_message_close_fds(&seat->setup);
    seat->entry = entry;
    seat->argument = argument;
    if (!seat->is_parked)
        r = start_threads(seat);
    if (r < 0)
        return tt_fail(err, r, "cannot start the worker: %s", strerror(-r));
    tt_stamp("threads made");
    /* All that could fail is behind it, and go is heard by this thread alone: memory is locked
     * while tactusd wakes up, reserves and answers. */
    r = tt_message_send_new(seat->control, say_threads(seat, "ready"), NULL, NULL, 0, err);
    if (!seat->is_locked)
        seat->is_locked = tt_room_lock();
    tt_stamp("memory locked");
    if (seat->is_container)
        (void)tt_jail_drop_last();
    else
        set_word(&seat->is_ready);
    return r;
}

void tt_seat_wait_go(struct tt_seat *seat)
{
    wait_word(&seat->is_go);
}

void tt_seat_done(struct tt_seat *seat)
{
    uint64_t one = 1;

    (void)!write(seat->done_fd, &one, sizeof one);
}

bool tt_seat_is_go(const struct tt_seat *seat)
{
    return __atomic_load_n(&seat->is_go, __ATOMIC_ACQUIRE) != 0;
}

bool tt_seat_is_stopped(const struct tt_seat *seat)
{
    return __atomic_load_n(&seat->is_stopped, __ATOMIC_ACQUIRE) != 0;
}

static void go(struct tt_seat *seat, const struct tt_message *message)
{
    if (seat->is_go)
        return;
    tt_stamp("go heard");
    seat->epoch_ns = tt_message_int(message, "epoch_ns", tt_linux_now());
    seat->first_ns = tt_message_int(message, "first_ns", 0);
    if (seat->on_go)
        seat->on_go(seat->argument, message);
    set_word(&seat->is_go);
    if (seat->is_container)
        set_word(&seat->is_ready); /* the standby, after its worker */
    tt_bell_ring(&seat->bells, seat->number);
}

static void stop(struct tt_seat *seat)
{
    if (seat->is_stopped)
        return;
    seat->stopped_ns = tt_linux_now();
    __atomic_store_n(&seat->is_stopped, 1, __ATOMIC_RELEASE);
    tt_bell_ring(&seat->bells, seat->number);
}

int tt_seat_serve(struct tt_seat *seat, int timeout_ms, struct tt_message *ret)
{
    struct pollfd wanted[2] = {{.fd = seat->control, .events = POLLIN},
                               {.fd = seat->done_fd, .events = POLLIN}};
    struct tt_error err = {0};
    const char *op;
    int r = poll(wanted, 2, timeout_ms);

    if (r <= 0)
        return 0;
    if (wanted[1].revents)
        return 2;
    r = tt_message_receive(seat->control, ret, &err);
    if (r == -EPIPE)
        return r;
    if (r < 0) {
        tt_seat_note(seat, "a message was refused: %s", err.text);
        return 0;
    }
    op = tt_message_text(ret, "op");
    if (strcmp(op, "go") == 0)
        go(seat, ret);
    else if (strcmp(op, "stop") == 0)
        stop(seat);
    else
        return 1;
    tt_message_fini(ret);
    return 0;
}

void tt_seat_say(int control, const char *event, const char *text)
{
    json_t *body = text ? json_pack("{ss ss}", "event", event, "text", text)
                        : json_pack("{ss}", "event", event);

    (void)tt_message_send_new(control, body, NULL, NULL, 0, NULL);
}

void tt_seat_note(const struct tt_seat *seat, const char *format, ...)
{
    char text[TT_ERROR_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tt_seat_say(seat->control, "note", text);
}

void tt_seat_fail(int control, const struct tt_error *err)
{
    tt_seat_say(control, "error", err->text[0] ? err->text : strerror(-err->code));
    _exit(1);
}
