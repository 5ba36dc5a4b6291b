/* Kinds with the names, ports and shapes of the real ones, and probes that need no files. */
#include "catalogue.h"

#include <errno.h>
#include <string.h>

#include "tactus/format.h"

#define COUNT(list) ((uint32_t)(sizeof(list) / sizeof((list)[0])))

static const struct tt_format any_video[] = {{.kind = TT_VIDEO}};
static const struct tt_format i420[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};
static const struct tt_format planar[] = {{.kind = TT_AUDIO, .fourcc = TT_F32P}};
static const struct tt_format any_audio[] = {{.kind = TT_AUDIO}};
static const struct tt_format coded_video[] = {{.kind = TT_CODED_VIDEO}};
static const struct tt_format coded_audio[] = {{.kind = TT_CODED_AUDIO}};
static const struct tt_format coded[] = {{.kind = TT_CODED_VIDEO}, {.kind = TT_CODED_AUDIO}};
static const struct tt_format raw[] = {{.kind = TT_VIDEO}, {.kind = TT_AUDIO}};
static const struct tt_format blend[] = {{.kind = TT_VIDEO, .fourcc = TT_I420},
                                         {.kind = TT_VIDEO, .fourcc = TT_RGBA}};

#define OUT(name_, accepts_)                                                                       \
    {                                                                                              \
        .name = name_, .accepts = accepts_, .accept_count = COUNT(accepts_), .is_output = 1,       \
        .in_place_of = -1                                                                          \
    }
#define IN(name_, accepts_, ...)                                                                   \
    {                                                                                              \
        .name = name_, .accepts = accepts_, .accept_count = COUNT(accepts_), .in_place_of = -1,    \
        __VA_ARGS__                                                                                \
    }
#define ANY_LATE (TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_SILENCE | TT_LATE_KEEP)

static int video_out(struct tt_shape *ret, uint32_t out, uint32_t fourcc, uint32_t width,
                     uint32_t height, struct tt_rational rate)
{
    ret->out[out].rate = rate;
    ret->out[out].field_order = TT_PROGRESSIVE;
    ret->bytes_max[out] = tt_format_video(&ret->out[out], fourcc, width, height);
    return ret->bytes_max[out] != 0 ? 0 : -EINVAL;
}

static struct tt_rational rate_of(const struct tt_request *request)
{
    return request->rate.num > 0 ? request->rate : (struct tt_rational){25, 1};
}

/* test.video, text.clock and raw.read: width, height and fourcc from parameters. */
static int shape_camera(const struct tt_request *request, struct tt_shape *ret,
                        struct tt_error *err)
{
    return video_out(ret, 0, TT_I420, (uint32_t)tt_setting_int(request, 0),
                     (uint32_t)tt_setting_int(request, 1), rate_of(request));
}

static int shape_clock(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    return video_out(ret, 0, TT_RGBA, 256, 64, rate_of(request));
}

static int shape_image(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    return video_out(ret, 0, TT_RGBA, 128, 128, (struct tt_rational){0, 1});
}

static int shape_tone(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->bytes_max[0] =
        tt_format_audio(&ret->out[0], TT_F32P, 48000, 2, (uint32_t)tt_setting_int(request, 2));
    return 0;
}

static int shape_clip(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    static const uint8_t extradata[] = {1, 0x64, 0, 0x28};

    ret->out[0] = (struct tt_format){.size = sizeof(ret->out[0]),
                                     .kind = TT_CODED_VIDEO,
                                     .fourcc = TT_H264,
                                     .width = 1920,
                                     .height = 1080,
                                     .field_order = TT_PROGRESSIVE,
                                     .reorder_frames = 2,
                                     .rate = {24, 1}};
    ret->out[1] = (struct tt_format){.size = sizeof(ret->out[1]),
                                     .kind = TT_CODED_AUDIO,
                                     .fourcc = TT_AAC,
                                     .sample_rate = 44100,
                                     .channels = 6,
                                     .rate = {44100, 1024}};
    if (strstr(tt_setting_text(request, 0), "interlaced"))
        ret->out[0].field_order = TT_TOP_FIRST;
    ret->bytes_max[0] = 1 << 20;
    ret->bytes_max[1] = 8192;
    ret->config[0] = (struct tt_blob){extradata, sizeof(extradata)};
    ret->config[1] = (struct tt_blob){extradata, 2};
    ret->length_ns = 30000000000;
    return strstr(tt_setting_text(request, 0), "missing")
               ? tt_fail(err, -ENOENT, "open '%s': no such file", tt_setting_text(request, 0))
               : 0;
}

