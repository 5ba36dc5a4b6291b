/* What workers of a simulated service have of the CPU: what tactusd's run_reserve.c does. */
#include "claims.h"

#include <errno.h>

#include "check.h"
#include "judge.h"

#define MS INT64_C(1000000)

static void feed(struct service *service, const struct claim_event *event);

static int64_t now_of(const struct service *service)
{
    return tt_machine_now(service->node->machine);
}

static int reserve(struct service *service, uint32_t process)
{
    const struct tt_plan_worker *worker = &service->plan->workers[process];
    const struct books_wish wish = {.service = service->number + 1,
                                    .worker = process,
                                    .partition = worker->partition,
                                    .budget_ns = worker->budget_ns,
                                    .period_ns = worker->period_ns,
                                    .room_ppm = service->node->room_ppm};
    int r = service->is_right_refused ? -EPERM : 0;

    if (service->containers[process].graph == NULL)
        return -ESRCH; /* nobody has seen its death yet */
    if (r == 0 && books_renew(&service->node->books, &wish, now_of(service)) < 0)
        return -EPERM; /* its room is somebody else's by now */
    if (r == 0 && worker->partition > 0)
        tt_thread_put(service->containers[process].graph->thread, worker->partition - 1);
    if (r == 0)
        r = tt_thread_reserve(service->containers[process].graph->thread, worker->budget_ns,
                              worker->period_ns);
    if (r < 0 && (r != -EBUSY || service->claim.workers[process].has_waited))
        judge_reservation(service, r);
    return r;
}

static void climb(struct service *service, uint32_t process)
{
    bool is_planned = service->plan->workers[process].budget_ns > 0 && service->is_booked;
    struct claim_event event = {.kind = CLAIM_GOT, .worker = process, .is_reservation = is_planned};
    int r = is_planned ? reserve(service, process) : 0;

    if (r < 0)
        event = (struct claim_event){
            .kind = r == -EBUSY || r == -ESRCH ? CLAIM_FULL : CLAIM_REFUSED, .worker = process};
    feed(service, &event);
}

struct again {
    struct service *service;
    uint32_t process, life;
};

static void on_again(void *ctx)
{
    struct again again = *(struct again *)ctx;

    free(ctx);
    if (!again.service->has_ended && again.service->is_alive[again.process] &&
        again.service->spawned[again.process] == again.life)
        feed(again.service, &(struct claim_event){.kind = CLAIM_AGAIN, .worker = again.process});
}

static void wait(struct service *service, uint32_t process)
{
    struct again *again = malloc(sizeof(*again));

    CHECK(again != NULL);
    *again = (struct again){service, process, service->spawned[process]};
    tt_machine_at(service->node->machine,
                  now_of(service) + service->plan->workers[process].period_ns + MS, on_again,
                  again);
}

static void perform(struct service *service, const struct claim_action *action)
{
    struct books *books = &service->node->books;

    switch (action->verb) {
    case CLAIM_CLIMB:
        climb(service, action->worker);
        break;
    case CLAIM_WAIT:
        wait(service, action->worker);
        break;
    case CLAIM_GIVE_BACK:
        service->is_promised = false;
        books_give_back_worker(books, service->number + 1, action->worker, now_of(service));
        break;
    case CLAIM_GIVE_BACK_ALL:
        service->is_promised = false;
        books_give_back(books, service->number + 1, now_of(service));
        break;
    case CLAIM_LOST:
        break;
    case CLAIM_TELL:
        service_has_class(service, action->worker);
        break;
    }
}

static void feed(struct service *service, const struct claim_event *event)
{
    struct claim_actions actions;

    claim_step(&service->claim, event, &actions);
    claim_check(&service->claim);
    for (uint32_t n = 0; n < actions.count; n++)
        perform(service, &actions.list[n]);
}

void claims_ask(struct service *service, uint32_t process)
{
    feed(service, &(struct claim_event){.kind = CLAIM_ASKED, .worker = process});
}

void claims_go(struct service *service)
{
    feed(service, &(struct claim_event){.kind = CLAIM_GO});
}

bool claims_leaves(struct service *service, uint32_t process)
{
    bool is_leaving = service->claim.workers[process].is_leaving;

    service->claim.workers[process].is_leaving = false;
    return is_leaving;
}

void claims_died(struct service *service, uint32_t process)
{
    feed(service, &(struct claim_event){.kind = CLAIM_DIED, .worker = process});
}
