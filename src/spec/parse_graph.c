/* A service from the one-liner, as gst-launch writes it. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spec/build.h"
#include "spec/chain.h"
#include "spec/kinds.h"
#include "spec/words.h"

enum item_kind { ELEMENT, REFERENCE, FILTER, QUEUE, LINK, PROPERTY };

enum { OF_SERVICE = UINT16_MAX, OF_QUEUE = UINT16_MAX - 1 };

struct item {
    enum item_kind kind;
    char *text; /* properties: the name; what follows '=' is in value */
    char *value;
    struct tt_place place;
    uint32_t element; /* elements: their number; properties: whose */
};

struct element {
    const struct tt_component *kind;
    char name[TT_NAME_BYTES];
    bool is_named;
};

struct graph {
    struct tt_service *service;
    const struct tt_catalogue *catalogue;
    struct tt_error *err;
    struct spec_arena arena;
    struct spec_word words[SPEC_GRAPH_WORDS_MAX];
    struct item items[SPEC_GRAPH_WORDS_MAX];
    uint32_t word_count, item_count;
    struct element elements[TT_COMPONENTS_MAX];
    uint32_t element_count;
};

static int fail_shape(struct graph *graph, const struct item *item, const char *what)
{
    (void)spec_fail(graph->err, item->place, item->text, "%s", what);
    return spec_expect_text(graph->err, "kind name=value ! kind, or component.port ! kind");
}

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
static int join_filter(struct graph *graph, struct item *item, uint32_t *at)
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

static int begin_element(struct graph *graph, struct item *item, const struct tt_component *kind)
{
    if (graph->element_count == TT_COMPONENTS_MAX) {
        (void)fail_shape(graph, item, "too many components: split the service");
        return -E2BIG;
    }
    item->kind = ELEMENT;
    item->element = graph->element_count;
    graph->elements[graph->element_count++].kind = kind;
    return 0;
}

