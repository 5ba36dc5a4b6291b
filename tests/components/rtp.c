/* RTP: headers from strangers, packets in any order, two clocks that differ for an hour. */
#include <math.h>
#include <stdint.h>
#include <time.h>

#include "check.h"
#include "components/rtp/receiver.h"

#define SECOND INT64_C(1000000000)

enum { RATE = 48000, PACKET = 240, QUANTUM = 480 };

static uint64_t chance_state = 1;

static uint32_t chance(uint32_t below)
{
    chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance_state >> 33) % below;
}

/* A receiver and what it reads. */
struct listener {
    struct rtp_receiver receiver;
    struct drift_table table;
    void *memory;
    float sound[RTP_CHANNELS_MAX][4800];
    float *channels[RTP_CHANNELS_MAX];
    bool is_cut;
    int64_t index;
};

static struct listener *listen(uint32_t channels, int64_t latency_ns)
{
    struct rtp_receiver_params params = {.payload_type = 96,
                                         .sample_rate = RATE,
                                         .channels = channels,
                                         .quantum = QUANTUM,
                                         .latency_ns = latency_ns};
    struct listener *one = aligned_alloc(64, (sizeof(*one) + 63) / 64 * 64);
    uint64_t bytes = rtp_receiver_bytes(&params);

    CHECK(bytes > 0 && one);
    memset(one, 0, sizeof(*one));
    drift_table_init(&one->table);
    one->memory = calloc(1, bytes); /* its exact bytes, for a sanitizer */
    rtp_receiver_init(&one->receiver, &params, &one->table, one->memory);
    for (uint32_t n = 0; n < RTP_CHANNELS_MAX; n++)
        one->channels[n] = one->sound[n];
    return one;
}

static void stop_listening(struct listener *one)
{
    free(one->memory);
    free(one);
}

static enum rtp_read_result read_on(struct listener *one)
{
    int64_t media_ns = one->index++ * SECOND * QUANTUM / RATE;

    return rtp_receiver_read(&one->receiver, media_ns, one->channels, &one->is_cut);
}

struct talker {
    struct rtp_packet header;
    uint32_t channels;
    uint8_t bytes[RTP_HEADER_BYTES + PACKET * RTP_CHANNELS_MAX * 2];
};

/* 1 kHz at half of full scale: 5 whole periods a packet; channel n at 1/(n+1) of it. */
static void talk(struct talker *talker, uint32_t ssrc, uint32_t channels)
{
    *talker = (struct talker){
        .header = {.payload_type = 96, .ssrc = ssrc, .sequence = 65530, .timestamp = 0xffffff00u},
        .channels = channels};
    for (uint32_t n = 0; n < PACKET; n++)
        for (uint32_t channel = 0; channel < channels; channel++)
            rtp_put_sample(talker->bytes + RTP_HEADER_BYTES + 2 * (n * channels + channel),
                           (float)(0.5 / (channel + 1) * sin(2 * M_PI * n / 48)));
}

static uint32_t packet_bytes(const struct talker *talker)
{
    return RTP_HEADER_BYTES + PACKET * talker->channels * 2;
}

/* Packet `number` of a talker, as it was sent. */
static const uint8_t *packet(struct talker *talker, int64_t number)
{
    struct rtp_packet header = talker->header;

    header.sequence = (uint16_t)(header.sequence + number);
    header.timestamp += (uint32_t)(number * PACKET);
    rtp_build(&header, talker->bytes);
    return talker->bytes;
}

static bool put(struct listener *one, struct talker *talker, int64_t number, int64_t late_ns)
{
    int64_t sent_ns = (number + 1) * SECOND * PACKET / RATE;

    return rtp_receiver_put(&one->receiver, packet(talker, number), packet_bytes(talker),
                            sent_ns + late_ns);
}

