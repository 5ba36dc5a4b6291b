/* Two containers, a component that moves between them and tactusd, one step at a time; moves.h says
 * what. */
#include "moves.h"

#include "check.h"

/* Now, whenever it is. */
static const int64_t now_ns = INT64_C(1000000000000);

static const uint32_t home_of = MOVES_HOME;

enum word {
    NOTHING = 0,
    COME, /* tactusd to a container */
    LEAVE,
    ROUND,
    CUT,
    RESUME,
    RETIRE,
    DISCARD,
    MANY_PAGES, /* source to target */
    FEW_PAGES,
    STATE,
    BROKEN,
    READY, /* a container to tactusd */
    ACKED_MANY,
    ACKED_FEW,
    TOOK,
    BEGUN,
    GAVE_UP,
    FAILED,
    SETTLED,
    SETTLED_LEFT
};

enum { WORD_MASK = 0x3f, EPOCH_SHIFT = 6 }; /* orders to begin say which move */

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

static int8_t small(int64_t at_ns, int64_t then_ns)
{
    return (int8_t)(at_ns > then_ns ? at_ns - then_ns : 0);
}

static void keep_move(struct moves_world *w, int64_t then_ns)
{
    move_order_check(&order);
    CHECK(order.step.state != TT_MOVE_GIVING_UP || order.step.reason[0] != '\0');
    w->move.phase = order.phase;
    w->move.has_failed = order.has_failed;
    w->move.is_told = order.is_told;
    memcpy(w->move.is_settled, order.is_settled, sizeof(order.is_settled));
    memcpy(w->move.is_gone, order.is_gone, sizeof(order.is_gone));
    w->move.has_begun = order.has_begun;
    w->move.is_retire_due = order.is_retire_due;
    w->move.is_lost = order.is_lost;
    w->move.limit_ns = small(order.limit_ns, then_ns);
    w->move.state = order.step.state;
    w->move.rounds = (uint8_t)order.step.rounds;
    w->move.is_source_dead = order.step.is_source_dead;
    w->move.is_cut = order.step.is_cut;
    w->move.step_limit_ns = small(order.step.limit_ns, then_ns);
}

static struct move_order_params params_of(const struct moves_world *w)
{
    return (struct move_order_params){
        .step = {.rounds_max = 2, .pages_enough = 10, .step_ns = 1, .cut_ns = 1},
        .end_ns = 1,
        .raised_ns = w->move.raised_ns,
        .freed_ns = w->move.freed_ns};
}

static void recall_move(const struct moves_world *w)
{
    order = (struct move_order){.params = params_of(w),
                                .phase = w->move.phase,
                                .has_failed = w->move.has_failed,
                                .is_told = w->move.is_told,
                                .has_begun = w->move.has_begun,
                                .is_retire_due = w->move.is_retire_due,
                                .is_lost = w->move.is_lost,
                                .limit_ns = now_ns + w->move.limit_ns};
    memcpy(order.is_settled, w->move.is_settled, sizeof(order.is_settled));
    memcpy(order.is_gone, w->move.is_gone, sizeof(order.is_gone));
    order.step = (struct tt_move){.params = order.params.step,
                                  .state = w->move.state,
                                  .rounds = w->move.rounds,
                                  .is_source_dead = w->move.is_source_dead,
                                  .is_cut = w->move.is_cut,
                                  .limit_ns = now_ns + w->move.step_limit_ns,
                                  .reason = "before"};
}

/* --- reservations --- */

static int64_t shift_of(const struct moves_world *w, uint32_t number)
{
    struct move_shift shift = w->shift;
    const struct move_shifts shifts = {
        .list = &shift, .process_of = &w->place, .home_of = &home_of, .count = 1};

    return move_shift_of(&shifts, number);
}

/* What it has is the plan's and what moved components need: never raised for one that did not
 * come, never lowered twice. */
