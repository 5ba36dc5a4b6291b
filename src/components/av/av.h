/* What the components that stand on FFmpeg's libraries share: errors as sentences, silence on
 * stderr, codes and stamps in Tactus' units, options, and extradata that outlives a call. */
#ifndef TT_COMPONENTS_AV_H
#define TT_COMPONENTS_AV_H

#include <libavcodec/avcodec.h>
#include <libavutil/dict.h>
#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "tactus/error.h"

#define TT_AV_NO_TIME INT64_MIN /* a stamp that is absent or absurd */

/* Ids of the numbers that av.*, image.* and raw.* write beside an index. The value is how many so
 * far, but where another is said. */
enum tt_av_note {
    TT_AV_NOTE_TOO_BIG = 1,    /* packets above bytes_max, skipped */
    TT_AV_NOTE_NO_STAMP = 2,   /* packets without a stamp, which got the next */
    TT_AV_NOTE_BAD_STAMP = 3,  /* stamps that went back or leapt, mended */
    TT_AV_NOTE_EMPTY = 4,      /* packets without bytes, skipped */
    TT_AV_NOTE_STREAM = 5,     /* packets of streams that came after the start, skipped */
    TT_AV_NOTE_CORRUPT = 6,    /* packets or frames that could not be read or decoded */
    TT_AV_NOTE_SIZE = 7,       /* pictures of another size than agreed, dropped */
    TT_AV_NOTE_NO_KEY = 8,     /* packets before the first key frame, dropped */
    TT_AV_NOTE_SAME_INDEX = 9, /* pictures for an index that had one, dropped */
    TT_AV_NOTE_SILENCE = 10,   /* samples of silence put where stamps left a hole */
    TT_AV_NOTE_OVERLAP = 11,   /* samples dropped where stamps overlapped */
    TT_AV_NOTE_NO_SPACE = TT_NOTE_WRITE_FAILED,
    TT_AV_NOTE_DISCARDED = 13, /* packets taken but not written */
    TT_AV_NOTE_NO_VIEWER = 14, /* packets discarded because nobody watched */
    TT_AV_NOTE_RENAMED = 15,   /* value: N of NAME.N.EXT, so that nothing was overwritten */
    TT_AV_NOTE_SHORT = 16,     /* value: bytes of an incomplete last frame, dropped */
    TT_AV_NOTE_PEER_LOST = TT_NOTE_PEER_LOST,
    TT_AV_NOTE_PEER_BACK = TT_NOTE_PEER_BACK,
    TT_AV_NOTE_OVERRUN = 17,  /* packets dropped because the network was too slow */
    TT_AV_NOTE_REPEATED = 27, /* pictures shown twice because their clock is slower than ours */
    TT_AV_NOTE_DRIFT = 28,    /* value: the clock of what comes against ours, in parts per 10^9 */
    TT_AV_NOTE_LATER = 29 /* value: ms by which a live input has come to lie later, all in all */
};

/* Takes FFmpeg's log away from stderr: it is counted, and the last error kept for sentences. */
void tt_av_quiet(void);

/* A negative errno for FFmpeg's error codes. */
int tt_av_errno(int averror);

/* Writes "what: cause (FFmpeg's last words)" and returns a negative errno. */
int tt_av_fail(struct tt_error *err, int averror, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The code of a coded format. Codecs without a name in format.h travel as FFmpeg's own codec
 * number, which is below any four printable characters and the same in all processes of a host. */
uint32_t tt_av_fourcc(enum AVCodecID id);
enum AVCodecID tt_av_codec_id(uint32_t fourcc);

/* Nanoseconds of a stamp, or TT_AV_NO_TIME when it is absent or beyond 36 years. */
int64_t tt_av_ns(int64_t stamp, AVRational time_base);

/* The index nearest to a time: stamps of files are rounded to milliseconds and worse. */
int64_t tt_av_nearest_index(int64_t media_ns, struct tt_rational rate);

/* Parses the text of a TT_PARAM_OPTIONS parameter. */
int tt_av_options(const struct tt_request *request, uint32_t param, AVDictionary **ret,
                  struct tt_error *err);

/* Keeps a copy of extradata for shape->config[output] until the next call of tt_av_config_reset()
 * on this thread. */
void tt_av_config_reset(void);
int tt_av_config_keep(struct tt_shape *shape, uint32_t output, const void *data, uint64_t bytes);

/* A padded copy for a codec context or parameters; freed by them. */
int tt_av_extradata(uint8_t **ret, int *ret_bytes, const struct tt_blob *config);

/* Colour fields there and back; 0 is "unknown" on our side, 2 on FFmpeg's. */
struct tt_av_colour {
    enum AVColorSpace matrix;
    enum AVColorPrimaries primaries;
    enum AVColorTransferCharacteristic transfer;
    enum AVColorRange range;
    enum AVChromaLocation siting;
};
void tt_av_colour_from(struct tt_format *format, const struct tt_av_colour *colour);
struct tt_av_colour tt_av_colour_to(const struct tt_format *format);

/* Channel layouts as WAVE masks; an unknown layout gets the usual one for its count. */
uint64_t tt_av_layout_mask(const AVChannelLayout *layout);
void tt_av_layout(const struct tt_format *format, AVChannelLayout *ret);

/* A coded format has no planes: stride[3] says which pixels to expect (1 + FFmpeg's number), and
 * stride[2] that its times are another clock's, moved to ours, and do not keep to the grid. */
static inline bool tt_av_is_drifting(const struct tt_format *coded)
{
    return coded->stride[2] != 0;
}

int64_t tt_av_now_ns(void);

/* An AVIOInterruptCB: opaque points at a deadline on CLOCK_MONOTONIC, 0 for none. */
int tt_av_is_overdue(void *deadline_ns);

static inline void tt_av_note(const struct tt_host *host, enum tt_av_note id, int64_t value)
{
    if (host && host->note)
        (void)host->note(host->ctx, id, value);
}

#endif
