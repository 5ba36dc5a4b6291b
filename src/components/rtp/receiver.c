/* From packets to quanta. */
#include "components/rtp/receiver.h"

#include <string.h>

#include "tactus/format.h"

#define SECOND_NS INT64_C(1000000000)

enum {
    DROPOUT_MAX = 3000, /* sequence numbers; more is another flow (RFC 3550, A.1) */
    RESYNC_MIN_MS = 20, /* off by more than this and the latency: no drift mends that */
    ROOM_MS = 200       /* of ring beyond what waits */
};

static uint32_t samples_of(const struct rtp_receiver_params *params, int64_t ns)
{
    return (uint32_t)tt_muldiv(ns, params->sample_rate, SECOND_NS);
}

static uint32_t ring_samples(const struct rtp_receiver_params *params)
{
    uint32_t wanted =
        samples_of(params, params->latency_ns + ROOM_MS * INT64_C(1000000)) + 2 * params->quantum;
    uint32_t samples = 4096;

    while (samples < 2 * wanted)
        samples *= 2;
    return samples;
}

static uint32_t line_samples(const struct rtp_receiver_params *params)
{
    return (params->quantum + params->quantum / 1000 + DRIFT_TAPS + 16 + 15) / 16 * 16;
}

uint64_t rtp_receiver_bytes(const struct rtp_receiver_params *params)
{
    if (params->channels == 0 || params->channels > RTP_CHANNELS_MAX ||
        params->sample_rate < 8000 || params->sample_rate > 192000 || params->quantum == 0 ||
        params->quantum > 48000 || params->latency_ns < 0 || params->latency_ns > 2 * SECOND_NS)
        return 0;
    return (uint64_t)ring_samples(params) * (params->channels * sizeof(float) + 1) +
           (uint64_t)line_samples(params) * params->channels * sizeof(float) +
           ring_samples(params) / RTP_PIECE * sizeof(int64_t);
}

void rtp_receiver_init(struct rtp_receiver *receiver, const struct rtp_receiver_params *params,
                       struct drift_table *table, void *memory)
{
    *receiver = (struct rtp_receiver){.params = *params,
                                      .table = table,
                                      .loop = {.sample_rate = params->sample_rate},
                                      .ring_samples = ring_samples(params),
                                      .line_samples = line_samples(params),
                                      .ratio = 1};
    receiver->came_ns = memory;
    receiver->ring = (float *)(receiver->came_ns + receiver->ring_samples / RTP_PIECE);
    receiver->line = receiver->ring + (uint64_t)receiver->ring_samples * params->channels;
    receiver->has =
        (uint8_t *)(receiver->line + (uint64_t)receiver->line_samples * params->channels);
    drift_reader_init(&receiver->reader, receiver->line, receiver->line_samples, params->channels);
}

static int64_t place_ns(const struct rtp_receiver *receiver, int64_t place)
{
    return tt_muldiv(place, SECOND_NS, receiver->params.sample_rate);
}

static void note_arrival(struct rtp_receiver *receiver, int64_t offset_ns, int64_t arrival_ns)
{
    int64_t step_ns = offset_ns - receiver->offset_ns;

    receiver->jitter += ((double)(step_ns < 0 ? -step_ns : step_ns) - receiver->jitter) / 16;
    receiver->stats.jitter_ns = (int64_t)receiver->jitter;
    receiver->offset_ns = offset_ns;
    drift_earliest_put(&receiver->earliest, offset_ns, arrival_ns);
}

/* A flow begins, or begins anew: what waits of the one before is forgotten. */
static void lock(struct rtp_receiver *receiver, const struct rtp_packet *packet, uint32_t count,
                 int64_t arrival_ns)
{
    if (receiver->is_locked)
        receiver->stats.restarts++;
    receiver->is_locked = true;
    receiver->is_reading = false;
    receiver->has_candidate = false;
    receiver->loop = (struct drift_loop){.sample_rate = receiver->params.sample_rate};
    receiver->ssrc = packet->ssrc;
    receiver->sequence = packet->sequence;
    receiver->timestamp = packet->timestamp;
    receiver->first_place = packet->timestamp;
    receiver->offset_ns = arrival_ns - place_ns(receiver, receiver->timestamp + count);
    drift_earliest_init(&receiver->earliest, arrival_ns);
    memset(receiver->has, 0, receiver->ring_samples);
    for (uint32_t n = 0; n < receiver->ring_samples / RTP_PIECE; n++)
        receiver->came_ns[n] = INT64_MIN;
}

