/* Another clock's stamps on ours: the earliest arrivals of the last two seconds tell the sender's
 * clock from the network's jitter (a minimum filter, as in S. B. Moon, P. Skelly, D. Towsley,
 * "Estimation and removal of clock skew from network delay measurements", INFOCOM 1999), and the
 * slow loop of drift.h turns our line so that what comes stays as long before its time as it was at
 * first. Freestanding and pure: the times come with the packets. */
#ifndef TT_COMPONENTS_DRIFT_CLOCK_H
#define TT_COMPONENTS_DRIFT_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "components/drift/drift.h"

enum { DRIFT_WINDOWS = 4 };

#define DRIFT_NEVER INT64_MAX
#define DRIFT_WINDOW_NS INT64_C(500000000)

/* The least of (arrival - stamp), by window. */
struct drift_earliest {
    int64_t window_ns[DRIFT_WINDOWS], began_ns;
    uint32_t at;
};

void drift_earliest_init(struct drift_earliest *earliest, int64_t now_ns);
void drift_earliest_put(struct drift_earliest *earliest, int64_t offset_ns, int64_t arrival_ns);
/* DRIFT_NEVER before anything came. */
int64_t drift_earliest_ns(const struct drift_earliest *earliest);

struct drift_clock {
    struct drift_earliest earliest;
    struct drift_loop loop; /* its samples are nanoseconds */
    double pace;            /* of our time in one of theirs */
    int64_t from_ns, to_ns; /* a stamp of theirs, and where it stands on our line */
    int64_t heard_ns;       /* the last arrival */
    int64_t settled_ns;     /* since then packets come without a pause */
    int64_t stepped_ns;
    int64_t lead_ns; /* earliest arrival less its place on our line: what is to stay */
    bool is_started, is_settled;
};

/* A packet with this stamp came. Returns 0, or by how much our line has just leapt forward: the
 * sender's way, or the sender, has become later than any drift. Stamps that go back are not used.
 */
int64_t drift_clock_heard(struct drift_clock *clock, int64_t stamp_ns, int64_t arrival_ns);

/* Where a stamp near the last one stands on our line; before the first it stands where it is. */
int64_t drift_clock_map(const struct drift_clock *clock, int64_t stamp_ns);

/* What comes next is not comparable with what came: the sender was held up, or away. The pace and
 * the lead stay. */
void drift_clock_rest(struct drift_clock *clock, int64_t now_ns);

/* After a time away the sender's stamps begin anew. What came at this instant stands where the lead
 * says: the place is returned, and what comes next must be stamped to go on from there. False when
 * nothing came before. */
bool drift_clock_anchor(struct drift_clock *clock, int64_t arrival_ns, int64_t *ret_place_ns);

/* A stream's stamps have just gone further than the time that passed since its last packet: the
 * sender has skipped, and what follows is not as late as it says. */
bool drift_clock_is_skip(const struct drift_clock *clock, int64_t ahead_ns, int64_t passed_ns);

/* How fast the sender's clock runs against ours, in parts per 10^9. */
static inline int64_t drift_clock_ppb(const struct drift_clock *clock)
{
    return (int64_t)(clock->loop.integral * -1e9);
}

#endif
