/* The processes of a service and tactusd between them, one step at a time; orders.h says what. */
#include "orders.h"

#include "check.h"

#define SECOND INT64_C(1000000000)
#define MILLI INT64_C(1000000)

/* Now, whenever it is. */
static const int64_t now_ns = 1000 * SECOND;

static struct supervise supervise;
static struct supervise_actions out;

/* --- what tactusd does --- */

static bool is_container(const struct service_kind *kind, uint32_t process)
{
    return process < kind->container_count;
}

static bool is_source(const struct service_kind *kind, uint32_t process)
{
    return (kind->sources >> process & 1) != 0;
}

/* A live service goes on at the index that is on; one without a clock where it was. */
static uint8_t resume_index(const struct world *w, const struct service_kind *kind)
{
    uint8_t least = ORDERS_NONE;

    if (kind->is_live)
        return (uint8_t)(w->clock + 1);
    for (uint32_t s = 0; s < kind->sink_count; s++)
        if (!w->told[s].has_ended && w->told[s].next < least)
            least = w->told[s].next;
    return least == ORDERS_NONE ? 0 : least;
}

static void spawn(struct world *w, uint32_t process)
{
    /* A predecessor that is not reaped might still write. */
    CHECK_INT(w->bodies[process].state, BODY_GONE);
    memset(&w->bodies[process], 0, sizeof(w->bodies[process]));
    w->bodies[process].state = BODY_BOOTING;
}

static void send_go(struct world *w, const struct service_kind *kind, uint32_t process,
                    uint8_t first)
{
    struct body *body = &w->bodies[process];

    CHECK_INT(body->state, BODY_READY); /* or it would go twice, or before it can */
    body->state = BODY_GOING;
    for (uint32_t s = 0; s < kind->sink_count; s++)
        body->at[s] = first;
}

static void go_all(struct world *w, const struct service_kind *kind)
{
    for (uint32_t n = 0; n < kind->process_count; n++)
        if (w->bodies[n].state != BODY_GONE)
            send_go(w, kind, n, 0);
        else
            CHECK_INT(supervise.processes[n].life, SUPERVISE_DONE);
}

/* At the start all workers get what they were promised, or none. */
static void reserve(struct world *w, const struct service_kind *kind, uint32_t process)
{
    CHECK(is_container(kind, process));
    CHECK(!w->bodies[process].is_asked);
    for (uint32_t n = 0; n < kind->container_count && !supervise.is_gone_once; n++) {
        CHECK(w->bodies[n].state == BODY_READY || supervise.processes[n].is_spare);
    }
    w->bodies[process].is_asked = true;
}

/* What nobody told and nobody counts as lost is forgotten for ever. */
static void end(struct world *w, const struct service_kind *kind,
                const struct supervise_action *action)
{
    CHECK(action->text[0] != '\0');
    w->has_ended = true;
    w->is_ok = action->is_ok;
    w->timer_ns = INT64_MAX;
    for (uint32_t n = 0; n < kind->process_count; n++)
        CHECK_INT(w->bodies[n].state, BODY_GONE);
    for (uint32_t s = 0; s < kind->sink_count && w->kept.is_gone_once; s++)
        CHECK(w->told[s].has_ended || w->told[s].is_gap_expected || !kind->is_live ||
              w->told[s].next > w->drain_clock);
}

static void perform(struct world *w, const struct service_kind *kind,
                    const struct supervise_action *action)
{
    CHECK(!w->has_ended);
    switch (action->verb) {
    case SUPERVISE_SPAWN:
        spawn(w, action->process);
        break;
    case SUPERVISE_KILL:
        CHECK(w->bodies[action->process].state != BODY_GONE);
        CHECK(!w->bodies[action->process].is_killed);
        w->bodies[action->process].is_killed = true;
        break;
    case SUPERVISE_RESERVE:
        reserve(w, kind, action->process);
        break;
    case SUPERVISE_GO:
        if (action->process == SUPERVISE_ALL)
            go_all(w, kind);
        else
            send_go(w, kind, action->process, resume_index(w, kind));
        break;
    case SUPERVISE_SEND_STOP:
        CHECK(w->bodies[action->process].state != BODY_GONE);
        w->bodies[action->process].is_stopped = true;
        break;
    case SUPERVISE_LOG:
        CHECK(action->name[0] != '\0');
        break;
    case SUPERVISE_TIMER:
        w->timer_ns = action->at_ns;
        break;
    case SUPERVISE_LEFT:
        CHECK_INT(w->bodies[action->process].state, BODY_GONE);
        break;
    case SUPERVISE_END:
        end(w, kind, action);
        break;
    }
}

