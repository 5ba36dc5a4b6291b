/* Profiles as answers: what a measurement gave, what is kept, and forgetting it. */
#include "node/profile_answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const classes[] = {"other", "fifo", "deadline"};

static int64_t quantile(const struct tt_histogram *samples, uint64_t part, uint64_t whole)
{
    return tt_histogram_quantile(samples, part, whole);
}

/* Pairs of a bin's end and its count; empty bins are left out. */
static json_t *bins_json(const struct tt_histogram *samples)
{
    json_t *bins = json_array();

    for (uint32_t n = 0; n < TT_HISTOGRAM_BINS; n++)
        if (samples->bins[n] > 0)
            json_array_append_new(bins, json_pack("[II]", (json_int_t)tt_histogram_bin_end(n),
                                                  (json_int_t)samples->bins[n]));
    return bins;
}

static void put_figures(json_t *object, const struct tt_histogram *samples)
{
    json_t *figures = json_pack(
        "{sI sI sI sI sI sI sI}", "count", (json_int_t)samples->count, "mean_ns",
        (json_int_t)(samples->count > 0 ? samples->sum_ns / (int64_t)samples->count : 0), "p50_ns",
        (json_int_t)quantile(samples, 50, 100), "p99_ns", (json_int_t)quantile(samples, 99, 100),
        "p99_9_ns", (json_int_t)quantile(samples, 999, 1000), "min_ns", (json_int_t)samples->min_ns,
        "max_ns", (json_int_t)samples->max_ns);

    (void)json_object_update(object, figures);
    json_decref(figures);
}

/* How much is known now, with what was measured before. */
static uint64_t known_count(struct node *node, const struct profile_key *key)
{
    struct tt_histogram *all = malloc(sizeof(*all));
    uint64_t count = 0;

    if (all != NULL && profile_load(node->profile, key, all) == 0)
        count = all->count;
    free(all);
    return count;
}

static json_t *measured_json(struct node *node, const char *name, const char *kind,
                             const struct profile_key *key, const struct tt_histogram *samples)
{
    char hex[PROFILE_KEY_HEX_BYTES];
    json_t *object;

    profile_key_hex(key, hex);
    object = json_pack("{ss ss* ss sI so}", "name", name, "kind", kind, "key", hex, "known",
                       (json_int_t)known_count(node, key), "histogram", bins_json(samples));
    put_figures(object, samples);
    return object;
}

json_t *profile_answer(struct node *node, const struct tt_picture *picture,
                       const struct samples *samples)
{
    json_t *components = json_array(), *segments = json_array();
    struct profile_key key;

    for (uint32_t n = 0; n < picture->component_count; n++) {
        if (samples_component(samples, n)->count == 0)
            continue;
        profile_component_key(picture, n, &node->machine, PROFILE_ASAP, &key);
        json_array_append_new(components, measured_json(node, picture->components[n].name,
                                                        picture->components[n].kind, &key,
                                                        samples_component(samples, n)));
    }
    for (uint32_t n = 0; n < picture->segment_count; n++) {
        if (samples_segment(samples, n)->count == 0)
            continue;
        profile_segment_key(picture, n, &node->machine, PROFILE_ASAP, &key);
        json_array_append_new(segments, measured_json(node, picture->segments[n].name, NULL, &key,
                                                      samples_segment(samples, n)));
    }
    return json_pack("{ss ss ss ss ss ss si so so}", "event", "profile", "service", picture->name,
                     "version", TT_VERSION, "cpu", node->machine.cpu_model, "kernel",
                     node->machine.kernel, "class", classes[node->machine.plan.right], "cpus",
                     (int)node->machine.plan.cpus, "components", components, "segments", segments);
}

json_t *profile_progress(const struct tt_picture *picture, const struct samples *samples,
                         int64_t past_ns, int64_t whole_ns)
{
    uint64_t count = 0;
    char text[128];

    for (uint32_t n = 0; samples != NULL && n < picture->component_count; n++)
        count += samples_component(samples, n)->count;
    (void)snprintf(text, sizeof(text),
                   "measuring with all CPUs busy: %.1f s of %.1f s, %llu "
                   "activations",
                   (double)past_ns / 1e9, (double)whole_ns / 1e9, (unsigned long long)count);
    return json_pack("{ss ss}", "event", "progress", "text", text);
}

static void add_row(void *ctx, const struct profile_row *row)
{
    char hex[PROFILE_KEY_HEX_BYTES];
    json_t *object;

    profile_key_hex(&row->key, hex);
    object =
        json_pack("{ss ss ss ss sb sI}", "key", hex, "name", row->name, "sort", row->sort, "pace",
                  row->pace, "current", row->is_current, "used_s", (json_int_t)row->used_s);
    if (object == NULL) /* a name that is no UTF-8 */
        return;
    put_figures(object, row->samples);
    json_array_append_new(ctx, object);
}

void profile_answer_list(struct node *node, struct client *client)
{
    json_t *list = json_array();

    (void)profile_each(node->profile, &node->machine, add_row, list);
    client_event(client, json_pack("{ss so}", "event", "profiles", "profiles", list));
    client_done(client, 0);
}

/* All users' promises rest on the same profiles: whose tactusd it is may make it forget. */
void profile_answer_forget(struct node *node, struct client *client, const json_t *request)
{
    const char *key = json_string_value(json_object_get(request, "key"));
    struct tt_error err = {0};
    int count;

    if (client_uid(client) != 0 && client_uid(client) != geteuid()) {
        (void)tt_fail(&err, -EPERM,
                      "profiles are everybody's on this machine: its administrator makes tactusd "
                      "forget them");
        client_error(client, &err, 3);
        return;
    }
    count = key != NULL ? profile_forget(node->profile, key) : -EINVAL;
    if (count == -EINVAL)
        (void)tt_fail(&err, count,
                      "this is no key of a profile; write at least %d of its hexadecimal digits, "
                      "or all",
                      PROFILE_PREFIX_LEAST);
    else if (count < 0)
        (void)tt_fail(&err, count, "the profile store cannot be written");
    else if (count == 0 && strcmp(key, "all") != 0)
        (void)tt_fail(&err, -ENOENT, "no profile has a key that begins with '%.64s'", key);
    if (err.code != 0) {
        client_error(client, &err, count == -EINVAL ? 2 : 3);
        return;
    }
    client_event(client, json_pack("{ss si}", "event", "forgot", "count", count));
    client_done(client, 0);
}
