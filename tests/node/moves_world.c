/* Two containers, a component that moves between them and tactusd, one step at a time; moves.h says
 * what. */
#include "moves_inside.h"

#include "check.h"

/* Now, whenever it is. */
static const int64_t now_ns = INT64_C(1000000000000);

static const uint32_t homes[MOVES_MOVERS] = {MOVES_HOME, MOVES_HOME};

static struct supervise supervise;
static struct move_order order;

static void put(struct moves_queue *queue, uint32_t word)
{
    CHECK(queue->count < MOVES_QUEUE);
    queue->list[queue->count++] = (uint8_t)word;
}

static uint32_t get(struct moves_queue *queue)
{
    uint32_t first = queue->list[0];

    queue->count--;
    memmove(queue->list, queue->list + 1, queue->count);
    queue->list[queue->count] = NOTHING;
    return first;
}

/* --- the move's state, from a world and back --- */

static void keep_move(struct moves_world *w, int64_t then_ns)
{
    kept_move_keep(&w->move.kept, &order, then_ns);
}

static void recall_move(const struct moves_world *w)
{
    kept_move_recall(&w->move.kept, &order, now_ns);
}

/* --- reservations --- */

static struct move_shifts shifts_of(struct moves_world *w)
{
    return (struct move_shifts){
        .list = w->shift, .process_of = w->place, .home_of = homes, .count = MOVES_MOVERS};
}

static int64_t shift_of(const struct moves_world *w, uint32_t number)
{
    struct moves_world copy = *w;
    const struct move_shifts shifts = shifts_of(&copy);

    return move_shift_of(&shifts, number);
}

bool moves_is_idle(const struct moves_world *w, uint32_t number)
{
    return w->kept.processes[number].is_spare && !w->kept.processes[number].is_filled;
}

/* What it has is the plan's and what moved components need: never raised for one that did not
 * come, never lowered twice; of two in a spare one the first that leaves gives back its part. What
 * is empty goes with all that it has. */
static void check_reservations(const struct moves_world *w)
{
    for (uint32_t n = 0; n < MOVES_BODIES; n++) {
        const struct moves_body *body = &w->bodies[n];
        bool is_raised = w->move.is_on && w->move.kept.phase == MOVE_UNDER_WAY && n == w->move.to;
        int64_t due_ns = body->plan_ns + shift_of(w, n) + (is_raised ? w->move.kept.raised_ns : 0);

        if (moves_is_idle(w, n))
            continue;
        if (body->has_ns > 0)
            CHECK_INT(body->has_ns, due_ns);
        CHECK_INT(body->last_ns, body->has_ns > 0 ? body->has_ns : due_ns);
    }
}

/* A spare container is known to have something as long as it has; nobody waits for what never
 * comes. */
static void check_spare(const struct moves_world *w)
{
    bool is_there = false;

    for (uint32_t n = 0; n < MOVES_MOVERS; n++)
        is_there |= w->place[n] == MOVES_AWAY;
    if (w->kept.processes[MOVES_AWAY].is_spare)
        CHECK_INT(w->kept.processes[MOVES_AWAY].is_filled, is_there);
    CHECK_INT(w->join.is_on, w->is_asking);
    CHECK(!w->join.is_on || !w->move.is_on);
    if (w->join.is_on && w->join.is_asked)
        CHECK(w->bodies[MOVES_AWAY].state != MOVES_GONE);
}

static void resize(struct moves_world *w, uint32_t number, int64_t more_ns)
{
    struct moves_body *body = &w->bodies[number];

    body->last_ns = (int8_t)(body->last_ns + more_ns);
    if (body->has_ns > 0)
        body->has_ns = body->last_ns;
}

static void forget_shift(struct moves_world *w, uint32_t number)
{
    const struct move_shifts shifts = shifts_of(w);

    move_shift_forget(&shifts, number);
}

/* --- what tactusd does for a move --- */

/* False: nobody is there to be told. */
static bool send(struct moves_world *w, uint32_t number, uint32_t word)
{
    if (w->bodies[number].state == MOVES_GONE || w->bodies[number].state == MOVES_DEAD)
        return false;
    put(&w->bodies[number].to, word);
    return true;
}

static void feed_simple(struct moves_world *w, enum supervise_kind kind, uint32_t number);

