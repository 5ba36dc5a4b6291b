/* What joins the components of a one-liner, and what to say of a word that joins nothing. */
#include <errno.h>
#include <string.h>

#include "spec/chain.h"
#include "spec/graph.h"
#include "spec/kinds.h"

int spec_graph_fail(struct graph *graph, const struct graph_item *item, const char *what)
{
    (void)spec_fail(graph->err, item->place, item->text, "%s", what);
    return spec_expect_text(graph->err, "kind name=value ! kind, or component.port ! kind");
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
static int fail_file(struct graph *graph, const struct graph_item *item)
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
static int fail_word(struct graph *graph, const struct graph_item *item)
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
static int fail_name(struct graph *graph, const struct graph_item *item, const char *name)
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

static int read_reference(struct graph *graph, const struct graph_item *item, uint32_t *ret,
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

static int join(struct graph *graph, struct line *line, const struct graph_item *item,
                bool is_middle)
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

static int add_filter(struct graph *graph, struct line *line, const struct graph_item *item)
{
    if (!line->has_link || line->flow.caps.kind != 0)
        return spec_graph_fail(graph, item, "a filter stands alone between two components");
    line->has_link = false;
    return spec_read_caps(item->text, item->place, &line->flow.caps, graph->err);
}

static int add_queue(struct graph *graph, struct line *line, const struct graph_item *item)
{
    if (!line->has_link)
        return spec_graph_fail(graph, item, "a queue stands between two components");
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
static int fail_alone(struct graph *graph, const struct graph_item *item)
{
    const char *port;
    uint32_t component;
    int r = read_reference(graph, item, &component, &port);

    return r < 0 ? r : spec_graph_fail(graph, item, "no '!' joins this to anything");
}

int spec_graph_flows(struct graph *graph)
{
    struct line line = {0};
    const struct graph_item *last = NULL;
    int r = 0;

    for (uint32_t n = 0; r == 0 && n < graph->item_count; n++) {
        const struct graph_item *item = &graph->items[n];

        if (item->kind == PROPERTY && last && last->kind != ELEMENT && last->kind != QUEUE)
            return spec_graph_fail(graph, item, "a property follows its component");
        if (item->kind == PROPERTY)
            continue;
        if (item->kind == LINK && (!line.has_from || line.has_link))
            return spec_graph_fail(graph, item, "a '!' has nothing before it");
        if (last && (last->kind == FILTER || last->kind == QUEUE) && item->kind != LINK)
            return spec_graph_fail(graph, item, "a filter and a queue are followed by '!'");
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
        return spec_graph_fail(graph, last, "a flow ends in a component");
    return r;
}