static int shape_scale(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->want[0].fourcc = TT_I420;
    return video_out(ret, 0, TT_I420, (uint32_t)tt_setting_int(request, 0),
                     (uint32_t)tt_setting_int(request, 1), request->in[0].rate);
}

static int shape_video_convert(const struct tt_request *request, struct tt_shape *ret,
                               struct tt_error *err)
{
    static const uint32_t fourccs[] = {TT_I420, TT_NV12, TT_RGBA};

    return video_out(ret, 0, fourccs[tt_setting_int(request, 0)], request->in[0].width,
                     request->in[0].height, request->in[0].rate);
}

static int shape_overlay(const struct tt_request *request, struct tt_shape *ret,
                         struct tt_error *err)
{
    ret->want[0].fourcc = TT_I420;
    for (uint32_t n = 1; n < request->in_count; n++)
        ret->want[n].fourcc = TT_RGBA;
    return video_out(ret, 0, TT_I420, request->in[0].width, request->in[0].height,
                     request->in[0].rate);
}

static int shape_decode(const struct tt_request *request, struct tt_shape *ret,
                        struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    if (in->kind == TT_CODED_AUDIO) {
        ret->bytes_max[0] =
            tt_format_audio(&ret->out[0], TT_F32P, in->sample_rate, in->channels, 1024);
        return 0;
    }
    ret->latency_ns = tt_index_ns(in->reorder_frames, in->rate);
    ret->out_max[0] = 4;
    return video_out(ret, 0, TT_I420, in->width, in->height, in->rate);
}

static int shape_encode(const struct tt_request *request, struct tt_shape *ret,
                        struct tt_error *err)
{
    static const uint8_t extradata[] = {9, 9, 9};
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->out[0].plane_count = 0;
    memset(ret->out[0].stride, 0, sizeof(ret->out[0].stride));
    memset(ret->out[0].plane_offset, 0, sizeof(ret->out[0].plane_offset));
    ret->config[0] = (struct tt_blob){extradata, sizeof(extradata)};
    ret->bytes_max[0] = 1 << 20;
    if (strcmp(tt_setting_text(request, 3), "slow") == 0)
        ret->latency_ns = 40000000;
    ret->out[0].kind = in->kind == TT_VIDEO ? TT_CODED_VIDEO : TT_CODED_AUDIO;
    ret->out[0].fourcc = in->kind == TT_VIDEO ? TT_H264 : TT_AAC;
    if (in->kind == TT_VIDEO) {
        ret->want[0].fourcc = TT_I420;
        return 0;
    }
    ret->want[0] = (struct tt_format){.kind = TT_AUDIO, .fourcc = TT_F32P, .rate = {48000, 1024}};
    ret->out[0].rate = (struct tt_rational){in->sample_rate, 1024};
    return 0;
}

static int shape_mix(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    uint32_t quantum = (uint32_t)tt_setting_int(request, 1);

    for (uint32_t n = 0; n < request->in_count; n++)
        ret->want[n] = (struct tt_format){.kind = TT_AUDIO,
                                          .fourcc = TT_F32P,
                                          .sample_rate = 48000,
                                          .channels = (uint32_t)tt_setting_int(request, 0),
                                          .rate = {48000, quantum}};
    ret->bytes_max[0] = tt_format_audio(&ret->out[0], TT_F32P, 48000,
                                        (uint32_t)tt_setting_int(request, 0), quantum);
    ret->clock_rate = ret->out[0].rate;
    return 0;
}

static int shape_audio_convert(const struct tt_request *request, struct tt_shape *ret,
                               struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];
    uint32_t samples = (uint32_t)tt_setting_int(request, 1);

    ret->out_max[0] = tt_format_samples(in) / samples + 1;
    ret->latency_ns = samples != tt_format_samples(in) ? samples * 1000000000ll / 48000 : 0;
    ret->bytes_max[0] =
        tt_format_audio(&ret->out[0], tt_setting_int(request, 2) ? TT_S16 : TT_F32P,
                        in->sample_rate, (uint32_t)tt_setting_int(request, 0), samples);
    return 0;
}

static int shape_resample(const struct tt_request *request, struct tt_shape *ret,
                          struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];
    uint32_t rate = (uint32_t)tt_setting_int(request, 0);

    ret->latency_ns = 1000000;
    ret->bytes_max[0] = tt_format_audio(&ret->out[0], TT_F32P, rate, in->channels,
                                        tt_format_samples(in) * rate / in->sample_rate + 1);
    ret->out[0].rate = in->rate;
    return 0;
}

