/* From FILE|GRAPH and options to the request that tactusd understands. */
#ifndef TT_CLI_REQUEST_H
#define TT_CLI_REQUEST_H

#include <jansson.h>
#include <stdint.h>

#include "cli/cli.h"

enum { REQUEST_FDS_MAX = 3 };

struct request {
    json_t *json;
    char *title; /* what errors call the text: news.yaml, graph, stdin */
    char *text;  /* the service as it was written, to show the place of an error */
    int fds[REQUEST_FDS_MAX];
    uint32_t fd_count;
};

/* Reads the words into a request for `op`. CLI_DONE, or a code whose reason was told. */
int request_init(struct cli *cli, const struct args *args, const char *op, struct request *ret);
void request_fini(struct request *request);

/* Passes a descriptor of the caller's, named as docs/protocol.md says. */
void request_pass(struct request *request, const char *name, int fd);

#endif