static void headers(void)
{
    uint8_t bytes[64] = {0x80, 96, 0x12, 0x34, 1, 2, 3, 4, 0xaa, 0xbb, 0xcc, 0xdd};
    struct rtp_packet got, again;
    uint8_t built[RTP_HEADER_BYTES];

    CHECK(rtp_parse(bytes, 16, &got));
    CHECK_INT(got.sequence, 0x1234);
    CHECK_INT(got.timestamp, 0x01020304);
    CHECK_INT(got.ssrc, 0xaabbccdd);
    CHECK_INT(got.payload_offset, 12);
    CHECK_INT(got.payload_bytes, 4);
    rtp_build(&got, built);
    CHECK(memcmp(built, bytes, sizeof(built)) == 0);
    CHECK(!rtp_parse(bytes, 11, &again));
    bytes[0] = 0x40; /* version 1 */
    CHECK(!rtp_parse(bytes, 16, &again));
    bytes[0] = 0x80;
    bytes[1] = 200; /* RTCP sender report on the same port */
    CHECK(!rtp_parse(bytes, 28, &again));
    bytes[1] = 0x80 | 96;
    bytes[0] = 0x82; /* two contributing sources */
    CHECK(rtp_parse(bytes, 24, &got) && got.payload_offset == 20 && got.payload_bytes == 4);
    CHECK(got.is_marked);
    CHECK(!rtp_parse(bytes, 19, &again));
    bytes[0] = 0x90; /* an extension of one word */
    bytes[15] = 1;
    CHECK(rtp_parse(bytes, 24, &got) && got.payload_offset == 20 && got.payload_bytes == 4);
    bytes[14] = 0xff; /* of more words than there are */
    CHECK(!rtp_parse(bytes, 64, &again));
    bytes[0] = 0xa0; /* padding of three */
    bytes[23] = 3;
    CHECK(rtp_parse(bytes, 24, &got) && got.payload_bytes == 9);
    bytes[23] = 13; /* more than there is */
    CHECK(!rtp_parse(bytes, 24, &again));
    bytes[23] = 0;
    CHECK(!rtp_parse(bytes, 24, &again));
}

/* Whatever comes: what is accepted lies inside, and a receiver that is fed it stays in its memory.
 */
static void strangers(void)
{
    struct listener *one = listen(2, 20000000);
    uint32_t accepted = 0;

    for (uint32_t round = 0; round < 60000; round++) {
        uint32_t bytes = chance(round % 7 == 0 ? 1200 : 60);
        uint8_t *data = malloc(bytes ? bytes : 1);
        struct rtp_packet got;

        for (uint32_t n = 0; n < bytes; n++)
            data[n] = (uint8_t)chance(256);
        if (bytes > 8 && round % 4 != 0) {
            data[0] = (uint8_t)(0x80 | (round % 3 == 0 ? chance(64) : 0));
            data[1] = 96;
            memset(data + 2, (int)chance(2), 6); /* close to one another, so that some fit */
            data[8] = (uint8_t)chance(2);
            if (bytes > 11)
                memset(data + 9, 0, 3);
        }
        if (rtp_parse(data, bytes, &got)) {
            CHECK(got.payload_offset >= RTP_HEADER_BYTES);
            CHECK((uint64_t)got.payload_offset + got.payload_bytes <= bytes);
            accepted++;
        }
        (void)rtp_receiver_put(&one->receiver, data, bytes,
                               (int64_t)round * 1000000 - (int64_t)chance(100000000));
        if (round % 10 == 0)
            (void)read_on(one);
        free(data);
    }
    CHECK(accepted > 1000);
    stop_listening(one);
}

static void wrapped(void)
{
    CHECK_INT(rtp_unwrap16(3, 65534), 65539);
    CHECK_INT(rtp_unwrap16(65534, 65539), 65534);
    CHECK_INT(rtp_unwrap32(5, 0xfffffff0), 0x100000005);
    CHECK_INT(rtp_unwrap32(0xfffffff0u, 0x100000005), 0xfffffff0);
    CHECK_INT(rtp_unwrap32(0xfffffff0u, 5), -16);
}

/* The largest trace that 1 kHz does not leave: 0 for a pure tone, so that a click stands out. */
struct ear {
    double before, last, click_max, peak;
    int64_t heard, clicked_at;
};

static void hear(struct ear *ear, const float *sound, uint32_t count)
{
    const double twice_cosine = 2 * cos(2 * M_PI / 48);

    for (uint32_t n = 0; n < count; n++, ear->heard++) {
        double rest = fabs(sound[n] + ear->before - twice_cosine * ear->last);

        if (ear->heard >= 2 && rest > ear->click_max) {
            ear->click_max = rest;
            ear->clicked_at = ear->heard;
        }
        ear->peak = sound[n] > ear->peak ? sound[n] : ear->peak;
        ear->before = ear->last;
        ear->last = sound[n];
    }
}