static void tell_arrived(struct moves_world *w, uint32_t from, uint32_t to)
{
    if (!w->kept.processes[MOVES_AWAY].is_spare)
        return;
    if (to == MOVES_AWAY)
        feed_simple(w, SUPERVISE_FILLED, to);
    else if (w->place[MOVES_SELF] != from && w->place[MOVES_GUEST] != from)
        feed_simple(w, SUPERVISE_EMPTIED, from);
}

static void arrive(struct moves_world *w)
{
    CHECK_INT(w->place[MOVES_SELF], w->move.from);
    w->place[MOVES_SELF] = w->move.to;
    w->shift[MOVES_SELF] = w->move.to == MOVES_HOME ? (struct move_shift){0, 0} : w->wanted;
    if (w->move.has_joined)
        w->bodies[MOVES_AWAY].plan_ns -= MOVES_MORE_NS;
    tell_arrived(w, w->move.from, w->move.to);
}

/* Spare containers that are empty. */
static void look_empty(struct moves_world *w)
{
    if (moves_is_idle(w, MOVES_AWAY))
        feed_simple(w, SUPERVISE_LEAVE, MOVES_AWAY);
}

/* What waits in the source goes back; who has not looked at its own yet misses it. */
static void check_retire(const struct moves_world *w)
{
    const struct moves_body *target = &w->bodies[w->move.to];

    CHECK(w->move.kept.is_cut);
    CHECK(target->is_begun || w->was_late || w->move.kept.is_gone[MOVE_TARGET]);
}

static void kill(struct moves_world *w, uint32_t number)
{
    if (w->bodies[number].state != MOVES_GONE)
        w->bodies[number].is_killed = true;
}

static void feed_move(struct moves_world *w, const struct move_event *event, int64_t then_ns,
                      bool *ret_may_start);

static bool perform_move(struct moves_world *w, const struct move_action *action, int64_t then_ns)
{
    uint32_t from = w->move.from, to = w->move.to;

    CHECK(w->move.is_on);
    switch (action->verb) {
    case MOVE_SEND_COME:
        return send(w, to, COME | w->epoch << EPOCH_SHIFT);
    case MOVE_SEND_LEAVE:
        return send(w, from, LEAVE | w->epoch << EPOCH_SHIFT);
    case MOVE_SEND_ROUND:
        (void)send(w, from, ROUND);
        break;
    case MOVE_SEND_CUT:
        (void)send(w, from, CUT);
        break;
    case MOVE_SEND_RESUME:
        (void)send(w, from, RESUME);
        break;
    case MOVE_SEND_RETIRE:
        check_retire(w);
        (void)send(w, from, RETIRE);
        break;
    case MOVE_SEND_DISCARD:
        (void)send(w, to, DISCARD);
        break;
    case MOVE_KILL_TARGET:
        kill(w, to);
        break;
    case MOVE_KILL_SOURCE:
        kill(w, from);
        break;
    case MOVE_ARRIVE:
        arrive(w);
        break;
    case MOVE_LOWER: /* what was the last of a spare one drains with what that has */
        CHECK(action->side == MOVE_TARGET || !moves_is_idle(w, from));
        resize(w, action->side == MOVE_TARGET ? to : from, -action->by_ns);
        break;
    case MOVE_FAIL:
        CHECK(action->reason[0] != '\0');
        CHECK_INT(w->place[MOVES_SELF], from);
        break;
    case MOVE_TIMER:
        w->move.has_timer = true;
        w->move.timer_ns = (int8_t)(action->at_ns > then_ns ? action->at_ns - then_ns : 0);
        break;
    case MOVE_FINISH:
        memset(&w->move, 0, sizeof(w->move));
        w->wanted = (struct move_shift){0, 0};
        w->was_late = false;
        look_empty(w);
        break;
    }
    return true;
}

static void obey_move(struct moves_world *w, const struct move_actions *actions, int64_t then_ns)
{
    struct move_event not_sent = {.kind = MOVE_ON_NOT_SENT};
    bool is_any = false, may_start;

    for (uint32_t n = 0; n < actions->count; n++) {
        if (actions->list[n].verb == MOVE_FINISH)
            CHECK_INT(n + 1, actions->count);
        if (perform_move(w, &actions->list[n], then_ns))
            continue;
        is_any = true;
        not_sent.side = actions->list[n].verb == MOVE_SEND_COME ? MOVE_TARGET : MOVE_SOURCE;
    }
    if (is_any)
        feed_move(w, &not_sent, then_ns, &may_start);
}

