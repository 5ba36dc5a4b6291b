/* The process around a component that does blocking I/O: a source fills its pool and its links, a
 * sink empties its links. One thread does it; the main thread listens to tactusd. */
#ifndef TT_EDGE_EDGE_H
#define TT_EDGE_EDGE_H

#include "platform/linux/jail.h"

/* From setup to the end of the component; the jail has been entered. Does not return. */
void tt_edge_main(int control, const struct tt_jail *jail) __attribute__((noreturn));

#endif
