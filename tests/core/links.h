/* Edges around a simulated engine, as the tests of random graphs play them: they send, take, come
 * late, die, come back and lie, by the seed. */
#ifndef TT_TESTS_LINKS_H
#define TT_TESTS_LINKS_H

#include "graph.h"

enum { LINK_DEPTH = 8, LINKS = 2 };

enum fault { FAULT_NONE, FAULT_LATE, FAULT_DEAD, FAULT_GARBAGE, FAULT_COUNT };

struct links {
    struct graph *graph;
    uint32_t (*pick)(uint32_t count);
    enum fault fault[2];      /* of what sends, of what takes */
    int64_t dead_ns, back_ns; /* media times */
    int64_t end_index, next_index[LINKS];
    bool is_dead[2], has_ended[LINKS];
    uint32_t in_count, out_count, in_node[LINKS], out_node[LINKS];
    uint8_t *memory[2 * LINKS]; /* the links: in, then out */
    struct tt_link *writers[LINKS], *readers[LINKS];
    void *edge_ends[2 * LINKS], *engine_ends[2 * LINKS];
    bool is_lent[POOL_SLOTS];
    struct {
        uint32_t pool, slot;
        int64_t value;
    } held[LINKS][LINK_DEPTH]; /* what the taking edges look at */
    uint32_t held_count[LINKS];
    uint64_t received;
};

void links_init(struct links *links, struct graph *g, uint32_t (*pick)(uint32_t count));
uint32_t links_add_inlet(struct links *links);
uint32_t links_add_outlet(struct links *links);
void links_turn(struct links *links);    /* what the edges do between two turns of the engine */
void links_restart(struct links *links); /* the engine died: its ends are attached anew */
void links_finish(struct links *links);  /* all is given back, and nothing was written meanwhile */
void links_fini(struct links *links);

#endif
