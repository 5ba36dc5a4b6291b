/* Puts decoded sound on the grid: priming before zero is cut, holes become silence, overlaps go,
 * and what comes out are whole quanta at their indices. */
#include "components/av_decode/sound.h"

#include <errno.h>
#include <libavutil/mem.h>
#include <string.h>

#include "tactus/format.h"

/* Stamps of containers are rounded to a millisecond; below this they say nothing about samples. */
enum { TOLERANCE_PART = 400 /* of a second */, FRAME_SAMPLES_MAX = 65536 };
enum { PIECE_SAMPLES = 4096 /* that go through the line at once */ };

static int init_pace(struct sound *sound)
{
    uint32_t stride = drift_pace_stride(PIECE_SAMPLES);
    float *line = av_calloc((size_t)stride * sound->channels, sizeof(float));

    sound->pace.line = line;
    sound->table = av_malloc(sizeof(*sound->table));
    if (!line || !sound->table)
        return -ENOMEM;
    drift_table_init(sound->table);
    drift_pace_init(&sound->pace, sound->table, line, stride, sound->channels, sound->sample_rate);
    return 0;
}

int sound_init(struct sound *sound, const struct tt_format *format, bool is_drifting)
{
    *sound = (struct sound){.channels = format->channels,
                            .quantum = tt_format_samples(format),
                            .sample_rate = format->sample_rate};
    sound->capacity = format->sample_rate + 8 * sound->quantum + FRAME_SAMPLES_MAX;
    sound->samples = av_calloc((size_t)sound->capacity * sound->channels, sizeof(float));
    if (!sound->samples)
        return -ENOMEM;
    return is_drifting ? init_pace(sound) : 0;
}

void sound_fini(struct sound *sound)
{
    av_freep(&sound->samples);
    av_freep(&sound->pace.line);
    av_freep(&sound->table);
}

void sound_restart(struct sound *sound)
{
    sound->is_discontinuous = sound->is_started;
    sound->is_started = false;
    sound->filled = 0;
    if (sound->table)
        drift_pace_restart(&sound->pace);
}

static float *channel_at(const struct sound *sound, uint32_t channel, uint32_t sample)
{
    return sound->samples + (size_t)channel * sound->capacity + sample;
}

static void put_silence(struct sound *sound, uint32_t count)
{
    for (uint32_t c = 0; c < sound->channels; c++)
        memset(channel_at(sound, c, sound->filled), 0, count * sizeof(float));
    sound->filled += count;
}

static bool read_samples(float *to, const AVFrame *frame, uint32_t channel, uint32_t first,
                         uint32_t count)
{
    bool is_planar = av_sample_fmt_is_planar(frame->format);
    size_t step = is_planar ? 1 : (size_t)frame->ch_layout.nb_channels;
    size_t at = is_planar ? first : first * step + channel;
    const void *data = frame->extended_data[is_planar ? channel : 0];

    switch (av_get_packed_sample_fmt(frame->format)) {
    case AV_SAMPLE_FMT_FLT:
        for (uint32_t n = 0; n < count; n++, at += step)
            to[n] = ((const float *)data)[at];
        return true;
    case AV_SAMPLE_FMT_S16:
        for (uint32_t n = 0; n < count; n++, at += step)
            to[n] = (float)((const int16_t *)data)[at] / 32768.0f;
        return true;
    case AV_SAMPLE_FMT_S32:
        for (uint32_t n = 0; n < count; n++, at += step)
            to[n] = (float)((const int32_t *)data)[at] / 2147483648.0f;
        return true;
    case AV_SAMPLE_FMT_DBL:
        for (uint32_t n = 0; n < count; n++, at += step)
            to[n] = (float)((const double *)data)[at];
        return true;
    case AV_SAMPLE_FMT_U8:
        for (uint32_t n = 0; n < count; n++, at += step)
            to[n] = (float)(((const uint8_t *)data)[at] - 128) / 128.0f;
        return true;
    default:
        return false;
    }
}

