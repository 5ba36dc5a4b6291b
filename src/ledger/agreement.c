/* What the agreement names. It is signed, but maybe by another version: each member may be missing
 * or of another type, and jansson's getters give NULL or 0 for those. */
#include "ledger/agreement.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

json_t *ledger_agreement_read(const struct tt_ledger *ledger)
{
    if (ledger->span_count == 0 || ledger->spans[0].part != TT_PART_AGREEMENT)
        return NULL;
    return json_loadb((const char *)ledger->bytes + ledger->spans[0].offset, ledger->spans[0].bytes,
                      JSON_REJECT_DUPLICATES, NULL);
}

const char *ledger_agreement_text(const json_t *agreement, const char *member)
{
    const char *text = json_string_value(json_object_get(agreement, member));

    return text ? text : "?";
}

/* Lists stand in the agreement itself or in its picture. */
static const json_t *list_of(const json_t *agreement, const char *member)
{
    const json_t *list = json_object_get(agreement, member);

    return json_is_array(list) ? list
                               : json_object_get(json_object_get(agreement, "picture"), member);
}

/* An element is a name or an object with one. */
static const char *name_in(const json_t *list, uint32_t n)
{
    const json_t *element = json_array_get(list, n);

    return json_is_string(element) ? json_string_value(element)
                                   : json_string_value(json_object_get(element, "name"));
}

static void name_or_number(const json_t *list, const char *what, uint32_t n,
                           char ret[LEDGER_NAME_BYTES])
{
    const char *name = name_in(list, n);

    if (name)
        (void)snprintf(ret, LEDGER_NAME_BYTES, "%s", name);
    else
        (void)snprintf(ret, LEDGER_NAME_BYTES, "%s %u", what, n);
}

void ledger_agreement_sink(const json_t *agreement, uint32_t sink, char ret[LEDGER_NAME_BYTES])
{
    name_or_number(list_of(agreement, "sinks"), "sink", sink, ret);
}

void ledger_agreement_component(const json_t *agreement, uint32_t component,
                                char ret[LEDGER_NAME_BYTES])
{
    name_or_number(list_of(agreement, "components"), "component", component, ret);
}

bool ledger_agreement_find_sink(const json_t *agreement, const char *name, uint32_t *ret)
{
    const json_t *sinks = list_of(agreement, "sinks");

    for (uint32_t n = 0; n < json_array_size(sinks); n++) {
        const char *known = name_in(sinks, n);

        if (known && strcmp(known, name) == 0) {
            *ret = n;
            return true;
        }
    }
    return false;
}

uint32_t ledger_agreement_sink_count(const json_t *agreement)
{
    return (uint32_t)json_array_size(list_of(agreement, "sinks"));
}

int ledger_agreement_need_sink(const json_t *agreement, const char *name, uint32_t *ret,
                               struct tt_error *err)
{
    const json_t *sinks = list_of(agreement, "sinks");
    char known[256] = "";
    size_t at = 0;

    if (ledger_agreement_find_sink(agreement, name, ret))
        return 0;
    for (size_t n = 0; n < json_array_size(sinks) && at < sizeof(known); n++) {
        const char *one = name_in(sinks, (uint32_t)n);

        if (one)
            at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s", at > 0 ? ", " : "", one);
    }
    return tt_fail(err, -ENOENT, "the ledger has no sink '%s'; it has: %s", name, known);
}

int64_t ledger_agreement_budget(const json_t *agreement, uint32_t component)
{
    const json_t *plan = json_object_get(agreement, "plan");
    const json_t *budgets = json_object_get(plan, "budget_of_ns");

    return json_integer_value(json_array_get(budgets, component));
}

bool ledger_agreement_due_offset(const json_t *agreement, uint32_t component, int64_t *ret_ns)
{
    const json_t *plan = json_object_get(agreement, "plan");
    const json_t *offset = json_array_get(json_object_get(plan, "due_offset_ns"), component);

    *ret_ns = json_integer_value(offset);
    return json_is_integer(offset);
}

void ledger_agreement_upstream(const json_t *agreement, uint32_t sink,
                               bool ret[LEDGER_COMPONENTS_MAX])
{
    const json_t *sinks = json_object_get(json_object_get(agreement, "plan"), "sinks");
    const json_t *places;
    char name[LEDGER_NAME_BYTES];

    ledger_agreement_sink(agreement, sink, name);
    places = json_object_get(json_object_get(sinks, name), "components");
    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++)
        ret[n] = json_array_size(places) == 0;
    for (size_t n = 0; n < json_array_size(places); n++) {
        json_int_t place = json_integer_value(json_array_get(places, n));

        if (place >= 0 && place < LEDGER_COMPONENTS_MAX)
            ret[place] = true;
    }
}