static void check_reservations(const struct moves_world *w)
{
    for (uint32_t n = 0; n < MOVES_BODIES; n++) {
        const struct moves_body *body = &w->bodies[n];
        bool is_raised = w->move.is_on && w->move.phase == MOVE_UNDER_WAY && n == w->move.to;
        int64_t due_ns = MOVES_PLAN_NS + shift_of(w, n) + (is_raised ? w->move.raised_ns : 0);

        if (body->has_ns > 0)
            CHECK_INT(body->has_ns, due_ns);
        CHECK_INT(body->last_ns, body->has_ns > 0 ? body->has_ns : due_ns);
    }
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
    const struct move_shifts shifts = {
        .list = &w->shift, .process_of = &w->place, .home_of = &home_of, .count = 1};

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

static void arrive(struct moves_world *w)
{
    CHECK_INT(w->place, w->move.from);
    w->place = w->move.to;
    w->shift = w->place == home_of ? (struct move_shift){0, 0} : w->wanted;
}

/* What waits in the source goes back; who has not looked at its own yet misses it. */
static void check_retire(const struct moves_world *w)
{
    const struct moves_body *target = &w->bodies[w->move.to];

    CHECK(w->move.is_cut);
    CHECK(target->is_begun || w->was_late || w->move.is_gone[MOVE_TARGET]);
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
    case MOVE_LOWER:
        resize(w, action->side == MOVE_TARGET ? to : from, -action->by_ns);
        break;
    case MOVE_FAIL:
        CHECK(action->reason[0] != '\0');
        CHECK_INT(w->place, from);
        break;
    case MOVE_TIMER:
        w->move.has_timer = true;
        w->move.timer_ns = (int8_t)(action->at_ns > then_ns ? action->at_ns - then_ns : 0);
        break;
    case MOVE_FINISH:
        memset(&w->move, 0, sizeof(w->move));
        w->wanted = (struct move_shift){0, 0};
        w->was_late = false;
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
        if (has_left && w->place == number)
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

static void begin_move(struct moves_world *w)
{
    struct move_actions actions;
    struct move_order_params params;
    uint32_t to = w->place == MOVES_HOME ? MOVES_AWAY : MOVES_HOME;

    w->moves_left--;
    w->epoch = (w->epoch + 1) & 3;
    w->move.is_on = true;
    w->move.from = (uint8_t)w->place;
    w->move.to = (uint8_t)to;
    w->wanted = to == home_of ? (struct move_shift){0, 0}
                              : (struct move_shift){MOVES_MORE_NS, MOVES_LESS_NS};
    w->move.raised_ns = (int8_t)(to == home_of ? w->shift.less_ns : w->wanted.more_ns);
    w->move.freed_ns = (int8_t)(to == home_of ? w->shift.more_ns : w->wanted.less_ns);
    resize(w, to, w->move.raised_ns);
    params = params_of(w);
    move_order_begin(&order, &params, now_ns, &actions);
    keep_move(w, now_ns);
    obey_move(w, &actions, now_ns);
}

/* --- what tactusd does for processes --- */

static void feed(struct moves_world *w, const struct supervise_event *event, int64_t then_ns);

static bool is_alive(const struct moves_body *body)
{
    return body->state == MOVES_BOOTING || body->state == MOVES_READY || body->state == MOVES_GOING;
}

static bool may_run(const struct moves_body *body)
{
    if (body->state != MOVES_GOING || !body->has)
        return false;
    return body->role != MOVES_LEAVING || tt_source_may_run(body->source);
}

/* Or will have it, whatever is said to it from now on. */
static bool may_take(const struct moves_body *body)
{
    return is_alive(body) && !body->is_killed && body->role == MOVES_COMING &&
           body->target == TT_TARGET_FILLING;
}

/* Who is to have it has no other beside it that could write. */
static void spawn(struct moves_world *w, uint32_t number)
{
    struct moves_body *body = &w->bodies[number];
    const struct moves_body *other = &w->bodies[1 - number];
    int8_t last_ns = body->last_ns;

    CHECK_INT(body->state, MOVES_GONE);
    w->is_spawn_due[number] = false;
    if (!tell_side(w, MOVE_ON_START, number)) {
        w->is_spawn_due[number] = true;
        return;
    }
    memset(body, 0, sizeof(*body));
    body->state = MOVES_BOOTING;
    body->last_ns = last_ns;
    body->has = w->place == number;
    CHECK(!body->has || !may_run(other));
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
            if (action->process == SUPERVISE_ALL || action->process == n) {
                CHECK_INT(w->bodies[n].state, MOVES_READY);
                w->bodies[n].state = MOVES_GOING;
                w->bodies[n].at = w->next;
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
        CHECK(false); /* it has no spare container */
        break;
    case SUPERVISE_END:
        w->has_ended = true;
        w->timer_ns = INT64_MAX;
        for (uint32_t n = 0; n < MOVES_BODIES; n++)
            CHECK_INT(w->bodies[n].state, MOVES_GONE);
        CHECK(!w->move.is_on || w->move.phase != MOVE_UNDER_WAY);
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
    int8_t last_ns;

    while (body->from.count > 0)
        tactusd_hears(w, number);
    last_ns = body->last_ns;
    memset(body, 0, sizeof(*body));
    body->last_ns = last_ns;
    (void)tell_side(w, MOVE_ON_DIED, number);
    feed_death(w, number, is_clean);
    spawn_who_waited(w);
}

static void reserve(struct moves_world *w, uint32_t number, uint32_t way)
{
    struct moves_body *body = &w->bodies[number];
    int64_t budget_ns = way == 1 ? body->last_ns : MOVES_PLAN_NS;

    body->is_asked = false;
    body->has_ns = body->last_ns = (int8_t)budget_ns;
    if (way == 0)
        resize(w, number, shift_of(w, number));
    else if (way == 2)
        forget_shift(w, number);
    w->refusals_left -= way == 2;
    feed_simple(w, SUPERVISE_RESERVED, number);
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

    if (is_alive(other) && other->role == MOVES_COMING && other->epoch == w->bodies[from].epoch)
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

static void leave(struct moves_world *w, const struct moves_kind *kind, uint32_t number,
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
        leave(w, kind, number, way);
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

/* --- choices --- */

struct list {
    struct moves_choice *choices;
    uint32_t count;
};

static void offer(struct list *list, bool may, enum moves_choice_kind kind, uint32_t body,
                  uint32_t ways)
{
    for (uint32_t way = 0; may && way < ways; way++) {
        CHECK(list->count < MOVES_CHOICES);
        list->choices[list->count++] = (struct moves_choice){kind, (uint8_t)body, (uint8_t)way};
    }
}

static void offer_move(const struct moves_world *w, const struct moves_kind *kind, uint32_t n,
                       struct list *list)
{
    const struct moves_body *body = &w->bodies[n];
    enum word order_word = body->to.list[0] & WORD_MASK;
    bool is_cutting = body->role == MOVES_LEAVING && body->source == TT_SOURCE_CUTTING;
    bool has_ways = order_word == LEAVE || order_word == ROUND || order_word == COME;

    offer(list, is_alive(body) && body->to.count > 0, MOVES_HEAR_ORDER, n, has_ways ? 3 : 1);
    offer(list, is_alive(body) && body->role == MOVES_COMING && w->stream.count > 0,
          MOVES_HEAR_STREAM, n, w->stream.list[0] == STATE ? 2 : 1);
    offer(list, body->from.count > 0, MOVES_HEAR_WORD, n, 1);
    offer(list, may_run(body) && (is_cutting || body->at < kind->last_index), MOVES_RUNS, n,
          is_cutting && kind->is_fresh ? 2 : 1);
    offer(list, body->role == MOVES_COMING && body->target == TT_TARGET_HAS, MOVES_BEGINS, n, 1);
    offer(list, body->is_split && body->role == MOVES_LEAVING && body->source == TT_SOURCE_CUT,
          MOVES_DRAINS, n, 1);
}

static void offer_life(const struct moves_world *w, uint32_t n, struct list *list)
{
    const struct moves_body *body = &w->bodies[n];

    offer(list, body->state == MOVES_BOOTING, MOVES_GETS_READY, n, 1);
    offer(list, is_alive(body) && body->is_asked, MOVES_RESERVES, n, w->refusals_left > 0 ? 3 : 2);
    offer(list, body->state == MOVES_GOING && body->is_stopped, MOVES_ENDS, n, 1);
    offer(list, is_alive(body) && body->is_killed, MOVES_KILLED, n, 1);
    offer(list, body->state == MOVES_DEAD, MOVES_REAPED, n, 1);
    offer(list, is_alive(body) && !body->is_killed && w->deaths_left > 0, MOVES_DIES, n, 1);
}

static bool are_both_going(const struct moves_world *w)
{
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        if (w->kept.processes[n].life != SUPERVISE_GOING)
            return false;
    return w->kept.state == SUPERVISE_RUNNING;
}

uint32_t moves_choices(const struct moves_world *w, const struct moves_kind *kind,
                       struct moves_choice ret[MOVES_CHOICES])
{
    struct list list = {.choices = ret};

    for (uint32_t n = 0; n < MOVES_BODIES; n++) {
        offer_move(w, kind, n, &list);
        offer_life(w, n, &list);
    }
    offer(&list, w->move.is_on && w->move.has_timer && !w->has_ended, MOVES_MOVE_TICK, 0, 1);
    offer(&list, w->timer_ns != INT64_MAX && w->ticks_left > 0, MOVES_TICK, 0, 1);
    offer(&list, !w->move.is_on && w->moves_left > 0 && are_both_going(w), MOVES_BEGIN, 0, 1);
    offer(&list, !w->has_ended && w->stops_left > 0, MOVES_STOP, 0, 1);
    return list.count;
}

const char *moves_choice_name(uint8_t kind)
{
    static const char *const names[MOVES_CHOICE_COUNT] = {"hears its order",
                                                          "reads the state",
                                                          "is heard",
                                                          "runs or stands still",
                                                          "begins",
                                                          "drains",
                                                          "is ready",
                                                          "has its class",
                                                          "ends",
                                                          "is killed",
                                                          "is reaped",
                                                          "the move's timer",
                                                          "the timer",
                                                          "a move is asked",
                                                          "dies",
                                                          "the user stops"};

    return names[kind];
}

static void tick_move(struct moves_world *w)
{
    const struct move_event event = {.kind = MOVE_ON_TICK};
    int64_t then_ns = now_ns + w->move.timer_ns;
    bool may_start;

    w->was_late |= w->move.phase == MOVE_SETTLING && w->move.timer_ns > 0;
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
        begin_move(w);
        break;
    case MOVES_STOP:
        w->stops_left--;
        feed_simple(w, SUPERVISE_STOP, 0);
        break;
    default:
        do_to_body(w, kind, choice);
        break;
    }
    CHECK(may_run(&w->bodies[0]) + may_run(&w->bodies[1]) <= 1);
    check_reservations(w);
}

bool moves_is_at_rest(const struct moves_world *w, const struct moves_kind *kind, bool is_mute)
{
    if (w->has_ended)
        return true;
    if (w->move.is_on || !are_both_going(w) || w->next < kind->last_index)
        return false;
    for (uint32_t n = 0; n < MOVES_BODIES && !is_mute; n++)
        if (w->bodies[n].role != MOVES_NO_ROLE)
            return false;
    return may_run(&w->bodies[w->place]) && !may_run(&w->bodies[1 - w->place]);
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
    supervise_init(&supervise, MOVES_BODIES, 0);
    supervise_set_containers(&supervise, MOVES_BODIES);
    kept_keep(&w->kept, &supervise, 0);
    feed_simple(w, SUPERVISE_PLANNED, 0);
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        w->bodies[n].last_ns = MOVES_PLAN_NS;
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        moves_do(w, kind, (struct moves_choice){MOVES_GETS_READY, (uint8_t)n, 0});
    for (uint32_t n = 0; n < MOVES_BODIES; n++)
        reserve(w, n, 0);
    CHECK(are_both_going(w));
    begin_move(w);
}