static void feed_move(struct moves_world *w, const struct move_event *event, int64_t then_ns,
                      bool *ret_may_start)
{
    struct move_actions actions;

    recall_move(w);
    move_order_step(&order, event, then_ns, &actions);
    keep_move(w, then_ns);
    *ret_may_start = actions.may_start;
    obey_move(w, &actions, then_ns);
}

static void tell_move(struct moves_world *w, enum move_event_kind kind, uint32_t pages)
{
    bool may_start;

    feed_move(w, &(struct move_event){.kind = kind, .pages = pages}, now_ns, &may_start);
}

static bool takes_part(const struct moves_world *w, uint32_t number)
{
    return w->move.is_on && (number == w->move.from || number == w->move.to);
}

static bool tell_side(struct moves_world *w, enum move_event_kind kind, uint32_t number)
{
    const struct move_event event = {.kind = kind,
                                     .side = number == w->move.to ? MOVE_TARGET : MOVE_SOURCE};
    bool may_start = true;

    if (takes_part(w, number))
        feed_move(w, &event, now_ns, &may_start);
    return may_start;
}

static void tactusd_hears(struct moves_world *w, uint32_t number)
{
    enum word word = get(&w->bodies[number].from);
    bool is_target = number == w->move.to;
    bool has_left = word == SETTLED_LEFT;

    if (!takes_part(w, number)) { /* late */
        if (has_left && w->place[MOVES_SELF] == number)
            kill(w, number);
        return;
    }
    if (word == SETTLED || has_left)
        (void)tell_side(w, has_left && !is_target ? MOVE_ON_LEFT : MOVE_ON_SETTLED, number);
    else if (word == ACKED_MANY || word == ACKED_FEW)
        tell_move(w, MOVE_ON_ACKED, word == ACKED_MANY ? 1000 : 3);
    else if (!is_target)
        tell_move(w, MOVE_ON_FAILED, 0);
    else if (word == READY)
        tell_move(w, MOVE_ON_READY, 0);
    else if (word == TOOK)
        tell_move(w, MOVE_ON_TOOK, 0);
    else if (word == BEGUN)
        tell_move(w, MOVE_ON_BEGUN, 0);
    else
        tell_move(w, MOVE_ON_GAVE_UP, 0);
}

/* The source of a spare one's last gives nothing back: it goes as a whole. */
static int64_t freed_ns(struct moves_world *w, uint32_t mover, uint32_t to)
{
    const struct move_shifts shifts = shifts_of(w);

    return to == MOVES_HOME
               ? move_shift_freed(&shifts, mover, w->kept.processes[MOVES_AWAY].is_spare)
               : MOVES_LESS_NS;
}

static void begin_move(struct moves_world *w, bool has_joined)
{
    struct move_actions actions;
    struct move_order_params params;
    uint32_t from = w->place[MOVES_SELF], to = from == MOVES_HOME ? MOVES_AWAY : MOVES_HOME;
    int64_t more_ns = to == MOVES_HOME ? w->shift[MOVES_SELF].less_ns : MOVES_MORE_NS;

    w->epoch = (w->epoch + 1) & 3;
    w->move.is_on = true;
    w->move.has_joined = has_joined;
    w->move.from = (uint8_t)from;
    w->move.to = (uint8_t)to;
    w->wanted = to == MOVES_HOME ? (struct move_shift){0, 0}
                                 : (struct move_shift){MOVES_MORE_NS, MOVES_LESS_NS};
    w->move.kept.raised_ns = (int8_t)(has_joined ? 0 : more_ns);
    w->move.kept.freed_ns = (int8_t)freed_ns(w, MOVES_SELF, to);
    resize(w, to, w->move.kept.raised_ns);
    params = kept_move_params(&w->move.kept);
    move_order_begin(&order, &params, now_ns, &actions);
    keep_move(w, now_ns);
    obey_move(w, &actions, now_ns);
}

/* --- spare containers --- */

static void step_join(struct moves_world *w, enum move_join_event_kind kind, bool is_full);