/* Whatever is left can still happen: a process that lives, or a timer. */
static void check_goes_on(const struct world *w, const struct service_kind *kind)
{
    bool is_any = w->has_ended || w->timer_ns != INT64_MAX;

    for (uint32_t n = 0; n < kind->process_count; n++)
        is_any = is_any || w->bodies[n].state != BODY_GONE;
    CHECK(is_any);
}

static void feed(struct world *w, const struct service_kind *kind,
                 const struct supervise_event *event, int64_t then_ns)
{
    kept_recall(&w->kept, &supervise, now_ns);
    w->timer_ns = w->timer_ns != INT64_MAX ? w->timer_ns + now_ns : INT64_MAX;
    supervise_step(&supervise, event, then_ns, &out);
    supervise_check(&supervise);
    kept_keep(&w->kept, &supervise, then_ns);
    if (w->drain_clock == ORDERS_NONE && supervise.state >= SUPERVISE_DRAINING)
        w->drain_clock = w->clock;
    for (uint32_t n = 0; n < out.count; n++)
        perform(w, kind, &out.list[n]);
    if (w->timer_ns != INT64_MAX)
        w->timer_ns = w->timer_ns > then_ns ? w->timer_ns - then_ns : 0;
    check_goes_on(w, kind);
}

static void feed_simple(struct world *w, const struct service_kind *kind, enum supervise_kind event,
                        uint32_t process)
{
    feed(w, kind, &(struct supervise_event){.kind = event, .process = process, .text = "a reason"},
         now_ns);
}

static bool has_action(enum supervise_verb verb)
{
    for (uint32_t n = 0; n < out.count; n++)
        if (out.list[n].verb == verb)
            return true;
    return false;
}

/* Each time longer, up to a limit, unless it was well in between. */
static void check_wait(const struct supervise_process *before,
                       const struct supervise_process *after)
{
    bool was_well = before->life == SUPERVISE_GOING && before->gone_ns <= -10 * SECOND;
    int64_t least_ns = was_well ? 0 : 2 * before->backoff_ns;

    if (after->life != SUPERVISE_WAITING)
        return;
    CHECK(after->restart_ns >= 50 * MILLI);
    CHECK(after->restart_ns >= (least_ns < 5 * SECOND ? least_ns : 5 * SECOND));
}

/* The word of it comes when it is reaped, and nothing of it after that. */
static void leave(struct world *w, const struct service_kind *kind, uint32_t process,
                  const struct supervise_event *event)
{
    const struct supervise_process before = w->kept.processes[process];
    uint32_t deaths = w->kept.death_count;

    for (uint32_t s = 0; s < kind->sink_count && w->kept.is_gone_once && !event->is_clean; s++)
        w->told[s].is_gap_expected |= kind->sinks[s].container == process && !w->told[s].has_ended;
    memset(&w->bodies[process], 0, sizeof(w->bodies[process]));
    feed(w, kind, event, now_ns);
    CHECK(!has_action(SUPERVISE_SPAWN)); /* it waits: who dies at once would do nothing else */
    if (before.is_spare && !before.is_filled) {
        CHECK_INT(w->kept.death_count, deaths); /* nobody misses it */
        CHECK_INT(w->kept.processes[process].life, SUPERVISE_DONE);
    } else if (!event->is_clean && !event->is_through)
        check_wait(&before, &w->kept.processes[process]);
}

/* By its own word, or by what it told of its sinks if nobody else waits for it. */
static bool is_through(const struct world *w, const struct service_kind *kind, uint32_t process)
{
    bool has_sink = false;

    if (w->bodies[process].state == BODY_ENDED)
        return true;
    for (uint32_t s = 0; s < kind->sink_count; s++) {
        if (kind->sinks[s].container == process && !w->told[s].has_ended)
            return false;
        has_sink = has_sink || kind->sinks[s].container == process;
    }
    return has_sink && process + 1 + kind->spares == kind->container_count;
}

static void die(struct world *w, const struct service_kind *kind, uint32_t process, bool is_refusal)
{
    w->deaths_left -= !w->bodies[process].is_killed;
    leave(w, kind, process,
          &(struct supervise_event){.kind = SUPERVISE_DIED,
                                    .process = process,
                                    .is_refusal = is_refusal,
                                    .is_through = is_through(w, kind, process),
                                    .text = "a death"});
}

/* --- what the processes do --- */

static bool is_done_with_sinks(const struct world *w, const struct service_kind *kind,
                               uint32_t process)
{
    for (uint32_t s = 0; s < kind->sink_count; s++)
        if (kind->sinks[s].container == process && w->bodies[process].at[s] != ORDERS_NONE)
            return false;
    return true;
}

