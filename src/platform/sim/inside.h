/* The simulated machine's own structures, shared by machine.c and schedule.c. */
#ifndef TT_PLATFORM_SIM_INSIDE_H
#define TT_PLATFORM_SIM_INSIDE_H

#include <ucontext.h>

#include "platform/sim/machine.h"

enum thread_state { THREAD_NONE = 0, THREAD_READY, THREAD_ASLEEP, THREAD_ENDED };

struct tt_thread {
    struct tt_machine *machine;
    uint32_t number;
    enum thread_state state;
    ucontext_t context;
    void *stack;
    void (*entry)(void *ctx);
    void *ctx;
    int32_t cpu, home;            /* where it runs, or -1; where its reservation is */
    int32_t put;                  /* where its reservations are to be; -1: wherever there is room */
    int64_t need_ns;              /* CPU time to spend before it goes on */
    int64_t wake_ns;              /* asleep: when it will be ready */
    int64_t cpu_ns, shared_ns;    /* used; used without a reservation, for a fair share */
    int64_t budget_ns, period_ns; /* 0: no reservation */
    int64_t runtime_ns, deadline_ns; /* left of the budget; absolute */
    bool is_throttled;               /* until deadline_ns */
    int64_t armed_ns;                /* INT64_MAX: not */
    void (*on_armed)(void *ctx);
    void *armed_ctx;
    uint64_t throttled_count;
};

struct cpu {
    struct tt_thread *running;
    uint32_t taken_count; /* by the host */
    int64_t tick_phase_ns;
};

struct timer {
    int64_t at_ns;
    uint64_t number;
    void (*fn)(void *ctx);
    void *ctx;
};

struct leaver { /* gone, and still booked */
    int64_t ppm, until_ns;
    int32_t home;
};

enum { LEAVERS_MAX = 64 };

struct tt_machine {
    struct tt_machine_params params;
    int64_t now_ns, accounted_ns; /* the running threads are charged up to the second */
    int64_t horizon_ns;           /* before it nothing happens but what the running thread does */
    uint64_t random, hash;
    struct cpu cpus[TT_MACHINE_CPUS_MAX];
    struct tt_thread threads[TT_MACHINE_THREADS_MAX];
    uint32_t thread_count; /* beyond these there never was one */
    struct tt_thread *current;
    ucontext_t context;
    struct timer *timers; /* a heap */
    uint32_t timer_count, timer_room;
    uint64_t timer_number;
    struct leaver leavers[LEAVERS_MAX];
};

/* schedule.c */
void sched_account(struct tt_machine *machine); /* charges who runs */
void sched_choose(struct tt_machine *machine);  /* who runs where */
/* When something happens by itself, `entered` (or NULL) left out, who decides what it does. */
int64_t sched_next(struct tt_machine *machine, const struct tt_thread *entered);
void sched_events(struct tt_machine *machine); /* what happens now */
void sched_block(struct tt_machine *machine, struct tt_thread *thread);
void sched_leave(struct tt_machine *machine, struct tt_thread *thread); /* for good */
int64_t sched_late(struct tt_machine *machine, int64_t at_ns);
int64_t sched_least_shared(const struct tt_machine *machine);

#endif
