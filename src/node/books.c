/* The reservations this node has given. */
#include "node/books.h"

#include <errno.h>
#include <stddef.h>

#include "base/assert.h"
#include "tactus/format.h"

/* Rounded up: what is booked is never less than what the kernel gave. */
int64_t books_share_ppm(int64_t budget_ns, int64_t period_ns)
{
    int64_t ppm = tt_muldiv(budget_ns, 1000000, period_ns);

    return ppm + (tt_muldiv(ppm, period_ns, 1000000) < budget_ns);
}

static struct books_entry *find(struct books *books, uint64_t service, uint32_t worker)
{
    for (uint32_t n = 0; n < BOOKS_MAX; n++)
        if (books->entries[n].service == service && books->entries[n].worker == worker)
            return &books->entries[n];
    return NULL;
}

static struct books_entry *find_free(struct books *books)
{
    for (uint32_t n = 0; n < BOOKS_MAX; n++)
        if (books->entries[n].service == 0)
            return &books->entries[n];
    return NULL;
}

bool books_enter(struct books *books, uint64_t service, int64_t budget_ns, int64_t period_ns)
{
    return books_enter_worker(books, service, 0, budget_ns, period_ns);
}

bool books_enter_worker(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                        int64_t period_ns)
{
    struct books_entry *place;

    tt_assert(service != 0);
    tt_assert(period_ns > 0);
    place = find(books, service, worker);
    if (place == NULL)
        place = find_free(books);
    if (place == NULL)
        return false;
    *place =
        (struct books_entry){.service = service,
                             .worker = worker,
                             .tolerance_ns = place->service == service ? place->tolerance_ns : 0,
                             .ppm = books_share_ppm(budget_ns, period_ns),
                             .period_ns = period_ns,
                             .until_ns = INT64_MAX,
                             .later_ns = INT64_MAX};
    return true;
}

void books_tolerate(struct books *books, uint64_t service, uint32_t worker, int64_t tolerance_ns)
{
    struct books_entry *entry = find(books, service, worker);

    if (entry != NULL)
        entry->tolerance_ns = tolerance_ns;
}

void books_lower(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                 int64_t period_ns, int64_t now_ns)
{
    struct books_entry *entry = find(books, service, worker);

    if (entry == NULL || entry->until_ns != INT64_MAX)
        return;
    entry->later_ppm = books_share_ppm(budget_ns, period_ns);
    entry->later_ns = now_ns + entry->period_ns;
    entry->least_period_ns = 0;
    entry->period_ns = period_ns > entry->period_ns ? period_ns : entry->period_ns;
}

static void give_back(struct books_entry *entry, int64_t now_ns)
{
    if (entry->until_ns == INT64_MAX)
        entry->until_ns = now_ns + entry->period_ns;
}

void books_give_back_worker(struct books *books, uint64_t service, uint32_t worker, int64_t now_ns)
{
    struct books_entry *entry = find(books, service, worker);

    if (entry != NULL)
        give_back(entry, now_ns);
}

void books_give_back(struct books *books, uint64_t service, int64_t now_ns)
{
    for (uint32_t n = 0; n < BOOKS_MAX; n++)
        if (books->entries[n].service == service)
            give_back(&books->entries[n], now_ns);
}

/* What time has changed. */
static void settle(struct books_entry *entry, int64_t now_ns)
{
    if (entry->service != 0 && now_ns >= entry->until_ns)
        entry->service = 0;
    if (now_ns < entry->later_ns)
        return;
    entry->ppm = entry->later_ppm;
    entry->later_ns = INT64_MAX;
}

int64_t books_ppm(struct books *books, int64_t now_ns)
{
    return books_others_ppm(books, 0, now_ns);
}

int64_t books_others_ppm(struct books *books, uint64_t service, int64_t now_ns)
{
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        struct books_entry *entry = &books->entries[n];

        settle(entry, now_ns);
        if (entry->service != 0 && entry->service != service)
            sum_ppm += entry->ppm;
    }
    return sum_ppm;
}

static bool is_less_enough(const struct books_entry *entry)
{
    return entry->least_period_ns > 0 && entry->until_ns == INT64_MAX &&
           entry->later_ns == INT64_MAX && entry->least_ppm < entry->ppm;
}

