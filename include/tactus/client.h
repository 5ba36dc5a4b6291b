/* The control protocol's client: one request, a stream of answers, as JSON lines over tactusd's
 * socket. docs/protocol.md lists the operations. Not thread-safe: one connection, one thread. */
#ifndef TACTUS_CLIENT_H
#define TACTUS_CLIENT_H

#include <stdint.h>

#include "tactus/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TT_PROTOCOL 1

struct tt_client;

struct tt_client_params {
    const char
        *socket; /* NULL: $TACTUS_SOCKET, /run/tactus/control, $XDG_RUNTIME_DIR/tactus/control */
    int is_start_wanted; /* start tactusd when nothing answers */
    const char *daemon;  /* its path; NULL: beside this program, then PATH */
};

/* Connects; waits up to 5 s for a tactusd that it started. -ECONNREFUSED, -ETIMEDOUT, -EACCES. */
int tt_client_open(const struct tt_client_params *params, struct tt_client **ret,
                   struct tt_error *err);

/* Sends one JSON object (a line, without the newline) with up to 8 descriptors. */
int tt_client_send(struct tt_client *client, const char *json, const int *fds, uint32_t fd_count,
                   struct tt_error *err);

/* The next line from tactusd, valid until the next call. timeout_ms < 0: no limit. 0, -ETIMEDOUT,
 * -EPIPE (the daemon is gone), -EPROTO. */
int tt_client_next(struct tt_client *client, int timeout_ms, const char **ret,
                   struct tt_error *err);

/* To poll beside other descriptors. */
int tt_client_fd(const struct tt_client *client);

void tt_client_close(struct tt_client **client);

#ifdef __cplusplus
}
#endif
#endif
