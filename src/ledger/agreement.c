/* What the agreement names. It is signed, but maybe by another version: each member may be missing
 * or of another type, and jansson's getters give NULL or 0 for those. */
#include "ledger/agreement.h"

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

/* "file.video" is the input `video` of the component `file`; a name with a dot may also be whole.
 */
static bool find_component(const json_t *components, const char *sink, uint32_t *ret,
                           const char **ret_pin)
{
    const char *dot = strrchr(sink, '.');

    for (uint32_t n = 0; n < json_array_size(components) && n < LEDGER_COMPONENTS_MAX; n++) {
        const char *name = name_in(components, n);
        bool is_whole = name && strcmp(name, sink) == 0;

        if (!is_whole && (!name || !dot || strlen(name) != (size_t)(dot - sink) ||
                          strncmp(name, sink, strlen(name)) != 0))
            continue;
        *ret = n;
        *ret_pin = is_whole ? NULL : dot + 1;
        return true;
    }
    return false;
}

static bool is_flow_to(const json_t *components, const json_t *flow, uint32_t to, const char *pin)
{
    const json_t *pins = json_object_get(json_array_get(components, to), "in");
    const json_t *place = json_object_get(flow, "to_in");
    const char *name;

    if (json_integer_value(json_object_get(flow, "to")) != (json_int_t)to)
        return false;
    if (!pin || !json_is_integer(place))
        return true;
    name = name_in(pins, (uint32_t)json_integer_value(place));
    return !name || strcmp(name, pin) == 0;
}

void ledger_agreement_upstream(const json_t *agreement, uint32_t sink,
                               bool ret[LEDGER_COMPONENTS_MAX])
{
    const json_t *components = list_of(agreement, "components"),
                 *flows = list_of(agreement, "flows");
    char name[LEDGER_NAME_BYTES];
    uint32_t last, todo[LEDGER_COMPONENTS_MAX], todo_count = 0;
    const char *pin;

    ledger_agreement_sink(agreement, sink, name);
    if (json_array_size(flows) == 0 || !find_component(components, name, &last, &pin)) {
        memset(ret, 1, LEDGER_COMPONENTS_MAX * sizeof(*ret));
        return;
    }
    memset(ret, 0, LEDGER_COMPONENTS_MAX * sizeof(*ret));
    ret[last] = true;
    todo[todo_count++] = last;
    while (todo_count > 0) {
        uint32_t to = todo[--todo_count];

        for (size_t n = 0; n < json_array_size(flows); n++) {
            const json_t *flow = json_array_get(flows, n);
            json_int_t from = json_integer_value(json_object_get(flow, "from"));

            if (!is_flow_to(components, flow, to, to == last ? pin : NULL))
                continue;
            if (from < 0 || from >= LEDGER_COMPONENTS_MAX || ret[from])
                continue;
            ret[from] = true; /* each enters the list once: it cannot overflow */
            todo[todo_count++] = (uint32_t)from;
        }
    }
}
