/* A conversation with tactusd: one request, its answers. */
#ifndef TT_CLI_TALK_H
#define TT_CLI_TALK_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/request.h"
#include "tactus/client.h"

struct talk {
    struct tt_client *client;
    json_t *event; /* the last one; borrowed by callers until the next */
};

/* Connects, starting tactusd when nobody listens. CLI_DONE, or a code whose reason was told. */
int talk_open(struct cli *cli, struct talk *ret);
/* The same without starting one and without a word; false when none answers. */
bool talk_try(struct talk *ret);
void talk_close(struct talk *talk);

int talk_send(struct cli *cli, struct talk *talk, const json_t *json, const int *fds,
              uint32_t fd_count);

/* The next event into talk->event. -ETIMEDOUT, 0, or a positive exit code whose reason was told. */
int talk_next(struct cli *cli, struct talk *talk, int timeout_ms);

/* A note of tactusd's in words. "watch: COMMAND" stays in one line, so that it can be pasted. */
void talk_note(struct cli *cli, const char *text);
bool talk_is_watch(const char *text);

/* Name of talk->event. */
bool talk_is(const struct talk *talk, const char *name);

/* Sends the request and listens until the end: keeps the last event called `wanted`, shows
 * progress, tells errors. Returns the exit code; *ret may be set even when it is not 0 (a refusal's
 * plan), and is NULL when no such event came. */
int talk_ask(struct cli *cli, struct talk *talk, const struct request *request, const char *wanted,
             json_t **ret);

#endif
