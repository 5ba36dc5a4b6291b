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
    uint8_t *lent; /* by slot: 1 + the output it went out through; 0 not lent */
};

int slots_open(struct slots *slots, const struct tt_pool_view *view, uint32_t number);
/* A slot of this class or TT_NO_FRAME; and back. */
uint32_t slots_take(struct slots *slots, uint32_t class_number);
void slots_give(struct slots *slots, uint32_t slot);
/* Removes a slot from its free stack: a predecessor lent it. */
void slots_keep_lent(struct slots *slots, uint32_t slot, uint32_t output);
/* Address and bytes of a slot in any pool; NULL when there is no such slot. */
uint8_t *slots_at(const struct tt_pool_view *view, uint32_t slot, uint32_t *ret_bytes);

struct edge {
    struct tt_seat seat;
    struct tt_picture *picture;
    struct tt_wiring *wiring;
    uint32_t number; /* of the component in the picture */
    const struct tt_picture_component *plan;
    const struct tt_component *component;
    struct tt_request request;
    struct tt_request_store store;
    struct tt_host host;
    void *state, *scratch;

    struct tt_pool_view pools[TT_PROCESSES_MAX];
    struct tt_link *in[TT_PORTS_MAX], *out[TT_PORTS_MAX]; /* NULL: not connected */
    uint32_t out_depth[TT_PORTS_MAX];
    struct tt_rational out_rate[TT_PORTS_MAX];
    uint32_t out_class[TT_PORTS_MAX];
    bool has_ended_in[TT_PORTS_MAX], has_ended_out[TT_PORTS_MAX];
    bool has_put[TT_PORTS_MAX];
    int64_t handed_over[TT_PORTS_MAX]; /* by a predecessor, up to this index; -1: nothing */
    bool is_primed;

    struct slots slots;
    uint32_t held[TT_PORTS_MAX]; /* sources: the slot each output is offered next */
    struct tt_frame frames[2 * TT_PORTS_MAX];
    struct tt_call call;
    uint64_t records_lost;
};

/* The edge thread's whole work. They return 0 at a regular end, or the component's error. */
int edge_run_source(struct edge *edge);
int edge_run_sink(struct edge *edge);

/* Sleeps until the own bell rings or this long. */
void edge_sleep(struct edge *edge, uint32_t seen, int64_t for_ns);

/* Polls the component's descriptors: 1 one is ready, 0 none is, -ENOTSUP it has none. */
int edge_poll(struct edge *edge, int timeout_ms);

void edge_record(struct edge *edge, const struct tt_record *record);

#endif
