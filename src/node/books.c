/* The reservations this node has given. */
#include "node/books.h"

#include <stddef.h>

#include "base/assert.h"
#include "tactus/format.h"

/* Rounded up: what is booked is never less than what the kernel gave. */
static int64_t share_ppm(int64_t budget_ns, int64_t period_ns)
{
    int64_t ppm = tt_muldiv(budget_ns, 1000000, period_ns);

    return ppm + (tt_muldiv(ppm, period_ns, 1000000) < budget_ns);
}

bool books_enter(struct books *books, uint64_t service, int64_t budget_ns, int64_t period_ns)
{
    struct books_entry *place = NULL;

    tt_assert(service != 0);
    tt_assert(period_ns > 0);
    for (uint32_t n = 0; n < BOOKS_MAX; n++)
        if (books->entries[n].service == service) {
            place = &books->entries[n];
            break;
        } else if (place == NULL && books->entries[n].service == 0) {
            place = &books->entries[n];
        }
    if (place == NULL)
        return false;
    *place = (struct books_entry){.service = service,
                                  .ppm = share_ppm(budget_ns, period_ns),
                                  .period_ns = period_ns,
                                  .until_ns = INT64_MAX};
    return true;
}

void books_give_back(struct books *books, uint64_t service, int64_t now_ns)
{
    for (uint32_t n = 0; n < BOOKS_MAX; n++)
        if (books->entries[n].service == service && books->entries[n].until_ns == INT64_MAX)
            books->entries[n].until_ns = now_ns + books->entries[n].period_ns;
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

        if (entry->service != 0 && now_ns >= entry->until_ns)
            entry->service = 0;
        if (entry->service != 0 && entry->service != service)
            sum_ppm += entry->ppm;
    }
    return sum_ppm;
}
