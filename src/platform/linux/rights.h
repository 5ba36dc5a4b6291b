/* What this process may do on this machine, found by trying it on a throw-away thread or child. */
#ifndef TT_LINUX_RIGHTS_H
#define TT_LINUX_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

enum tt_right_kind {
    TT_RIGHT_DEADLINE,
    TT_RIGHT_FIFO,
    TT_RIGHT_PARTITION,
    TT_RIGHT_MEMORY_LOCK,
    TT_RIGHT_HUGE_PAGES,
    TT_RIGHT_NAMESPACES, /* mount, pid, net and ipc, without a user namespace */
    TT_RIGHT_USER_NAMESPACE,
    TT_RIGHT_LANDLOCK,
    TT_RIGHT_SECCOMP,
    TT_RIGHT_COUNT
};

struct tt_right {
    const char *name;  /* "deadline", stable for JSON */
    const char *state; /* "yes", "partly", "no" */
    bool is_held;      /* state is "yes" */
    char detail[160];  /* what was tried and what came of it */
    char fix[160];     /* what to do about it; "" when nothing is missing */
};

/* Fills ret[TT_RIGHT_COUNT], one row for each kind in order. Takes some 10 ms; starts a thread and
 * children, so call it before the process becomes busy. */
void tt_rights_probe(struct tt_right *ret);

#endif
