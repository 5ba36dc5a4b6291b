/* An output of av.write that may have no viewer: a thread of the edge waits for one and writes, so
 * that the flow is never held up. */
#ifndef TT_AV_WRITE_NETWORK_H
#define TT_AV_WRITE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "components/av_write/mux.h"

struct network;

struct network_params {
    const char *url; /* copied */
    const AVOutputFormat *format;
    const AVDictionary *options;      /* copied */
    const struct mux_stream *streams; /* MUX_STREAMS: is_used, format, config (the caller's) */
};

enum network_result {
    NETWORK_TAKEN = 0,
    NETWORK_NO_VIEWER = 1, /* discarded: nobody watches */
    NETWORK_OVERRUN = 2    /* the network is too slow: what waited was dropped */
};

/* What has become of the peer since the last question. A listener's viewers come and go; only an
 * address that is called can be lost. */
struct network_news {
    int lost_error;  /* negative errno, 0: it was not lost */
    int64_t away_ns; /* with is_back: how long it was away */
    bool is_back;
};

int network_open(const struct network_params *params, struct network **ret, struct tt_error *err);

/* Copies the packet; waits for nothing but a short lock. */
enum network_result network_put(struct network *network, uint32_t stream, const AVPacket *packet);

/* False when there is nothing new. */
bool network_news(struct network *network, struct network_news *ret);

/* Gives what waits up to half a second to leave, then closes. */
void network_close(struct network **network);

#endif