/* Does a packet go on where the flow that is heard stands? */
static bool fits(const struct rtp_receiver *receiver, const struct rtp_packet *packet,
                 int64_t arrival_ns, uint32_t count)
{
    int64_t sequence = rtp_unwrap16(packet->sequence, receiver->sequence);
    int64_t place = rtp_unwrap32(packet->timestamp, receiver->timestamp);
    int64_t off_ns = arrival_ns - place_ns(receiver, place + count) - receiver->offset_ns;
    int64_t room_ns = place_ns(receiver, receiver->ring_samples / 2);

    return packet->ssrc == receiver->ssrc && sequence - receiver->sequence < DROPOUT_MAX &&
           receiver->sequence - sequence < DROPOUT_MAX && off_ns < room_ns && off_ns > -room_ns;
}

/* Two packets in a row of a flow that is not ours are one that took its place. */
static bool is_successor(struct rtp_receiver *receiver, const struct rtp_packet *packet,
                         uint32_t count)
{
    bool follows = receiver->has_candidate && packet->ssrc == receiver->candidate_ssrc &&
                   packet->sequence == receiver->candidate_sequence &&
                   packet->timestamp == receiver->candidate_timestamp;

    receiver->has_candidate = true;
    receiver->candidate_ssrc = packet->ssrc;
    receiver->candidate_sequence = (uint16_t)(packet->sequence + 1);
    receiver->candidate_timestamp = packet->timestamp + count;
    return follows;
}

static void split_pair(const uint8_t *restrict data, float *restrict left, float *restrict right,
                       uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        left[n] = rtp_sample(data + 4 * (size_t)n);
        right[n] = rtp_sample(data + 4 * (size_t)n + 2);
    }
}

/* Samples that have their place in one piece of the ring. */
static void store_run(struct rtp_receiver *receiver, uint32_t at, const uint8_t *data,
                      uint32_t count)
{
    uint32_t channels = receiver->params.channels, channel = 0;
    uint64_t stride = receiver->ring_samples;

    if (channels == 2) {
        split_pair(data, receiver->ring + at, receiver->ring + stride + at, count);
        channel = 2;
    }
    for (; channel < channels; channel++)
        for (uint32_t n = 0; n < count; n++)
            receiver->ring[channel * stride + at + n] =
                rtp_sample(data + 2 * ((uint64_t)n * channels + channel));
}

static void note_came(struct rtp_receiver *receiver, uint32_t at, uint32_t count,
                      int64_t arrival_ns)
{
    memset(receiver->has + at, 1, count);
    for (uint32_t piece = at / RTP_PIECE; piece <= (at + count - 1) / RTP_PIECE; piece++)
        if (arrival_ns > receiver->came_ns[piece])
            receiver->came_ns[piece] = arrival_ns;
}

/* Puts samples at their place in the ring; false when all of that has been read already. */
static bool store(struct rtp_receiver *receiver, int64_t place, const uint8_t *data, uint32_t count,
                  int64_t arrival_ns)
{
    uint32_t mask = receiver->ring_samples - 1, first = 0;

    if (receiver->is_reading) {
        int64_t passed = receiver->next_place - place;
        int64_t room = receiver->ring_samples + passed;

        first = passed <= 0 ? 0 : passed < count ? (uint32_t)passed : count;
        count = room <= 0 ? 0 : room < count ? (uint32_t)room : count;
    }
    for (uint32_t n = first, run; n < count; n += run) {
        uint32_t at = (uint32_t)(uint64_t)(place + n) & mask;

        run = receiver->ring_samples - at < count - n ? receiver->ring_samples - at : count - n;
        store_run(receiver, at, data + 2 * ((uint64_t)n * receiver->params.channels), run);
        note_came(receiver, at, run, arrival_ns);
    }
    return first < count;
}

