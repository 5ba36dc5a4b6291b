/* What a container and tactusd share so that an overrunning worker gives its place to the standby:
 * one line of memory, and an event descriptor that wakes tactusd. tactusd believes nothing of it
 * but that it was asked. */
#ifndef TT_LINUX_HANDOFF_H
#define TT_LINUX_HANDOFF_H

#include <stdint.h>

/* All words are atomic. Thread turn & 1 is the worker; both start as 0. */
struct tt_handoff {
    _Alignas(64) uint32_t asked; /* by the container: how often */
    uint32_t answered;           /* by tactusd: up to there; a futex */
    uint32_t turn;               /* by tactusd: hand-offs so far; a futex */
    uint32_t gone;    /* by the container: the turn whose loser has left its class and runs on */
    uint32_t home;    /* by the container: how often a thread began to wait, in no class */
    int64_t pause_ns; /* by tactusd: for so long the loser sleeps before it leaves its class */
};

_Static_assert(sizeof(struct tt_handoff) == 64, "one cache line");

#endif