/* Out of order within the latency, across the wrap of both numbers: as if in order. */
static void reordered(void)
{
    struct listener *one = listen(2, 20000000);
    struct talker talker;
    struct ear ear = {0};
    int64_t order[] = {1, 0, 3, 2};

    talk(&talker, 7, 2);
    for (int64_t n = 0; n < 400; n++) {
        int64_t number = n / 4 * 4 + order[n % 4];

        CHECK(put(one, &talker, number, (n / 4 * 4 + n % 4 - number) * 5000000));
        CHECK(n != 100 || !put(one, &talker, number, 5000000)); /* twice */
        if (n >= 8 && n % 2 == 1 && read_on(one) != RTP_READ_GAP && one->index > 10) {
            CHECK(fabs(one->sound[1][77] - one->sound[0][77] / 2) < 1e-4);
            hear(&ear, one->sound[0], QUANTUM);
        }
    }
    CHECK(ear.heard > 80000);
    CHECK(ear.click_max < 2e-4);
    CHECK(ear.peak > 0.49 && ear.peak < 0.51);
    CHECK_INT(one->receiver.stats.lost, 0);
    CHECK_INT(one->receiver.stats.doubled, 1);
    CHECK(one->receiver.stats.reordered > 150);
    CHECK_INT(one->receiver.stats.restarts, 0);
    stop_listening(one);
}

/* What was read tells when the last of it came; what is read without its packets, that nothing did.
 */
static void received(void)
{
    struct listener *one = listen(1, 20000000);
    struct talker talker;
    uint32_t whole = 0, known = 0;

    talk(&talker, 7, 1);
    for (int64_t n = 0; n < 100; n++) {
        enum rtp_read_result result;
        int64_t end_ns;
        bool is_here;

        if (n < 70 || n > 80)
            CHECK(put(one, &talker, n, n == 41 ? 15000000 : 0));
        if (n < 8 || n % 2 == 0)
            continue;
        is_here = rtp_receiver_has_quantum(&one->receiver);
        known += is_here;
        result = read_on(one);
        CHECK(!is_here || result == RTP_READ_WHOLE);
        if (result == RTP_READ_GAP)
            CHECK(n < 20 || one->receiver.read_ns == INT64_MIN);
        if (result != RTP_READ_WHOLE || one->index < 5)
            continue;
        /* It is read when its last packet has come, with what the filter looks ahead. */
        end_ns = one->index * 10000000;
        CHECK(one->receiver.read_ns >= end_ns);
        CHECK(one->receiver.read_ns <= end_ns + (n < 40 || n > 50 ? 5000000 : 20000000));
        whole++;
    }
    CHECK(whole > 25);
    CHECK(known > 25);
    CHECK(one->receiver.stats.lost == 11);
    stop_listening(one);
}

/* A packet that is missing fades: no step larger than the fade makes; five in a row are a gap. */
static void lossy(void)
{
    struct listener *one = listen(1, 20000000);
    struct talker talker;
    uint32_t gaps = 0, parts = 0;
    float last = 0, step = 0;

    talk(&talker, 7, 1);
    for (int64_t n = 0; n < 200; n++) {
        enum rtp_read_result result = RTP_READ_GAP;

        if (n != 60 && (n < 100 || n >= 110))
            (void)put(one, &talker, n, 0);
        if (n < 8 || n % 2 == 0)
            continue;
        result = read_on(one);
        gaps += result == RTP_READ_GAP && n > 20;
        parts += result == RTP_READ_PARTLY && n > 20;
        if (result == RTP_READ_GAP)
            memset(one->sound[0], 0, QUANTUM * 4);
        for (uint32_t m = 0; m < QUANTUM && n > 20; m++) {
            step = fabsf(one->sound[0][m] - last) > step ? fabsf(one->sound[0][m] - last) : step;
            last = one->sound[0][m];
        }
    }
    CHECK_INT(one->receiver.stats.lost, 11);
    CHECK(gaps >= 3 && gaps <= 4);
    CHECK(parts >= 3 && parts <= 5);
    CHECK(step < 1.3f * 0.0654f); /* the tone's own steepest, and a little */
    stop_listening(one);
}

