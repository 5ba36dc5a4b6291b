/* A service from the one-liner, as gst-launch writes it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/build.h"
#include "spec/chain.h"
#include "spec/graph.h"
#include "spec/kinds.h"

enum { OF_SERVICE = UINT16_MAX, OF_QUEUE = UINT16_MAX - 1 };

static bool is_property(const char *word)
{
    size_t length = strcspn(word, "=");

    if (word[length] != '=' || length == 0)
        return false;
    for (size_t n = 0; n < length; n++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.*", word[n]))
            return false;
    return true;
}

static bool is_queue(const char *word)
{
    return strcmp(word, "queue") == 0 || strcmp(word, "queue2") == 0;
}

/* gst-launch lets a filter go on after a comma and a space. */
static int join_filter(struct graph *graph, struct graph_item *item, uint32_t *at)
{
    uint64_t length = strlen(item->text);

    while (*at + 1 < graph->word_count && length > 0 && item->text[length - 1] == ',') {
        const char *more = graph->words[++*at].text;
        char *joined = spec_take(&graph->arena, length + strlen(more) + 1);

        if (!joined)
            return tt_fail(graph->err, -ENOMEM, "no memory for the service's text");
        memcpy(joined, item->text, length);
        memcpy(joined + length, more, strlen(more));
        item->text = joined;
        length = strlen(joined);
    }
    return 0;
}

static int begin_element(struct graph *graph, struct graph_item *item,
                         const struct tt_component *kind)
{
    if (graph->element_count == TT_COMPONENTS_MAX) {
        (void)spec_graph_fail(graph, item, "too many components: split the service");
        return -E2BIG;
    }
    item->kind = ELEMENT;
    item->element = graph->element_count;
    graph->elements[graph->element_count++].kind = kind;
    return 0;
}

static int read_word(struct graph *graph, uint32_t *at, uint32_t *owner)
{
    struct graph_item *item = &graph->items[graph->item_count++];
    const struct tt_component *kind;
    char *word = graph->words[*at].text;

    *item = (struct graph_item){.text = word, .place = graph->words[*at].place};
    if (strcmp(word, "!") == 0) {
        item->kind = LINK;
        return 0;
    }
    if (spec_is_caps(word)) {
        item->kind = FILTER;
        return join_filter(graph, item, at);
    }
    if (is_property(word)) {
        item->kind = PROPERTY;
        item->element = *owner;
        item->value = strchr(word, '=') + 1;
        item->value[-1] = 0;
        return 0;
    }
    kind = spec_kind(graph->catalogue, word);
    if (!kind && tt_kind_is_path(word))
        return spec_find_kind(graph->catalogue, word, item->place, &kind, graph->err);
    if (kind) {
        *owner = graph->element_count;
        return begin_element(graph, item, kind);
    }
    if (is_queue(word)) {
        item->kind = QUEUE;
        *owner = OF_QUEUE;
        return 0;
    }
    item->kind = REFERENCE;
    return 0;
}

