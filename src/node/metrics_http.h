/* Where monitoring systems ask: GET /metrics over HTTP/1.1, on the node's own loop. */
#ifndef TT_NODE_METRICS_HTTP_H
#define TT_NODE_METRICS_HTTP_H

#include "node/loop.h"
#include "node/metrics.h"
#include "tactus/error.h"

#define METRICS_PLACE "127.0.0.1:9464"

struct metrics_http;

/* Asked for each time that somebody wants the text. */
typedef void metrics_collect_fn(void *ctx, struct metrics_gauges *ret);

/* place: "ADDRESS:PORT", "[ADDRESS]:PORT" or "PORT" (of 127.0.0.1); port 0: any. Says on stderr
 * where it listens. metrics is borrowed. -EINVAL: not a place. */
int metrics_http_open(struct loop *loop, const struct metrics *metrics, const char *place,
                      metrics_collect_fn *collect, void *ctx, struct metrics_http **ret,
                      struct tt_error *err);
void metrics_http_close(struct metrics_http **http);

#endif
