/* One move of a running service: what move_order.h decides is done here. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/link.h"
#include "node/control.h"
#include "node/move_inside.h"
#include "node/run_follow.h"

#define STEP_NS (5 * RUN_SECOND) /* limit of a place, of a round, of an answer */
#define CUT_NS (1 * RUN_SECOND)  /* limit of standing still */
#define KEY_NS (10 * RUN_SECOND) /* until a codec's next key frame */
#define END_NS (3 * RUN_SECOND)  /* until both engines have room for the next */

enum { ROUNDS_MAX = 4, PAGES_ENOUGH = 8, STREAM_BYTES = 1 << 20 };

static struct run_process *process_of(const struct move *move, uint32_t number)
{
    return &move->run->processes[number];
}

static const char *name_of(const struct move *move)
{
    return move->run->params.picture->components[move->component].name;
}

static void log_move(struct move *move, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void log_move(struct move *move, const char *event, const char *format, ...)
{
    char text[SUPERVISE_TEXT_BYTES];
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    pump_event(move->run->pump, event, name_of(move), text, loop_now_ns());
}

static void send_op(const struct move *move, uint32_t number, json_t *body)
{
    const struct run_process *process = process_of(move, number);

    if (process->child == NULL)
        json_decref(body);
    else
        (void)child_send(process->child, body, NULL, NULL, 0, NULL);
}

static void send_word(const struct move *move, uint32_t number, const char *op)
{
    send_op(move, number, json_pack("{ss}", "op", op));
}

/* New memory each time: nothing of an earlier move is in it. */
static int make_links(struct move *move, struct tt_error *err)
{
    struct broker *broker = move->run->broker;
    const struct tt_wiring_way *way = move->way;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < way->in_count + way->out_count; n++)
        r = broker_renew_link(broker, way->first_link + n, err);
    return r;
}

/* The end of the stream that this process has, and the links of the way where they are new. */
static int send_begin(struct move *move, uint32_t number, const char *op, int64_t resume_ns)
{
    const struct run_process *process = process_of(move, number);
    struct broker_gift *gift = calloc(1, sizeof(*gift));
    const struct tt_wiring_way *way = move->way;
    int *end = &move->stream[number == move->to ? MOVE_TARGET : MOVE_SOURCE];
    int r = -EPIPE;

    if (gift == NULL)
        return -ENOMEM;
    broker_gift_add(gift, "stream", *end);
    for (uint32_t n = 0; way->container == move->to && n < way->in_count + way->out_count; n++) {
        char name[TT_MESSAGE_NAME_BYTES];

        (void)snprintf(name, sizeof(name), "link:%u", way->first_link + n);
        broker_gift_add(gift, name, move->run->broker->links[way->first_link + n].fd);
    }
    if (process->child != NULL)
        r = child_send(process->child,
                       json_pack("{ss si si so sI sI sI}", "op", op, "component",
                                 (int)move->component, "away", (int)way->container, "ways",
                                 move_ways(move->run), "epoch", (json_int_t)move->epoch,
                                 "resume_ns", (json_int_t)resume_ns, "budget_ns",
                                 (json_int_t)run_budget_of_ns(move->run, move->component)),
                       gift->fds, gift->names, gift->count, NULL);
    free(gift);
    (void)close(*end);
    *end = -1;
    return r;
}

/* False: as it was. Who is dead has it on the books, and its successor may be given what it had. */
static bool resize(struct move *move, uint32_t number, int64_t more_ns)
{
    struct run_process *process = process_of(move, number);
    struct tt_error err = {0};

    if (process->budget_ns <= 0) {
        process->last_budget_ns += process->last_budget_ns > 0 ? more_ns : 0;
        return true;
    }
    if (run_resize(move->run, number, process->budget_ns + more_ns, process->period_ns, &err) >= 0)
        return true;
    log_move(move, "reservation-refused", "%s: %s", process->name, err.text);
    return false;
}