static int shape_same(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->out[0] = request->in[0];
    ret->bytes_max[0] =
        tt_format_video(&ret->out[0], ret->out[0].fourcc, ret->out[0].width, ret->out[0].height);
    return 0;
}

static int shape_nothing(const struct tt_request *request, struct tt_shape *ret,
                         struct tt_error *err)
{
    return 0;
}

static int shape_small(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->want[0] = (struct tt_format){.kind = TT_VIDEO, .width = 64, .height = 64};
    return 0;
}

static const struct tt_port camera_ports[] = {OUT("out", any_video)};
static const struct tt_param camera_params[] = {
    {.name = "width",
     .unit = "px",
     .initial = "1280",
     .type = TT_PARAM_INT,
     .min = 16,
     .max = 8192},
    {.name = "height",
     .unit = "px",
     .initial = "720",
     .type = TT_PARAM_INT,
     .min = 16,
     .max = 8192},
    {.name = "live", .initial = "true", .type = TT_PARAM_BOOL}};
static const struct tt_component camera = {.abi = TT_ABI,
                                           .size = sizeof(camera),
                                           .flags = TT_PURE,
                                           .name = "test.video",
                                           .ports = camera_ports,
                                           .params = camera_params,
                                           .port_count = 1,
                                           .param_count = COUNT(camera_params),
                                           .shape = shape_camera};

static const struct tt_port tone_ports[] = {OUT("out", any_audio)};
static const struct tt_param tone_params[] = {
    {.name = "frequency",
     .unit = "Hz",
     .initial = "1000",
     .type = TT_PARAM_FLOAT,
     .min = 1,
     .max = 20000},
    {.name = "level_db", .unit = "dB", .initial = "-20", .type = TT_PARAM_FLOAT, .min = -120},
    {.name = "quantum", .initial = "480", .type = TT_PARAM_INT, .min = 16, .max = 8192},
    {.name = "live", .initial = "true", .type = TT_PARAM_BOOL}};
static const struct tt_component tone = {.abi = TT_ABI,
                                         .size = sizeof(tone),
                                         .flags = TT_PURE,
                                         .name = "test.audio",
                                         .ports = tone_ports,
                                         .params = tone_params,
                                         .port_count = 1,
                                         .param_count = COUNT(tone_params),
                                         .shape = shape_tone};

static const struct tt_edge reader_edge = {.probe = shape_clip};
static const struct tt_port clip_ports[] = {OUT("video", coded_video), OUT("audio", coded_audio),
                                            OUT("*", coded)};
static const struct tt_param clip_params[] = {
    {.name = "url", .type = TT_PARAM_TEXT},
    {.name = "live", .initial = "false", .type = TT_PARAM_BOOL},
    {.name = "start", .initial = "0s", .type = TT_PARAM_TIME},
    {.name = "options", .type = TT_PARAM_OPTIONS}};
static const struct tt_component clip = {.abi = TT_ABI,
                                         .size = sizeof(clip),
                                         .flags = TT_EDGE,
                                         .name = "av.read",
                                         .ports = clip_ports,
                                         .params = clip_params,
                                         .port_count = 3,
                                         .param_count = COUNT(clip_params),
                                         .edge = &reader_edge};

