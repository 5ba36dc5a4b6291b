/* One output of av.write: a container that orders packets by itself, starts at a key picture and
 * can be cut off at any time. */
#ifndef TT_AV_WRITE_MUX_H
#define TT_AV_WRITE_MUX_H

#include <libavformat/avformat.h>
#include <stdbool.h>
#include <stdint.h>

#include "components/av/av.h"
#include "tactus/component.h"

enum { MUX_VIDEO, MUX_AUDIO, MUX_STREAMS, MUX_QUEUE = 256 };

struct mux_stream {
    bool is_used, is_ended, is_key_seen;
    struct tt_format format;
    struct tt_blob config; /* the owner's */
    AVStream *stream;
    AVPacket *queue[MUX_QUEUE]; /* stamps in media nanoseconds */
    uint32_t first, count;
    int64_t last_dts; /* written, in the stream's time base */
    int64_t end_ns;   /* of what was put */
};

struct mux {
    AVFormatContext *context;
    AVIOInterruptCB interrupt;
    struct mux_stream streams[MUX_STREAMS];
    bool is_started, is_flushed, is_finished;
    int64_t start_ns;
    int error; /* of the first write that failed; nothing is written after it */
};

/* The container for a url by its format name, its scheme or its extension; NULL with a sentence. */
const AVOutputFormat *mux_format(const char *url, const char *name, struct tt_error *err);
bool mux_is_network(const char *url);

/* Opens the address; streams[].is_used, format and config are set by the caller before. May wait
 * for a peer, as long as interrupt lets it. Takes from *options what it knows. */
int mux_open(struct mux *mux, const char *url, const AVOutputFormat *format, AVDictionary **options,
             struct tt_error *err);

/* Takes the packet's contents (pts, dts, duration in media ns). 0, or the negative errno of the
 * write that failed, now or before. */
int mux_put(struct mux *mux, uint32_t stream, AVPacket *packet);

/* This stream ends; with the last one the file is finished. */
int mux_end(struct mux *mux, uint32_t stream);

/* Finishes what was begun and closes; also after errors. */
void mux_close(struct mux *mux);

#endif