/* is_full: the books have no room for it. */
static void ask_for_spare(struct moves_world *w, bool is_full)
{
    struct moves_body *body = &w->bodies[MOVES_AWAY];

    if (is_full) {
        w->refusals_left--;
        step_join(w, MOVE_JOIN_ON_REFUSED, false);
        return;
    }
    CHECK_INT(body->state, MOVES_GONE);
    body->plan_ns = MOVES_BARE_NS + MOVES_MORE_NS;
    body->last_ns = 0;
    feed_simple(w, SUPERVISE_JOIN, MOVES_AWAY);
}

static void perform_join(struct moves_world *w, const struct move_join_action *action, bool is_full)
{
    switch (action->verb) {
    case MOVE_JOIN_ASK:
        ask_for_spare(w, is_full);
        break;
    case MOVE_JOIN_BEGIN:
        CHECK(w->is_asking);
        if (!moves_are_all_going(w)) {
            step_join(w, MOVE_JOIN_ON_NOT_BEGUN, false);
            break;
        }
        w->is_asking = false; /* the move answers */
        begin_move(w, true);
        break;
    case MOVE_JOIN_FAIL:
        CHECK(w->is_asking);
        CHECK(action->why != MOVE_JOIN_GONE || w->join.is_asked);
        w->is_asking = false;
        break;
    case MOVE_JOIN_LOOK:
        look_empty(w);
        break;
    }
}

static void step_join(struct moves_world *w, enum move_join_event_kind kind, bool is_full)
{
    const struct move_join_event event = {.kind = kind,
                                          .to = MOVES_AWAY,
                                          .is_free =
                                              w->kept.processes[MOVES_AWAY].life == SUPERVISE_DONE};
    struct move_join_actions actions;

    move_join_step(&w->join, &event, &actions);
    for (uint32_t n = 0; n < actions.count; n++)
        perform_join(w, &actions.list[n], is_full);
    if (!w->join.is_on)
        memset(&w->join, 0, sizeof(w->join));
}

/* At once, or when its container is there. */
static void want_move(struct moves_world *w, bool is_full)
{
    w->moves_left--;
    if (w->place[MOVES_SELF] == MOVES_AWAY || !moves_is_idle(w, MOVES_AWAY)) {
        begin_move(w, false);
        return;
    }
    w->is_asking = true;
    step_join(w, MOVE_JOIN_ON_WANTED, is_full);
}

/* A whole move of the guest, to where the component is or was, and back. */
static void visit(struct moves_world *w)
{
    uint32_t from = w->place[MOVES_GUEST], to = 1 - from;
    struct move_shift *shift = &w->shift[MOVES_GUEST];
    int64_t less_ns = freed_ns(w, MOVES_GUEST, to);

    w->visits_left--;
    resize(w, to, to == MOVES_HOME ? shift->less_ns : MOVES_MORE_NS);
    w->place[MOVES_GUEST] = to;
    *shift = to == MOVES_HOME ? (struct move_shift){0, 0}
                              : (struct move_shift){MOVES_MORE_NS, MOVES_LESS_NS};
    tell_arrived(w, from, to);
    resize(w, from, -less_ns);
    look_empty(w);
}

/* It is gone, and nobody follows. */
static void leave(struct moves_world *w)
{
    struct moves_body *body = &w->bodies[MOVES_AWAY];

    CHECK(w->place[MOVES_SELF] != MOVES_AWAY && w->place[MOVES_GUEST] != MOVES_AWAY);
    body->plan_ns = body->has_ns = body->last_ns = 0; /* its place in the books */
    step_join(w, MOVE_JOIN_ON_LEFT, false);
}

/* --- what tactusd does for processes --- */

static void feed(struct moves_world *w, const struct supervise_event *event, int64_t then_ns);

bool moves_is_alive(const struct moves_body *body)
{
    return body->state == MOVES_BOOTING || body->state == MOVES_READY || body->state == MOVES_GOING;
}

bool moves_may_run(const struct moves_body *body)
{
    if (body->state != MOVES_GOING || !body->has)
        return false;
    return body->role != MOVES_LEAVING || tt_source_may_run(body->source);
}

/* Or will have it, whatever is said to it from now on. */
static bool may_take(const struct moves_body *body)
{
    return moves_is_alive(body) && !body->is_killed && body->role == MOVES_COMING &&
           body->target == TT_TARGET_FILLING;
}

