/* The common ground of the components that stand on FFmpeg's libraries. */
#include "components/av/av.h"

#include <errno.h>
#include <libavutil/avutil.h>
#include <libavutil/channel_layout.h>
#include <libavutil/log.h>
#include <libavutil/mathematics.h>
#include <libavutil/mem.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tactus/format.h"

enum { LAST_TEXT_BYTES = 256, CONFIG_BYTES_MAX = 1 << 20 };

static struct {
    pthread_mutex_t lock;
    uint64_t count;
    char text[LAST_TEXT_BYTES];
} log_state = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* FFmpeg may call this from its own threads, hence the lock. */
static void on_log(void *object, int level, const char *format, va_list args)
{
    char line[LAST_TEXT_BYTES];
    size_t length;

    (void)object;
    if (level > AV_LOG_ERROR)
        return;
    (void)vsnprintf(line, sizeof(line), format, args);
    length = strcspn(line, "\r\n");
    line[length] = 0;
    if (length == 0)
        return;
    pthread_mutex_lock(&log_state.lock);
    log_state.count++;
    memcpy(log_state.text, line, length + 1);
    pthread_mutex_unlock(&log_state.lock);
}

void tt_av_quiet(void)
{
    av_log_set_callback(on_log);
    pthread_mutex_lock(&log_state.lock);
    log_state.text[0] = 0;
    pthread_mutex_unlock(&log_state.lock);
}

int tt_av_errno(int averror)
{
    switch (averror) {
    case AVERROR_EOF:
        return -ENODATA;
    case AVERROR_INVALIDDATA:
        return -EBADMSG;
    case AVERROR_EXIT:
        return -ETIMEDOUT;
    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_ENCODER_NOT_FOUND:
    case AVERROR_DEMUXER_NOT_FOUND:
    case AVERROR_MUXER_NOT_FOUND:
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_PATCHWELCOME:
        return -ENOTSUP;
    case AVERROR_OPTION_NOT_FOUND:
        return -EINVAL;
    default: /* Tags of FFmpeg are far below any errno. */
        return averror < -4096 || averror >= 0 ? -EIO : averror;
    }
}

int tt_av_fail(struct tt_error *err, int averror, const char *format, ...)
{
    char what[512], cause[128], last[LAST_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    (void)tt_format_text_v(what, sizeof(what), format, args);
    va_end(args);
    if (av_strerror(averror, cause, sizeof(cause)) < 0)
        (void)snprintf(cause, sizeof(cause), "error %d", averror);
    if (averror == AVERROR_EXIT)
        (void)snprintf(cause, sizeof(cause), "no answer in time");

    pthread_mutex_lock(&log_state.lock);
    memcpy(last, log_state.text, sizeof(last));
    log_state.text[0] = 0;
    pthread_mutex_unlock(&log_state.lock);
    if (last[0] != 0)
        return tt_fail(err, tt_av_errno(averror), "%s: %s (%s)", what, cause, last);
    return tt_fail(err, tt_av_errno(averror), "%s: %s", what, cause);
}

static const struct {
    uint32_t fourcc;
    enum AVCodecID id;
} codes[] = {{TT_H264, AV_CODEC_ID_H264},
             {TT_FOURCC('M', 'J', 'P', 'G'), AV_CODEC_ID_MJPEG}, /* of cameras */
             {TT_HEVC, AV_CODEC_ID_HEVC},
             {TT_AAC, AV_CODEC_ID_AAC},
             {TT_OPUS, AV_CODEC_ID_OPUS}};

uint32_t tt_av_fourcc(enum AVCodecID id)
{
    for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++)
        if (codes[n].id == id)
            return codes[n].fourcc;
    return (uint32_t)id;
}

enum AVCodecID tt_av_codec_id(uint32_t fourcc)
{
    for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++)
        if (codes[n].fourcc == fourcc)
            return codes[n].id;
    return avcodec_descriptor_get((enum AVCodecID)fourcc) ? (enum AVCodecID)fourcc
                                                          : AV_CODEC_ID_NONE;
}

int64_t tt_av_ns(int64_t stamp, AVRational time_base)
{
    int64_t ns;

    if (stamp == AV_NOPTS_VALUE || time_base.num <= 0 || time_base.den <= 0)
        return TT_AV_NO_TIME;
    ns = av_rescale_q(stamp, time_base, (AVRational){1, 1000000000});
    return ns > -(INT64_C(1) << 60) && ns < INT64_C(1) << 60 ? ns : TT_AV_NO_TIME;
}

