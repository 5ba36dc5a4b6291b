/* What raw frames are: the parameters that tell it, and the format that follows. */
#include <errno.h>

#include "components/raw_read/raw.h"
#include "tactus/error.h"

#define PARAMS(is_live)                                                                            \
    {                                                                                              \
        {.name = "url", .help = "file or FIFO; - is standard input", .type = TT_PARAM_TEXT},       \
            {.name = "format",                                                                     \
             .unit = RAW_FORMATS,                                                                  \
             .help = "what the bytes are",                                                         \
             .initial = "I420",                                                                    \
             .type = TT_PARAM_CHOICE},                                                             \
            {.name = "width",                                                                      \
             .unit = "pixels",                                                                     \
             .help = "of video",                                                                   \
             .initial = "0",                                                                       \
             .type = TT_PARAM_INT,                                                                 \
             .min = 0,                                                                             \
             .max = TT_SIZE_MAX},                                                                  \
            {.name = "height",                                                                     \
             .unit = "pixels",                                                                     \
             .help = "of video",                                                                   \
             .initial = "0",                                                                       \
             .type = TT_PARAM_INT,                                                                 \
             .min = 0,                                                                             \
             .max = TT_SIZE_MAX},                                                                  \
            {.name = "rate",                                                                       \
             .unit = "pictures a second",                                                          \
             .help = "of video; 0: the service's",                                                 \
             .initial = "0",                                                                       \
             .type = TT_PARAM_RATIONAL},                                                           \
            {.name = "sample_rate",                                                                \
             .unit = "Hz",                                                                         \
             .help = "of audio",                                                                   \
             .initial = "48000",                                                                   \
             .type = TT_PARAM_INT,                                                                 \
             .min = 8000,                                                                          \
             .max = 192000},                                                                       \
            {.name = "channels",                                                                   \
             .help = "of audio",                                                                   \
             .initial = "2",                                                                       \
             .type = TT_PARAM_INT,                                                                 \
             .min = 1,                                                                             \
             .max = TT_CHANNELS_MAX},                                                              \
            {.name = "quantum",                                                                    \
             .unit = "samples",                                                                    \
             .help = "of audio in a frame",                                                        \
             .initial = "480",                                                                     \
             .type = TT_PARAM_INT,                                                                 \
             .min = 16,                                                                            \
             .max = 8192},                                                                         \
            {.name = "live",                                                                       \
             .help = "release frames at their time, not as fast as possible",                      \
             .initial = (is_live),                                                                 \
             .type = TT_PARAM_BOOL},                                                               \
    }

const struct tt_param raw_read_params[RAW_PARAM_COUNT] = PARAMS("false");
const struct tt_param raw_capture_params[RAW_PARAM_COUNT] = PARAMS("true");

static int shape_video(const struct tt_request *request, uint32_t fourcc, struct tt_format *ret,
                       uint32_t *ret_bytes, struct tt_error *err)
{
    const struct tt_setting *rate = tt_setting(request, RAW_RATE, TT_NO_PORT);
    int64_t width = tt_setting_int(request, RAW_WIDTH);
    int64_t height = tt_setting_int(request, RAW_HEIGHT);

    *ret_bytes = tt_format_video(ret, fourcc, (uint32_t)width, (uint32_t)height);
    if (*ret_bytes == 0)
        return tt_fail(
            err, -EINVAL,
            "raw frames: %s pictures need width and height, even and up to %d, not %ldx%ld",
            tt_fourcc_name(fourcc), TT_SIZE_MAX, (long)width, (long)height);
    ret->field_order = TT_PROGRESSIVE;
    ret->rate = rate && rate->i > 0 ? (struct tt_rational){rate->i, rate->j} : request->rate;
    if (ret->rate.num <= 0 || ret->rate.den <= 0)
        return tt_fail(err, -EINVAL, "raw frames: a rate is needed, here or of the service");
    return 0;
}

int raw_shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t fourcc = raw_fourcc(tt_setting_int(request, RAW_FORMAT));
    struct tt_format *out = &ret->out[0];
    uint32_t bytes;

    if (fourcc == TT_F32P || fourcc == TT_S16) {
        bytes = tt_format_audio(out, fourcc, (uint32_t)tt_setting_int(request, RAW_SAMPLE_RATE),
                                (uint32_t)tt_setting_int(request, RAW_CHANNELS),
                                (uint32_t)tt_setting_int(request, RAW_QUANTUM));
        if (bytes == 0)
            return tt_fail(err, -EINVAL, "raw frames: sample_rate, channels or quantum is absurd");
    } else if (shape_video(request, fourcc, out, &bytes, err) < 0) {
        return err ? err->code : -EINVAL;
    }
    ret->bytes_max[0] = bytes;
    ret->out_max[0] = 1;
    return 0;
}