/* Who is to have it has no other beside it that could write. */
static void spawn(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];
    const struct moves_body *other = &w->bodies[1 - number];
    int8_t last_ns = body->last_ns, plan_ns = body->plan_ns;

    CHECK_INT(body->state, MOVES_GONE);
    w->is_spawn_due[number] = false;
    if (!tell_side(w, MOVE_ON_START, number)) {
        w->is_spawn_due[number] = true;
        return;
    }
    memset(body, 0, sizeof(*body));
    body->state = MOVES_BOOTING;
    body->last_ns = last_ns;
    body->plan_ns = plan_ns;
    body->has = w->place[MOVES_SELF] == number;
    CHECK(!body->has || !moves_may_run(other));
    CHECK(!body->has || !may_take(other));
}

static void perform(struct moves_world *w, const struct supervise_action *action)
{
    struct moves_body *body = &w->bodies[action->process % MOVES_BODIES];

    CHECK(!w->has_ended);
    switch (action->verb) {
    case SUPERVISE_SPAWN:
        spawn(w, action->process);
        break;
    case SUPERVISE_KILL:
        kill(w, action->process);
        break;
    case SUPERVISE_RESERVE:
        body->is_asked = true;
        break;
    case SUPERVISE_GO:
        for (uint32_t n = 0; n < MOVES_BODIES; n++)
            if ((action->process == SUPERVISE_ALL && w->bodies[n].state != MOVES_GONE) ||
                action->process == n) {
                CHECK_INT(w->bodies[n].state, MOVES_READY);
                w->bodies[n].state = MOVES_GOING;
                w->bodies[n].at = w->next;
                if (n == MOVES_AWAY)
                    step_join(w, MOVE_JOIN_ON_GOING, false);
            }
        break;
    case SUPERVISE_SEND_STOP:
        body->is_stopped = true;
        break;
    case SUPERVISE_LOG:
        break;
    case SUPERVISE_TIMER:
        w->timer_ns = action->at_ns;
        break;
    case SUPERVISE_LEFT:
        CHECK_INT(action->process, MOVES_AWAY);
        leave(w);
        break;
    case SUPERVISE_END:
        w->has_ended = true;
        w->timer_ns = INT64_MAX;
        for (uint32_t n = 0; n < MOVES_BODIES; n++)
            CHECK_INT(w->bodies[n].state, MOVES_GONE);
        CHECK(!w->move.is_on || w->move.kept.phase != MOVE_UNDER_WAY);
        CHECK(!w->join.is_on);
        break;
    }
}

static void feed(struct moves_world *w, const struct supervise_event *event, int64_t then_ns)
{
    static struct supervise_actions out;
    bool was_draining = w->kept.state >= SUPERVISE_DRAINING;

    supervise.process_count = supervise.container_count = MOVES_BODIES;
    kept_recall(&w->kept, &supervise, now_ns);
    w->timer_ns = w->timer_ns != INT64_MAX ? w->timer_ns + now_ns : INT64_MAX;
    supervise_step(&supervise, event, then_ns, &out);
    supervise_check(&supervise);
    kept_keep(&w->kept, &supervise, then_ns);
    for (uint32_t n = 0; n < out.count; n++)
        perform(w, &out.list[n]);
    if (w->timer_ns != INT64_MAX)
        w->timer_ns = w->timer_ns > then_ns ? w->timer_ns - then_ns : 0;
    if (!was_draining && w->kept.state == SUPERVISE_DRAINING && w->move.is_on)
        tell_move(w, MOVE_ON_CANCEL, 0);
    if (!was_draining && w->kept.state == SUPERVISE_DRAINING)
        step_join(w, MOVE_JOIN_ON_CANCEL, false);
}

static void feed_simple(struct moves_world *w, enum supervise_kind kind, uint32_t number)
{
    feed(w, &(struct supervise_event){.kind = kind, .process = number, .text = "a reason"}, now_ns);
}

static void feed_death(struct moves_world *w, uint32_t number, bool is_clean)
{
    feed(w,
         &(struct supervise_event){
             .kind = SUPERVISE_DIED, .process = number, .is_clean = is_clean, .text = "a death"},
         now_ns);
}