/* What the source keeps is not asked for when it comes home. */
static void lower(struct move *move, enum move_side side, int64_t by_ns)
{
    if (!resize(move, side == MOVE_TARGET ? move->to : move->from, -by_ns) && side == MOVE_SOURCE)
        move->run->moves->shift[move->component].less_ns = 0;
}

/* The target has it from now on, whoever dies. */
static void arrive(struct move *move)
{
    struct run *run = move->run;
    struct tt_wiring *wiring = run->broker->wiring;
    uint32_t home = wiring->home_of[move->component];
    struct move_shift *shift = &run->moves->shift[move->component];

    move->took_ns = move->begun_ns = loop_now_ns();
    if (move->index < 0) /* it has run nothing since it came there */
        move->index = run->moves->index[move->component];
    run->moves->index[move->component] = move->index;
    for (uint32_t n = 0; n < wiring->processes[move->from].place_count; n++)
        if (wiring->processes[move->from].places[n].component == move->component &&
            wiring->processes[move->from].places[n].role == TT_PLACE_COMPONENT)
            wiring->processes[move->from].places[n].component = UINT32_MAX;
    (void)tt_wiring_put(wiring, move->to, (uint32_t)move->node, move->component, NULL);
    tt_wiring_settle(wiring, move->component, move->to);
    run_level_moved(run, move->component, move->from, move->to);
    *shift = move->to == home ? (struct move_shift){0, 0} : move->shift;
    if (move->has_joined) /* it is the component's from now on, no more the container's */
        process_of(move, move->to)->spare_plan.budget_ns -= move->shift.more_ns;
    run_follow_tell(run, move->to);
    move_tell_arrived(run, move->from, move->to);
}

static void tell_client(struct move *move)
{
    struct client *client = client_find(move->run->params.node, move->client);
    struct tt_error err = {0};

    if (client == NULL)
        return;
    if (move->order.has_failed) {
        (void)tt_fail(&err, -EIO, "'%s' stays in %s: %s", name_of(move),
                      process_of(move, move->from)->name, move->why);
        client_error(client, &err, 1);
        return;
    }
    client_event(client,
                 json_pack("{ss ss ss ss ss sI sI sI si sI sI}", "event", "moved", "service",
                           move->run->params.picture->name, "component", name_of(move), "from",
                           process_of(move, move->from)->name, "to",
                           process_of(move, move->to)->name, "index", (json_int_t)move->index,
                           "down_ns", (json_int_t)(move->begun_ns - move->cut_ns), "whole_ns",
                           (json_int_t)(move->took_ns - move->begin_ns), "rounds",
                           (int)move->order.step.rounds, "bytes", (json_int_t)move->bytes, "pages",
                           (json_int_t)move->pages));
    client_done(client, 0);
}

/* In the words of `tactus move`. */
static void log_end(struct move *move)
{
    unsigned long long rounds = move->order.step.rounds;
    long long kib = ((long long)move->bytes + 1023) / 1024;
    char how[64] = "and began there anew";

    if (!move->is_fresh)
        (void)tt_format_text(how, sizeof(how), "after %llu round%s of %lld KiB", rounds,
                             rounds == 1 ? "" : "s", kib);
    log_move(move, "move-end", "from %s to %s at index %lld: stood still for %lld us, %s",
             process_of(move, move->from)->name, process_of(move, move->to)->name,
             (long long)move->index, (long long)((move->begun_ns - move->cut_ns) / 1000), how);
}

static void finish(struct move *move)
{
    struct run *run = move->run;

    move_hurry(move, false);
    if (!move->order.has_failed)
        log_end(move);
    tell_client(move);
    loop_clear(run->params.node->loop, &move->timer);
    for (int n = 0; n < MOVE_SIDES; n++)
        if (move->stream[n] >= 0)
            (void)close(move->stream[n]);
    json_decref(move->begins);
    run->moves->now = NULL;
    free(move);
}