static bool may_say_ended(const struct world *w, const struct service_kind *kind, uint32_t process)
{
    const struct body *body = &w->bodies[process];

    if (body->state != BODY_GOING)
        return false;
    if (w->kept.processes[process].is_spare) /* what is in it ends with the others */
        return body->is_stopped || (w->kept.processes[process].is_filled && w->told[0].has_ended);
    if (is_container(kind, process))
        return is_done_with_sinks(w, kind, process);
    return is_source(kind, process) || body->is_stopped;
}

static bool may_write(const struct world *w, const struct service_kind *kind, uint32_t sink)
{
    const struct body *body = &w->bodies[kind->sinks[sink].container];
    const struct told *told = &w->told[sink];

    if (body->state != BODY_GOING || body->at[sink] > kind->last_index)
        return false;
    /* Without a clock it waits for its reader. */
    return kind->is_live ? body->at[sink] <= w->clock : !told->is_full && !told->is_end_put;
}

static void write_one(struct world *w, const struct service_kind *kind, uint32_t sink)
{
    struct told *told = &w->told[sink];
    uint8_t index = w->bodies[kind->sinks[sink].container].at[sink]++;

    if (kind->is_live)
        CHECK(index >= told->next); /* by two writers, or twice by one */
    if (index > told->next)
        CHECK(told->is_gap_expected); /* else nobody knows what became of those between */
    if (index >= told->next)
        told->next = (uint8_t)(index + 1);
    told->is_gap_expected = false;
    told->is_full = kind->sinks[sink].edge != ORDERS_NONE;
}

static bool may_end(const struct world *w, const struct service_kind *kind, uint32_t sink)
{
    const struct body *body = &w->bodies[kind->sinks[sink].container];
    const struct told *told = &w->told[sink];

    if (body->state != BODY_GOING || body->at[sink] == ORDERS_NONE)
        return false;
    if (!kind->is_live && told->is_full)
        return false;
    if (!kind->is_live)
        return body->has_read_end || body->is_stopped;
    return body->at[sink] > kind->last_index || body->is_stopped;
}

/* What is due by then has a record before it. */
static void end_sink(struct world *w, const struct service_kind *kind, uint32_t sink)
{
    struct told *told = &w->told[sink];

    if (kind->is_live && told->next <= w->clock)
        told->next = (uint8_t)(w->clock + 1);
    told->is_gap_expected = false;
    told->has_ended = true;
    told->is_end_put = kind->sinks[sink].edge != ORDERS_NONE;
    w->bodies[kind->sinks[sink].container].at[sink] = ORDERS_NONE;
}

static bool may_take(const struct world *w, const struct service_kind *kind, uint32_t sink)
{
    return kind->sinks[sink].edge != ORDERS_NONE &&
           w->bodies[kind->sinks[sink].edge].state == BODY_GOING &&
           (w->told[sink].is_full || w->told[sink].is_end_put);
}

static void take(struct world *w, const struct service_kind *kind, uint32_t sink)
{
    struct told *told = &w->told[sink];

    if (told->is_full) {
        told->is_full = false;
        return;
    }
    told->is_end_put = false;
    w->bodies[kind->sinks[sink].edge].state = BODY_ENDED;
}

/* --- choices --- */

struct list {
    struct choice *choices;
    uint32_t count;
};

static void offer(struct list *list, bool may, enum choice_kind kind, uint32_t process,
                  uint32_t sink)
{
    if (!may)
        return;
    CHECK(list->count < ORDERS_CHOICES);
    list->choices[list->count++] =
        (struct choice){.kind = kind, .process = (uint8_t)process, .sink = (uint8_t)sink};
}

static void offer_process(const struct world *w, const struct service_kind *kind, uint32_t n,
                          struct list *list)
{
    const struct body *body = &w->bodies[n];
    bool is_there = body->state != BODY_GONE, may_die = is_there && w->deaths_left > 0;

    offer(list, body->state == BODY_BOOTING, CHOICE_READY, n, 0);
    offer(list, body->state == BODY_READY && is_source(kind, n) && !body->is_primed, CHOICE_PRIMED,
          n, 0);
    offer(list, is_there && body->is_asked, CHOICE_RESERVED, n, 0);
    offer(list, may_say_ended(w, kind, n), CHOICE_ENDED, n, 0);
    offer(list, n == 0 && body->state == BODY_GOING && w->is_end_on_way && !body->has_read_end,
          CHOICE_READS_END, n, 0);
    offer(list, body->state == BODY_ENDED, CHOICE_EXITS, n, 0);
    offer(list, is_there && body->is_killed, CHOICE_KILLED, n, 0);
    offer(list, may_die && !body->is_killed, CHOICE_DIES, n, 0);
    offer(list, may_die && !body->is_killed && body->state == BODY_BOOTING, CHOICE_REFUSES, n, 0);
    offer(list, may_die && !body->is_killed && body->state == BODY_GOING && is_container(kind, n),
          CHOICE_STUCK, n, 0);
}

