/* A component comes to this container or leaves it: tactusd's orders, the engine's answers. */
#include "container/move.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "container/move_inside.h"
#include "platform/linux/room.h"

/* A wake-up costs more than all else while a component stands still. So both main threads stay
 * awake for what comes within this time: an answer of tactusd and a boundary that is not waited
 * for. They have no rights that a reservation or an edge had to wait for. */
static const int64_t awake_ns = 1000000;

bool move_is_possible(const struct container *container)
{
    return container->picture->is_live && !container->is_profile &&
           container->wiring->container_count > 1;
}

/* Ways in the order in which they were made, so that their links have the same numbers everywhere.
 * is_new: nothing runs yet, and components are put where they are. */
static int read_ways(struct container *container, const json_t *ways, bool is_new,
                     struct tt_error *err)
{
    int r = 0;

    for (size_t n = 0; n < json_array_size(ways) && r == 0; n++) {
        const json_t *way = json_array_get(ways, n);
        int64_t component = json_integer_value(json_array_get(way, 0));
        int64_t there = json_integer_value(json_array_get(way, 1));
        uint32_t number;

        if (component < 0 || component >= container->picture->component_count || there < 0)
            return tt_fail(err, -EPROTO, "a way of no component was handed over");
        r = tt_wiring_lead(container->wiring, container->picture, (uint32_t)component,
                           (uint32_t)there, &number, err);
        if (r == 0 && is_new && json_is_true(json_array_get(way, 2)))
            tt_wiring_settle(container->wiring, (uint32_t)component, (uint32_t)there);
    }
    return r;
}

int move_recall(struct container *container, struct tt_error *err)
{
    const json_t *plan = json_object_get(container->seat.setup.body, "plan");
    const json_t *ways = json_object_get(plan, "ways");
    int r = read_ways(container, ways, true, err);

    if (r < 0 || json_array_size(ways) == 0)
        return r;
    return tt_wiring_places(container->wiring, container->picture, container->seat.number, err);
}

int move_open(struct container *container, struct tt_error *err)
{
    if (!move_is_possible(container))
        return 0;
    container->moves = calloc(1, sizeof *container->moves);
    if (!container->moves)
        return tt_fail(err, -ENOMEM, "no memory for moves");
    container->moves->stream = -1;
    container->moves->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return container->moves->wake_fd < 0
               ? tt_fail(err, -errno, "cannot make an event descriptor: %s", strerror(errno))
               : 0;
}

static void ring(const struct container *container)
{
    tt_bell_ring(&container->seat.bells, container->seat.number);
}

/* On the worker. */
static void wake(void *ctx)
{
    struct container *container = ctx;
    uint64_t one = 1;

    __atomic_store_n(&container->moves->woken_ns, tt_linux_now(), __ATOMIC_RELAXED);
    (void)!write(container->moves->wake_fd, &one, sizeof one);
}

static void say(const struct container *container, json_t *body)
{
    (void)json_object_set_new(body, "component", json_integer(container->moves->component));
    (void)tt_message_send_new(container->seat.control, body, NULL, NULL, 0, NULL);
}

static void say_words(const struct container *container, const char *event, const char *text)
{
    say(container, json_pack("{ss ss}", "event", event, "text", text));
}

/* It is over here: the engine has room for the next. has_left: it had the component, and has not
 * any more, whatever became of it elsewhere. */
static void settle(struct container *container, bool has_left)
{
    struct moves *moves = container->moves;

    if (moves->stream >= 0)
        (void)close(moves->stream);
    moves->stream = -1;
    state_out_close(&moves->out);
    state_in_close(&moves->in);
    moves->is_prepared = false;
    moves->role = MOVE_NONE;
    say(container, json_pack("{ss sb}", "event", "move-settled", "left", has_left));
}

/* Nothing of it is in the engine, or ever was. */
static void drop(struct container *container)
{
    move_drop_part(container, &container->moves->part);
    settle(container, false);
}

/* A spare container is there now, and what comes from it is to be found without a fault. */
static void touch_frames(struct container *container, uint32_t number)
{
    const struct tt_pool_view *pool = &container->pools[number];

    if ((container->seat.idle_pools >> number & 1) == 0 || number == container->seat.number ||
        !pool->memory)
        return;
    container->seat.idle_pools &= ~(UINT64_C(1) << number);
    tt_room_touch(pool->memory, pool->bytes);
}

