/* The reservations this node has given. */
#include "node/books.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

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
    bool is_new;

    tt_assert(service != 0);
    tt_assert(period_ns > 0);
    place = find(books, service, worker);
    if (place == NULL)
        place = find_free(books);
    if (place == NULL)
        return false;
    is_new = place->service != service;
    *place = (struct books_entry){.service = service,
                                  .worker = worker,
                                  .tolerance_ns = is_new ? 0 : place->tolerance_ns,
                                  .partition = is_new ? 0 : place->partition,
                                  .ppm = books_share_ppm(budget_ns, period_ns),
                                  .period_ns = period_ns,
                                  .until_ns = INT64_MAX,
                                  .later_ns = INT64_MAX};
    return true;
}

void books_cut(struct books *books, uint32_t partition_count, int64_t limit_ppm, int64_t slack_ppm)
{
    tt_assert(partition_count <= TT_PARTITIONS_MAX);
    books->partition_count = partition_count;
    for (uint32_t n = 0; n < partition_count; n++)
        books->partitions[n] =
            (struct tt_partition){.limit_ppm = limit_ppm, .slack_ppm = slack_ppm};
}

void books_put(struct books *books, uint64_t service, uint32_t worker, uint32_t partition)
{
    struct books_entry *entry = find(books, service, worker);

    tt_assert(partition <= books->partition_count);
    if (entry != NULL)
        entry->partition = partition;
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

int64_t books_place_ppm(struct books *books, uint32_t partition, int64_t now_ns)
{
    int64_t sum_ppm = 0;

    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        struct books_entry *entry = &books->entries[n];

        settle(entry, now_ns);
        if (entry->service != 0 && entry->partition == partition)
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

/* Who runs stays on the CPUs that it is on. */
static void tell_where(const struct books *books, uint64_t service, struct tt_machine *ret)
{
    for (uint32_t n = 0; service != 0 && n < BOOKS_MAX; n++) {
        if (books->entries[n].service != service)
            continue;
        ret->is_on_partitions |= books->entries[n].partition != 0;
        if (books->entries[n].partition == 0)
            ret->partition_count = 0;
    }
}

static void tell(struct books *books, uint64_t service, bool is_least, struct tt_machine *ret)
{
    struct tt_server *told = books->told[service != 0];
    struct tt_partition *partitions = books->told_partitions[service != 0];

    ret->servers = told;
    ret->server_count = 0;
    ret->reserved_ppm = 0;
    ret->partitions = partitions;
    ret->partition_count = books->partition_count;
    ret->is_on_partitions = false;
    memcpy(partitions, books->partitions, sizeof(books->partitions));
    for (uint32_t n = 0; n < BOOKS_MAX; n++) {
        const struct books_entry *entry = &books->entries[n];
        bool is_lowered = is_least && is_less_enough(entry);
        int64_t ppm = is_lowered ? entry->least_ppm : entry->ppm;

        if (entry->service == 0 || entry->service == service)
            continue;
        if (entry->partition > 0) {
            partitions[entry->partition - 1].reserved_ppm += ppm;
            continue;
        }
        told[ret->server_count++] = server_of(entry, is_lowered);
        ret->reserved_ppm += ppm;
    }
    tell_where(books, service, ret);
}

void books_tell(struct books *books, uint64_t service, int64_t now_ns, struct tt_machine *ret)
{
    (void)books_ppm(books, now_ns); /* what time has changed */
    tell(books, service, false, ret);
}

void books_tell_least(struct books *books, int64_t now_ns, struct tt_machine *ret)
{
    (void)books_ppm(books, now_ns);
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

/* What the worker has in the place that it wishes for. */
static int64_t place_own_ppm(struct books *books, const struct books_wish *wish, int64_t now_ns)
{
    const struct books_entry *entry = find(books, wish->service, wish->worker);

    return entry != NULL && entry->partition == wish->partition
               ? books_worker_ppm(books, wish->service, wish->worker, now_ns)
               : 0;
}

/* What it will have for sure. */
static int64_t held_ppm(struct books *books, const struct books_wish *wish, int64_t now_ns)
{
    struct books_entry *entry = find(books, wish->service, wish->worker);

    if (entry == NULL)
        return 0;
    settle(entry, now_ns);
    if (entry->service == 0 || entry->until_ns != INT64_MAX || entry->partition != wish->partition)
        return 0;
    return entry->later_ns != INT64_MAX && entry->later_ppm < entry->ppm ? entry->later_ppm
                                                                         : entry->ppm;
}

int64_t books_wish_room_ppm(const struct books *books, const struct books_wish *wish)
{
    const struct tt_partition *partition;

    if (wish->partition == 0)
        return wish->room_ppm;
    partition = &books->partitions[wish->partition - 1];
    return partition->limit_ppm - partition->slack_ppm;
}

int books_renew(struct books *books, const struct books_wish *wish, int64_t now_ns)
{
    int64_t wanted_ppm = books_share_ppm(wish->budget_ns, wish->period_ns);
    int64_t others_ppm =
        books_place_ppm(books, wish->partition, now_ns) - place_own_ppm(books, wish, now_ns);

    if (wanted_ppm > held_ppm(books, wish, now_ns) &&
        others_ppm + wanted_ppm > books_wish_room_ppm(books, wish))
        return -EBUSY;
    if (!books_enter_worker(books, wish->service, wish->worker, wish->budget_ns, wish->period_ns))
        return -ENOSPC;
    books_put(books, wish->service, wish->worker, wish->partition);
    return 0;
}