/* What is planned to come late counts with what the others have: with less it counts on no delay.
 */
static struct tt_server server_of(const struct books_entry *entry, bool is_least)
{
    int64_t ppm = is_least ? entry->least_ppm : entry->ppm;
    int64_t period_ns = is_least ? entry->least_period_ns : entry->period_ns;

    return (struct tt_server){.budget_ns = tt_muldiv(ppm, period_ns, 1000000),
                              .period_ns = period_ns,
                              .tolerance_ns = is_least ? 0 : entry->tolerance_ns};
}

static void tell(struct books *books, uint64_t service, bool is_least, struct tt_machine *ret)
{
    struct tt_server *told = books->told[service != 0];

    ret->servers = told;
    ret->server_count = 0;
    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        const struct books_entry *entry = &books->entries[n];
        bool is_lowered = is_least && is_less_enough(entry);

        if (entry->service == 0 || entry->service == service)
            continue;
        told[ret->server_count++] = server_of(entry, is_lowered);
        if (is_lowered)
            ret->reserved_ppm -= entry->ppm - entry->least_ppm;
    }
}

void books_tell(struct books *books, uint64_t service, int64_t now_ns, struct tt_machine *ret)
{
    ret->reserved_ppm = books_others_ppm(books, service, now_ns);
    tell(books, service, false, ret);
}

void books_tell_least(struct books *books, int64_t now_ns, struct tt_machine *ret)
{
    ret->reserved_ppm = books_ppm(books, now_ns);
    tell(books, 0, true, ret);
}

void books_say_least(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                     int64_t period_ns)
{
    struct books_entry *entry = find(books, service, worker);

    tt_assert(period_ns > 0);
    if (entry == NULL)
        return;
    entry->least_ppm = books_share_ppm(budget_ns, period_ns);
    entry->least_period_ns = period_ns;
}

bool books_least(const struct books *books, uint64_t service, uint32_t worker,
                 int64_t *ret_budget_ns, int64_t *ret_period_ns)
{
    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        const struct books_entry *entry = &books->entries[n];

        if (entry->service != service || entry->worker != worker || !is_less_enough(entry))
            continue;
        *ret_period_ns = entry->least_period_ns;
        *ret_budget_ns = tt_muldiv(entry->least_ppm, entry->least_period_ns, 1000000);
        return true;
    }
    return false;
}

int64_t books_settled_ns(const struct books *books, int64_t now_ns)
{
    int64_t last_ns = now_ns;

    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        const struct books_entry *entry = &books->entries[n];
        int64_t at_ns = entry->until_ns < entry->later_ns ? entry->until_ns : entry->later_ns;

        if (entry->service != 0 && at_ns != INT64_MAX && at_ns > last_ns)
            last_ns = at_ns;
    }
    return last_ns;
}

int64_t books_worker_ppm(struct books *books, uint64_t service, uint32_t worker, int64_t now_ns)
{
    struct books_entry *entry = find(books, service, worker);

    if (entry != NULL)
        settle(entry, now_ns);
    return entry != NULL && entry->service == service ? entry->ppm : 0;
}

/* What it will have for sure. */
static int64_t held_ppm(struct books *books, const struct books_wish *wish, int64_t now_ns)
{
    struct books_entry *entry = find(books, wish->service, wish->worker);

    if (entry == NULL)
        return 0;
    settle(entry, now_ns);
    if (entry->service == 0 || entry->until_ns != INT64_MAX)
        return 0;
    return entry->later_ns != INT64_MAX && entry->later_ppm < entry->ppm ? entry->later_ppm
                                                                         : entry->ppm;
}

int books_renew(struct books *books, const struct books_wish *wish, int64_t now_ns)
{
    int64_t wanted_ppm = books_share_ppm(wish->budget_ns, wish->period_ns);
    int64_t others_ppm =
        books_ppm(books, now_ns) - books_worker_ppm(books, wish->service, wish->worker, now_ns);

    if (wanted_ppm > held_ppm(books, wish, now_ns) && others_ppm + wanted_ppm > wish->room_ppm)
        return -EBUSY;
    return books_enter_worker(books, wish->service, wish->worker, wish->budget_ns, wish->period_ns)
               ? 0
               : -ENOSPC;
}