static int begin(struct container *container, struct tt_message *message, struct tt_error *err)
{
    struct moves *moves = container->moves;
    int64_t component = tt_message_int(message, "component", -1);
    int64_t away = tt_message_int(message, "away", -1);
    uint32_t number;
    int r;

    moves->component = (uint32_t)component;
    moves->seen = TT_EDIT_NONE;
    moves->filled = 0;
    moves->bytes = 0;
    moves->has_carry = moves->is_soon = false;
    moves->awake_until_ns = 0;
    moves->source = TT_SOURCE_RUNNING;
    moves->target = TT_TARGET_FILLING;
    moves->stream = tt_message_take(message, "stream");
    if (component < 0 || component >= container->picture->component_count || away < 0 ||
        moves->stream < 0)
        return tt_fail(err, -EPROTO, "a move of no component was ordered");
    r = read_ways(container, json_object_get(message->body, "ways"), false, err);
    if (r == 0)
        r = tt_wiring_lead(container->wiring, container->picture, moves->component, (uint32_t)away,
                           &number, err);
    if (r < 0)
        return r;
    moves->way = &container->wiring->ways[number];
    touch_frames(container, moves->way->container);
    costs_part(container->costs, container->picture->components[component].segment);
    return 0;
}

/* Make before break: what nobody can read begins anew, at a frame where it may. */
static bool is_fresh(const struct tt_node_plan *node)
{
    return state_kind(node) == STATE_OWN;
}

static void come(struct container *container, struct tt_message *message)
{
    struct moves *moves = container->moves;
    struct tt_error err = {0};
    int r = begin(container, message, &err);

    moves->role = MOVE_COMING;
    if (r == 0 && moves->way->container == container->seat.number)
        r = move_add_ends(container, message, &err);
    if (r == 0)
        r = move_add_component(container, tt_message_int(message, "resume_ns", 0), &err);
    if (r == 0) { /* as it is by now, not as it was planned */
        struct tt_node_plan *plan = &moves->part->plans[moves->part->count - 1];

        plan->budget_ns = tt_message_int(message, "budget_ns", plan->budget_ns);
    }
    if (r == 0 && !is_fresh(&moves->part->plans[moves->part->count - 1]))
        r = state_in_begin(&moves->in, &moves->part->plans[moves->part->count - 1],
                           &container->picture->components[moves->component], &err);
    if (r == 0)
        r = move_prepare(container, TT_EDIT_IN, wake, &err);
    if (r < 0) {
        moves->target = TT_TARGET_GAVE_UP;
        say_words(container, "move-gave-up", err.text);
        drop(container);
        return;
    }
    tt_edit_order(container->engine, TT_EDIT_ORDER_ADD);
    ring(container);
}

static void refuse(struct container *container, const struct tt_error *err)
{
    say_words(container, "move-failed", err->text);
}

static void leave(struct container *container, struct tt_message *message)
{
    struct moves *moves = container->moves;
    struct tt_error err = {0};
    int r = begin(container, message, &err);

    moves->role = MOVE_LEAVING;
    if (r == 0 && container->node_of_in[moves->component][0] == TT_NO_PORT)
        r = tt_fail(&err, -ENOENT, "it is not in this container");
    if (r == 0) {
        moves->leaving = container->nodes[container->node_of_in[moves->component][0]];
        if (container->wiring->home_of[moves->component] == container->seat.number)
            r = move_add_ends(container, message, &err);
    }
    if (r == 0)
        r = move_prepare(container, TT_EDIT_OUT, wake, &err);
    if (r == 0 && is_fresh(&moves->leaving)) {
        say(container, json_pack("{ss si}", "event", "move-acked", "pages", 0));
        return;
    }
    if (r == 0)
        r = move_begin_state(container, (uint64_t)tt_message_int(message, "epoch", 0), &err);
    if (r == 0)
        r = move_send_state(container, false, NULL, &err);
    if (r == 0)
        return;
    if (moves->is_prepared)
        tt_edit_forget(container->engine);
    refuse(container, &err);
    drop(container);
}

void move_stay_awake(struct moves *moves)
{
    moves->awake_until_ns = tt_linux_now() + awake_ns;
}

static void cut(struct container *container, const struct tt_message *message)
{
    const json_t *list = json_object_get(message->body, "from");
    struct moves *moves = container->moves;
    bool is_split = is_fresh(&moves->leaving);
    struct tt_edit_from from = {0};

    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        from.index[n] = json_integer_value(json_array_get(list, n));
    moves->source = tt_source_order(moves->source, TT_SOURCE_ON_CUT);
    if (!is_split) {
        move_send_due(moves);
        move_stay_awake(moves);
    }
    (is_split ? tt_edit_split : tt_edit_cut)(container->engine, json_is_array(list) ? &from : NULL);
    ring(container);
}

static void order(struct container *container, enum tt_edit_order what)
{
    tt_edit_order(container->engine, what);
    ring(container);
}

static void discard(struct container *container)
{
    struct moves *moves = container->moves;
    enum tt_move_event_kind told = tt_target_step(&moves->target, TT_TARGET_ON_DISCARD);

    if (told != TT_MOVE_GAVE_UP)
        return;
    say_words(container, "move-gave-up", "");
    order(container, TT_EDIT_ORDER_DISCARD);
}

