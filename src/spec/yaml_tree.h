/* One strict YAML document as a tree: maps, lists and scalars, each with its place. */
#ifndef TT_SPEC_YAML_TREE_H
#define TT_SPEC_YAML_TREE_H

#include <stdbool.h>

#include "spec/arena.h"
#include "spec/complain.h"

enum spec_node_kind { SPEC_SCALAR = 1, SPEC_LIST = 2, SPEC_MAP = 3 };

struct spec_node {
    enum spec_node_kind kind;
    const char *text; /* scalars */
    bool is_quoted;
    struct tt_place place;
    struct spec_node *first, *last, *next; /* children; of maps key, value, key, value */
    uint32_t count;
};

/* Reads it with the event API: depth and number of nodes are bounded whatever the text is. Tags,
 * anchors, aliases, duplicate keys, a second document and directives are refused. */
int spec_yaml_read(const char *text, uint64_t bytes, struct spec_arena *arena,
                   const struct spec_node **ret, struct tt_error *err);

/* The value of a key; NULL when the map has none. */
const struct spec_node *spec_yaml_get(const struct spec_node *map, const char *key);

/* Every key must be one of `words`; `what` is whose keys they are. */
int spec_yaml_check_keys(const struct spec_node *map, const char *what,
                         const struct spec_words *words, struct tt_error *err);

/* -EINVAL with what it is and what it should be. */
int spec_yaml_want(const struct spec_node *node, enum spec_node_kind kind, const char *what,
                   struct tt_error *err);

#endif
