/* A machine in virtual time: CPUs under the kernel's deadline scheduler, threads that spend CPU
 * time on them, a host that takes CPUs away, timers. Nothing happens but by the seed and by what
 * the threads do; each step goes into a hash, so that two runs can be compared.
 *
 * What the kernel does, measured and read (SCHED_DEADLINE, its CBS): a wake-up past the deadline,
 * or with more budget left than fits before it, gives a full budget and a new deadline; who spent
 * its budget is throttled until its deadline and then gets as many budgets and later deadlines as
 * pay its debt; all that is enforced at the tick only. Bandwidth stays booked up to the deadline of
 * who is gone. */
#ifndef TT_PLATFORM_SIM_MACHINE_H
#define TT_PLATFORM_SIM_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

enum { TT_MACHINE_CPUS_MAX = 8, TT_MACHINE_THREADS_MAX = 64 };

struct tt_machine_params {
    uint64_t seed;
    int64_t start_ns;
    uint32_t cpu_count;
    int64_t tick_ns;     /* at which budgets are enforced; 0: at once */
    int64_t wake_max_ns; /* by which a wake-up may come late */
    int64_t limit_ppm;   /* of each CPU, that may be reserved */
    bool is_partitioned; /* each reservation belongs to one CPU; else all CPUs serve all */
};

struct tt_machine;
struct tt_thread;

/* NULL: no memory. */
struct tt_machine *tt_machine_open(const struct tt_machine_params *params);
void tt_machine_close(struct tt_machine **machine);

int64_t tt_machine_now(const struct tt_machine *machine);
uint64_t tt_machine_random(struct tt_machine *machine);
void tt_machine_note(struct tt_machine *machine, const void *data, uint32_t bytes); /* for hash */
uint64_t tt_machine_hash(const struct tt_machine *machine);

/* fn(ctx) at that time, or now when it is past; in order of time, then of asking. */
void tt_machine_at(struct tt_machine *machine, int64_t at_ns, void (*fn)(void *ctx), void *ctx);

/* What happens until then. From outside of all threads. */
void tt_machine_run(struct tt_machine *machine, int64_t until_ns);

/* The host takes the CPU, whoever runs there, and gives it back. Counted: as often given. */
void tt_machine_take_cpu(struct tt_machine *machine, uint32_t cpu);
void tt_machine_give_cpu(struct tt_machine *machine, uint32_t cpu);

/* Parts in a million of a CPU, of all that are booked now. */
int64_t tt_machine_booked_ppm(const struct tt_machine *machine);
void tt_machine_check(struct tt_machine *machine); /* every invariant; for tests */

/* Runnable at once, without a reservation. NULL: no memory, or too many threads. */
struct tt_thread *tt_thread_spawn(struct tt_machine *machine, void (*entry)(void *ctx), void *ctx);
void tt_thread_kill(struct tt_thread **thread); /* not by itself; also when it has ended */
bool tt_thread_has_ended(const struct tt_thread *thread);
struct tt_thread *tt_thread_current(struct tt_machine *machine); /* who runs now; NULL: nobody */

/* Of a machine in partitions: the CPU that its reservations are to be on. It has none yet. */
void tt_thread_put(struct tt_thread *thread, uint32_t cpu);

/* 0, -EBUSY: not so much is free, -EINVAL: not 1,024 ns <= budget <= period. */
int tt_thread_reserve(struct tt_thread *thread, int64_t budget_ns, int64_t period_ns);

/* By the thread itself. Leaving, it runs without a reservation from there on; its bandwidth stays
 * booked like that of one who is gone. */
void tt_thread_leave(struct tt_thread *thread);
void tt_thread_spend(struct tt_thread *thread, int64_t cpu_ns);
void tt_thread_sleep(struct tt_thread *thread, int64_t until_ns); /* or until it is woken */

/* By anybody but the two: `to` sleeps, and has the reservation of `from` from now on, and all of
 * its budget; it is woken at to_ns. `from` goes on at from_ns, without a reservation. */
void tt_thread_pass_on(struct tt_thread *from, int64_t from_ns, struct tt_thread *to,
                       int64_t to_ns);

/* By anybody. */
void tt_thread_wake(struct tt_thread *thread);
void tt_thread_arm(struct tt_thread *thread, int64_t at_ns, void (*fn)(void *ctx), void *ctx);
void tt_thread_disarm(struct tt_thread *thread);
int64_t tt_thread_cpu_ns(const struct tt_thread *thread);
uint64_t tt_thread_throttled_count(const struct tt_thread *thread);

#endif
