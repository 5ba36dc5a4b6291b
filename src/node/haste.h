/* While a service starts, whom it waits for goes before the machine's other work: tactusd's loop
 * and the processes that are set up run at the lowest fixed priorities, below every worker, edge
 * and witness, for milliseconds at most and for a quarter of the time at most. Without the right
 * to, nothing happens. */
#ifndef TT_NODE_HASTE_H
#define TT_NODE_HASTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "node/loop.h"

/* How much haste there may be: decided here. All zero: none, rested. */
struct haste_pace {
    int64_t since_ns; /* 0: there is none */
    int64_t rest_until_ns;
};

enum { HASTE_LIMIT_NS = 10000000 };

/* False: there is some already, or none may be now. */
bool haste_pace_begin(struct haste_pace *pace, int64_t now_ns);
/* False: there was none. */
bool haste_pace_end(struct haste_pace *pace, int64_t now_ns);

struct haste;

/* NULL: no memory; all that follows takes that. The caller's thread is the one that hastens. */
struct haste *haste_open(struct loop *loop);
void haste_close(struct haste **haste);

/* A request came that somebody waits for. What is not ended ends by itself. */
void haste_begin(struct haste *haste);
/* A process of ours that it waits for; not reaped before haste_forget(). */
void haste_take_along(struct haste *haste, pid_t pid);
void haste_forget(struct haste *haste, pid_t pid);
/* This thread has done its part; those that it took along have a moment more, to hear of it. */
void haste_end(struct haste *haste);

#endif