int64_t tt_av_nearest_index(int64_t media_ns, struct tt_rational rate)
{
    int64_t index = tt_ns_index(media_ns, rate);
    int64_t before_ns = media_ns - tt_index_ns(index, rate);
    int64_t after_ns = tt_index_ns(index + 1, rate) - media_ns;

    return after_ns < before_ns ? index + 1 : index;
}

int tt_av_options(const struct tt_request *request, uint32_t param, AVDictionary **ret,
                  struct tt_error *err)
{
    const char *text = tt_setting_text(request, param);

    if (text[0] == 0)
        return 0;
    if (av_dict_parse_string(ret, text, "=", ":", 0) < 0) {
        av_dict_free(ret);
        return tt_fail(err, -EINVAL, "options '%s' are not of the form name=value:name=value",
                       text);
    }
    return 0;
}

static _Thread_local void *kept_configs[TT_PORTS_MAX];

void tt_av_config_reset(void)
{
    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        av_freep(&kept_configs[n]);
}

int tt_av_config_keep(struct tt_shape *shape, uint32_t output, const void *data, uint64_t bytes)
{
    if (bytes == 0 || !data)
        return 0;
    if (bytes > CONFIG_BYTES_MAX || output >= TT_PORTS_MAX)
        return -E2BIG;
    av_freep(&kept_configs[output]);
    kept_configs[output] = av_memdup(data, bytes);
    if (!kept_configs[output])
        return -ENOMEM;
    shape->config[output] = (struct tt_blob){.data = kept_configs[output], .bytes = bytes};
    return 0;
}

int tt_av_extradata(uint8_t **ret, int *ret_bytes, const struct tt_blob *config)
{
    uint8_t *copy;

    if (!config || config->bytes == 0)
        return 0;
    if (config->bytes > CONFIG_BYTES_MAX)
        return -E2BIG;
    copy = av_mallocz(config->bytes + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, config->data, config->bytes);
    av_freep(ret);
    *ret = copy;
    *ret_bytes = (int)config->bytes;
    return 0;
}

void tt_av_colour_from(struct tt_format *format, const struct tt_av_colour *colour)
{
    format->matrix = colour->matrix == AVCOL_SPC_UNSPECIFIED ? 0 : colour->matrix;
    format->primaries = colour->primaries == AVCOL_PRI_UNSPECIFIED ? 0 : colour->primaries;
    format->transfer = colour->transfer == AVCOL_TRC_UNSPECIFIED ? 0 : colour->transfer;
    format->range = colour->range;
    format->siting = colour->siting;
}

struct tt_av_colour tt_av_colour_to(const struct tt_format *format)
{
    return (struct tt_av_colour){
        .matrix = format->matrix ? format->matrix : AVCOL_SPC_UNSPECIFIED,
        .primaries = format->primaries ? format->primaries : AVCOL_PRI_UNSPECIFIED,
        .transfer = format->transfer ? format->transfer : AVCOL_TRC_UNSPECIFIED,
        .range = format->range <= AVCOL_RANGE_JPEG ? format->range : AVCOL_RANGE_UNSPECIFIED,
        .siting = format->siting,
    };
}

uint64_t tt_av_layout_mask(const AVChannelLayout *layout)
{
    AVChannelLayout usual = {0};
    uint64_t mask;

    if (layout->order == AV_CHANNEL_ORDER_NATIVE)
        return layout->u.mask;
    av_channel_layout_default(&usual, layout->nb_channels);
    mask = usual.order == AV_CHANNEL_ORDER_NATIVE ? usual.u.mask : 0;
    av_channel_layout_uninit(&usual);
    return mask;
}

void tt_av_layout(const struct tt_format *format, AVChannelLayout *ret)
{
    if (format->layout == 0 || av_channel_layout_from_mask(ret, format->layout) < 0 ||
        ret->nb_channels != (int)format->channels) {
        av_channel_layout_uninit(ret);
        av_channel_layout_default(ret, (int)format->channels);
    }
}

int64_t tt_av_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int tt_av_is_overdue(void *deadline_ns)
{
    int64_t deadline = __atomic_load_n((int64_t *)deadline_ns, __ATOMIC_RELAXED);

    return deadline != 0 && tt_av_now_ns() >= deadline;
}