/* As if nothing had been; what the engine was not told yet it never hears of. */
static void resume(struct container *container)
{
    struct moves *moves = container->moves;

    if (moves->source == TT_SOURCE_RETIRED)
        return;
    if (moves->seen == TT_EDIT_PREPARED && moves->source == TT_SOURCE_RUNNING) {
        tt_edit_forget(container->engine);
        drop(container);
        return;
    }
    moves->source = tt_source_order(moves->source, TT_SOURCE_ON_RESUME);
    order(container, TT_EDIT_ORDER_RESUME);
}

static void round_again(struct container *container)
{
    struct tt_error err = {0};

    if (move_send_state(container, false, NULL, &err) < 0)
        refuse(container, &err);
}

bool move_obey(struct container *container, struct tt_message *message)
{
    const char *op = tt_message_text(message, "op");
    struct moves *moves = container->moves;

    if (strncmp(op, "move-", 5) != 0)
        return false;
    op += 5;
    if (!moves)
        tt_seat_note(&container->seat, "nothing can move here");
    else if (strcmp(op, "come") == 0 && moves->role == MOVE_NONE)
        come(container, message);
    else if (strcmp(op, "leave") == 0 && moves->role == MOVE_NONE)
        leave(container, message);
    else if (strcmp(op, "discard") == 0 && moves->role == MOVE_COMING)
        discard(container);
    else if (moves->role != MOVE_LEAVING)
        return true; /* late: it is over here */
    else if (strcmp(op, "round") == 0)
        round_again(container);
    else if (strcmp(op, "cut") == 0)
        cut(container, message);
    else if (strcmp(op, "resume") == 0)
        resume(container);
    else if (strcmp(op, "retire") == 0 && !tt_source_may_run(moves->source)) {
        moves->source = tt_source_order(moves->source, TT_SOURCE_ON_RETIRE);
        order(container, TT_EDIT_ORDER_RETIRE);
    }
    return true;
}

uint32_t move_fds(const struct container *container, struct pollfd *ret)
{
    const struct moves *moves = container->moves;

    if (!moves || moves->role == MOVE_NONE)
        return 0;
    if (!ret)
        return MOVE_FDS;
    ret[0] = (struct pollfd){.fd = moves->wake_fd, .events = POLLIN};
    /* Nothing comes to who sends; and what comes behind the end is nobody's. */
    ret[1] = (struct pollfd){
        .fd = moves->role == MOVE_COMING && moves->target == TT_TARGET_FILLING ? moves->stream : -1,
        .events = POLLIN};
    return MOVE_FDS;
}

bool move_is_awake(const struct container *container)
{
    const struct moves *moves = container->moves;

    return moves && moves->role != MOVE_NONE && tt_linux_now() < moves->awake_until_ns;
}

static json_t *numbers(const int64_t *values, uint32_t count)
{
    json_t *list = json_array();

    for (uint32_t n = 0; n < count; n++)
        (void)json_array_append_new(list, json_integer(values[n]));
    return list;
}

/* The first index that it has not processed. */
static int64_t first_index(const struct tt_edit_carry *carry)
{
    return carry->index != INT64_MIN ? carry->index : carry->next_index[0];
}

/* Told before it runs, so that tactusd knows it also from who dies then. */
static void take(struct container *container)
{
    struct moves *moves = container->moves;
    struct tt_error err = {0};

    if (tt_target_step(&moves->target, TT_TARGET_ON_CUT) != TT_MOVE_TOOK)
        return;
    say(container, json_pack("{ss sI}", "event", "move-took", "index",
                             (json_int_t)first_index(&moves->carry)));
    moves->awake_until_ns = 0;
    if (tt_edit_begin(container->engine, &moves->carry, &err) < 0)
        tt_seat_fail(container->seat.control, &err); /* its successor begins it anew */
    ring(container);
    move_has_come(container);
}

static void give_up(struct container *container, const struct tt_error *err)
{
    if (tt_target_step(&container->moves->target, TT_TARGET_ON_BROKEN) != TT_MOVE_GAVE_UP)
        return;
    say_words(container, "move-gave-up", err->text);
    order(container, TT_EDIT_ORDER_DISCARD);
}

static void look_at_stream(struct container *container)
{
    struct moves *moves = container->moves;
    uint32_t pages, rounds = state_in_rounds(&moves->in, &pages);
    struct tt_error err = {0};
    int r;

    if (moves->role != MOVE_COMING || moves->target != TT_TARGET_FILLING ||
        moves->seen < TT_EDIT_ADDED)
        return;
    r = move_read_state(container, &err);
    if (r < 0) {
        give_up(container, &err);
        return;
    }
    if (state_in_rounds(&moves->in, &pages) != rounds)
        say(container, json_pack("{ss si}", "event", "move-acked", "pages", (int)pages));
    if (r == 1)
        take(container);
}