/* Before reading has begun the ring holds what came last. */
static void forget_oldest(struct rtp_receiver *receiver)
{
    int64_t kept = receiver->ring_samples / 2;

    if (!receiver->is_reading && receiver->timestamp - receiver->first_place > kept)
        receiver->first_place = receiver->timestamp - kept;
}

static void count_order(struct rtp_receiver *receiver, const struct rtp_packet *packet)
{
    int64_t sequence = rtp_unwrap16(packet->sequence, receiver->sequence);

    if (sequence > receiver->sequence) {
        receiver->stats.lost += (uint64_t)(sequence - receiver->sequence - 1);
        receiver->timestamp = rtp_unwrap32(packet->timestamp, receiver->timestamp);
        receiver->sequence = sequence;
    } else if (sequence < receiver->sequence) {
        receiver->stats.reordered++;
        receiver->stats.lost -= receiver->stats.lost > 0;
    }
}

/* A packet's first sample waits already: the network gave it twice. */
static bool is_there(const struct rtp_receiver *receiver, int64_t place)
{
    if (receiver->is_reading &&
        (place < receiver->next_place || place - receiver->next_place >= receiver->ring_samples))
        return false;
    return receiver->has[(uint64_t)place & (receiver->ring_samples - 1)] != 0;
}

bool rtp_receiver_put(struct rtp_receiver *receiver, const uint8_t *data, uint32_t bytes,
                      int64_t arrival_ns)
{
    struct rtp_packet packet;
    uint32_t count, sample_bytes = 2 * receiver->params.channels;
    int64_t place;
    bool is_new = false;

    receiver->stats.packets++;
    receiver->stats.bytes += bytes;
    count = rtp_parse(data, bytes, &packet) && packet.payload_type == receiver->params.payload_type
                ? packet.payload_bytes / sample_bytes
                : 0;
    if (count == 0 || packet.payload_bytes % sample_bytes != 0 ||
        count > receiver->ring_samples / 4) {
        receiver->stats.strange++;
        return false;
    }
    if (!receiver->is_locked || !fits(receiver, &packet, arrival_ns, count)) {
        if (receiver->is_locked && !is_successor(receiver, &packet, count)) {
            receiver->stats.strange++;
            return false;
        }
        lock(receiver, &packet, count, arrival_ns);
        is_new = true;
    }
    receiver->has_candidate = false;
    place = rtp_unwrap32(packet.timestamp, receiver->timestamp);
    if (!is_new && is_there(receiver, place)) {
        receiver->stats.doubled++;
        return false;
    }
    if (!is_new)
        count_order(receiver, &packet);
    note_arrival(receiver, arrival_ns - place_ns(receiver, place + count), arrival_ns);
    forget_oldest(receiver);
    if (!store(receiver, place, data + packet.payload_offset, count, arrival_ns)) {
        receiver->stats.late++;
        return false;
    }
    return true;
}

/* The sender's sample that arrives, at the earliest, at a media time. */
static double place_at(const struct rtp_receiver *receiver, int64_t media_ns)
{
    int64_t since_ns = media_ns - drift_earliest_ns(&receiver->earliest) -
                       place_ns(receiver, receiver->first_place);

    return (double)receiver->first_place + (double)since_ns * receiver->params.sample_rate / 1e9;
}

/* Reading goes to where it should be: at the start, and when the network's delay has leapt. */
static void jump(struct rtp_receiver *receiver, double place)
{
    int64_t whole = (int64_t)place - (place < (double)(int64_t)place);
    int64_t before = receiver->next_place;

    /* The line's last samples stay: they are what fades out. The next that is appended is AHEAD
     * samples after the one that is read. */
    receiver->next_place = whole + (receiver->reader.filled - (int64_t)receiver->reader.at);
    receiver->reader.at = (double)(int64_t)receiver->reader.at + (place - (double)whole);
    receiver->fade = 0;
    receiver->loop.is_started = 0;
    receiver->is_restarted = true;
    if (!receiver->is_reading || receiver->next_place <= before)
        before = receiver->next_place - receiver->ring_samples / 2;
    /* What was passed over is not to be met again a turn of the ring later. */
    for (int64_t n = before; n < receiver->next_place && n - before < receiver->ring_samples; n++)
        receiver->has[(uint64_t)n & (receiver->ring_samples - 1)] = 0;
    receiver->is_reading = true;
}

