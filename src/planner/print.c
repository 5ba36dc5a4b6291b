/* The arithmetic as JSON: the same plan gives the same text. */
#include <jansson.h>
#include <stdlib.h>

#include "planner/work.h"

static void put_number(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

static void put_text(json_t *object, const char *name, const char *text)
{
    (void)json_object_set_new(object, name, json_string(text));
}

static json_t *terms_json(const struct tt_plan *plan)
{
    json_t *terms = json_array();

    for (uint32_t n = 0; n < plan->term_count; n++) {
        const struct tt_term *term = &plan->terms[n];
        json_t *object = json_object();

        put_text(object, "name", term->name);
        put_text(object, "subject", term->subject);
        put_number(object, "value", term->value);
        put_text(object, "unit", term->unit);
        put_text(object, "source", term->source);
        (void)json_array_append_new(terms, object);
    }
    return terms;
}

/* The places of the components that a sink's frames come through: explain follows them. */
static json_t *through_json(const struct tt_picture *picture, uint32_t sink)
{
    struct work work = {.picture = picture};
    json_t *places = json_array();

    work.mark = calloc(picture->component_count ? picture->component_count : 1, sizeof(bool));
    if (!work.mark)
        return places;
    (void)work_mark_sink(&work, sink);
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (work.mark[n])
            (void)json_array_append_new(places, json_integer(n));
    free(work.mark);
    return places;
}

static json_t *sinks_json(const struct tt_plan *plan, const struct tt_picture *picture)
{
    json_t *sinks = json_object();

    for (uint32_t n = 0; n < picture->sink_count; n++) {
        const struct tt_plan_sink *sink = &plan->sinks[n];
        char name[TT_NAME_BYTES * 2] = "";
        json_t *object = json_object();

        tt_picture_sink_name(picture, n, name, sizeof(name));
        put_number(object, "deadline_ns", sink->deadline_ns);
        put_number(object, "structural_ns", sink->structural_ns);
        put_number(object, "bound_ns", sink->bound_ns);
        put_number(object, "slack_ns", sink->slack_ns);
        (void)json_object_set_new(
            object, "loss",
            json_real(sink->loss.den > 0 ? (double)sink->loss.num / (double)sink->loss.den : 0));
        (void)json_object_set_new(object, "components", through_json(picture, n));
        (void)json_object_set_new(sinks, name, object);
    }
    return sinks;
}

static json_t *reservation_json(const struct tt_plan *plan)
{
    json_t *object;

    if (plan->budget_ns == 0)
        return json_null();
    object = json_object();
    put_number(object, "budget_ns", plan->budget_ns);
    put_number(object, "period_ns", plan->period_ns);
    put_number(object, "deadline_ns", plan->deadline_ns);
    return object;
}

/* A service's only worker is in its "container", one of several in "container.audio". */
static json_t *workers_json(const struct tt_plan *plan, const struct tt_picture *picture)
{
    json_t *workers = json_array();

    for (uint32_t n = 0; n < plan->worker_count; n++) {
        const struct tt_plan_worker *worker = &plan->workers[n];
        json_t *object = json_object(), *components = json_array();
        char name[TT_NAME_BYTES + 16];

        (void)tt_format_text(name, sizeof(name), "container%s%s", worker->name[0] ? "." : "",
                             worker->name);
        for (uint32_t c = 0; c < picture->component_count; c++)
            if ((picture->components[c].flags & TT_EDGE) == 0 && plan->worker_of[c] == n)
                (void)json_array_append_new(components, json_integer(c));
        put_text(object, "name", name);
        put_number(object, "budget_ns", worker->budget_ns);
        put_number(object, "period_ns", worker->period_ns);
        put_number(object, "hand_over_ns", worker->hand_over_ns);
        put_number(object, "partition", worker->partition);
        (void)json_object_set_new(object, "components", components);
        (void)json_array_append_new(workers, object);
    }
    return workers;
}

static void put_array(json_t *object, const char *name, const int64_t *values, uint32_t count)
{
    json_t *array = json_array();

    for (uint32_t n = 0; n < count; n++)
        (void)json_array_append_new(array, json_integer(values[n]));
    (void)json_object_set_new(object, name, array);
}

char *tt_plan_print(const struct tt_plan *plan, const struct tt_picture *picture)
{
    json_t *object = json_object();
    char name[TT_NAME_BYTES * 2] = "", *text;

    put_text(object, "service", picture->name);
    (void)json_object_set_new(object, "admitted", json_boolean(plan->is_admitted));
    put_text(object, "class", tt_class_name(plan->class));
    put_text(object, "class_reason", plan->class_reason);
    put_text(object, "binding", plan->binding);
    put_number(object, "level", plan->level);
    put_number(object, "levels", plan->level_count);
    put_number(object, "bound_ns", plan->bound_ns);
    put_number(object, "slack_ns", plan->slack_ns);
    if (picture->sink_count > 0)
        tt_picture_sink_name(picture, plan->sink, name, sizeof(name));
    put_text(object, "sink", name);
    (void)json_object_set_new(object, "reservation", reservation_json(plan));
    (void)json_object_set_new(object, "workers", workers_json(plan, picture));
    put_number(object, "pool_bytes", plan->pool_bytes);
    (void)json_object_set_new(object, "sinks", sinks_json(plan, picture));
    put_array(object, "due_offset_ns", plan->due_offset_ns, picture->component_count);
    put_array(object, "fire_offset_ns", plan->fire_offset_ns, picture->component_count);
    put_array(object, "budget_of_ns", plan->budget_of_ns, picture->component_count);
    (void)json_object_set_new(object, "terms", terms_json(plan));
    text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(object);
    return text;
}
