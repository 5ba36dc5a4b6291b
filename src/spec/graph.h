/* A one-liner that is being read: its words sorted into items, and what they make. */
#ifndef TT_SPEC_GRAPH_H
#define TT_SPEC_GRAPH_H

#include "spec/build.h"
#include "spec/words.h"

enum graph_item_kind { ELEMENT, REFERENCE, FILTER, QUEUE, LINK, PROPERTY };

struct graph_item {
    enum graph_item_kind kind;
    char *text; /* properties: the name; what follows '=' is in value */
    char *value;
    struct tt_place place;
    uint32_t element; /* elements: their number; properties: whose */
};

struct graph_element {
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
    struct graph_item items[SPEC_GRAPH_WORDS_MAX];
    uint32_t word_count, item_count;
    struct graph_element elements[TT_COMPONENTS_MAX];
    uint32_t element_count;
};

/* "'!' has nothing before it": what, and how a graph is written. */
int spec_graph_fail(struct graph *graph, const struct graph_item *item, const char *what);

/* What stands between components and at their ends, as the service's flows. */
int spec_graph_flows(struct graph *graph);

#endif