static void spawn_who_waited(struct moves_world *w)
{
    for (uint32_t n = 0; n < MOVES_BODIES; n++) {
        if (!w->is_spawn_due[n])
            continue;
        if (!w->kept.processes[n].is_killed) {
            spawn(w, n);
            continue;
        }
        w->is_spawn_due[n] = false;
        feed_death(w, n, false);
    }
}

/* Its last words come before its death. */
static void reap(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];
    bool is_clean = body->has_ended;
    int8_t last_ns, plan_ns;

    while (body->from.count > 0)
        tactusd_hears(w, number);
    last_ns = body->last_ns;
    plan_ns = body->plan_ns;
    memset(body, 0, sizeof(*body));
    body->last_ns = last_ns;
    body->plan_ns = plan_ns;
    (void)tell_side(w, MOVE_ON_DIED, number);
    feed_death(w, number, is_clean);
    spawn_who_waited(w);
}

static void reserve(struct moves_world *w, uint32_t number, uint32_t way)
{
    struct moves_body *body = &w->bodies[number];
    int64_t budget_ns = way == 1 ? body->last_ns : way == 3 ? 0 : body->plan_ns;

    body->is_asked = false;
    body->has_ns = body->last_ns = (int8_t)budget_ns;
    if (way == 0)
        resize(w, number, shift_of(w, number));
    else if (way == 2)
        forget_shift(w, number);
    w->refusals_left -= way >= 2;
    feed(w,
         &(struct supervise_event){
             .kind = SUPERVISE_RESERVED, .process = number, .is_refusal = way == 3},
         now_ns);
}

/* --- what the containers do --- */

static void settle(struct moves_body *body, bool has_left)
{
    body->role = MOVES_NO_ROLE;
    body->source = TT_SOURCE_RUNNING;
    body->target = TT_TARGET_FILLING;
    body->is_split = false;
    put(&body->from, has_left ? SETTLED_LEFT : SETTLED);
}

/* To whoever reads the other end, if that is still there. */
static void stream(struct moves_world *w, uint32_t from, enum word word)
{
    const struct moves_body *other = &w->bodies[1 - from];

    if (moves_is_alive(other) && other->role == MOVES_COMING &&
        other->epoch == w->bodies[from].epoch)
        put(&w->stream, word);
}

static void tell_pages(struct moves_world *w, uint32_t number, uint32_t way)
{
    struct moves_body *body = &w->bodies[number];

    if (way == 2)
        put(&body->from, FAILED);
    else
        stream(w, number, way == 1 ? MANY_PAGES : FEW_PAGES);
}

static void begin_leaving(struct moves_world *w, const struct moves_kind *kind, uint32_t number,
                          uint32_t way)
{
    struct moves_body *body = &w->bodies[number];

    body->role = MOVES_LEAVING;
    body->source = TT_SOURCE_RUNNING;
    if (!body->has || way == 2) {
        put(&body->from, FAILED);
        stream(w, number, BROKEN);
        settle(body, false);
    } else if (kind->is_fresh) {
        put(&body->from, ACKED_FEW);
    } else {
        tell_pages(w, number, way);
    }
}

static void retire(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];

    if (tt_source_may_run(body->source))
        return;
    body->source = (uint8_t)tt_source_order(body->source, TT_SOURCE_ON_RETIRE);
    body->has = false;
    stream(w, number, BROKEN);
    settle(body, true);
}

static void resume(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];

    if (body->source == TT_SOURCE_RETIRED)
        return;
    body->source = (uint8_t)tt_source_order(body->source, TT_SOURCE_ON_RESUME);
    stream(w, number, BROKEN);
    settle(body, false);
}

static void target_does(struct moves_body *body, enum tt_target_event event)
{
    enum tt_target_state state = body->target;
    enum tt_move_event_kind told = tt_target_step(&state, event);

    body->target = (uint8_t)state;
    if (told == TT_MOVE_TOOK) {
        body->has = true;
        body->at = body->carried;
    }
    if (told != 0)
        put(&body->from, told == TT_MOVE_TOOK ? TOOK : GAVE_UP);
    if (told == TT_MOVE_GAVE_UP)
        settle(body, false);
}

