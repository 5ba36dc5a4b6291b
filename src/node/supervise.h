/* What to do when a service's processes start, get ready, end, hang or die: decided here, done in
 * run.c. A pure step function: it owns no process, clock or socket. */
#ifndef TT_NODE_SUPERVISE_H
#define TT_NODE_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SUPERVISE_PROCESSES_MAX = 64,
    SUPERVISE_ACTIONS_MAX = 4 * SUPERVISE_PROCESSES_MAX + 16,
    SUPERVISE_DEATHS_MAX = 5,
    SUPERVISE_TEXT_BYTES = 256,
    SUPERVISE_ALL = UINT32_MAX
};

enum supervise_state {
    SUPERVISE_SHAPING = 0, /* no process of the service exists yet */
    SUPERVISE_STARTING,    /* a process is not ready or not released yet */
    SUPERVISE_RUNNING,
    SUPERVISE_DRAINING,    /* End travels through, writers finalise; nothing is started any more */
    SUPERVISE_BACKING_OFF, /* a dead process waits for its restart */
    SUPERVISE_ENDED,
    SUPERVISE_STATE_COUNT
};

enum supervise_kind {
    SUPERVISE_PLANNED = 1, /* admitted: start */
    SUPERVISE_REFUSED,     /* text: why */
    SUPERVISE_READY,       /* process */
    SUPERVISE_RESERVED,    /* process: a container's worker has the class that it can get;
                              is_refusal: which is not what was planned */
    SUPERVISE_PRIMED,      /* process: a source edge's first frame is in the ring */
    SUPERVISE_DIED,        /* process, is_clean, is_through, is_refusal, text */
    SUPERVISE_STUCK,       /* process; text: the component that does not return */
    SUPERVISE_STOP,        /* by the user; his second one kills */
    SUPERVISE_GONE,        /* the user is gone: as STOP, killed after 1 s */
    SUPERVISE_TICK,        /* the timer that was asked for */
    SUPERVISE_JOIN,        /* process: a spare container is wanted while the service runs */
    SUPERVISE_FILLED,      /* process: it has a component now, and starts anew as others do */
    SUPERVISE_EMPTIED,     /* process: it has none any more */
    SUPERVISE_LEAVE        /* process: nobody wants a spare container that is empty */
};

struct supervise_event {
    enum supervise_kind kind;
    uint32_t process; /* containers come first, then edges */
    bool is_clean;    /* DIED: it ended by itself, in order */
    bool is_through;  /* DIED: not so, but all that it was there for was done */
    bool is_refusal;  /* DIED: it said why it cannot work; before the first go that is final */
    const char *text;
};

enum supervise_verb {
    SUPERVISE_SPAWN = 1, /* process */
    SUPERVISE_KILL,      /* process */
    SUPERVISE_RESERVE,   /* the container's worker; answer with RESERVED. At the start all of them
                            together, so that all get theirs or none. */
    SUPERVISE_GO,        /* process, or SUPERVISE_ALL: this fixes the epoch */
    SUPERVISE_SEND_STOP, /* process */
    SUPERVISE_LOG,   /* an event for the ledger: name, process, text; at_ns: when it was decided */
    SUPERVISE_TIMER, /* at_ns; replaces the one before */
    SUPERVISE_LEFT,  /* process: a spare container is gone, or will not come; text: why */
    SUPERVISE_END    /* text: the reason; is_ok. Nothing follows. */
};

struct supervise_action {
    enum supervise_verb verb;
    uint32_t process;
    int64_t at_ns;
    const char *name;
    char text[SUPERVISE_TEXT_BYTES];
    bool is_ok;
};

struct supervise_actions {
    struct supervise_action list[SUPERVISE_ACTIONS_MAX];
    uint32_t count;
};

enum supervise_life {
    SUPERVISE_OFF = 0,
    SUPERVISE_WAITING,  /* for restart_ns */
    SUPERVISE_SPAWNED,  /* not ready */
    SUPERVISE_PREPARED, /* ready; primed and reserved as far as it needs to be */
    SUPERVISE_GOING,
    SUPERVISE_DONE /* ended in order, or not wanted any more */
};

struct supervise_process {
    enum supervise_life life;
    bool is_source, is_ready, is_primed, is_asked, is_reserved, is_killed;
    bool is_spare;  /* a container that nothing waits for, and nobody misses while it is empty */
    bool is_filled; /* a spare one that has a component */
    bool is_joined; /* a spare one without a predecessor that a frame could have been lost in */
    int64_t limit_ns, restart_ns, backoff_ns, gone_ns;
};

struct supervise {
    enum supervise_state state;
    struct supervise_process processes[SUPERVISE_PROCESSES_MAX];
    uint32_t process_count, container_count;
    bool is_gone_once;           /* the first go is past */
    bool is_failed, has_stopped; /* has_stopped: the user wants it to end */
    int64_t drain_limit_ns, prime_limit_ns;
    int64_t deaths_ns[SUPERVISE_DEATHS_MAX];
    uint32_t death_count;
    char reason[SUPERVISE_TEXT_BYTES];
};

/* sources: bit K set when process K is an edge that is a source. Process 0 is the container. */
void supervise_init(struct supervise *supervise, uint32_t process_count, uint64_t sources);

/* Before PLANNED: the first `count` processes are containers, and frames go from lower numbers to
 * higher ones. */
void supervise_set_containers(struct supervise *supervise, uint32_t count);

/* After that: the last of them are started by JOIN alone. What is in them is fed by the others and
 * feeds them. */
void supervise_set_spares(struct supervise *supervise, uint32_t count);

/* Before PLANNED: this process is never started. */
void supervise_leave_out(struct supervise *supervise, uint32_t process);

/* It is a spare container, and nothing is in it. */
bool supervise_is_idle(const struct supervise *supervise, uint32_t process);

void supervise_step(struct supervise *supervise, const struct supervise_event *event,
                    int64_t now_ns, struct supervise_actions *out);

/* Every invariant; for tests. */
void supervise_check(const struct supervise *supervise);

const char *supervise_state_name(enum supervise_state state);

#endif