static const struct tt_port decode_ports[] = {
    IN("in", coded, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", raw)};
static const struct tt_param decode_params[] = {{.name = "options", .type = TT_PARAM_OPTIONS}};
static const struct tt_component decode = {.abi = TT_ABI,
                                           .size = sizeof(decode),
                                           .flags = TT_OPAQUE,
                                           .name = "av.decode",
                                           .ports = decode_ports,
                                           .params = decode_params,
                                           .port_count = 2,
                                           .param_count = 1,
                                           .shape = shape_decode};

static const struct tt_port encode_ports[] = {
    IN("in", raw, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", coded)};
static const struct tt_param encode_params[] = {
    {.name = "codec", .type = TT_PARAM_TEXT},
    {.name = "bitrate", .initial = "1M", .type = TT_PARAM_BITS, .min = 1000, .max = 1e9},
    {.name = "gop", .initial = "50", .type = TT_PARAM_INT, .min = 1, .max = 10000},
    {.name = "preset", .initial = "", .type = TT_PARAM_TEXT, .is_live = TT_PARAM_LEVEL},
    {.name = "options", .type = TT_PARAM_OPTIONS}};
static const struct tt_component encode = {.abi = TT_ABI,
                                           .size = sizeof(encode),
                                           .flags = TT_OPAQUE,
                                           .name = "av.encode",
                                           .ports = encode_ports,
                                           .params = encode_params,
                                           .port_count = 2,
                                           .param_count = COUNT(encode_params),
                                           .level_count = 3,
                                           .shape = shape_encode};

static const struct tt_edge writer_edge = {0};
static const struct tt_port write_ports[] = {
    IN("video", coded_video, .is_optional = 1, .late_policies = ANY_LATE,
       .late_default = TT_LATE_KEEP),
    IN("audio", coded_audio, .is_optional = 1, .late_policies = ANY_LATE)};
static const struct tt_component write = {.abi = TT_ABI,
                                          .size = sizeof(write),
                                          .flags = TT_EDGE | TT_SEPARATE,
                                          .name = "av.write",
                                          .ports = write_ports,
                                          .params = clip_params,
                                          .port_count = 2,
                                          .param_count = COUNT(clip_params),
                                          .shape = shape_nothing,
                                          .edge = &writer_edge};

static const struct tt_edge image_edge = {.probe = shape_image};
static const struct tt_port image_ports[] = {OUT("out", any_video)};
static const struct tt_param image_params[] = {{.name = "path", .type = TT_PARAM_TEXT}};
static const struct tt_component image = {.abi = TT_ABI,
                                          .size = sizeof(image),
                                          .flags = TT_EDGE,
                                          .name = "image.read",
                                          .ports = image_ports,
                                          .params = image_params,
                                          .port_count = 1,
                                          .param_count = 1,
                                          .edge = &image_edge};

static const struct tt_param clock_params[] = {
    {.name = "format", .initial = "%H:%M:%S", .type = TT_PARAM_TEXT},
    {.name = "size", .unit = "px", .initial = "48", .type = TT_PARAM_INT, .min = 8, .max = 512},
    {.name = "live", .initial = "true", .type = TT_PARAM_BOOL}};
static const struct tt_component text_clock = {.abi = TT_ABI,
                                               .size = sizeof(text_clock),
                                               .flags = TT_PURE,
                                               .name = "text.clock",
                                               .ports = image_ports,
                                               .params = clock_params,
                                               .port_count = 1,
                                               .param_count = COUNT(clock_params),
                                               .shape = shape_clock};

static const struct tt_port scale_ports[] = {
    IN("in", any_video, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", i420)};
static const struct tt_param scale_params[] = {
    {.name = "width", .type = TT_PARAM_INT, .min = 16, .max = 8192},
    {.name = "height", .type = TT_PARAM_INT, .min = 16, .max = 8192},
    {.name = "method",
     .unit = "point|bilinear|bicubic|lanczos",
     .initial = "bicubic",
     .type = TT_PARAM_CHOICE,
     .is_live = TT_PARAM_LIVE | TT_PARAM_LEVEL}};
static const struct tt_component scale = {.abi = TT_ABI,
                                          .size = sizeof(scale),
                                          .flags = TT_PURE,
                                          .name = "video.scale",
                                          .ports = scale_ports,
                                          .params = scale_params,
                                          .port_count = 2,
                                          .param_count = COUNT(scale_params),
                                          .level_count = 2,
                                          .shape = shape_scale};

static const struct tt_port convert_ports[] = {
    IN("in", any_video, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", any_video)};
static const struct tt_param convert_params[] = {
    {.name = "format", .unit = "I420|NV12|RGBA", .initial = "I420", .type = TT_PARAM_CHOICE}};
static const struct tt_component convert = {.abi = TT_ABI,
                                            .size = sizeof(convert),
                                            .flags = TT_PURE,
                                            .name = "video.convert",
                                            .ports = convert_ports,
                                            .params = convert_params,
                                            .port_count = 2,
                                            .param_count = 1,
                                            .shape = shape_video_convert};

static const struct tt_port overlay_ports[] = {
    {.name = "main",
     .accepts = i420,
     .accept_count = 1,
     .is_leader = 1,
     .late_policies = ANY_LATE,
     .in_place_of = 2},
    IN("*", blend, .instances_max = 8, .is_optional = 1, .late_policies = ANY_LATE, .hold_max = 1),
    OUT("out", i420)};
static const struct tt_param overlay_params[] = {
    {.name = "*.x", .unit = "px", .initial = "0", .type = TT_PARAM_INT, .min = -8192, .max = 8192},
    {.name = "*.y", .unit = "px", .initial = "0", .type = TT_PARAM_INT, .min = -8192, .max = 8192}};
static const struct tt_component overlay = {.abi = TT_ABI,
                                            .size = sizeof(overlay),
                                            .flags = TT_PURE,
                                            .name = "video.overlay",
                                            .ports = overlay_ports,
                                            .params = overlay_params,
                                            .port_count = 3,
                                            .param_count = 2,
                                            .shape = shape_overlay};

static const struct tt_port mix_ports[] = {
    IN("main", planar, .is_optional = 1, .late_policies = ANY_LATE),
    IN("*", planar, .instances_max = 15, .is_optional = 1, .late_policies = ANY_LATE),
    OUT("out", planar)};
static const struct tt_param mix_params[] = {
    {.name = "channels", .initial = "2", .type = TT_PARAM_INT, .min = 1, .max = 8},
    {.name = "quantum", .initial = "480", .type = TT_PARAM_INT, .min = 16, .max = 8192}};
static const struct tt_component mix = {.abi = TT_ABI,
                                        .size = sizeof(mix),
                                        .flags = TT_PURE,
                                        .name = "audio.mix",
                                        .ports = mix_ports,
                                        .params = mix_params,
                                        .port_count = 3,
                                        .param_count = 2,
                                        .shape = shape_mix};

static const struct tt_port audio_ports[] = {
    IN("in", any_audio, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", any_audio)};
static const struct tt_param audio_convert_params[] = {
    {.name = "channels", .initial = "2", .type = TT_PARAM_INT, .min = 1, .max = 8},
    {.name = "quantum", .initial = "480", .type = TT_PARAM_INT, .min = 16, .max = 65536},
    {.name = "format", .unit = "F32P|S16LE", .initial = "F32P", .type = TT_PARAM_CHOICE}};
static const struct tt_component audio_convert = {.abi = TT_ABI,
                                                  .size = sizeof(audio_convert),
                                                  .flags = TT_PURE,
                                                  .name = "audio.convert",
                                                  .ports = audio_ports,
                                                  .params = audio_convert_params,
                                                  .port_count = 2,
                                                  .param_count = 3,
                                                  .shape = shape_audio_convert};
static const struct tt_port resample_ports[] = {
    IN("in", planar, .is_leader = 1, .late_policies = ANY_LATE), OUT("out", planar)};
static const struct tt_param resample_params[] = {{.name = "rate",
                                                   .unit = "Hz",
                                                   .initial = "48000",
                                                   .type = TT_PARAM_INT,
                                                   .min = 8000,
                                                   .max = 192000}};
static const struct tt_component resample = {.abi = TT_ABI,
                                             .size = sizeof(resample),
                                             .flags = TT_PURE,
                                             .name = "audio.resample",
                                             .ports = resample_ports,
                                             .params = resample_params,
                                             .port_count = 2,
                                             .param_count = 1,
                                             .shape = shape_resample};

static const struct tt_port null_ports[] = {
    {.name = "in", .is_leader = 1, .late_policies = ANY_LATE, .in_place_of = -1}};
static const struct tt_component null = {.abi = TT_ABI,
                                         .size = sizeof(null),
                                         .flags = TT_PURE,
                                         .name = "null",
                                         .ports = null_ports,
                                         .port_count = 1,
                                         .shape = shape_nothing};

static const struct tt_port probe_ports[] = {{.name = "in",
                                              .accepts = any_video,
                                              .accept_count = 1,
                                              .is_leader = 1,
                                              .late_policies = ANY_LATE,
                                              .in_place_of = 1},
                                             OUT("out", any_video)};
static const struct tt_component probe = {.abi = TT_ABI,
                                          .size = sizeof(probe),
                                          .flags = TT_PURE,
                                          .name = "probe.timecode",
                                          .ports = probe_ports,
                                          .port_count = 2,
                                          .shape = shape_same};

static const struct tt_edge raw_edge = {.probe = shape_camera};
static const struct tt_param raw_params[] = {
    {.name = "width", .initial = "640", .type = TT_PARAM_INT, .min = 16, .max = 8192},
    {.name = "height", .initial = "360", .type = TT_PARAM_INT, .min = 16, .max = 8192},
    {.name = "url", .type = TT_PARAM_TEXT},
    {.name = "live", .initial = "false", .type = TT_PARAM_BOOL}};
static const struct tt_component raw_read = {.abi = TT_ABI,
                                             .size = sizeof(raw_read),
                                             .flags = TT_EDGE,
                                             .name = "raw.read",
                                             .ports = camera_ports,
                                             .params = raw_params,
                                             .port_count = 1,
                                             .param_count = COUNT(raw_params),
                                             .edge = &raw_edge};
static const struct tt_port raw_write_ports[] = {
    IN("in", raw, .is_leader = 1, .late_policies = ANY_LATE)};
static const struct tt_param raw_write_params[] = {{.name = "url", .type = TT_PARAM_TEXT}};
static const struct tt_component raw_write = {.abi = TT_ABI,
                                              .size = sizeof(raw_write),
                                              .flags = TT_EDGE,
                                              .name = "raw.write",
                                              .ports = raw_write_ports,
                                              .params = raw_write_params,
                                              .port_count = 1,
                                              .param_count = 1,
                                              .shape = shape_nothing,
                                              .edge = &writer_edge};

/* Wants 64x64 and nothing else: what no conversion can give. */
static const struct tt_component small = {.abi = TT_ABI,
                                          .size = sizeof(small),
                                          .flags = TT_PURE,
                                          .name = "small",
                                          .ports = scale_ports,
                                          .port_count = 1,
                                          .shape = shape_small};

static const struct tt_component *const kinds[] = {
    &camera,     &tone,  &clip,     &decode,    &encode, &write,         &image,
    &text_clock, &scale, &convert,  &overlay,   &mix,    &audio_convert, &resample,
    &null,       &probe, &raw_read, &raw_write, &small};

const struct tt_catalogue test_catalogue = {.components = kinds, .count = COUNT(kinds)};

int test_probe(void *ctx, const struct tt_component *component, const struct tt_request *request,
               struct tt_shape *ret, struct tt_error *err)
{
    if (ctx)
        ++*(int *)ctx;
    return component->edge->probe(request, ret, err);
}

const char test_thumbnail[] = "tactus: 1\n"
                              "service: thumbnail\n"
                              "rate: 50\n"
                              "deadline: 40ms\n"
                              "loss: 1%\n"
                              "components:\n"
                              "  cam:   {kind: test.video, params: {width: 1280, height: 720}}\n"
                              "  scale: {kind: video.scale, params: {width: 640, height: 360}}\n"
                              "  out:   {kind: \"null\"}\n"
                              "flows: [cam ! scale ! out]\n";

const char test_news[] =
    "tactus: 1\n"
    "service: news\n"
    "rate: 24                        # video; audio runs in its quantum\n"
    "deadline: 300ms\n"
    "loss: 1%\n"
    "components:\n"
    "  clip:  {kind: av.read, params: {url: clip.mp4, live: true}}\n"
    "  vdec:  {kind: av.decode, overrun: throttle}\n"
    "  scale: {kind: video.scale, params: {width: 1280, height: 720, method: bilinear},"
    " degrade: [method=point]}\n"
    "  logo:  {kind: image.read, params: {path: logo.png}}\n"
    "  clock: {kind: text.clock, params: {format: \"%H:%M:%S\", size: 48}}\n"
    "  over:  {kind: video.overlay, params: {logo.x: 1100, logo.y: 24, clock.x: 24, clock.y: 24},"
    " late: {main: repeat, logo: repeat, clock: drop}}\n"
    "  venc:  {kind: av.encode, params: {codec: libx264, preset: veryfast, tune: zerolatency,"
    " bitrate: 3M, gop: 48}, degrade: [preset=superfast, preset=ultrafast]}\n"
    "  adec:  {kind: av.decode}\n"
    "  tone:  {kind: test.audio, params: {frequency: 1000, level_db: -30}}\n"
    "  mix:   {kind: audio.mix, params: {channels: 2, quantum: 480},"
    " late: {main: silence, tone: silence}}\n"
    "  aenc:  {kind: av.encode, params: {codec: aac, bitrate: 128k}}\n"
    "  file:  {kind: av.write, params: {url: news.mp4}, late: {video: keep, audio: keep}}\n"
    "  live:  {kind: av.write, params: {url: \"srt://127.0.0.1:9710?mode=listener\"},"
    " deadline: 500ms, late: {video: drop, audio: drop}}\n"
    "flows: [clip.video ! vdec ! scale ! over.main, logo ! over.logo, clock ! over.clock,"
    " over ! venc ! file.video, venc ! live.video,\n"
    "        clip.audio ! adec ! mix.main, tone ! mix.tone, mix ! aenc ! file.audio,"
    " aenc ! live.audio]\n";
