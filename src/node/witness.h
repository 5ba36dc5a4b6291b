/* Evidence that the host took the CPU: a thread that should wake every two milliseconds, and the
 * steal time that the kernel counts. */
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

/* Sleeps while nobody needs it: a thousand timers a second are not free. */
void witness_run(struct witness *witness, bool is_wanted);

/* The most that was taken in one piece within [from_ns, to_ns], monotonic. */
int64_t witness_taken_ns(struct witness *witness, int64_t from_ns, int64_t to_ns);

/* For tests: as if it had seen this. */
void witness_add(struct witness *witness, const struct witness_gap *gap);

#endif
