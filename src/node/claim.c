/* Which scheduling class a service's workers get: decided here, done in run_reserve.c. */
#include "node/claim.h"

#include <string.h>

#include "base/assert.h"

static void add(struct claim_actions *out, enum claim_verb verb, uint32_t worker)
{
    tt_assert(out->count < CLAIM_ACTIONS_MAX);
    out->list[out->count++] = (struct claim_action){.verb = verb, .worker = worker};
}

void claim_init(struct claim *claim, uint32_t worker_count, uint32_t spare_count)
{
    tt_assert(worker_count <= TT_WORKERS_MAX);
    tt_assert(spare_count < worker_count);
    memset(claim, 0, sizeof(*claim));
    claim->worker_count = worker_count;
    claim->spare_count = spare_count;
}

/* Before anything runs: reservations of some workers would help nobody, and would keep others from
 * what they hold. A thread leaves its own by itself only, so each is told so with go. */
static void drop_all(struct claim *claim, struct claim_actions *out)
{
    add(out, CLAIM_GIVE_BACK_ALL, 0);
    for (uint32_t n = 0; n < claim->worker_count; n++) {
        struct claim_worker *worker = &claim->workers[n];

        worker->is_leaving |= worker->has_reservation;
        worker->has_reservation = worker->is_obtained = worker->was_obtained = false;
    }
    claim->is_refused = claim->worker_count - claim->spare_count > 1;
}

/* Later the others go on with what they have. A place in the books that stands for nothing would
 * keep others out until the service ends. */
static void refuse(struct claim *claim, uint32_t number, struct claim_actions *out)
{
    struct claim_worker *worker = &claim->workers[number];

    if (!claim->has_gone) {
        drop_all(claim, out);
    } else {
        add(out, CLAIM_GIVE_BACK, number);
        if (worker->was_obtained)
            add(out, CLAIM_LOST, number);
        worker->is_obtained = worker->was_obtained = false;
    }
    add(out, CLAIM_TELL, number);
}

static void ask(struct claim *claim, const struct claim_event *event, struct claim_actions *out)
{
    if (claim->is_refused)
        claim->workers[event->worker].is_leaving |= event->is_reservation;
    add(out, claim->is_refused ? CLAIM_TELL : CLAIM_CLIMB, event->worker);
}

static void on_got(struct claim_worker *worker, const struct claim_event *event,
                   struct claim_actions *out)
{
    worker->is_obtained = worker->was_obtained = true;
    worker->has_reservation = event->is_reservation;
    add(out, CLAIM_TELL, event->worker);
}

void claim_step(struct claim *claim, const struct claim_event *event, struct claim_actions *out)
{
    struct claim_worker *worker = &claim->workers[event->worker];

    out->count = 0;
    tt_assert(event->worker < claim->worker_count);
    switch (event->kind) {
    case CLAIM_ASKED:
        worker->has_waited = false;
        ask(claim, event, out);
        break;
    case CLAIM_AGAIN:
        ask(claim, event, out);
        break;
    case CLAIM_GOT:
        on_got(worker, event, out);
        break;
    case CLAIM_FULL: /* somebody's 0-lag time may be near, its predecessor's above all */
        if (worker->has_waited) {
            refuse(claim, event->worker, out);
            break;
        }
        worker->has_waited = true;
        add(out, CLAIM_WAIT, event->worker);
        break;
    case CLAIM_REFUSED:
        refuse(claim, event->worker, out);
        break;
    case CLAIM_DIED:
        worker->is_obtained = worker->has_reservation = worker->is_leaving = false;
        break;
    case CLAIM_LEFT: /* its place in the books is nobody's */
        worker->is_obtained = worker->has_reservation = worker->was_obtained = false;
        add(out, CLAIM_GIVE_BACK, event->worker);
        break;
    case CLAIM_GO:
        claim->has_gone = true;
        break;
    }
}

bool claim_is_obtained(const struct claim *claim)
{
    for (uint32_t n = 0; n < claim->worker_count - claim->spare_count; n++)
        if (!claim->workers[n].is_obtained)
            return false;
    return true;
}

bool claim_was_obtained(const struct claim *claim)
{
    for (uint32_t n = 0; n < claim->worker_count - claim->spare_count; n++)
        if (!claim->workers[n].was_obtained)
            return false;
    return true;
}

void claim_check(const struct claim *claim)
{
    for (uint32_t n = 0; n < claim->worker_count; n++) {
        const struct claim_worker *worker = &claim->workers[n];

        tt_assert(!worker->has_reservation || worker->is_obtained);
        tt_assert(!worker->has_reservation || !worker->is_leaving);
        tt_assert(!worker->is_obtained || !claim->is_refused);
    }
}
