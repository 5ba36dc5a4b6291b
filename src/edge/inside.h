/* What the files of the edge share. */
#ifndef TT_EDGE_INSIDE_H
#define TT_EDGE_INSIDE_H

#include "core/link.h"
#include "platform/linux/seat.h"
#include "spec/picture.h"
#include "spec/wiring.h"
#include "tactus/component.h"

enum { LINGER_NS = 700000000 /* after stop: until a sink ends without its inputs' End */ };

/* The pool that a source writes, slot by slot. Only its own thread enters. */
struct slots {
    struct tt_pool_view view;
    uint32_t number; /* among the service's pools */
    uint32_t *free;  /* stacks, one a class, in one array: class c from first_of[c] on */
    uint32_t free_count[TT_PORTS_MAX], first_of[TT_PORTS_MAX + 1];
    uint8_t *lent; /* by slot: whom it was given to, from 1 on (edge_lender); 0 not lent */
};

int slots_open(struct slots *slots, const struct tt_pool_view *view, uint32_t number);
/* A slot of this class or TT_NO_FRAME; and back. */
uint32_t slots_take(struct slots *slots, uint32_t class_number);
void slots_give(struct slots *slots, uint32_t slot);
/* Removes a slot from its free stack: a predecessor lent it. */
void slots_keep_lent(struct slots *slots, uint32_t slot, uint8_t lender);
/* Address and bytes of a slot in any pool; NULL when there is no such slot. */
uint8_t *slots_at(const struct tt_pool_view *view, uint32_t slot, uint32_t *ret_bytes);

/* A process: what its components share. */
struct edge_process {
    struct tt_seat seat;
    struct tt_pool_view pools[TT_PROCESSES_MAX];
    struct slots slots;
    struct edge *edges[TT_TOGETHER_MAX]; /* in the picture's order; mostly one */
    uint32_t edge_count;
    uint64_t to_ring; /* containers that something was put for, a bit each */
};

/* A component. */
struct edge {
    struct edge_process *process;
    struct tt_seat *seat; /* the process's, like the two below */
    struct tt_pool_view *pools;
    struct slots *slots;
    uint32_t place; /* among the process's */
    struct tt_picture *picture;
    struct tt_wiring *wiring;
    uint32_t number; /* of the component in the picture */
    const struct tt_picture_component *plan;
    const struct tt_component *component;
    struct tt_request request;
    struct tt_request_store store;
    struct tt_host host;
    void *state, *scratch;

    struct tt_link *in[TT_PORTS_MAX], *out[TT_PORTS_MAX]; /* NULL: not connected */
    uint32_t out_depth[TT_PORTS_MAX], out_to[TT_PORTS_MAX], in_from[TT_PORTS_MAX];
    struct tt_rational out_rate[TT_PORTS_MAX];
    uint32_t out_class[TT_PORTS_MAX];
    bool has_ended_in[TT_PORTS_MAX], has_ended_out[TT_PORTS_MAX];
    bool has_put[TT_PORTS_MAX];
    int64_t handed_over[TT_PORTS_MAX]; /* by a predecessor, up to this index; -1: nothing */
    bool is_primed;

    uint32_t held[TT_PORTS_MAX]; /* sources: the slot each output is offered next */
    struct tt_frame frames[2 * TT_PORTS_MAX];
    struct tt_call call;
    uint64_t records_lost;
};

/* The edge thread's whole work. They return 0 at a regular end, or the component's error; sources:
 * all that share the process, *ret is the one that failed. */
int edge_run_sources(struct edge_process *process, struct edge **ret);
int edge_run_sink(struct edge *edge);

/* Sleeps until the own bell rings or this long. */
void edge_sleep(struct edge *edge, uint32_t seen, int64_t for_ns);

/* Polls the component's descriptors: 1 one is ready, 0 none is, -ENOTSUP it has none. */
int edge_poll(struct edge *edge, int timeout_ms);

/* Waits for those of all components of the process; whose is ready has its bit in *ret. */
void edge_poll_all(struct edge_process *process, int timeout_ms, uint32_t *ret);

void edge_record(struct edge *edge, const struct tt_record *record);

#endif
