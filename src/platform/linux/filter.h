/* The system calls that a child may still make; see filter.c for which and why. */
#ifndef TT_LINUX_FILTER_H
#define TT_LINUX_FILTER_H

#include <stdbool.h>

#include "platform/linux/jail.h"

/* For all threads of the process. 0 or negative errno; -EACCES without no_new_privs. */
int tt_filter_enforce(enum tt_jail_role role, bool has_network, bool has_desktop);

/* A container's, with every refused call told at *ret_listener, a descriptor for tt_filter_take():
 * the calling thread waits until somebody does. -EOPNOTSUPP, -EINVAL: the kernel cannot. */
int tt_filter_enforce_told(int *ret_listener);

/* Before a stranger's code is loaded: what ends a process for good. The others still come. */
int tt_filter_enforce_deadly(void);

/* Answers the next refused call with EPERM; *ret_call: its number. False: there is none. Blocks
 * until there is one: ask poll(2) first. */
bool tt_filter_take(int listener, int *ret_call);

/* The call's name, to be freed; NULL: unknown. */
char *tt_filter_name(int call);

#endif