/* way: what the source's state turns out to be like, or whether the target can make a place. */
static void hear_order(struct moves_world *w, const struct moves_kind *kind, uint32_t number,
                       uint32_t way)
{
    struct moves_body *body = &w->bodies[number];
    uint32_t whole = get(&body->to);
    enum word word = whole & WORD_MASK;

    if ((word == COME || word == LEAVE) && body->role == MOVES_NO_ROLE)
        body->epoch = (uint8_t)(whole >> EPOCH_SHIFT);
    if (word == COME && body->role == MOVES_NO_ROLE) {
        memset(&w->stream, 0, sizeof(w->stream));
        body->role = MOVES_COMING;
        body->target = way == 2 ? TT_TARGET_GAVE_UP : TT_TARGET_FILLING;
        body->is_begun = false;
        put(&body->from, way == 2 ? GAVE_UP : READY);
        if (way == 2)
            settle(body, false);
    } else if (word == LEAVE && body->role == MOVES_NO_ROLE) {
        begin_leaving(w, kind, number, way);
    } else if (word == DISCARD && body->role == MOVES_COMING) {
        target_does(body, TT_TARGET_ON_DISCARD);
    } else if (body->role != MOVES_LEAVING) {
        return; /* late: it is over here */
    } else if (word == ROUND) {
        tell_pages(w, number, way);
    } else if (word == CUT) {
        body->source = (uint8_t)tt_source_order(body->source, TT_SOURCE_ON_CUT);
    } else if (word == RESUME) {
        resume(w, number);
    } else if (word == RETIRE) {
        retire(w, number);
    }
}

static void hear_stream(struct moves_world *w, uint32_t number, uint32_t way)
{
    struct moves_body *body = &w->bodies[number];
    enum word word = get(&w->stream);

    if (body->role != MOVES_COMING || body->target != TT_TARGET_FILLING)
        return;
    if (word == MANY_PAGES || word == FEW_PAGES)
        put(&body->from, word == MANY_PAGES ? ACKED_MANY : ACKED_FEW);
    else
        target_does(body, word == STATE && way == 0 ? TT_TARGET_ON_CUT : TT_TARGET_ON_BROKEN);
}

static void drain(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];

    body->source = TT_SOURCE_RETIRED;
    body->has = false;
    stream(w, number, BROKEN);
    settle(body, true);
}

/* Between two frames; or the next of them. way 1: who is split has nothing to wait for. */
static void run(struct moves_world *w, const struct moves_kind *kind, uint32_t number, uint32_t way)
{
    struct moves_body *body = &w->bodies[number];
    enum tt_source_state state = body->source;

    if (body->role == MOVES_LEAVING && tt_source_boundary(&state)) {
        body->source = (uint8_t)state;
        w->bodies[1 - number].carried = body->at;
        stream(w, number, STATE);
        body->is_split = kind->is_fresh;
        if (way == 1)
            drain(w, number);
        return;
    }
    CHECK_INT(body->at, w->next); /* by two writers, twice by one, or left out */
    body->at++;
    w->next++;
}

static void die(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];

    if (body->role == MOVES_LEAVING)
        stream(w, number, BROKEN);
    if (body->role == MOVES_COMING)
        memset(&w->stream, 0, sizeof(w->stream));
    body->state = MOVES_DEAD;
    body->role = MOVES_NO_ROLE;
    body->has = body->is_killed = body->is_asked = false;
    body->is_stopped = body->is_split = false;
    memset(&body->to, 0, sizeof(body->to));
}

static void tick_move(struct moves_world *w)
{
    const struct move_event event = {.kind = MOVE_ON_TICK};
    int64_t then_ns = now_ns + w->move.timer_ns;
    bool may_start;

    w->was_late |= w->move.kept.phase == MOVE_SETTLING && w->move.timer_ns > 0;
    w->move.has_timer = false;
    feed_move(w, &event, then_ns, &may_start);
    CHECK(!w->move.is_on || w->move.has_timer); /* or it would have no end */
}

static void tick(struct moves_world *w)
{
    int64_t then_ns = now_ns + w->timer_ns;

    w->ticks_left--;
    w->timer_ns = INT64_MAX;
    feed(w, &(struct supervise_event){.kind = SUPERVISE_TICK}, then_ns);
}

static void begin_body(struct moves_body *body)
{
    body->is_begun = true;
    put(&body->from, BEGUN);
    settle(body, false);
}