static void fail(struct move *move, const char *reason)
{
    move_hurry(move, false);
    if (move->why[0] == '\0')
        (void)tt_format_text(move->why, sizeof(move->why), "%s", reason);
    log_move(move, "move-failed", "stays in %s: %s", process_of(move, move->from)->name, move->why);
}

/* False: it could not be told. */
static bool perform(struct move *move, const struct move_action *action)
{
    struct run *run = move->run;
    int64_t began_ns = run->moves->began_ns[move->component];

    switch (action->verb) {
    case MOVE_SEND_COME:
        return send_begin(move, move->to, "move-come", began_ns) >= 0;
    case MOVE_SEND_LEAVE:
        return send_begin(move, move->from, "move-leave", 0) >= 0;
    case MOVE_SEND_ROUND:
        send_word(move, move->from, "move-round");
        break;
    case MOVE_SEND_CUT:
        move_hurry(move, true);
        send_op(move, move->from, json_pack("{ss sO*}", "op", "move-cut", "from", move->begins));
        break;
    case MOVE_SEND_RESUME:
        send_word(move, move->from, "move-resume");
        break;
    case MOVE_SEND_RETIRE:
        send_word(move, move->from, "move-retire");
        break;
    case MOVE_SEND_DISCARD:
        send_word(move, move->to, "move-discard");
        break;
    case MOVE_KILL_TARGET:
        run_kill(process_of(move, move->to));
        break;
    case MOVE_KILL_SOURCE:
        log_move(move, "move-lost", "%s has let go of it, and nobody took it: it begins anew there",
                 process_of(move, move->from)->name);
        run_kill(process_of(move, move->from));
        break;
    case MOVE_ARRIVE:
        arrive(move);
        break;
    case MOVE_LOWER:
        lower(move, action->side, action->by_ns);
        break;
    case MOVE_FAIL:
        fail(move, action->reason);
        break;
    case MOVE_TIMER:
        loop_set(run->params.node->loop, &move->timer, action->at_ns);
        break;
    case MOVE_FINISH:
        finish(move);
        move_look_empty(run);
        break;
    }
    return true;
}

static void feed(struct move *move, const struct move_event *event);

static void obey(struct move *move, const struct move_actions *actions)
{
    struct move_event not_sent = {.kind = MOVE_ON_NOT_SENT};
    bool is_any = false;

    for (uint32_t n = 0; n < actions->count; n++) {
        const struct move_action *action = &actions->list[n];

        if (perform(move, action))
            continue;
        is_any = true;
        not_sent.side = action->verb == MOVE_SEND_COME ? MOVE_TARGET : MOVE_SOURCE;
    }
    if (is_any)
        feed(move, &not_sent);
}

static void feed(struct move *move, const struct move_event *event)
{
    struct move_actions actions;

    move_order_step(&move->order, event, loop_now_ns(), &actions);
    obey(move, &actions);
}

static void feed_simple(struct move *move, enum move_event_kind kind)
{
    feed(move, &(struct move_event){.kind = kind});
}

static void on_timer(void *ctx, uint32_t events)
{
    (void)events;
    feed_simple(ctx, MOVE_ON_TICK);
}

static int open_ways(struct move *move, struct tt_error *err)
{
    int bytes = STREAM_BYTES;
    int r = move->to == move->way->container ? make_links(move, err) : 0;

    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, move->stream) < 0)
        return tt_fail(err, -errno, "cannot make a stream for the state: %s", strerror(errno));
    (void)setsockopt(move->stream[MOVE_SOURCE], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    return 0;
}

struct move_shifts move_shifts(const struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    return (struct move_shifts){.list = run->moves->shift,
                                .process_of = wiring->process_of,
                                .home_of = wiring->home_of,
                                .count = run->params.picture->component_count};
}

