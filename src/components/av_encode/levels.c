/* An encoder open at each degrading level, all of one stream.
 *
 * libavcodec does not change a preset while it encodes, and a preset decides what H.264's parameter
 * sets say: so each level is an encoder of its own, opened before the first picture, whose sets
 * have the level's number. All sets stand in the stream's header; a change begins with a key
 * picture, which names the sets that it follows. No decoder has to be told anything else. */
#include "components/av_encode/levels.h"

#include <errno.h>
#include <libavutil/mem.h>
#include <string.h>

#include "tactus/format.h"

static int open_at(const struct tt_request *request, uint32_t level, const struct tt_format *want,
                   AVCodecContext **ret, struct tt_error *err)
{
    struct tt_request at = tt_request_at(request, level);
    const AVCodec *codec = codec_find(&at, want->kind == TT_VIDEO, err);

    if (!codec)
        return err ? err->code : -EINVAL;
    return codec_open(codec, &at, want, false, ret, err);
}

static int check_one_stream(const AVCodecContext *context, const uint8_t *header, uint32_t bytes,
                            uint32_t level, struct tt_error *err)
{
    if (codec_has_numbered_sets(context->codec))
        return 0;
    if ((uint32_t)context->extradata_size == bytes &&
        (bytes == 0 || memcmp(context->extradata, header, bytes) == 0))
        return 0;
    return tt_fail(err, -EINVAL,
                   "encoder %s writes another header at level %u, and cannot change to it in the "
                   "middle of a stream; libx264 can",
                   context->codec->name, level);
}

static int append(uint8_t **header, uint32_t *bytes, const AVCodecContext *context)
{
    uint32_t more = (uint32_t)context->extradata_size;
    uint8_t *longer = av_realloc(*header, *bytes + more + 1);

    if (!longer)
        return -ENOMEM;
    if (more > 0)
        memcpy(longer + *bytes, context->extradata, more);
    *header = longer;
    *bytes += more;
    return 0;
}

/* One level's part of the header. */
static int add_level(const struct tt_request *request, uint32_t level, const struct tt_format *want,
                     uint8_t **header, uint32_t *bytes, struct tt_error *err)
{
    AVCodecContext *context = NULL;
    int r = open_at(request, level, want, &context, err);

    if (r == 0 && level > 0)
        r = check_one_stream(context, *header, *bytes, level, err);
    if (r == 0 && (level == 0 || codec_has_numbered_sets(context->codec)) &&
        append(header, bytes, context) < 0)
        r = tt_fail(err, -ENOMEM, "no memory for the codec's header");
    avcodec_free_context(&context);
    return r;
}

int codec_levels_header(const struct tt_request *request, const struct tt_format *want,
                        const struct codec_delay *delay, uint8_t **ret, uint32_t *ret_bytes,
                        struct tt_error *err)
{
    uint8_t *header = NULL;
    uint32_t bytes = 0;
    int r = 0;

    if (want->kind != TT_VIDEO)
        return tt_fail(err, -EINVAL, "only pictures are encoded at degrading levels");
    if (delay->held > 0 || delay->early > 0)
        return tt_fail(err, -EINVAL,
                       "degrading levels need an encoder that gives each picture at once, and this "
                       "one holds %u: for libx264, `tune: zerolatency`",
                       delay->held > delay->early ? delay->held : delay->early);
    for (uint32_t level = 0; r == 0 && level <= request->level_count; level++)
        r = add_level(request, level, want, &header, &bytes, err);
    if (r < 0) {
        av_free(header);
        return r;
    }
    *ret = header;
    *ret_bytes = bytes;
    return 0;
}

int codec_levels_open(const struct tt_request *request, const struct tt_format *want,
                      AVCodecContext *contexts[ENCODE_LEVELS_MAX], struct tt_error *err)
{
    int r = 0;

    if (request->level_count >= ENCODE_LEVELS_MAX)
        return tt_fail(err, -EINVAL, "at most %d degrading levels are prepared",
                       ENCODE_LEVELS_MAX - 1);
    for (uint32_t level = 1; r == 0 && level <= request->level_count; level++)
        r = open_at(request, level, want, &contexts[level], err);
    return r;
}

void codec_levels_close(AVCodecContext *contexts[ENCODE_LEVELS_MAX])
{
    for (uint32_t level = 0; level < ENCODE_LEVELS_MAX; level++)
        avcodec_free_context(&contexts[level]);
}
