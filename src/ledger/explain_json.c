/* What explain tells, for programs. */
#include "ledger/life.h"

static void put_number(json_t *object, const char *name, int64_t value)
{
    (void)json_object_set_new(object, name, json_integer(value));
}

json_t *ledger_frame_json(const struct tt_record *frame, const json_t *agreement)
{
    char name[LEDGER_NAME_BYTES];
    json_t *object = json_object();
    bool is_blamed = frame->outcome != TT_ON_TIME && frame->component < LEDGER_COMPONENTS_MAX &&
                     frame->cause != TT_CAUSE_NONE;

    ledger_agreement_sink(agreement, frame->sink, name);
    (void)json_object_set_new(object, "sink", json_string(name));
    put_number(object, "index", frame->index);
    (void)json_object_set_new(object, "outcome", json_string(tt_outcome_name(frame->outcome)));
    (void)json_object_set_new(object, "cause", json_string(tt_cause_name(frame->cause)));
    ledger_agreement_component(agreement, frame->component, name);
    (void)json_object_set_new(object, "component", is_blamed ? json_string(name) : json_null());
    (void)json_object_set_new(object, "repeated", json_boolean(frame->flags & TT_RECORD_REPEATED));
    put_number(object, "origin_ns", frame->origin_ns);
    put_number(object, "due_ns", frame->due_ns);
    put_number(object, "delivered_ns", frame->delivered_ns);
    put_number(object, "sent_ns", frame->sent_ns);
    put_number(object, "slack_ns", frame->slack_ns);
    return object;
}

static json_t *hops_json(const struct ledger_life *life, const json_t *agreement)
{
    json_t *hops = json_array();

    for (uint32_t n = 0; n < LEDGER_COMPONENTS_MAX; n++) {
        const struct ledger_hop *hop = &life->hops[n];
        char name[LEDGER_NAME_BYTES];
        json_t *object;

        if (!hop->is_there)
            continue;
        object = json_object();
        ledger_agreement_component(agreement, n, name);
        (void)json_object_set_new(object, "component", json_string(name));
        put_number(object, "index", hop->index);
        put_number(object, "origin_ns", hop->origin_ns);
        put_number(object, "due_ns", hop->due_ns);
        put_number(object, "ready_ns", hop->ready_ns);
        put_number(object, "start_ns", hop->start_ns);
        put_number(object, "end_ns", hop->end_ns);
        put_number(object, "cpu_ns", hop->cpu_ns);
        put_number(object, "budget_ns", hop->budget_ns);
        put_number(object, "activations", hop->activation_count);
        (void)json_array_append_new(hops, object);
    }
    return hops;
}

/* A record of a component as it stands: a hop, a note or the use of a late policy. */
json_t *ledger_side_json(const struct tt_record *record, const json_t *agreement)
{
    char name[LEDGER_NAME_BYTES];
    json_t *object = json_object();

    ledger_agreement_component(agreement, record->component, name);
    (void)json_object_set_new(object, "component", json_string(name));
    put_number(object, "index", record->index);
    if (record->kind == TT_RECORD_USE) {
        (void)json_object_set_new(object, "policy", json_string(ledger_policy_name(record->value)));
    } else if (record->kind == TT_RECORD_NOTE) {
        put_number(object, "id", record->due_ns);
        put_number(object, "value", record->value);
    } else {
        put_number(object, "origin_ns", record->value);
        put_number(object, "due_ns", record->due_ns);
        put_number(object, "ready_ns", record->origin_ns);
        put_number(object, "start_ns", record->delivered_ns);
        put_number(object, "end_ns", record->sent_ns);
        put_number(object, "cpu_ns", record->slack_ns);
    }
    return object;
}

static json_t *side_json(const struct ledger_life *life, const json_t *agreement, uint32_t kind)
{
    json_t *list = json_array();

    for (uint32_t n = 0; n < life->side_count; n++)
        if (life->side[n].kind == kind)
            (void)json_array_append_new(list, ledger_side_json(&life->side[n], agreement));
    return list;
}

char *ledger_life_json(const struct ledger_life *life, const json_t *agreement)
{
    json_t *object = ledger_frame_json(&life->frame, agreement), *events = json_array();
    char text[LEDGER_NAME_BYTES + 640], *printed;

    ledger_life_evidence(life, agreement, text, sizeof(text));
    (void)json_object_set_new(object, "why", json_string(text));
    (void)json_object_set_new(object, "hops", hops_json(life, agreement));
    (void)json_object_set_new(object, "uses", side_json(life, agreement, TT_RECORD_USE));
    (void)json_object_set_new(object, "notes", side_json(life, agreement, TT_RECORD_NOTE));
    for (uint32_t n = 0; n < life->event_count; n++)
        (void)json_array_append(events, life->events[n]);
    (void)json_object_set_new(object, "events", events);
    put_number(object, "records_lost", (int64_t)life->lost_count);
    printed = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    return printed;
}

char *ledger_worst_json(const struct tt_record *frames, uint32_t count, const json_t *agreement)
{
    json_t *object = json_object(), *worst = json_array();
    char *text;

    (void)json_object_set_new(object, "service",
                              json_string(ledger_agreement_text(agreement, "name")));
    (void)json_object_set_new(object, "class",
                              json_string(ledger_agreement_text(agreement, "class")));
    for (uint32_t n = 0; n < count; n++)
        (void)json_array_append_new(worst, ledger_frame_json(&frames[n], agreement));
    (void)json_object_set_new(object, "worst", worst);
    text = json_dumps(object, JSON_INDENT(2));
    json_decref(object);
    return text;
}
