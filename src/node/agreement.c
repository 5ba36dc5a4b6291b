/* The first segment of a ledger: what was promised, of what, where, on what grounds. */
#include "node/agreement.h"

#include <stdlib.h>
#include <time.h>

char **agreement_sinks(const struct tt_picture *picture)
{
    enum { BYTES = 2 * TT_NAME_BYTES };
    char **names = malloc((picture->sink_count + 1) * (sizeof(char *) + BYTES));
    char *texts;

    if (names == NULL)
        return NULL;
    texts = (char *)(names + picture->sink_count + 1);
    for (uint32_t n = 0; n < picture->sink_count; n++) {
        names[n] = texts + (size_t)n * BYTES;
        tt_picture_sink_name(picture, n, names[n], BYTES);
    }
    names[picture->sink_count] = NULL;
    return names;
}

static json_t *sinks_of(const struct tt_picture *picture)
{
    json_t *array = json_array();
    char **names = agreement_sinks(picture);

    for (uint32_t n = 0; names != NULL && n < picture->sink_count; n++)
        json_array_append_new(array, json_string(names[n]));
    free(names);
    return array;
}

static json_t *components_of(const struct tt_picture *picture)
{
    json_t *array = json_array();

    for (uint32_t n = 0; n < picture->component_count; n++)
        json_array_append_new(array, json_string(picture->components[n].name));
    return array;
}

static json_t *profiles_of(const struct tt_picture *picture, const struct machine *machine)
{
    json_t *object = json_object();
    char hex[PROFILE_KEY_HEX_BYTES];
    struct profile_key key;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        profile_component_key(picture, n, machine, PROFILE_LIVE, &key);
        profile_key_hex(&key, hex);
        json_object_set_new(object, picture->components[n].name, json_string(hex));
    }
    return object;
}

static json_t *plan_of(const struct tt_plan *plan, const struct tt_picture *picture)
{
    char *text = tt_plan_print(plan, picture);
    json_t *object = text != NULL ? json_loads(text, 0, NULL) : NULL;

    free(text);
    return object != NULL ? object : json_null();
}

/* Realtime of media time 0, ns since 1970. */
static int64_t realtime_of(int64_t epoch_ns)
{
    struct timespec wall;

    (void)clock_gettime(CLOCK_REALTIME, &wall);
    return wall.tv_sec * INT64_C(1000000000) + wall.tv_nsec + (epoch_ns - loop_now_ns());
}

json_t *agreement_make(const struct agreement_params *params)
{
    const struct machine *machine = &params->node->machine;
    const struct tt_picture *picture = params->picture;
    json_t *promised = json_null(), *agreement;

    if (params->is_promised)
        promised = json_pack("{sI s[II]}", "deadline_ns", (json_int_t)picture->deadline_ns, "loss",
                             (json_int_t)picture->loss.num, (json_int_t)picture->loss.den);
    agreement = json_pack(
        "{si ss ss ss ss ss ss ss ss so so so so so sI sI si}", "tactus", 1, "version", TT_VERSION,
        "name", picture->name, "service", params->print != NULL ? params->print : "", "node",
        machine->node, "kernel", machine->kernel, "cpu_model", machine->cpu_model, "key",
        key_hex(params->node->key), "class", params->class_name, "class_reason",
        json_string(params->class_reason), "promised", promised, "sinks", sinks_of(picture),
        "components", components_of(picture), "plan", plan_of(params->plan, picture),
        "epoch_monotonic_ns", (json_int_t)params->epoch_ns, "epoch_realtime_ns",
        (json_int_t)realtime_of(params->epoch_ns), "tai_offset_s", machine->tai_offset_s);
    if (agreement != NULL)
        json_object_set_new(agreement, "profiles", profiles_of(picture, machine));
    if (agreement != NULL)
        json_object_set_new(agreement, "is_live", json_boolean(picture->is_live));
    if (agreement != NULL && params->budget_ns > 0)
        json_object_set_new(agreement, "reserved",
                            json_pack("{sI sI}", "budget_ns", (json_int_t)params->budget_ns,
                                      "period_ns", (json_int_t)params->plan->period_ns));
    return agreement;
}
