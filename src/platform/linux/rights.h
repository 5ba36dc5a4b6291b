/* What this process may do on this machine, found by trying it on a throw-away thread or child. */
#ifndef TT_LINUX_RIGHTS_H
#define TT_LINUX_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

enum tt_ability_kind {
    TT_ABILITY_DEADLINE,
    TT_ABILITY_FIFO,
    TT_ABILITY_PARTITION,
    TT_ABILITY_MEMORY_LOCK,
    TT_ABILITY_HUGE_PAGES,
    TT_ABILITY_NAMESPACES, /* mount, pid, net and ipc, without a user namespace */
    TT_ABILITY_USER_NAMESPACE,
    TT_ABILITY_LANDLOCK,
    TT_ABILITY_SECCOMP,
    TT_ABILITY_COUNT
};

struct tt_ability {
    const char *name;  /* "deadline", stable for JSON */
    const char *state; /* "yes", "partly", "no" */
    bool is_held;      /* state is "yes", or what the right gives is merely used up now */
    char detail[160];  /* what was tried and what came of it */
    char fix[160];     /* what to do about it; "" when nothing is missing */
};

/* Fills ret[TT_ABILITY_COUNT], one row for each kind in order. Takes some 10 ms; starts a thread
 * and children, so call it before the process becomes busy. */
void tt_rights_probe(struct tt_ability *ret);

/* The row of TT_ABILITY_DEADLINE, after what the kernel said to a small reservation: 0, -EBUSY: it
 * has no bandwidth left; else there is no right to. */
void tt_rights_tell_deadline(int code, struct tt_ability *ret);

#endif