/* What a move does to a container that the plan does not know. */
static void offer_spare(const struct world *w, uint32_t n, struct list *list)
{
    const struct supervise_process *process = &w->kept.processes[n];
    bool is_going = w->bodies[n].state == BODY_GOING && !w->bodies[n].is_killed;
    bool may = process->is_spare && w->moves_left > 0 && w->kept.is_gone_once;

    offer(list, may && w->bodies[n].is_asked && w->bodies[n].state != BODY_GONE, CHOICE_TURNED_AWAY,
          n, 0);
    offer(list, may && process->life == SUPERVISE_DONE && !process->is_filled, CHOICE_JOIN, n, 0);
    offer(list, may && is_going && !process->is_filled, CHOICE_FILLED, n, 0);
    offer(list, may && is_going && !process->is_filled, CHOICE_LEAVE, n, 0);
    offer(list, may && process->is_filled, CHOICE_EMPTIED, n, 0);
}

uint32_t world_choices(const struct world *w, const struct service_kind *kind,
                       struct choice ret[ORDERS_CHOICES])
{
    struct list list = {.choices = ret};
    bool is_on = !w->has_ended;

    for (uint32_t n = 0; n < kind->process_count; n++)
        offer_process(w, kind, n, &list);
    for (uint32_t n = 0; n < kind->container_count && is_on; n++)
        offer_spare(w, n, &list);
    for (uint32_t s = 0; s < kind->sink_count; s++) {
        uint32_t container = kind->sinks[s].container;

        offer(&list, may_write(w, kind, s), CHOICE_WRITES, container, s);
        offer(&list, may_end(w, kind, s), CHOICE_PUTS_END, container, s);
        offer(&list, may_take(w, kind, s), CHOICE_TAKES, kind->sinks[s].edge, s);
    }
    offer(&list, is_on && w->kept.is_gone_once && w->clock < kind->last_index, CHOICE_CLOCK, 0, 0);
    offer(&list, w->timer_ns != INT64_MAX && w->ticks_left > 0, CHOICE_TICK, 0, 0);
    offer(&list, is_on && w->stops_left > 0, CHOICE_STOP, 0, 0);
    offer(&list, is_on && w->stops_left > 0, CHOICE_GONE, 0, 0);
    return list.count;
}

const char *world_choice_name(enum choice_kind kind)
{
    static const char *const names[CHOICE_COUNT] = {
        "is ready",       "is primed",        "has its class", "reads the End", "writes to",
        "puts End to",    "takes from",       "has ended",     "exits",         "the clock",
        "is killed",      "the timer",        "dies",          "refuses",       "is stuck",
        "the user stops", "the user is gone", "gets nothing",  "is asked for",  "has a component",
        "has none",       "is not wanted"};

    return names[kind];
}

/* A first stop kills nobody who writes what it has to its end. */
static void stop(struct world *w, const struct service_kind *kind)
{
    bool was_draining = w->kept.state == SUPERVISE_DRAINING;

    w->stops_left--;
    w->stops_told++;
    feed_simple(w, kind, SUPERVISE_STOP, 0);
    CHECK(!was_draining || w->stops_told > 1 || !has_action(SUPERVISE_KILL));
}

static void tick(struct world *w, const struct service_kind *kind)
{
    int64_t then_ns = now_ns + w->timer_ns;

    w->ticks_left--;
    w->timer_ns = INT64_MAX;
    feed(w, kind, &(struct supervise_event){.kind = SUPERVISE_TICK}, then_ns);
    CHECK(w->timer_ns > 0); /* or it would come again and again */
}

static void exit_well(struct world *w, const struct service_kind *kind, uint32_t process)
{
    leave(w, kind, process,
          &(struct supervise_event){
              .kind = SUPERVISE_DIED, .process = process, .is_clean = true, .text = "its end"});
}

static void gone(struct world *w, const struct service_kind *kind)
{
    w->stops_left--;
    w->stops_told++;
    feed_simple(w, kind, SUPERVISE_GONE, 0);
}