/* It stands still: what it is now goes to the other. */
static void on_cut(struct container *container, const struct tt_edit_report *report)
{
    struct moves *moves = container->moves;
    struct tt_error err = {0};

    if (!tt_source_boundary(&moves->source)) /* told to go on meanwhile */
        return;
    if (move_send_state(container, true, report, &err) < 0) {
        refuse(container, &err);
        return;
    }
    moves->awake_until_ns = 0;
    (void)sched_yield(); /* what was sent is for whoever waits for this CPU */
    say(container,
        json_pack("{ss sI sI sI si}", "event", "move-cut", "index", (json_int_t)report->carry.index,
                  "at_ns", (json_int_t)__atomic_load_n(&moves->woken_ns, __ATOMIC_RELAXED), "bytes",
                  (json_int_t)moves->bytes, "pages", (int)moves->out.pages));
}

static void on_retired(struct container *container)
{
    struct moves *moves = container->moves;

    if (moves->leaving.component->close)
        moves->leaving.component->close(moves->leaving.state);
    move_has_left(container);
}

static void on_done(struct container *container)
{
    struct moves *moves = container->moves;
    bool is_moved = moves->role == MOVE_COMING ? moves->target == TT_TARGET_HAS
                                               : moves->source == TT_SOURCE_RETIRED;

    if (!is_moved) {
        const struct move_part *part = moves->part;

        if (part && part->component != UINT32_MAX && part->plans[part->count - 1].component->close)
            part->plans[part->count - 1].component->close(part->plans[part->count - 1].state);
        drop(container);
        return;
    }
    move_drop_old(container);
    settle(container, moves->role == MOVE_LEAVING);
}

static void on_edit(struct container *container, const struct tt_edit_report *report)
{
    struct moves *moves = container->moves;

    switch (report->state) {
    case TT_EDIT_ADDED:
        say(container, json_pack("{ss so si}", "event", "move-ready", "from",
                                 numbers(report->from.index, TT_PORTS_MAX), "node",
                                 (int)moves->part->numbers[moves->part->count - 1]));
        break;
    case TT_EDIT_CUT:
    case TT_EDIT_SPLIT:
        on_cut(container, report);
        break;
    case TT_EDIT_REFUSED:
        say_words(container, "move-failed", report->reason);
        order(container, TT_EDIT_ORDER_RESUME);
        break;
    case TT_EDIT_BEGUN:
        say(container, json_pack("{ss sI}", "event", "move-begun", "at_ns",
                                 (json_int_t)__atomic_load_n(&moves->woken_ns, __ATOMIC_RELAXED)));
        break;
    default:
        break;
    }
}

/* The engine may have gone through several states since it was looked at last. */
static void look_at_edit(struct container *container)
{
    struct moves *moves = container->moves;
    struct tt_edit_report report;
    uint64_t count;

    (void)!read(moves->wake_fd, &count, sizeof count);
    if (!moves->is_prepared || tt_edit_look(container->engine, &report) == moves->seen)
        return;
    /* Who begins anew elsewhere drains here by himself, maybe before it was seen that he is to. */
    if (moves->role == MOVE_LEAVING && is_fresh(&moves->leaving) &&
        report.state >= TT_EDIT_RETIRED && moves->source != TT_SOURCE_RUNNING) {
        on_cut(container, &report);
        moves->source = tt_source_order(moves->source, TT_SOURCE_ON_RETIRE);
    }
    if (moves->role == MOVE_LEAVING && moves->source == TT_SOURCE_RETIRED &&
        report.state >= TT_EDIT_RETIRED && moves->seen < TT_EDIT_RETIRED)
        on_retired(container);
    if (report.state == TT_EDIT_DONE && moves->role == MOVE_COMING &&
        moves->target == TT_TARGET_HAS && moves->seen < TT_EDIT_BEGUN) {
        moves->seen = report.state = TT_EDIT_BEGUN;
        on_edit(container, &report);
        report.state = TT_EDIT_DONE;
    }
    moves->seen = report.state;
    if (report.state == TT_EDIT_DONE)
        on_done(container);
    else
        on_edit(container, &report);
}

void move_soon(struct container *container)
{
    struct moves *moves = container->moves;

    if (moves->is_soon)
        return;
    moves->is_soon = true;
    order(container, TT_EDIT_ORDER_SOON);
}

void move_look(struct container *container)
{
    if (!container->moves || container->moves->role == MOVE_NONE)
        return;
    look_at_edit(container);
    look_at_stream(container);
}