/* True when reading goes on, at receiver->ratio. */
static bool steer(struct rtp_receiver *receiver, int64_t media_ns)
{
    const struct rtp_receiver_params *params = &receiver->params;
    int64_t limit_ns = params->latency_ns + RESYNC_MIN_MS * INT64_C(1000000);
    double wanted, error;

    if (!receiver->is_locked || drift_earliest_ns(&receiver->earliest) == DRIFT_NEVER)
        return receiver->is_reading; /* silence goes on at the pace it had */
    wanted = place_at(receiver, media_ns);
    if (!receiver->is_reading) {
        if (wanted < (double)receiver->first_place ||
            receiver->timestamp - receiver->first_place <
                samples_of(params, params->latency_ns / 2))
            return false;
        jump(receiver, wanted);
        return true;
    }
    error = wanted - ((double)receiver->next_place - receiver->reader.filled + receiver->reader.at);
    if (error > (double)samples_of(params, limit_ns) ||
        error < -(double)samples_of(params, limit_ns)) {
        jump(receiver, wanted);
        return true;
    }
    receiver->ratio =
        drift_step(&receiver->loop, error, (double)params->quantum / params->sample_rate);
    return true;
}

static float faded(struct rtp_receiver *receiver, uint32_t channel, uint32_t at, uint32_t fade)
{
    float *hold = &receiver->hold[channel];
    float sample = receiver->ring[(uint64_t)channel * receiver->ring_samples + at];

    if (fade == RTP_FADE)
        return *hold = sample;
    *hold *= 0.97f;
    return *hold + (sample - *hold) * ((float)fade / RTP_FADE);
}

/* Samples that are there from a place on, in one piece of the ring. */
static uint32_t run_of(const struct rtp_receiver *receiver, uint32_t at, uint32_t count)
{
    static const uint8_t all[RTP_PIECE] = {[0 ... RTP_PIECE - 1] = 1};
    uint32_t run = 0;

    count = count < receiver->ring_samples - at ? count : receiver->ring_samples - at;
    while (run + RTP_PIECE <= count && memcmp(receiver->has + at + run, all, RTP_PIECE) == 0)
        run += RTP_PIECE;
    while (run < count && receiver->has[at + run] != 0)
        run++;
    return run;
}

static void append_whole(struct rtp_receiver *receiver, uint32_t at, uint32_t count)
{
    for (uint32_t channel = 0; channel < receiver->params.channels; channel++) {
        const float *from = receiver->ring + (uint64_t)channel * receiver->ring_samples + at;

        memcpy(receiver->line + (uint64_t)channel * receiver->line_samples +
                   receiver->reader.filled,
               from, count * sizeof(float));
        receiver->hold[channel] = from[count - 1];
    }
    memset(receiver->has + at, 0, count);
    receiver->reader.filled += count;
    receiver->next_place += count;
}

/* One sample that is missing, or comes soon after some that were. */
static bool append_faded(struct rtp_receiver *receiver, uint32_t at)
{
    bool is_here = receiver->has[at] != 0;

    receiver->has[at] = 0;
    receiver->fade = is_here ? receiver->fade + (receiver->fade < RTP_FADE) : 0;
    for (uint32_t channel = 0; channel < receiver->params.channels; channel++)
        receiver->line[(uint64_t)channel * receiver->line_samples + receiver->reader.filled] =
            faded(receiver, channel, at, receiver->fade);
    receiver->reader.filled++;
    receiver->next_place++;
    return is_here;
}