/* Samples at the start of the frame that come before what is wanted next. */
static uint32_t samples_to_skip(struct sound *sound, int64_t position, uint32_t count)
{
    int64_t wanted = sound->is_started ? sound->position + sound->filled : 0;
    int64_t skip = wanted - position;

    return skip <= 0 ? 0 : skip >= count ? count : (uint32_t)skip;
}

static void start_at(struct sound *sound, int64_t position)
{
    int64_t rest = position % sound->quantum;

    sound->position = position - rest;
    sound->filled = 0;
    sound->is_started = true;
    put_silence(sound, (uint32_t)rest);
}

/* A frame that begins within the tolerance of a grid place is meant to be there. */
static int64_t snap(const struct sound *sound, int64_t position)
{
    int64_t tolerance = sound->sample_rate / TOLERANCE_PART, quantum = sound->quantum, near;

    if (sound->is_started) {
        near = sound->position + sound->filled;
    } else {
        near = position + quantum / 2;
        near -= near % quantum < 0 ? near % quantum + quantum : near % quantum;
    }
    return position - near <= tolerance && near - position <= tolerance ? near : position;
}

static void fill_hole(struct sound *sound, int64_t hole)
{
    if (hole > sound->sample_rate ||
        sound->filled + hole + FRAME_SAMPLES_MAX > (int64_t)sound->capacity) {
        sound_restart(sound);
        return;
    }
    put_silence(sound, (uint32_t)hole);
    sound->silence_count += (uint64_t)hole;
    tt_av_note(sound->host, TT_AV_NOTE_SILENCE, (int64_t)sound->silence_count);
}

/* The sample number that this frame begins at; 0 is media time 0. */
static int64_t position_of(const struct sound *sound, int64_t origin_ns)
{
    int64_t half_ns = 500000000 / sound->sample_rate;

    if (origin_ns == TT_AV_NO_TIME)
        return sound->is_started ? sound->position + sound->filled : 0;
    return snap(sound, tt_muldiv(origin_ns + half_ns, sound->sample_rate, 1000000000));
}

/* Reads on our grid all that the line allows. */
static void read_line(struct sound *sound)
{
    uint32_t count = drift_pace_ready(&sound->pace), room = sound->capacity - sound->filled;
    float *to[TT_CHANNELS_MAX];

    count = count < room ? count : room;
    for (uint32_t c = 0; c < sound->channels; c++)
        to[c] = channel_at(sound, c, sound->filled);
    drift_pace_read(&sound->pace, to, count);
    sound->filled += count;
}

/* frame: NULL for silence. */
static int put_line(struct sound *sound, const AVFrame *frame, uint32_t first, uint32_t count)
{
    for (uint32_t done = 0, piece; done < count; done += piece) {
        piece = count - done < PIECE_SAMPLES ? count - done : PIECE_SAMPLES;
        for (uint32_t c = 0; c < sound->channels; c++) {
            float *to = drift_pace_room(&sound->pace, c);

            if (!frame)
                memset(to, 0, piece * sizeof(float));
            else if (!read_samples(to, frame, c, first + done, piece))
                return -ENOTSUP;
        }
        drift_pace_put(&sound->pace, piece);
        read_line(sound);
    }
    return 0;
}

static double place_of(const struct sound *sound, int64_t origin_ns)
{
    double next = (double)(sound->position + sound->filled) + drift_pace_held(&sound->pace);

    if (origin_ns == TT_AV_NO_TIME)
        return sound->is_started ? next : 0;
    return (double)origin_ns * sound->sample_rate / 1e9;
}

/* Samples of a frame that begins at this place which are there already, or come before zero; a hole
 * is filled with silence. */
