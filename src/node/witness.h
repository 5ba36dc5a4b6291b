/* Evidence that the host took the CPU: a thread that should wake after each step, and the steal
 * time that the kernel counts. */
#ifndef TT_NODE_WITNESS_H
#define TT_NODE_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

struct witness;

struct witness_gap {
    int64_t start_ns, end_ns; /* monotonic */
    int64_t taken_ns;         /* of it, what neither slept nor waited behind another thread */
};

/* NULL: no memory or no thread. Without the right to FIFO there is the steal time alone. */
struct witness *witness_open(void);
void witness_close(struct witness **witness);

#define WITNESS_STEP_MIN_NS INT64_C(2000000)
#define WITNESS_STEP_MAX_NS INT64_C(20000000)

/* How often it must look for the sake of a service with so much time between bound and deadline.
 * Only a gap longer than that makes a frame late that is within its bound otherwise, by no more
 * than what is over; one that is longer than a step is seen, but for less than a step of it. Each
 * wake-up costs some 40 us: no look more than that takes. */
int64_t witness_step_ns(int64_t slack_ns);

/* step_ns 0: sleeps, for nobody needs it. */
void witness_run(struct witness *witness, int64_t step_ns);

/* The most that was taken in one piece within [from_ns, to_ns], monotonic. */
int64_t witness_taken_ns(struct witness *witness, int64_t from_ns, int64_t to_ns);

/* For tests: as if it had seen this. */
void witness_add(struct witness *witness, const struct witness_gap *gap);

#endif