static int read_items(struct graph *graph)
{
    uint32_t owner = OF_SERVICE;

    for (uint32_t at = 0; at < graph->word_count; at++) {
        int r = read_word(graph, &at, &owner);

        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_name_taken(const struct graph *graph, const char *name)
{
    for (uint32_t n = 0; n < graph->element_count; n++)
        if (strcmp(graph->elements[n].name, name) == 0)
            return true;
    return false;
}

static struct tt_place value_place(const struct graph_item *item)
{
    return (struct tt_place){item->place.line,
                             item->place.column + (uint32_t)strlen(item->text) + 1};
}

static int fail_name_text(struct graph *graph, const struct graph_item *item)
{
    (void)spec_fail(graph->err, value_place(item), item->value,
                    "this cannot be the name of a component");
    return spec_expect_text(graph->err, "one name of up to 63 letters, digits, - and _");
}

static int read_names(struct graph *graph)
{
    for (uint32_t n = 0; n < graph->item_count; n++) {
        struct graph_item *item = &graph->items[n];
        struct graph_element *element;

        if (item->kind != PROPERTY || item->element >= TT_COMPONENTS_MAX ||
            strcmp(item->text, "name") != 0)
            continue;
        element = &graph->elements[item->element];
        if (!spec_is_name(item->value, false) || element->is_named)
            return fail_name_text(graph, item);
        if (is_name_taken(graph, item->value)) {
            (void)spec_fail(graph->err, value_place(item), item->value,
                            "'%s' names a component already", item->value);
            return spec_expect_text(graph->err, "a name that no other component has");
        }
        element->is_named = true;
        (void)tt_format_text(element->name, TT_NAME_BYTES, "%s", item->value);
    }
    return 0;
}

/* ./libmine.so is called mine. */
static void name_after_file(const char *path, char ret[TT_NAME_BYTES])
{
    const char *file = strrchr(path, '/') + 1;
    uint32_t length;

    file += strncmp(file, "lib", 3) == 0 && strlen(file) > 6 ? 3 : 0;
    length = tt_format_text(ret, TT_NAME_BYTES, "%.*s", (int)strlen(file) - 3, file);
    for (uint32_t n = 0; n < length; n++)
        if (!isalnum((unsigned char)ret[n]) && ret[n] != '-' && ret[n] != '_')
            ret[n] = '_';
    if (!spec_is_name(ret, false))
        (void)tt_format_text(ret, TT_NAME_BYTES, "plugin");
}

/* test.video is called video, a second one video2. */
static void derive_names(struct graph *graph)
{
    for (uint32_t n = 0; n < graph->element_count; n++) {
        struct graph_element *element = &graph->elements[n];
        const char *dot = strrchr(element->kind->name, '.');
        const char *stem = dot ? dot + 1 : element->kind->name;
        char name[TT_NAME_BYTES], file[TT_NAME_BYTES];

        if (element->is_named)
            continue;
        if (tt_kind_is_path(element->kind->name)) {
            name_after_file(element->kind->name, file);
            stem = file;
        }
        (void)tt_format_text(name, sizeof(name), "%s", stem);
        for (uint32_t number = 2; is_name_taken(graph, name); number++)
            (void)tt_format_text(name, sizeof(name), "%.*s%u", 50, stem, number);
        memcpy(element->name, name, sizeof(name));
    }
}

static int add_components(struct graph *graph)
{
    struct tt_spec_component *component;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < graph->item_count; n++)
        if (graph->items[n].kind == ELEMENT) {
            const struct graph_element *element = &graph->elements[graph->items[n].element];

            r = spec_add_component(graph->service, element->name, element->kind->name,
                                   graph->items[n].place, &component, graph->err);
        }
    return r;
}

static int set_rate(struct graph *graph, const struct graph_item *item)
{
    struct tt_rational rate;
    int r = spec_read_rate(item->value, value_place(item), &rate, graph->err);

    if (r < 0)
        return r;
    if (graph->service->rate.den != 0 &&
        (graph->service->rate.num != rate.num || graph->service->rate.den != rate.den)) {
        (void)spec_fail(graph->err, item->place, item->value,
                        "the service has a rate of %ld/%ld already", (long)graph->service->rate.num,
                        (long)graph->service->rate.den);
        return spec_expect_text(graph->err, "one rate for the service");
    }
    graph->service->rate = rate;
    return 0;
}

static int set_of_service(struct graph *graph, const struct graph_item *item)
{
    static const struct spec_words words = {
        .word = {"rate", "deadline", "loss", "service", "spare_containers"}, .count = 5};
    struct tt_service *service = graph->service;

    if (strcmp(item->text, "rate") == 0)
        return set_rate(graph, item);
    if (strcmp(item->text, "deadline") == 0)
        return spec_read_deadline(item->value, value_place(item), &service->deadline_ns,
                                  graph->err);
    if (strcmp(item->text, "loss") == 0)
        return spec_read_loss(item->value, value_place(item), &service->loss, graph->err);
    if (strcmp(item->text, "spare_containers") == 0)
        return spec_read_spares(item->value, value_place(item), &service->spare_containers,
                                graph->err);
    if (strcmp(item->text, "service") == 0 && spec_is_name(item->value, true)) {
        (void)tt_format_text(service->name, TT_NAME_BYTES, "%s", item->value);
        return 0;
    }
    (void)spec_fail(graph->err, item->place, item->text,
                    "'%s' stands before any component, and is no property of a service",
                    item->text);
    return spec_expect(graph->err, &words);
}

static int set_late(struct graph *graph, const struct graph_item *item,
                    struct tt_spec_component *component)
{
    struct tt_spec_late *late = &component->late[component->late_count];
    struct spec_words words = {0};

    spec_late_words(UINT32_MAX, &words);
    if (component->late_count == TT_PORTS_MAX || !spec_is_name(item->text + 5, false))
        return spec_graph_fail(graph, item, "an input's name follows `late.`");
    for (uint32_t n = 0; n < component->late_count; n++)
        if (strcmp(component->late[n].input, item->text + 5) == 0)
            return spec_graph_fail(graph, item, "an input has one late policy, this is a second");
    late->policy = spec_late_policy(item->value);
    late->place = item->place;
    (void)tt_format_text(late->input, TT_NAME_BYTES, "%s", item->text + 5);
    if (late->policy == 0) {
        (void)spec_fail(graph->err, value_place(item), item->value, "there is no such late policy");
        return spec_expect(graph->err, &words);
    }
    component->late_count++;
    return 0;
}

static bool is_source(const struct tt_component *kind)
{
    for (uint32_t n = 0; n < kind->port_count; n++)
        if (!kind->ports[n].is_output)
            return false;
    return true;
}

/* Properties that are keys of a component in YAML: 1 when it was one. */
static int set_key(struct graph *graph, const struct graph_item *item,
                   struct tt_spec_component *component, const struct tt_component *kind)
{
    int r = 1;

    if (strcmp(item->text, "name") == 0)
        return 1;
    if (strcmp(item->text, "rate") == 0 && is_source(kind))
        r = set_rate(graph, item);
    else if (strcmp(item->text, "deadline") == 0)
        r = spec_read_deadline(item->value, value_place(item), &component->deadline_ns, graph->err);
    else if (strcmp(item->text, "loss") == 0)
        r = spec_read_loss(item->value, value_place(item), &component->loss, graph->err);
    else if (strcmp(item->text, "overrun") == 0)
        r = spec_read_overrun(item->value, value_place(item), component->overrun, graph->err);
    else if (strcmp(item->text, "grants") == 0)
        r = spec_read_grants(item->value, value_place(item), graph->catalogue, component,
                             graph->err);
    else if (strncmp(item->text, "late.", 5) == 0)
        r = set_late(graph, item, component);
    else if (strcmp(item->text, "degrade") == 0) {
        r = spec_check_degrade(kind, component->name, item->value, value_place(item), graph->err);
        if (r == 0)
            r = spec_add_degrade(graph->service, component, item->value, graph->err);
    } else
        return 0;
    return r < 0 ? r : 1;
}

static int set_property(struct graph *graph, const struct graph_item *item)
{
    struct tt_spec_component *component = &graph->service->components[item->element];
    const struct tt_component *kind = graph->elements[item->element].kind;
    struct spec_param_ref ref;
    int r = 0;

    if (spec_find_param(kind, item->text, &ref) < 0 || ref.is_option)
        r = set_key(graph, item, component, kind);
    if (r != 0)
        return r < 0 ? r : 0;
    for (uint32_t n = 0; n < component->param_count; n++)
        if (strcmp(component->params[n].name, item->text) == 0) {
            (void)spec_fail(graph->err, item->place, item->text, "'%s' of '%s' is here twice",
                            item->text, component->name);
            return spec_expect_text(graph->err, "each property once");
        }
    r = spec_check_param(kind, component->name, item->text, item->value, item->place,
                         value_place(item), graph->err);
    return r < 0 ? r
                 : spec_add_param(graph->service, component, item->text, item->value, item->place,
                                  graph->err);
}

static int set_properties(struct graph *graph)
{
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < graph->item_count; n++) {
        const struct graph_item *item = &graph->items[n];

        if (item->kind != PROPERTY || item->element == OF_QUEUE)
            continue;
        r = item->element == OF_SERVICE ? set_of_service(graph, item) : set_property(graph, item);
    }
    return r;
}

