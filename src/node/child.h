/* The zygote and the children it forks: how a process of a service comes into being and is reaped.
 */
#ifndef TT_NODE_CHILD_H
#define TT_NODE_CHILD_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "node/loop.h"
#include "platform/linux/message.h"
#include "tactus/error.h"

struct zygote;

/* host: the path of tactus-host. Started at once, and again when it has died. */
int zygote_open(struct loop *loop, const char *host, struct zygote **ret, struct tt_error *err);
void zygote_close(struct zygote **zygote);

struct child;

struct child_ops {
    /* The message is the caller's to fini after the call returns. NULL: what it says waits for
     * whoever takes it over. */
    void (*on_message)(void *ctx, struct tt_message *message);
    /* It is reaped; the child is freed when this returns. status as of waitid(): CLD_EXITED with
     * an exit code, or else a signal. usage: of all its threads, from its fork to its end. */
    void (*on_exit)(void *ctx, int code, int status, const struct rusage *usage);
};

struct plugins;

/* order: the members of a spawn message but op and fds; the reference is taken. Its `cpuset`, where
 * there is one, is a descriptor of the caller's, by which the process enters that. plugins may be
 * NULL. */
int child_spawn(struct zygote *zygote, json_t *order, const struct plugins *plugins,
                const struct child_ops *ops, void *ctx, struct child **ret, struct tt_error *err);

/* The same by a fork, also where a process waits that would do. */
int child_fork(struct zygote *zygote, json_t *order, const struct plugins *plugins,
               const struct child_ops *ops, void *ctx, struct child **ret, struct tt_error *err);

/* One that waits for such an order, or NULL: none is forked. What it says waits too, until
 * somebody adopts it, who has its callbacks from then on. False: no memory. */
struct child *child_waiting(struct zygote *zygote, const json_t *order, const struct child_ops *ops,
                            void *ctx);
bool child_adopt(struct child *child, const struct child_ops *ops, void *ctx);

/* For a child that waits for its order; the caller keeps it. */
int child_tell(struct child *child, const json_t *order);

/* How many times it was started: what one says, the next may not. */
uint32_t zygote_generation(const struct zygote *zygote);

/* Processes that wait for a service, and the memory that is theirs alone. */
uint32_t zygote_spares(const struct zygote *zygote, uint64_t *ret_bytes);

pid_t child_pid(const struct child *child);
/* What it has said so far is heard now, and not in the loop's next turn. */
void child_hear(struct child *child);
int child_send(struct child *child, json_t *body, const int *fds, const char *const *names,
               uint32_t fd_count, struct tt_error *err);
void child_kill(struct child *child);

/* Kills and waits until it is gone: for one that never had a service, when the loop turns no more.
 */
void child_end(struct child **child);

/* Kills, and forgets the callbacks: it is reaped by itself. */
void child_abandon(struct child **child);

#endif
