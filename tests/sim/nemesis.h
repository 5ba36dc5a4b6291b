/* The nemesis: faults drawn from the seed, done at their times. */
#ifndef TT_TESTS_SIM_NEMESIS_H
#define TT_TESTS_SIM_NEMESIS_H

#include "service.h"

enum { FAULTS_MAX = 8, SERVICES_MAX = 3 };

enum fault_kind {
    FAULT_SLOW = 0,    /* a component costs many times what it declared */
    FAULT_HANG,        /* a component does not return */
    FAULT_HANG_POLITE, /* it returns when it is asked to */
    FAULT_ERROR,       /* a component fails */
    FAULT_CONTAINER,   /* a container dies */
    FAULT_EDGE,        /* an edge dies */
    FAULT_STALL,       /* an edge brings or takes nothing for a while */
    FAULT_RIGHTS,      /* no reservation is given from now on; and a container dies */
    FAULT_DEAF,        /* nobody takes the records for a while */
    FAULT_STOP,        /* the user stops the service */
    FAULT_GONE,        /* the user is gone */
    FAULT_GAP,         /* the host takes a CPU */
    FAULT_KIND_COUNT
};

struct fault {
    struct node *node;
    struct service *service;
    enum fault_kind kind;
    int64_t at_ns, length_ns;
    uint32_t pick, cpu; /* pick: of components or edges */
};

const char *fault_name(enum fault_kind kind);

/* Draws faults for what happens between from_ns and until_ns; returns how many. */
uint32_t nemesis_draw(struct draw *draw, struct node *node, struct service *services,
                      uint32_t service_count, int64_t from_ns, int64_t until_ns,
                      struct fault ret[FAULTS_MAX]);

/* From now on each fault happens at its time. */
void nemesis_begin(struct fault *faults, uint32_t count);

#endif
