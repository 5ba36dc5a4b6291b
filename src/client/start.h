/* Where tactusd listens, and how it is started when nobody does. */
#ifndef TT_CLIENT_START_H
#define TT_CLIENT_START_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

/* The socket a tactusd started by this user listens on; -ENAMETOOLONG. */
int tt_client_own_socket(char *ret, uint32_t bytes);

/* Starts a tactusd that listens on `socket`, in a session of its own, with no descriptor of ours
 * but its stderr. daemon NULL: beside this program, else by PATH. Returns when its exec succeeded
 * or failed. *ret_words: what it says until it has a log of its own, and its end when it has; the
 * caller's. */
int tt_client_start(const char *daemon, const char *socket, int *ret_words, struct tt_error *err);

#endif
