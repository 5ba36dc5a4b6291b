/* The system calls that a child may still make; see filter.c for which and why. */
#ifndef TT_LINUX_FILTER_H
#define TT_LINUX_FILTER_H

#include <stdbool.h>

#include "platform/linux/jail.h"

/* For all threads of the process. 0 or negative errno; -EACCES without no_new_privs. */
int tt_filter_enforce(enum tt_jail_role role, bool has_network, bool has_desktop);

#endif
