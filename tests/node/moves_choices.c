/* What may happen next to two containers and a component that moves between them; moves.h says
 * what. */
#include "moves_inside.h"

#include "check.h"

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

    offer(list, moves_is_alive(body) && body->to.count > 0, MOVES_HEAR_ORDER, n, has_ways ? 3 : 1);
    offer(list, moves_is_alive(body) && body->role == MOVES_COMING && w->stream.count > 0,
          MOVES_HEAR_STREAM, n, w->stream.list[0] == STATE ? 2 : 1);
    offer(list, body->from.count > 0, MOVES_HEAR_WORD, n, 1);
    offer(list, moves_may_run(body) && (is_cutting || body->at < kind->last_index), MOVES_RUNS, n,
          is_cutting && kind->is_fresh ? 2 : 1);
    offer(list, body->role == MOVES_COMING && body->target == TT_TARGET_HAS, MOVES_BEGINS, n, 1);
    offer(list, body->is_split && body->role == MOVES_LEAVING && body->source == TT_SOURCE_CUT,
          MOVES_DRAINS, n, 1);
}

/* As low as it had been, less than moved components need, nothing at all. */
static uint32_t reserve_ways(const struct moves_world *w, uint32_t n)
{
    if (w->bodies[n].last_ns == 0) /* for the first time */
        return 1;
    return w->refusals_left > 0 ? 3 : 2;
}

static void offer_life(const struct moves_world *w, uint32_t n, struct list *list)
{
    const struct moves_body *body = &w->bodies[n];

    offer(list, body->state == MOVES_BOOTING, MOVES_GETS_READY, n, 1);
    offer(list, moves_is_alive(body) && body->is_asked, MOVES_RESERVES, n, reserve_ways(w, n));
    offer(list, body->state == MOVES_GOING && body->is_stopped, MOVES_ENDS, n, 1);
    offer(list, moves_is_alive(body) && body->is_killed, MOVES_KILLED, n, 1);
    offer(list, body->state == MOVES_DEAD, MOVES_REAPED, n, 1);
    offer(list, moves_is_alive(body) && !body->is_killed && w->deaths_left > 0, MOVES_DIES, n, 1);
}

/* A spare one that is not there, or about to go, is not missed. */
bool moves_are_all_going(const struct moves_world *w)
{
    for (uint32_t n = 0; n < MOVES_BODIES; n++) {
        const struct supervise_process *process = &w->kept.processes[n];
        bool is_off =
            moves_is_idle(w, n) && (process->life == SUPERVISE_DONE || process->is_killed);

        if (process->life != SUPERVISE_GOING && !is_off)
            return false;
    }
    return w->kept.state == SUPERVISE_RUNNING;
}

/* Its books are asked at once: nothing of one before it is there. */
static bool is_spare_free(const struct moves_world *w)
{
    return w->place[MOVES_SELF] == MOVES_HOME && moves_is_idle(w, MOVES_AWAY) &&
           w->kept.processes[MOVES_AWAY].life == SUPERVISE_DONE;
}

static void offer_spare(const struct moves_world *w, struct list *list)
{
    bool is_free = !w->move.is_on && !w->join.is_on && moves_are_all_going(w);
    const struct moves_body *away = &w->bodies[MOVES_AWAY];

    offer(list,
          is_free && w->visits_left > 0 && away->state == MOVES_GOING &&
              !moves_is_idle(w, MOVES_AWAY),
          MOVES_VISIT, MOVES_AWAY, 1);
    if (moves_is_alive(away) && away->is_asked && moves_is_idle(w, MOVES_AWAY) &&
        w->refusals_left > 0)
        list->choices[list->count++] = (struct moves_choice){MOVES_RESERVES, MOVES_AWAY, 3};
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
    offer(&list, !w->move.is_on && !w->join.is_on && w->moves_left > 0 && moves_are_all_going(w),
          MOVES_BEGIN, 0, kind->is_spare && w->refusals_left > 0 && is_spare_free(w) ? 2 : 1);
    offer_spare(w, &list);
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
                                                          "a guest comes or goes",
                                                          "dies",
                                                          "the user stops"};

    return names[kind];
}
