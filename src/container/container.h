/* The process that runs a service's components: one worker in an engine, one sleeping main thread
 * that listens to tactusd. */
#ifndef TT_CONTAINER_CONTAINER_H
#define TT_CONTAINER_CONTAINER_H

#include "platform/linux/jail.h"

/* From setup to the end of the service; the jail has been entered. Does not return. */
void tt_container_main(int control, const struct tt_jail *jail) __attribute__((noreturn));

#endif