/* When the last of it came. A piece of the ring is forgotten when its last sample is read. */
static void note_read(struct rtp_receiver *receiver, uint32_t count)
{
    uint32_t mask = receiver->ring_samples - 1;

    for (uint32_t done = 0, run; done < count; done += run) {
        uint32_t at = (uint32_t)(uint64_t)(receiver->next_place + done) & mask;
        int64_t *came_ns = &receiver->came_ns[at / RTP_PIECE];

        run = RTP_PIECE - at % RTP_PIECE;
        receiver->read_ns = *came_ns > receiver->read_ns ? *came_ns : receiver->read_ns;
        if (run <= count - done)
            *came_ns = INT64_MIN;
    }
}

/* Moves samples from the ring to the line; returns how many were there. */
static uint32_t append(struct rtp_receiver *receiver, uint32_t count)
{
    uint32_t present = 0, done = 0, mask = receiver->ring_samples - 1;

    receiver->read_ns = INT64_MIN;
    note_read(receiver, count);
    while (done < count) {
        uint32_t at = (uint32_t)(uint64_t)receiver->next_place & mask;
        uint32_t run = receiver->fade == RTP_FADE ? run_of(receiver, at, count - done) : 0;

        if (run > 0)
            append_whole(receiver, at, run);
        else
            present += append_faded(receiver, at);
        present += run;
        done += run > 0 ? run : 1;
    }
    receiver->stats.samples_missing += count - present;
    return present;
}

/* What came last has not died away yet: without its end it would click. */
static bool is_audible(const struct rtp_receiver *receiver)
{
    const float least = 1e-5f;
    bool is_any = false;

    for (uint32_t n = 0; n < receiver->params.channels; n++)
        is_any = is_any || receiver->hold[n] > least || receiver->hold[n] < -least;
    return is_any;
}

static void read_channels(const struct rtp_receiver *receiver, float *const *ret, uint32_t count)
{
    uint32_t channel = 0, channels = receiver->params.channels, stride = receiver->line_samples;

    for (; channel + 2 <= channels; channel += 2)
        drift_read_pair(&receiver->reader, receiver->table,
                        receiver->line + (uint64_t)channel * stride, stride, receiver->ratio,
                        ret + channel, count);
    for (; channel < channels; channel++)
        drift_read(&receiver->reader, receiver->table, receiver->line + (uint64_t)channel * stride,
                   receiver->ratio, ret[channel], count);
}

bool rtp_receiver_has_quantum(const struct rtp_receiver *receiver)
{
    uint32_t left = receiver->params.quantum + DRIFT_TAPS, mask = receiver->ring_samples - 1;
    int64_t place = receiver->next_place;

    if (!receiver->is_locked || !receiver->is_reading)
        return false;
    for (uint32_t run; left > 0; left -= run, place += run) {
        uint32_t at = (uint32_t)(uint64_t)place & mask;

        run = run_of(receiver, at, left);
        if (run == 0)
            return false;
    }
    return true;
}

enum rtp_read_result rtp_receiver_read(struct rtp_receiver *receiver, int64_t media_ns,
                                       float *const *ret, bool *ret_is_cut)
{
    uint32_t count = receiver->params.quantum, needed, present;
    bool is_fading;

    *ret_is_cut = false;
    if (!steer(receiver, media_ns))
        return RTP_READ_GAP;
    needed = drift_needed(&receiver->reader, receiver->ratio, count);
    if (needed > receiver->line_samples - receiver->reader.filled)
        needed = receiver->line_samples - receiver->reader.filled;
    is_fading = is_audible(receiver);
    present = append(receiver, needed);
    is_fading = is_fading || present > 0;
    if (is_fading)
        read_channels(receiver, ret, count);
    drift_advance(&receiver->reader, receiver->line, receiver->line_samples,
                  receiver->params.channels, receiver->ratio, count);
    if (!is_fading)
        return RTP_READ_GAP;
    *ret_is_cut = receiver->is_restarted;
    receiver->is_restarted = false;
    return present == needed ? RTP_READ_WHOLE : RTP_READ_PARTLY;
}
