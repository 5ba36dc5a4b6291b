/* Which process of a service hosts what, and the shared memory between them: a pure function of the
 * picture, so that tactusd, containers and edges agree without telling each other.
 *
 * First come the containers, one for each worker that the picture's components name (process 0 is
 * always one) and the spare ones that it asks for, then the edges: each TT_EDGE component has one
 * of its own, in the picture's order, but sources of a kind that is TT_TOGETHER: one thread waits
 * for what comes to all of them. A flow between two processes is a link. An output of a source edge
 * enters one container, the one of its first consumer there; all that feeds several inputs of a
 * container comes by one link, and flows between two edges pass through a container. */
#ifndef TT_SPEC_WIRING_H
#define TT_SPEC_WIRING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool_view.h"
#include "spec/picture.h"

enum {
    TT_PROCESSES_MAX = 64,
    TT_LINKS_MAX = 192,
    TT_TOGETHER_MAX = 8, /* edges that share a process */
    TT_WAYS_MAX = 16
};

struct tt_wiring_link {
    uint32_t from, to; /* processes; at least one of them is a container */
    /* At an edge its output (from) or input (to); between containers the output that it carries,
     * which may be an edge's that came to `from` by another link. */
    uint32_t component, pin;
    uint32_t flow;  /* the flow of the picture; of several, the first */
    uint32_t depth; /* a power of two */
    uint32_t way;   /* one more than the way that it is part of; 0: none */
    /* Of a way: frames on loan by it at most, with those that wait for it one more: as many as the
     * pool that they lie in counts for the queues that it replaces. */
    uint32_t loan_max;
};

enum tt_wiring_role { TT_PLACE_COMPONENT = 0, TT_PLACE_INLET = 1, TT_PLACE_OUTLET = 2 };

/* A place in a container's engine. Places are in topological order. */
struct tt_wiring_place {
    enum tt_wiring_role role;
    uint32_t component;
    uint32_t pin;  /* of an inlet its output, of an outlet to an edge its input, else an output */
    uint32_t link; /* inlets and outlets */
};

/* How a component runs in another container than its home (spec/ways.h). */
struct tt_wiring_way {
    uint32_t component, container;
    uint32_t first_link; /* those of its inputs, then those of its outputs */
    uint32_t in_count, out_count;
};

struct tt_wiring_process {
    int32_t component;        /* edges: of several that share it the first; -1: a container */
    struct tt_pool_view pool; /* memory NULL; class_count 0: it writes no frames */
    /* The pool's class of each output: [component of the picture][output], TT_NO_PORT where none.
     * An edge uses its own component's row. */
    uint32_t (*class_of)[TT_PORTS_MAX];
    uint32_t record_slots;          /* of its record ring */
    struct tt_wiring_place *places; /* containers */
    uint32_t place_count;
};

struct tt_wiring {
    struct tt_wiring_process processes[TT_PROCESSES_MAX];
    uint32_t process_count, container_count;
    uint32_t spare_count; /* the last of the containers: empty until something moves there */
    struct tt_wiring_link links[TT_LINKS_MAX];
    uint32_t link_count;
    uint32_t *process_of; /* by component: where it is now */
    uint32_t *home_of;    /* by component: where the plan has it */
    uint32_t *room_of;    /* by flow: the frames that the pool of its output counts for it */
    struct tt_wiring_way ways[TT_WAYS_MAX];
    uint32_t way_count;
    uint64_t pool_bytes; /* of all processes */
};

/* -E2BIG beyond the limits above or when a pool would exceed 64 GiB. */
int tt_wiring_make(const struct tt_picture *picture, struct tt_wiring **ret, struct tt_error *err);
/* Of a picture as tt_picture_pack() made it: each process makes both for itself. */
int tt_wiring_unpack(const char *data, uint64_t bytes, struct tt_picture **ret_picture,
                     struct tt_wiring **ret, struct tt_error *err);
void tt_wiring_close(struct tt_wiring **wiring);

bool tt_wiring_is_container(const struct tt_wiring *wiring, uint32_t process);
bool tt_wiring_is_spare(const struct tt_wiring *wiring, uint32_t process);
/* The most that its pool keeps for what comes from elsewhere. */
uint64_t tt_wiring_guest_bytes(const struct tt_wiring *wiring, uint32_t container);
/* Both its ends are containers. */
bool tt_wiring_is_between(const struct tt_wiring *wiring, uint32_t link);

/* The container that an output's frames are first in: of an edge the one that reads it. */
uint32_t tt_wiring_home(const struct tt_picture *picture, const uint32_t *process_of,
                        uint32_t component, uint32_t pin);

#endif
