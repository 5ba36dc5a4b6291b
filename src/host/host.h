/* tactus-host's roles. */
#ifndef TT_HOST_HOST_H
#define TT_HOST_HOST_H

#include "platform/linux/jail.h"

/* Forks children on tactusd's order until its end of the socket closes. Returns the exit code. */
int host_zygote(int fd);

/* Answers one shape order and ends. */
void host_shaper(int control, const struct tt_jail *jail) __attribute__((noreturn));

/* Prints all components as JSON; returns the exit code. */
int host_catalogue(void);

/* The same of the component in a shared object, which is loaded in a jail, as nobody when we are
 * root. What is wrong with it is {"error": ...}. */
int host_catalogue_of(const char *path);

#endif