/* The sender starts anew; a stranger's single packets change nothing. */
static void replaced(void)
{
    struct listener *one = listen(1, 20000000);
    struct talker first, second;
    uint32_t cuts = 0;

    talk(&first, 7, 1);
    talk(&second, 8, 1);
    second.header.timestamp = 12345;
    second.header.sequence = 40000;
    for (int64_t n = 0; n < 400; n++) {
        CHECK(put(one, n < 200 ? &first : &second, n, 0) || n == 200);
        if (n == 50 || n == 70 || n == 320)
            CHECK(!put(one, n == 320 ? &first : &second, n, 0));
        if (n < 8 || n % 2 == 0)
            continue;
        if (read_on(one) != RTP_READ_GAP)
            cuts += one->is_cut;
    }
    CHECK_INT(one->receiver.stats.restarts, 1);
    CHECK_INT(one->receiver.stats.strange, 4); /* three strays, and the first of the new flow */
    CHECK_INT(cuts, 2);
    CHECK_INT(one->receiver.ssrc, 8);
    stop_listening(one);
}

/* Packets of a sender whose clock is off, under way for a random while, for so many seconds. */
static void drifting(double ppm, int64_t seconds)
{
    enum { UNDER_WAY = 8 };
    struct listener *one = listen(1, 20000000);
    struct talker talker;
    struct ear ear = {0};
    int64_t sent = 0, arrival_ns[UNDER_WAY];
    double packet_ns = 1e9 * PACKET / RATE / (1 + ppm * 1e-6), ppm_off = 0;

    talk(&talker, 7, 1);
    for (uint32_t n = 0; n < UNDER_WAY; n++)
        arrival_ns[n] = (int64_t)((n + 1) * packet_ns) + chance(8000000);
    for (int64_t quantum = 0; quantum < seconds * 100; quantum++) {
        int64_t due_ns = (quantum + 1) * 10000000 + 20000000;

        /* At most 8 ms under way: whoever is due by then has come. */
        while (arrival_ns[sent % UNDER_WAY] <= due_ns) {
            (void)rtp_receiver_put(&one->receiver, packet(&talker, sent), packet_bytes(&talker),
                                   arrival_ns[sent % UNDER_WAY]);
            arrival_ns[sent % UNDER_WAY] =
                (int64_t)((double)(sent + UNDER_WAY + 1) * packet_ns) + chance(8000000);
            sent++;
        }
        if (read_on(one) == RTP_READ_GAP) {
            CHECK(quantum < 10);
            continue;
        }
        if (quantum > 20)
            hear(&ear, one->sound[0], QUANTUM);
        if (quantum > 12000)
            ppm_off = fmax(ppm_off, fabs(rtp_receiver_ppm(&one->receiver) - ppm));
    }
    fprintf(stderr, "  %+.0f ppm: residue %.1f dB, ratio within %.1f ppm\n", ppm,
            20 * log10(ear.click_max / 0.5), ppm_off);
    CHECK(ear.click_max < 2e-4);
    CHECK(ppm_off < 40);
    CHECK_INT(one->receiver.stats.lost + one->receiver.stats.late, 0);
    CHECK_INT(one->receiver.stats.restarts, 0);
    CHECK(one->receiver.stats.jitter_ns > 1000000 && one->receiver.stats.jitter_ns < 8000000);
    stop_listening(one);
}

int main(int argc, char **argv)
{
    /* An hour each way takes seconds; the suite takes ten minutes, the same code. */
    int64_t seconds = argc > 1 ? atoll(argv[1]) : CHECK_TURNS(600);

    RUN(headers);
    RUN(strangers);
    RUN(wrapped);
    RUN(reordered);
    RUN(received);
    RUN(lossy);
    RUN(replaced);
    fprintf(stderr, "- drifting for %lld s\n", (long long)seconds);
    drifting(200, seconds);
    drifting(-200, seconds);
    drifting(2, seconds / 3); /* so close that samples share their taps */
    return 0;
}