static int read_word(struct graph *graph, uint32_t *at, uint32_t *owner)
{
    struct item *item = &graph->items[graph->item_count++];
    const struct tt_component *kind;
    char *word = graph->words[*at].text;

    *item = (struct item){.text = word, .place = graph->words[*at].place};
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

static struct tt_place value_place(const struct item *item)
{
    return (struct tt_place){item->place.line,
                             item->place.column + (uint32_t)strlen(item->text) + 1};
}

static int fail_name_text(struct graph *graph, const struct item *item)
{
    (void)spec_fail(graph->err, value_place(item), item->value,
                    "this cannot be the name of a component");
    return spec_expect_text(graph->err, "one name of up to 63 letters, digits, - and _");
}

static int read_names(struct graph *graph)
{
    for (uint32_t n = 0; n < graph->item_count; n++) {
        struct item *item = &graph->items[n];
        struct element *element;

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
        struct element *element = &graph->elements[n];
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
            const struct element *element = &graph->elements[graph->items[n].element];

            r = spec_add_component(graph->service, element->name, element->kind->name,
                                   graph->items[n].place, &component, graph->err);
        }
    return r;
}

static int set_rate(struct graph *graph, const struct item *item)
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

static int set_of_service(struct graph *graph, const struct item *item)
{
    static const struct spec_words words = {.word = {"rate", "deadline", "loss", "service"},
                                            .count = 4};
    struct tt_service *service = graph->service;

    if (strcmp(item->text, "rate") == 0)
        return set_rate(graph, item);
    if (strcmp(item->text, "deadline") == 0)
        return spec_read_deadline(item->value, value_place(item), &service->deadline_ns,
                                  graph->err);
    if (strcmp(item->text, "loss") == 0)
        return spec_read_loss(item->value, value_place(item), &service->loss, graph->err);
    if (strcmp(item->text, "service") == 0 && spec_is_name(item->value, true)) {
        (void)tt_format_text(service->name, TT_NAME_BYTES, "%s", item->value);
        return 0;
    }
    (void)spec_fail(graph->err, item->place, item->text,
                    "'%s' stands before any component, and is no property of a service",
                    item->text);
    return spec_expect(graph->err, &words);
}

static int set_late(struct graph *graph, const struct item *item,
                    struct tt_spec_component *component)
{
    struct tt_spec_late *late = &component->late[component->late_count];
    struct spec_words words = {0};

    spec_late_words(UINT32_MAX, &words);
    if (component->late_count == TT_PORTS_MAX || !spec_is_name(item->text + 5, false))
        return fail_shape(graph, item, "an input's name follows `late.`");
    for (uint32_t n = 0; n < component->late_count; n++)
        if (strcmp(component->late[n].input, item->text + 5) == 0)
            return fail_shape(graph, item, "an input has one late policy, this is a second");
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
static int set_key(struct graph *graph, const struct item *item,
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

static int set_property(struct graph *graph, const struct item *item)
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
        const struct item *item = &graph->items[n];

        if (item->kind != PROPERTY || item->element == OF_QUEUE)
            continue;
        r = item->element == OF_SERVICE ? set_of_service(graph, item) : set_property(graph, item);
    }
    return r;
}

struct line { /* the chain that is being read */
    struct tt_spec_flow flow;
    bool has_from, has_link;
};

static bool has_port(const struct graph *graph, uint32_t component, const char *port)
{
    const struct tt_component *kind = graph->elements[component].kind;

    return port[0] == 0 || spec_port(kind, port, true) != UINT32_MAX ||
           spec_port(kind, port, false) != UINT32_MAX;
}

static bool ends_with(const char *word, const char *ending)
{
    size_t length = strlen(word), tail = strlen(ending);

    return length > tail && strcmp(word + length - tail, ending) == 0;
}

static bool is_file(const char *word)
{
    return ends_with(word, ".c") || ends_with(word, ".tactus");
}

/* A file that is near to being a component by path: what is missing is told, not what kinds there
 * are. */
static int fail_file(struct graph *graph, const struct item *item)
{
    char token[SPEC_TOKEN_BYTES];

    spec_show(item->text, strlen(item->text), token);
    if (ends_with(item->text, ".c")) {
        (void)spec_fail(graph->err, item->place, token, "'%s' is a component's source", token);
        return spec_expect_text(graph->err,
                                "what `tactus build` makes of it: a path that ends in .tactus");
    }
    (void)spec_fail(graph->err, item->place, token, "'%s' is no path", token);
    return spec_expect_text(graph->err, "a component by path with a '/' in it: ./NAME.tactus");
}

/* A word that is no kind and no port: what is listed and what is near depends on what stands before
 * its dot. */
static int fail_word(struct graph *graph, const struct item *item)
{
    struct spec_words words = {0};
    char token[SPEC_TOKEN_BYTES];

    spec_show(item->text, strlen(item->text), token);
    if (strcmp(token, "tee") == 0) {
        (void)spec_fail(graph->err, item->place, token, "there is no tee, and none is needed");
        return spec_expect_text(graph->err, "`a name=x ! b x. ! c`: an output feeds many inputs");
    }
    if (strchr(token, '!')) {
        (void)spec_fail(graph->err, item->place, token, "'%s' is one word here", token);
        return spec_expect_text(graph->err, "a '!' with a space before and after it");
    }
    if (is_file(token))
        return fail_file(graph, item);
    for (uint32_t n = 0; n < graph->catalogue->count; n++)
        spec_words_add(&words, graph->catalogue->components[n]->name);
    (void)spec_fail(graph->err, item->place, token, "unknown kind '%s'", token);
    return spec_expect(graph->err, &words);
}

/* Is a kind so near that it is rather meant than a component.port? */
static bool is_near_kind(const struct graph *graph, const char *word)
{
    struct spec_words words = {0};

    for (uint32_t n = 0; n < graph->catalogue->count; n++)
        spec_words_add(&words, graph->catalogue->components[n]->name);
    return spec_nearest(word, &words) != NULL;
}

/* component.port of a component that is not there: either of the two may be meant. */
static int fail_name(struct graph *graph, const struct item *item, const char *name)
{
    struct spec_words words = {0};

    if (item->text[strlen(name) + 1] == 0)
        return spec_fail_component(graph->service, name, item->place, graph->err);
    if (is_near_kind(graph, item->text) || is_file(item->text))
        return fail_word(graph, item);
    for (uint32_t n = 0; n < graph->element_count; n++)
        spec_words_add(&words, graph->elements[n].name);
    for (uint32_t n = 0; n < graph->catalogue->count; n++)
        spec_words_add(&words, graph->catalogue->components[n]->name);
    (void)spec_fail(graph->err, item->place, name,
                    "unknown kind '%s', and no component is named '%s'", item->text, name);
    return spec_expect(graph->err, &words);
}

static int read_reference(struct graph *graph, const struct item *item, uint32_t *ret,
                          const char **ret_port)
{
    const char *dot = strchr(item->text, '.');
    char name[TT_NAME_BYTES];

    if (!dot || dot == item->text || dot - item->text >= TT_NAME_BYTES)
        return fail_word(graph, item);
    memcpy(name, item->text, (size_t)(dot - item->text));
    name[dot - item->text] = 0;
    *ret = spec_component(graph->service, name);
    *ret_port = dot + 1;
    if (dot[1] != 0 && !spec_is_name(dot + 1, false))
        return fail_word(graph, item);
    if (*ret == TT_COMPONENTS_MAX)
        return fail_name(graph, item, name);
    /* `video.scal`, where a component happens to be called video, is rather a kind. */
    if (!has_port(graph, *ret, dot + 1) &&
        (!graph->elements[*ret].is_named || is_near_kind(graph, item->text)))
        return fail_word(graph, item);
    return 0;
}

static int join(struct graph *graph, struct line *line, const struct item *item, bool is_middle)
{
    uint32_t component = item->element;
    const char *port = "";
    bool is_output;
    int r = 0;

    if (item->kind == REFERENCE)
        r = read_reference(graph, item, &component, &port);
    if (r < 0)
        return r;
    is_output = !line->has_link ||
                (is_middle && spec_is_output_only(graph->elements[component].kind, port));
    if (line->has_link) {
        line->flow.to = component;
        line->flow.to_place = item->place;
        (void)tt_format_text(line->flow.to_port, TT_NAME_BYTES, "%s", is_output ? "" : port);
        r = spec_add_flow(graph->service, &line->flow, graph->err);
    }
    line->flow = (struct tt_spec_flow){.from = component, .place = item->place};
    (void)tt_format_text(line->flow.from_port, TT_NAME_BYTES, "%s", is_output ? port : "");
    line->has_from = true;
    line->has_link = false;
    return r;
}

static int add_filter(struct graph *graph, struct line *line, const struct item *item)
{
    if (!line->has_link || line->flow.caps.kind != 0)
        return fail_shape(graph, item, "a filter stands alone between two components");
    line->has_link = false;
    return spec_read_caps(item->text, item->place, &line->flow.caps, graph->err);
}

static int add_queue(struct graph *graph, struct line *line, const struct item *item)
{
    if (!line->has_link)
        return fail_shape(graph, item, "a queue stands between two components");
    line->has_link = false;
    if (spec_add_note(graph->service, "`queue` does nothing here: flows have the queues that the "
                                      "deadline allows, and no component has a thread") < 0)
        return tt_fail(graph->err, -ENOMEM, "no memory for a note");
    return 0;
}

static bool is_link_next(const struct graph *graph, uint32_t at)
{
    do
        at++;
    while (at < graph->item_count && graph->items[at].kind == PROPERTY);
    return at < graph->item_count && graph->items[at].kind == LINK;
}

/* A component may stand alone and be joined by its name elsewhere; a mere name may not. */
static int fail_alone(struct graph *graph, const struct item *item)
{
    const char *port;
    uint32_t component;
    int r = read_reference(graph, item, &component, &port);

    return r < 0 ? r : fail_shape(graph, item, "no '!' joins this to anything");
}

static int add_flows(struct graph *graph)
{
    struct line line = {0};
    const struct item *last = NULL;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < graph->item_count; n++) {
        const struct item *item = &graph->items[n];

        if (item->kind == PROPERTY && last && last->kind != ELEMENT && last->kind != QUEUE)
            return fail_shape(graph, item, "a property follows its component");
        if (item->kind == PROPERTY)
            continue;
        if (item->kind == LINK && (!line.has_from || line.has_link))
            return fail_shape(graph, item, "a '!' has nothing before it");
        if (last && (last->kind == FILTER || last->kind == QUEUE) && item->kind != LINK)
            return fail_shape(graph, item, "a filter and a queue are followed by '!'");
        if (item->kind == REFERENCE && !line.has_link && !is_link_next(graph, n))
            r = fail_alone(graph, item);
        else if (item->kind == LINK)
            line.has_link = true;
        else if (item->kind == FILTER)
            r = add_filter(graph, &line, item);
        else if (item->kind == QUEUE)
            r = add_queue(graph, &line, item);
        else
            r = join(graph, &line, item, is_link_next(graph, n));
        last = item;
    }
    if (r == 0 && last && last->kind != ELEMENT && last->kind != REFERENCE)
        return fail_shape(graph, last, "a flow ends in a component");
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
        r = add_flows(graph);
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
