/* The reservations this node has given: their sum may not exceed what the planner was told. A
 * service has one for each of its workers, numbered from 0. */
#ifndef TT_NODE_BOOKS_H
#define TT_NODE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "planner/planner.h"

enum { BOOKS_MAX = 256 };

struct books {
    struct books_entry {
        uint64_t service; /* 0: free */
        uint32_t worker;
        int64_t ppm;
        int64_t period_ns, until_ns; /* until_ns INT64_MAX: held */
        int64_t later_ppm, later_ns; /* from later_ns on it is this much; INT64_MAX: no change */
        int64_t tolerance_ns;
        uint32_t partition;                 /* it counts there alone; 0: on the other CPUs */
        int64_t least_ppm, least_period_ns; /* that it could do with; a period of 0: nobody said */
    } entries[BOOKS_MAX];
    struct tt_server told[2][BOOKS_MAX]; /* books_tell()'s: of all, and of the others */
    struct tt_partition partitions[TT_PARTITIONS_MAX], told_partitions[2][TT_PARTITIONS_MAX];
    uint32_t partition_count;
};

/* So many CPUs are partitions, and each gives limit_ppm less slack_ppm. Once, with nothing entered.
 */
void books_cut(struct books *books, uint32_t partition_count, int64_t limit_ppm, int64_t slack_ppm);

/* False: no room in the books. A worker has one entry at most; a new one replaces it. */
bool books_enter(struct books *books, uint64_t service, int64_t budget_ns, int64_t period_ns);
bool books_enter_worker(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                        int64_t period_ns);

/* The worker's reservation is on this partition; as long as it has an entry. */
void books_put(struct books *books, uint64_t service, uint32_t worker, uint32_t partition);

/* Likewise, unless it would then be more than room_ppm in all on the CPUs that are no partitions,
 * or more than the partition gives; what the worker holds already fits.
 * -EBUSY: what it had was given back or lowered, and is somebody else's by now; -ENOSPC. */
struct books_wish {
    uint64_t service;
    uint32_t worker, partition;
    int64_t budget_ns, period_ns, room_ppm;
};
int books_renew(struct books *books, const struct books_wish *wish, int64_t now_ns);

/* The worker's plan counts with a budget that comes so much late; 0 until this is said. */
void books_tolerate(struct books *books, uint64_t service, uint32_t worker, int64_t tolerance_ns);

/* The worker has less from now on: the kernel may run it by its old numbers until its 0-lag time,
 * so what it had stays booked for a period. */
void books_lower(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                 int64_t period_ns, int64_t now_ns);

/* The worker is reaped: the kernel keeps its bandwidth until its 0-lag time, so do we. */
void books_give_back_worker(struct books *books, uint64_t service, uint32_t worker, int64_t now_ns);
/* All of its workers. */
void books_give_back(struct books *books, uint64_t service, int64_t now_ns);

int64_t books_ppm(struct books *books, int64_t now_ns);
/* On this partition, or (0) on the other CPUs. */
int64_t books_place_ppm(struct books *books, uint32_t partition, int64_t now_ns);
/* What this wish's place gives in all. */
int64_t books_wish_room_ppm(const struct books *books, const struct books_wish *wish);
/* Without what this service has. */
int64_t books_others_ppm(struct books *books, uint64_t service, int64_t now_ns);
/* Tells the planner what others than this service (0: all) have, and which CPUs the service is on
 * when it has reservations. Valid until it is called again for all, or for any. */
void books_tell(struct books *books, uint64_t service, int64_t now_ns, struct tt_machine *ret);
/* What the worker could do with, in time and if others had more, until its entry changes. */
void books_say_least(struct books *books, uint64_t service, uint32_t worker, int64_t budget_ns,
                     int64_t period_ns);
/* As books_tell() of all, as if each had that alone. */
void books_tell_least(struct books *books, int64_t now_ns, struct tt_machine *ret);
/* False: nobody said, or it is not less than it has. */
bool books_least(const struct books *books, uint64_t service, uint32_t worker,
                 int64_t *ret_budget_ns, int64_t *ret_period_ns);
/* When all that was lowered or given back is free; now_ns: it is. */
int64_t books_settled_ns(const struct books *books, int64_t now_ns);

/* Of one worker; 0: none. */
int64_t books_worker_ppm(struct books *books, uint64_t service, uint32_t worker, int64_t now_ns);
/* What this reservation will be entered as. */
int64_t books_share_ppm(int64_t budget_ns, int64_t period_ns);

#endif