static void stuck(struct world *w, const struct service_kind *kind, uint32_t process)
{
    w->deaths_left--;
    feed_simple(w, kind, SUPERVISE_STUCK, process);
    CHECK(w->bodies[process].is_killed);
}

static void move(struct world *w, const struct service_kind *kind, struct choice choice)
{
    static const enum supervise_kind kinds[CHOICE_COUNT] = {[CHOICE_JOIN] = SUPERVISE_JOIN,
                                                            [CHOICE_FILLED] = SUPERVISE_FILLED,
                                                            [CHOICE_EMPTIED] = SUPERVISE_EMPTIED,
                                                            [CHOICE_LEAVE] = SUPERVISE_LEAVE};
    bool is_draining = w->kept.state == SUPERVISE_DRAINING;

    w->moves_left--;
    feed_simple(w, kind, kinds[choice.kind], choice.process);
    if (choice.kind == CHOICE_JOIN) /* it comes, or is told not to */
        CHECK(is_draining ? has_action(SUPERVISE_LEFT) : has_action(SUPERVISE_SPAWN));
    if (choice.kind == CHOICE_LEAVE)
        CHECK(is_draining || w->bodies[choice.process].is_killed);
}

/* Who has a component goes on without; who came for one does not. */
static void turn_away(struct world *w, const struct service_kind *kind, uint32_t process)
{
    bool is_filled = w->kept.processes[process].is_filled;

    w->moves_left--;
    w->bodies[process].is_asked = false;
    feed(
        w, kind,
        &(struct supervise_event){
            .kind = SUPERVISE_RESERVED, .process = process, .is_refusal = true, .text = "a reason"},
        now_ns);
    CHECK(is_filled || w->bodies[process].is_killed);
}

static void do_to_body(struct world *w, const struct service_kind *kind, struct choice choice)
{
    struct body *body = &w->bodies[choice.process];

    switch (choice.kind) {
    case CHOICE_READY:
        body->state = BODY_READY;
        feed_simple(w, kind, SUPERVISE_READY, choice.process);
        break;
    case CHOICE_PRIMED:
        body->is_primed = true;
        feed_simple(w, kind, SUPERVISE_PRIMED, choice.process);
        break;
    case CHOICE_RESERVED:
        body->is_asked = false;
        feed_simple(w, kind, SUPERVISE_RESERVED, choice.process);
        break;
    case CHOICE_WRITES:
        write_one(w, kind, choice.sink);
        break;
    case CHOICE_PUTS_END:
        end_sink(w, kind, choice.sink);
        break;
    case CHOICE_TAKES:
        take(w, kind, choice.sink);
        break;
    case CHOICE_READS_END:
        w->is_end_on_way = false;
        body->has_read_end = true;
        break;
    default:
        w->is_end_on_way |= is_source(kind, choice.process) && !kind->is_live;
        body->state = BODY_ENDED;
        break;
    }
}

void world_do(struct world *w, const struct service_kind *kind, struct choice choice)
{
    switch (choice.kind) {
    case CHOICE_EXITS:
        exit_well(w, kind, choice.process);
        break;
    case CHOICE_CLOCK:
        w->clock++;
        break;
    case CHOICE_TICK:
        tick(w, kind);
        break;
    case CHOICE_KILLED:
    case CHOICE_DIES:
    case CHOICE_REFUSES:
        die(w, kind, choice.process, choice.kind == CHOICE_REFUSES);
        break;
    case CHOICE_STUCK:
        stuck(w, kind, choice.process);
        break;
    case CHOICE_STOP:
        stop(w, kind);
        break;
    case CHOICE_GONE:
        gone(w, kind);
        break;
    case CHOICE_TURNED_AWAY:
        turn_away(w, kind, choice.process);
        break;
    case CHOICE_JOIN:
    case CHOICE_FILLED:
    case CHOICE_EMPTIED:
    case CHOICE_LEAVE:
        move(w, kind, choice);
        break;
    default:
        do_to_body(w, kind, choice);
        break;
    }
}

void world_begin(struct world *w, const struct service_kind *kind)
{
    memset(w, 0, sizeof(*w));
    w->timer_ns = INT64_MAX;
    w->drain_clock = ORDERS_NONE;
    w->deaths_left = kind->deaths;
    w->ticks_left = kind->ticks;
    w->stops_left = kind->stops;
    w->moves_left = kind->moves;
    supervise_init(&supervise, kind->process_count, kind->sources);
    supervise_set_containers(&supervise, kind->container_count);
    supervise_set_spares(&supervise, kind->spares);
    kept_keep(&w->kept, &supervise, 0);
    feed_simple(w, kind, SUPERVISE_PLANNED, 0);
}
