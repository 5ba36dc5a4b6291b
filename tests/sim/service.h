/* A service in the simulated machine: its containers' engines, its edges, supervision by tactusd's
 * own step function, its entries in the books of reservations; and what went wrong by its own
 * fault, for the checkers. */
#ifndef TT_TESTS_SIM_SERVICE_H
#define TT_TESTS_SIM_SERVICE_H

#include "edge.h"
#include "graph.h"
#include "node/books.h"
#include "node/claim.h"
#include "node/supervise.h"
#include "platform/sim/costs.h"

enum {
    EXCUSES_MAX = 64,
    SINKS_MAX = PICTURE_COMPONENTS,
    PROCESSES_MAX = TT_WORKERS_MAX + PICTURE_COMPONENTS
};

struct excuse { /* what falls in it is the service's own fault, or the host's */
    int64_t from_ns, until_ns;
    uint64_t spared; /* a bit for each sink that it is no excuse for */
    bool is_brief;   /* nor is it one for what comes later */
};

struct container {       /* of a service */
    struct graph *graph; /* of the life that it has */
    uint32_t lives;
    bool is_engine_seen_ended;
};

struct service;

struct node { /* the machine, and what tactusd keeps of it */
    struct tt_machine *machine;
    const struct tt_costs *costs; /* what activations cost, as recorded */
    struct books books;
    int64_t room_ppm; /* that the books may reach */
    uint32_t cpu_count;
    bool is_partitioned, is_verbose, has_latency;
    bool has_bands;    /* services may have several containers */
    bool has_standbys; /* who overruns loses the worker */
    bool has_crashes;  /* at the steps of supervision; see crashes.h */
    struct excuse gaps[EXCUSES_MAX];
    uint32_t gap_count;
};

struct sink_check {
    uint32_t container; /* that tells of it */
    int64_t next_index;
    bool has_ended;
};

struct service_stats {
    uint64_t frames, late, lost, lost_records, uses;
    uint64_t unrecovered; /* late or lost long after the last fault */
    uint64_t hand_offs;
    uint64_t fell_out; /* indices that a restart left out, before there was a record */
    uint32_t deaths, lives;
    uint32_t early_deaths;   /* before the first go */
    uint32_t further_deaths; /* while another process starts anew, or waits for it */
};

struct service {
    struct node *node;
    uint32_t number;
    struct draw draw; /* delays and costs */
    struct random_picture made;
    struct tt_plan *plan;
    struct tt_wiring *wiring;
    struct tt_pool_view pools[TT_PROCESSES_MAX];
    uint8_t *links[GRAPH_LINKS];
    struct container containers[TT_WORKERS_MAX];
    struct edge edges[PROCESSES_MAX]; /* by process */
    struct supervise supervise;
    struct claim claim;
    int64_t end_ns; /* media time */
    int64_t epoch_ns, timer_ns;
    uint32_t spawned[PROCESSES_MAX]; /* which life of each process: late words are ignored */
    bool is_alive[PROCESSES_MAX];
    bool is_admitted, is_promised, has_ended, is_timer_used, is_booked;
    char reason[SUPERVISE_TEXT_BYTES];

    /* Faults that are on, by the nemesis. */
    int64_t slow_until_ns, slow_factor, error_until_ns, hang_until_ns, deaf_until_ns;
    bool is_hang_polite, is_right_refused;
    uint32_t fault_component;
    int64_t overrun_ns, overran_ns; /* the next activation takes so long; the last one's time */

    struct draw crash_draw;
    uint32_t crashes_left;

    struct excuse excuses[EXCUSES_MAX];
    uint32_t excuse_count;
    struct sink_check sinks[SINKS_MAX];
    struct service_stats stats;
};

/* Asks the planner, enters the books, starts when it is admitted. pool_cut: so many slots of each
 * class of the container's pool are not there. */
/* As tactusd keeps it free of what the kernel gives: of a partition, and of CPUs that are none. */
enum { SERVICE_PARTITION_SLACK_PPM = 50000 };
static inline int64_t service_slack_ppm(uint32_t cpu_count)
{
    return 50000 * (int64_t)(cpu_count < 3 ? 3 : cpu_count);
}

void service_begin(struct service *service, struct node *node, uint32_t number, uint64_t seed,
                   uint32_t pool_cut);
void service_fini(struct service *service);
void service_feed(struct service *service, enum supervise_kind kind, uint32_t process,
                  const char *text);
void service_has_class(struct service *service, uint32_t process); /* as good as it gets */
void service_die(struct service *service, uint32_t process);       /* kill -9 by anybody */
void service_excuse(struct service *service, int64_t from_ns, int64_t until_ns);

/* One activation of the component takes much longer than it may: an excuse for what comes through
 * it alone. */
void service_overrun(struct service *service, uint32_t component, int64_t cost_ns);
void service_poll(struct service *service); /* as tactusd looks at it: records, watchdog */

void node_gap(struct node *node, int64_t from_ns, int64_t until_ns);

#endif
