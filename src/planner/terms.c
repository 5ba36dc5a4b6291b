/* The lines of the arithmetic. */
#include "planner/terms.h"

#include <stdio.h>
#include <stdlib.h>

void terms_add(struct terms *terms, const char *name, const char *subject, int64_t value,
               const char *unit, const char *source)
{
    struct tt_plan *plan = terms->plan;
    struct tt_term *term;

    if (plan->term_count == terms->room) {
        uint32_t room = terms->room ? terms->room * 2 : 64;
        struct tt_term *grown = reallocarray(plan->terms, room, sizeof(*grown));

        if (!grown) {
            terms->is_failed = true;
            return;
        }
        plan->terms = grown;
        terms->room = room;
    }
    term = &plan->terms[plan->term_count++];
    *term = (struct tt_term){.value = value};
    (void)snprintf(term->name, sizeof(term->name), "%s", name);
    (void)snprintf(term->subject, sizeof(term->subject), "%s", subject);
    (void)snprintf(term->unit, sizeof(term->unit), "%s", unit);
    (void)snprintf(term->source, sizeof(term->source), "%s", source);
}

static struct text_number fixed(int64_t value, uint64_t whole, int places, const char *unit)
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    struct text_number ret;

    (void)snprintf(ret.text, sizeof(ret.text), "%s%llu.%0*llu %s", value < 0 ? "-" : "",
                   (unsigned long long)(size / whole), places, (unsigned long long)(size % whole),
                   unit);
    return ret;
}

struct text_number text_ms(int64_t ns)
{
    return fixed(ns / 1000, 1000, 3, "ms");
}

struct text_number text_percent(int64_t ppm)
{
    return fixed(ppm / 1000, 10, 1, "%");
}