int move_start(struct run *run, struct move *move, struct tt_error *err)
{
    bool is_home = move->to == run->broker->wiring->home_of[move->component];
    const struct move_shifts shifts = move_shifts(run);
    bool is_spare = tt_wiring_is_spare(run->broker->wiring, move->from);
    const struct move_order_params params = {
        .step = {.rounds_max = ROUNDS_MAX,
                 .pages_enough = PAGES_ENOUGH,
                 .step_ns = STEP_NS,
                 .cut_ns = move->is_fresh ? KEY_NS : CUT_NS},
        .end_ns = END_NS,
        .raised_ns = move->has_joined ? 0 : move->shift.more_ns,
        .freed_ns =
            is_home ? move_shift_freed(&shifts, move->component, is_spare) : move->shift.less_ns};
    struct move_actions actions;
    int r;

    move->run = run;
    move->timer = (struct loop_timer){.fn = on_timer, .ctx = move};
    move->epoch = ++run->moves->epochs;
    move->begin_ns = loop_now_ns();
    r = open_ways(move, err);
    if (r < 0) {
        (void)resize(move, move->to, -params.raised_ns);
        return r;
    }
    run->moves->now = move;
    log_move(move, "move-begin", "from %s to %s", process_of(move, move->from)->name,
             process_of(move, move->to)->name);
    move_order_begin(&move->order, &params, move->begin_ns, &actions);
    obey(move, &actions);
    return 0;
}

static void keep_words(struct move *move, const struct tt_message *message)
{
    const char *text = tt_message_text(message, "text");

    if (text[0] != '\0' && move->why[0] == '\0')
        (void)tt_format_text(move->why, sizeof(move->why), "%s", text);
}

static void hear_target(struct move *move, const char *event, const struct tt_message *message)
{
    int64_t node = tt_message_int(message, "node", 0);

    if (strcmp(event, "ready") == 0 && node >= 0 && node < TT_NODES_MAX) {
        json_decref(move->begins);
        move->begins = json_incref(json_object_get(message->body, "from"));
        move->node = node;
        feed_simple(move, MOVE_ON_READY);
    } else if (strcmp(event, "acked") == 0) {
        feed(move, &(struct move_event){.kind = MOVE_ON_ACKED,
                                        .pages = (uint32_t)tt_message_int(message, "pages", 0)});
    } else if (strcmp(event, "took") == 0 && move->order.phase == MOVE_UNDER_WAY) {
        move->index = tt_message_int(message, "index", -1);
        feed_simple(move, MOVE_ON_TOOK);
    } else if (strcmp(event, "begun") == 0) {
        move->begun_ns = tt_message_int(message, "at_ns", move->begun_ns);
        move_hurry(move, false);
        feed_simple(move, MOVE_ON_BEGUN);
    } else if (strcmp(event, "gave-up") == 0) {
        keep_words(move, message);
        feed_simple(move, MOVE_ON_GAVE_UP);
    }
}

static void hear_source(struct move *move, const char *event, const struct tt_message *message)
{
    if (strcmp(event, "acked") == 0) { /* it has nothing to tell */
        feed_simple(move, MOVE_ON_ACKED);
    } else if (strcmp(event, "failed") == 0) {
        keep_words(move, message);
        feed_simple(move, MOVE_ON_FAILED);
    } else if (strcmp(event, "cut") == 0) {
        move->cut_ns = tt_message_int(message, "at_ns", 0);
        move->bytes = tt_message_int(message, "bytes", 0);
        move->pages = tt_message_int(message, "pages", 0);
    }
}

/* NULL: none is under way that it takes part in. */
static struct move *move_of(const struct run *run, uint32_t number)
{
    struct move *move = run->moves != NULL ? run->moves->now : NULL;

    return move != NULL && (number == move->from || number == move->to) ? move : NULL;
}

static enum move_side side_of(const struct move *move, uint32_t number)
{
    return number == move->to ? MOVE_TARGET : MOVE_SOURCE;
}

