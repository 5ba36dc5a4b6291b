/* The edge of a random service, as the machine's timers play it: a source brings a frame soon after
 * its index, a sink takes what there is soon after it was rung. */
#ifndef TT_TESTS_SIM_EDGE_H
#define TT_TESTS_SIM_EDGE_H

#include "core/link.h"
#include "draw.h"
#include "platform/sim/machine.h"
#include "spec/wiring.h"

struct edge_params {
    struct tt_machine *machine;
    const struct tt_picture *picture;
    const struct tt_wiring *wiring;
    struct tt_pool_view *pools;
    uint8_t **links;
    uint32_t process;
    uint64_t seed;
    int64_t delay_max_ns, end_ns;
    void (*ring)(void *ctx, uint32_t peer);      /* the container */
    void (*on_end)(void *ctx, uint32_t process); /* it is through: End went, or came */
    void *ctx;
};

struct edge {
    struct edge_params params;
    struct draw draw;
    bool is_alive, is_going, is_source, has_ended, is_timer_set;
    int64_t epoch_ns, next_index;
    int64_t stalled_until_ns; /* brings and takes nothing before */
    uint32_t link, peer;      /* the container at the link's other end */
    void *end;
    struct tt_link *link_end;
    bool *is_lent; /* sources: by slot of its pool */
};

/* Nothing of it runs yet; edge_fini() frees what it holds, after the machine's last step. */
void edge_init(struct edge *edge, const struct edge_params *params);
void edge_fini(struct edge *edge);

void edge_start(struct edge *edge); /* attaches; sources put no frame before edge_go() */
void edge_go(struct edge *edge, int64_t epoch_ns, int64_t first_ns);
void edge_kill(struct edge *edge);
void edge_stop(struct edge *edge); /* sources: End now */
void edge_rung(struct edge *edge);

#endif
