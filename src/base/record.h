/* Fixed-size records that leave a worker through a ring and stand in the ledger as they are.
 * All times are media time: nanoseconds since the service's epoch, which the agreement names. */
#ifndef TT_BASE_RECORD_H
#define TT_BASE_RECORD_H

#include <stdint.h>

enum tt_record_kind {
    TT_RECORD_FRAME = 1, /* one for each due index and sink */
    TT_RECORD_HOP = 2,   /* one for each activation */
    TT_RECORD_SENT = 3,  /* an edge's write returned; joined into the frame's record */
    TT_RECORD_NOTE = 4,  /* a component's number beside an index */
    TT_RECORD_USE = 5,   /* a join used a late policy */
    TT_RECORD_END = 6,   /* a sink got its End; index: the first that will not come */
    TT_RECORD_LOST = 7,  /* the ring was full: `value` records are missing here */
    TT_RECORD_FORMAT = 8 /* a flow's format changed; value: the new epoch of the format */
};

enum tt_outcome { TT_ON_TIME = 1, TT_LATE_FRAME = 2, TT_LOST_FRAME = 3 };

/* Who broke it. Edge, worker, budget, failed and unknown count as ours. */
enum tt_cause {
    TT_CAUSE_NONE = 0,
    TT_CAUSE_INPUT = 1,  /* late input, by the kernel's receive time only */
    TT_CAUSE_EDGE = 2,   /* our edge brought or took it late */
    TT_CAUSE_WORKER = 3, /* waited for the worker */
    TT_CAUSE_BUDGET = 4, /* a component ran over its budget */
    TT_CAUSE_HOST = 5,   /* CPU taken by the host, with evidence */
    TT_CAUSE_NETWORK = 6,
    TT_CAUSE_CLOCK = 7,
    TT_CAUSE_UNKNOWN = 8,
    TT_CAUSE_MEDIA = 9,   /* the source had no such frame, or could not be decoded */
    TT_CAUSE_FAILED = 10, /* a component gave an error, was ended by its sandbox, or crashed */
    TT_CAUSE_COUNT = 11
};

enum tt_record_flag {
    TT_RECORD_REPEATED = 1 /* delivered, but an older picture */,
    TT_RECORD_SKIPPED = 2,
    TT_RECORD_NO_SAMPLE = 4 /* hop: it failed without a budget; its cost teaches nothing */
};

struct tt_record {
    uint8_t kind, outcome, cause, flags;
    uint16_t sink; /* frame, sent, end: place in the agreement's sinks */
    uint16_t
        component; /* hop, note, use: place in the agreement's components; frame: who is blamed */
    int64_t index;
    int64_t origin_ns; /* hop: when its inputs were there */
    int64_t due_ns;
    int64_t delivered_ns; /* frame: commit on the worker; hop: start */
    int64_t sent_ns;      /* frame, sent: the edge's write returned, 0 unknown; hop: end */
    int64_t slack_ns;     /* frame: due - delivered; hop: CPU time, or -1 when not read */
    int64_t value; /* hop: media origin of the activation; note: the number (its id in due_ns);
                    * lost: how many; use: the policy; frame: 0 */
};

_Static_assert(sizeof(struct tt_record) == 64, "a record is one cache line");

#endif