static int read_graph(struct graph *graph)
{
    int r = read_items(graph);

    if (r == 0)
        r = read_names(graph);
    if (r < 0)
        return r;
    derive_names(graph);
    r = add_components(graph);
    if (r == 0)
        r = spec_graph_flows(graph);
    if (r == 0)
        r = set_properties(graph);
    if (r == 0)
        r = spec_complete(graph->service, graph->catalogue, graph->err);
    return r < 0 ? r : spec_check(graph->service, graph->catalogue, graph->err);
}

int tt_service_parse_graph(const char *text, uint64_t bytes, const struct tt_catalogue *catalogue,
                           struct tt_service **ret, struct tt_error *err)
{
    struct graph *graph;
    int r;

    if (bytes > TT_SPEC_BYTES_MAX)
        return tt_fail(err, -E2BIG, "the service's text has %lu bytes: at most %d are read",
                       (unsigned long)bytes, TT_SPEC_BYTES_MAX);
    graph = calloc(1, sizeof(*graph));
    if (!graph || !(graph->service = spec_service_new())) {
        free(graph);
        return tt_fail(err, -ENOMEM, "no memory for a service");
    }
    graph->catalogue = catalogue;
    graph->err = err;
    r = spec_split(text, bytes, &graph->arena, graph->words, &graph->word_count, err);
    if (r == 0)
        r = read_graph(graph);
    if (r < 0)
        tt_service_close(&graph->service);
    else
        *ret = graph->service;
    spec_arena_fini(&graph->arena);
    free(graph);
    return r;
}