static uint32_t steer(struct sound *sound, double place, uint32_t count)
{
    double next = (double)(sound->position + sound->filled) + drift_pace_held(&sound->pace);
    int64_t off = 0;

    if (sound->is_started)
        off = drift_pace_steer(&sound->pace, place - next, (double)count / sound->sample_rate);
    else if (place < 0)
        off = (int64_t)(place - 0.5);
    if (off < 0 && sound->is_started) {
        sound->overlap_count += -off < count ? (uint64_t)-off : count;
        tt_av_note(sound->host, TT_AV_NOTE_OVERLAP, (int64_t)sound->overlap_count);
    }
    if (off > 0 && off <= sound->sample_rate &&
        sound->filled + off + FRAME_SAMPLES_MAX <= (int64_t)sound->capacity) {
        (void)put_line(sound, NULL, 0, (uint32_t)off);
        sound->silence_count += (uint64_t)off;
        tt_av_note(sound->host, TT_AV_NOTE_SILENCE, (int64_t)sound->silence_count);
    } else if (off > 0) {
        sound_restart(sound);
    }
    return off >= 0 ? 0 : -off < count ? (uint32_t)-off : count;
}

static int put_paced(struct sound *sound, const AVFrame *frame, int64_t origin_ns)
{
    uint32_t count = (uint32_t)frame->nb_samples;
    double place = place_of(sound, origin_ns);
    uint32_t skip = steer(sound, place, count);

    if (skip == count)
        return 0;
    if (!sound->is_started)
        start_at(sound, (int64_t)(place + skip + 0.5));
    if (sound->filled + count + DRIFT_TAPS > sound->capacity)
        return -ENOBUFS;
    return put_line(sound, frame, skip, count - skip);
}

int sound_put(struct sound *sound, const AVFrame *frame, int64_t origin_ns)
{
    uint32_t count = (uint32_t)frame->nb_samples, skip;
    int64_t position;

    if ((uint32_t)frame->ch_layout.nb_channels != sound->channels ||
        (uint32_t)frame->sample_rate != sound->sample_rate)
        return -EPROTO;
    if (frame->nb_samples <= 0 || count > FRAME_SAMPLES_MAX)
        return frame->nb_samples ? -EPROTO : 0;
    if (sound->table)
        return put_paced(sound, frame, origin_ns);

    position = position_of(sound, origin_ns);
    skip = samples_to_skip(sound, position, count);
    if (sound->is_started && skip > 0) {
        sound->overlap_count += skip;
        tt_av_note(sound->host, TT_AV_NOTE_OVERLAP, (int64_t)sound->overlap_count);
    }
    if (skip == count)
        return 0;
    position += skip;
    if (sound->is_started && position > sound->position + sound->filled)
        fill_hole(sound, position - sound->position - sound->filled);
    if (!sound->is_started)
        start_at(sound, position);
    if (sound->filled + count > sound->capacity)
        return -ENOBUFS;
    for (uint32_t c = 0; c < sound->channels; c++)
        if (!read_samples(channel_at(sound, c, sound->filled), frame, c, skip, count - skip))
            return -ENOTSUP;
    sound->filled += count - skip;
    return 0;
}

bool sound_has_quantum(const struct sound *sound)
{
    return sound->filled >= sound->quantum;
}

void sound_finish(struct sound *sound)
{
    uint32_t rest;

    if (sound->table && sound->is_started)
        (void)put_line(sound, NULL, 0, DRIFT_AHEAD + 1);
    rest = sound->filled % sound->quantum;
    if (rest > 0 && sound->filled + sound->quantum <= sound->capacity)
        put_silence(sound, sound->quantum - rest);
}

void sound_get(struct sound *sound, const struct tt_format *format, struct tt_frame *frame)
{
    uint32_t quantum = sound->quantum;

    for (uint32_t c = 0; c < sound->channels; c++) {
        memcpy(tt_channel(format, frame->data, c), channel_at(sound, c, 0),
               quantum * sizeof(float));
        memmove(channel_at(sound, c, 0), channel_at(sound, c, quantum),
                (sound->filled - quantum) * sizeof(float));
    }
    frame->index = sound->position / quantum;
    frame->origin_ns = tt_index_ns(frame->index, format->rate);
    frame->duration_ns = tt_index_ns(frame->index + 1, format->rate) - frame->origin_ns;
    frame->bytes = format->stride[0] * sound->channels;
    frame->flags = sound->is_discontinuous ? TT_DISCONT : 0;
    sound->is_discontinuous = false;
    sound->position += quantum;
    sound->filled -= quantum;
}