static void do_to_body(struct moves_world *w, const struct moves_kind *kind,
                       struct moves_choice choice)
{
    struct moves_body *body = &w->bodies[choice.body];

    switch (choice.kind) {
    case MOVES_HEAR_ORDER:
        hear_order(w, kind, choice.body, choice.way);
        break;
    case MOVES_HEAR_STREAM:
        hear_stream(w, choice.body, choice.way);
        break;
    case MOVES_RUNS:
        run(w, kind, choice.body, choice.way);
        break;
    case MOVES_BEGINS:
        begin_body(body);
        break;
    case MOVES_DRAINS:
        drain(w, choice.body);
        break;
    case MOVES_GETS_READY:
        body->state = MOVES_READY;
        feed_simple(w, SUPERVISE_READY, choice.body);
        break;
    default:
        w->deaths_left -= choice.kind == MOVES_DIES;
        body->has_ended = choice.kind == MOVES_ENDS;
        die(w, choice.body);
        break;
    }
}

void moves_do(struct moves_world *w, const struct moves_kind *kind, struct moves_choice choice)
{
    switch (choice.kind) {
    case MOVES_HEAR_WORD:
        tactusd_hears(w, choice.body);
        break;
    case MOVES_RESERVES:
        reserve(w, choice.body, choice.way);
        break;
    case MOVES_REAPED:
        reap(w, choice.body);
        break;
    case MOVES_MOVE_TICK:
        tick_move(w);
        break;
    case MOVES_TICK:
        tick(w);
        break;
    case MOVES_BEGIN:
        want_move(w, choice.way == 1);
        break;
    case MOVES_VISIT:
        visit(w);
        break;
    case MOVES_STOP:
        w->stops_left--;
        feed_simple(w, SUPERVISE_STOP, 0);
        break;
    default:
        do_to_body(w, kind, choice);
        break;
    }
    CHECK(moves_may_run(&w->bodies[0]) + moves_may_run(&w->bodies[1]) <= 1);
    check_reservations(w);
    check_spare(w);
}

bool moves_is_at_rest(const struct moves_world *w, const struct moves_kind *kind, bool is_mute)
{
    uint32_t place = w->place[MOVES_SELF];

    if (w->has_ended)
        return true;
    if (w->move.is_on || w->join.is_on || !moves_are_all_going(w) || w->next < kind->last_index)
        return false;
    for (uint32_t n = 0; n < MOVES_BODIES && !is_mute; n++)
        if (w->bodies[n].role != MOVES_NO_ROLE)
            return false;
    if (moves_is_idle(w, MOVES_AWAY) && w->bodies[MOVES_AWAY].state != MOVES_GONE)
        return false;
    if (moves_is_idle(w, MOVES_AWAY)) /* with all that was reserved */
        CHECK_INT(w->bodies[MOVES_AWAY].last_ns, 0);
    return moves_may_run(&w->bodies[place]) && !moves_may_run(&w->bodies[1 - place]);
}

void moves_begin(struct moves_world *w, const struct moves_kind *kind)
{
    memset(w, 0, sizeof(*w));
    w->timer_ns = INT64_MAX;
    w->moves_left = kind->moves;
    w->deaths_left = kind->deaths;
    w->stops_left = kind->stops;
    w->ticks_left = kind->ticks;
    w->refusals_left = kind->refusals;
    w->visits_left = kind->visits;
    supervise_init(&supervise, MOVES_BODIES, 0);
    supervise_set_containers(&supervise, MOVES_BODIES);
    if (kind->is_spare)
        supervise_set_spares(&supervise, 1);
    kept_keep(&w->kept, &supervise, 0);
    feed_simple(w, SUPERVISE_PLANNED, 0);
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        if (w->bodies[n].state != MOVES_GONE)
            w->bodies[n].plan_ns = w->bodies[n].last_ns = MOVES_PLAN_NS;
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        if (w->bodies[n].state != MOVES_GONE)
            moves_do(w, kind, (struct moves_choice){MOVES_GETS_READY, (uint8_t)n, 0});
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        if (w->bodies[n].state != MOVES_GONE)
            reserve(w, n, 0);
    CHECK(moves_are_all_going(w));
    want_move(w, false);
}