/* It has let go of what it is to have, and said so too late for its move. */
static void end_without(struct run_process *process, int64_t component)
{
    const struct run *run = process->run;

    if (component >= 0 && component < run->params.picture->component_count &&
        run->broker->wiring->process_of[component] == process->number)
        run_kill(process);
}

static void hear_settled(struct run_process *process, const struct tt_message *message)
{
    struct move *move = move_of(process->run, process->number);
    bool has_left = json_is_true(json_object_get(message->body, "left"));

    if (move != NULL && side_of(move, process->number) == MOVE_SOURCE && has_left)
        feed_simple(move, MOVE_ON_LEFT);
    else if (move != NULL)
        feed(move,
             &(struct move_event){.kind = MOVE_ON_SETTLED, .side = side_of(move, process->number)});
    else if (has_left)
        end_without(process, tt_message_int(message, "component", -1));
}

bool move_heard(struct run_process *process, const struct tt_message *message)
{
    const char *event = tt_message_text(message, "event");
    struct move *move = move_of(process->run, process->number);

    if (strncmp(event, "move-", 5) != 0)
        return false;
    event += 5;
    if (strcmp(event, "settled") == 0)
        hear_settled(process, message);
    else if (move != NULL && process->number == move->to)
        hear_target(move, event, message);
    else if (move != NULL)
        hear_source(move, event, message);
    return true;
}

void move_died(struct run_process *process)
{
    struct move *move = move_of(process->run, process->number);

    if (move != NULL)
        feed(move,
             &(struct move_event){.kind = MOVE_ON_DIED, .side = side_of(move, process->number)});
}

bool move_before_spawn(struct run *run, uint32_t number)
{
    struct move *move = move_of(run, number);
    struct move_actions actions = {.may_start = true};

    if (move != NULL) {
        const struct move_event event = {.kind = MOVE_ON_START, .side = side_of(move, number)};

        move_order_step(&move->order, &event, loop_now_ns(), &actions);
        obey(move, &actions);
    }
    if (!actions.may_start || run->moves == NULL)
        return actions.may_start;
    (void)tt_wiring_places(run->broker->wiring, run->params.picture, number, NULL);
    for (uint32_t n = 0; n < run->params.picture->component_count; n++)
        if (run->broker->wiring->process_of[n] == number)
            run->moves->began_ns[n] = run->processes[number].resume_ns;
    return true;
}

void move_reserved(struct run_process *process)
{
    struct run *run = process->run;
    struct move_shifts shifts;
    struct tt_error err = {0};
    int64_t more_ns;

    if (run->moves == NULL || process->budget_ns <= 0)
        return;
    shifts = move_shifts(run);
    more_ns = move_shift_of(&shifts, process->number);
    if (more_ns == 0 || run_resize(run, process->number, process->budget_ns + more_ns,
                                   process->period_ns, &err) >= 0)
        return;
    move_shift_forget(&shifts, process->number);
    run_event(run, "reservation-refused", err.text);
}

void move_cancel(struct run *run)
{
    if (run->moves != NULL && run->moves->now != NULL)
        feed_simple(run->moves->now, MOVE_ON_CANCEL);
    move_cancel_join(run);
}

void move_close(struct run *run)
{
    struct move *move = run->moves != NULL ? run->moves->now : NULL;

    if (move != NULL) {
        if (move->order.phase == MOVE_UNDER_WAY || move->order.has_failed) {
            move->order.has_failed = true;
            (void)snprintf(move->why, sizeof(move->why), "the service ended");
        }
        finish(move);
    }
    move_cancel_join(run);
    free(run->moves);
    run->moves = NULL;
}

json_t *move_ways(const struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;
    json_t *list = json_array();

    for (uint32_t n = 0; n < wiring->way_count; n++) {
        const struct tt_wiring_way *way = &wiring->ways[n];

        json_array_append_new(list,
                              json_pack("[i i b]", (int)way->component, (int)way->container,
                                        wiring->process_of[way->component] == way->container));
    }
    return list;
}
