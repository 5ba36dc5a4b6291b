/* Messages between tactusd and its children: one JSON object a SOCK_SEQPACKET message, with named
 * descriptors. The names stand in the member "fds", in the order of the descriptors.
 *
 * Every socket and every received descriptor is close-on-exec. Any thread may send; one receives.
 * Nothing here is called on a worker. */
#ifndef TT_LINUX_MESSAGE_H
#define TT_LINUX_MESSAGE_H

#include <jansson.h>
#include <stdint.h>

#include "tactus/error.h"

/* The kernel passes at most 253 descriptors at once (SCM_MAX_FD). */
enum { TT_MESSAGE_BYTES_MAX = 64 << 10, TT_MESSAGE_FDS_MAX = 250, TT_MESSAGE_NAME_BYTES = 24 };

struct tt_message {
    json_t *body; /* an object; owned */
    uint32_t fd_count;
    int fds[TT_MESSAGE_FDS_MAX]; /* owned until taken; -1 when taken */
    char names[TT_MESSAGE_FDS_MAX][TT_MESSAGE_NAME_BYTES];
};

/* A connected pair, both ends blocking and close-on-exec. 0 or negative errno. */
int tt_message_pair(int ret[2], struct tt_error *err);

/* Sends body with descriptors; sets its member "fds" when there are any. The caller keeps body and
 * descriptors. names may be NULL without descriptors. -E2BIG above TT_MESSAGE_BYTES_MAX, -EPIPE
 * when the peer is gone, -EAGAIN when the socket does not block and is full. */
int tt_message_send(int fd, json_t *body, const int *fds, const char *const *names,
                    uint32_t fd_count, struct tt_error *err);

/* The same, and drops the caller's reference to body, whatever happens: for json_pack() in place.
 */
int tt_message_send_new(int fd, json_t *body, const int *fds, const char *const *names,
                        uint32_t fd_count, struct tt_error *err);

/* Receives one message. -EPIPE: the peer has closed; -EAGAIN: nothing yet (a non-blocking socket);
 * -EPROTO: not an object, too long, or names and descriptors that do not agree; the message is then
 * gone and its descriptors are closed. */
int tt_message_receive(int fd, struct tt_message *ret, struct tt_error *err);

/* Waits at most timeout_ms (< 0: for ever) for one. -ETIMEDOUT. */
int tt_message_receive_within(int fd, int timeout_ms, struct tt_message *ret, struct tt_error *err);

/* The descriptor of this name; it is the caller's from now on. -1: there is none. */
int tt_message_take(struct tt_message *message, const char *name);

/* Members with a default when they are missing or of another type. The text lives as long as the
 * message. */
const char *tt_message_text(const struct tt_message *message, const char *key);
int64_t tt_message_int(const struct tt_message *message, const char *key, int64_t otherwise);

/* Closes the descriptors that were not taken; fini drops the body too. Both accept a zeroed struct.
 */
void tt_message_close_fds(struct tt_message *message);
void tt_message_fini(struct tt_message *message);

/* A text as a sealed memfd, and back; the text read gets a NUL after its last byte. The reader
 * refuses more than bytes_max (-E2BIG) and what is not sealed (-EPERM), and reads from the
 * beginning, whatever the offset. */
int tt_message_text_fd(const char *name, const void *data, uint64_t bytes, struct tt_error *err);
int tt_message_read_fd(int fd, uint64_t bytes_max, char **ret, uint64_t *ret_bytes,
                       struct tt_error *err);

/* A struct tt_error as an object and back: code, text, line, column, token, expected, nearest. */
json_t *tt_message_error(const struct tt_error *err);
void tt_message_to_error(const json_t *object, struct tt_error *ret);

#endif
