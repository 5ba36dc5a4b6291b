/* The processes of a service as supervision meets them: they get ready, go, write, end and die one
 * small step at a time, each as late as it pleases. What tactusd knows of them is told by
 * src/node/supervise.c itself.
 *
 * A word on its way is one that is not said yet, an order on its way one that is not obeyed yet,
 * and a death that nobody has seen is one that has not happened yet: nobody could tell them apart,
 * so none of them is a state of its own. */
#ifndef TT_TESTS_NODE_ORDERS_H
#define TT_TESTS_NODE_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "kept.h"

enum {
    ORDERS_PROCESSES = KEPT_PROCESSES,
    ORDERS_SINKS = 2,
    ORDERS_CHOICES = 48,
    ORDERS_NONE = 255
};

struct service_kind {
    const char *name;
    uint32_t process_count, container_count; /* containers come first, frames go onwards */
    uint64_t sources;
    bool is_live; /* else it goes on where it was, and nothing falls out */
    uint32_t last_index, sink_count;
    struct {
        uint8_t container, edge; /* ORDERS_NONE: the container's own */
    } sinks[ORDERS_SINKS];
    uint8_t spares;                      /* the last of the containers */
    uint8_t deaths, ticks, stops, moves; /* the most that happen by chance */
};

enum body_state {
    BODY_GONE = 0, /* there is none: never begun, or reaped */
    BODY_BOOTING,
    BODY_READY,
    BODY_GOING,
    BODY_ENDED /* and said so */
};

struct body { /* one process */
    uint8_t state;
    bool is_primed, is_stopped, is_killed, is_asked;
    bool has_read_end;        /* containers without a clock: of what comes in */
    uint8_t at[ORDERS_SINKS]; /* containers: the index that comes; ORDERS_NONE: it had its End */
};

struct told { /* what tactusd knows of a sink, and what is on its way to its edge */
    uint8_t next;
    bool is_gap_expected, has_ended, is_full, is_end_put;
};

/* Nothing in it is a pointer or grows with time, so that equal worlds are equal bytes. */
struct world {
    struct kept kept;
    int64_t timer_ns; /* from now; INT64_MAX: none */
    struct body bodies[ORDERS_PROCESSES];
    struct told told[ORDERS_SINKS];
    uint8_t clock, drain_clock, deaths_left, ticks_left, stops_left, stops_told, moves_left;
    bool has_ended, is_ok, is_end_on_way; /* to the first container, where there is no clock */
};

enum choice_kind {
    CHOICE_READY = 0,
    CHOICE_PRIMED,
    CHOICE_RESERVED,
    CHOICE_READS_END,
    CHOICE_WRITES, /* a container, to a sink */
    CHOICE_PUTS_END,
    CHOICE_TAKES, /* an edge */
    CHOICE_ENDED,
    CHOICE_EXITS,
    CHOICE_CLOCK,
    CHOICE_KILLED, /* as it was told */
    CHOICE_TICK,   /* from here on: not what happens if nobody does anything */
    CHOICE_DIES,
    CHOICE_REFUSES,
    CHOICE_STUCK,
    CHOICE_STOP,
    CHOICE_GONE,
    CHOICE_TURNED_AWAY, /* a spare container's worker gets nothing */
    CHOICE_JOIN,        /* of a spare container; so below */
    CHOICE_FILLED,
    CHOICE_EMPTIED,
    CHOICE_LEAVE,
    CHOICE_COUNT
};

struct choice {
    enum choice_kind kind;
    uint8_t process, sink;
};

void world_begin(struct world *world, const struct service_kind *kind);
uint32_t world_choices(const struct world *world, const struct service_kind *kind,
                       struct choice ret[ORDERS_CHOICES]);
/* Checks all that must hold while it does. */
void world_do(struct world *world, const struct service_kind *kind, struct choice choice);

const char *world_choice_name(enum choice_kind kind);

#endif
