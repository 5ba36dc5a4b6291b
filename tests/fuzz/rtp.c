/* RTP by anybody on the network: packets parsed, put into a receiver at any time, and read. */
#include "components/rtp/receiver.h"

#include <math.h>
#include <stdbool.h>

#include "fuzz.h"

#define MS INT64_C(1000000)

enum { TURNS = 256, QUANTUM = 240, CHANNELS = 2, PACKET_BYTES = 2048 };

static struct drift_table table;

/* Mostly a packet as an honest sender makes it; its payload is what follows. */
static uint32_t make_packet(struct food *food, uint16_t number, uint8_t *ret)
{
    struct rtp_packet packet = {.timestamp = (uint32_t)eat_near(food, (int64_t)number * QUANTUM),
                                .ssrc = eat_below(food, 3),
                                .sequence = (uint16_t)eat_near(food, number),
                                .payload_type = (uint8_t)(eat_below(food, 8) ? 96 : eat(food, 1))};
    uint32_t bytes = RTP_HEADER_BYTES +
                     (eat_below(food, 4) ? QUANTUM * CHANNELS * 2 : (uint32_t)eat(food, 2) % 1500);

    rtp_build(&packet, ret);
    for (uint32_t n = RTP_HEADER_BYTES; n < bytes; n++)
        ret[n] = (uint8_t)(n * 7 + number);
    for (uint32_t n = eat_below(food, 4); n > 0 && eat_below(food, 2); n--)
        ret[eat(food, 1) % bytes] = (uint8_t)eat(food, 1);
    return bytes;
}

static void read_one(struct rtp_receiver *receiver, int64_t media_ns)
{
    static float left[QUANTUM], right[QUANTUM];
    float *const outputs[] = {left, right};
    bool is_cut;

    if (rtp_receiver_read(receiver, media_ns, outputs, &is_cut) == RTP_READ_GAP)
        return;
    for (uint32_t n = 0; n < QUANTUM; n++) {
        CHECK(isfinite(left[n]));
        CHECK(fabsf(right[n]) < 8);
    }
}

static void play(struct food *food)
{
    struct rtp_receiver_params params = {.payload_type = 96,
                                         .sample_rate = 48000,
                                         .channels = CHANNELS,
                                         .quantum = QUANTUM,
                                         .latency_ns = (int64_t)(1 + eat_below(food, 100)) * MS};
    static struct rtp_receiver receiver;
    uint64_t bytes = rtp_receiver_bytes(&params);
    int64_t media_ns = 0;
    void *memory;

    if (bytes == 0)
        return;
    memory = aligned_alloc(64, (bytes + 63) & ~(uint64_t)63);
    CHECK(memory != NULL);
    memset(memory, 0, bytes);
    memset(&receiver, 0, sizeof(receiver));
    rtp_receiver_init(&receiver, &params, &table, memory);
    for (uint32_t turn = 0; turn < TURNS && food->left > 0; turn++) {
        uint8_t packet[PACKET_BYTES];
        uint32_t length = make_packet(food, (uint16_t)turn, packet);
        int64_t arrival_ns = media_ns + (int64_t)eat_below(food, 16) * MS;

        if (eat_below(food, 16) == 0)
            arrival_ns = eat_near(food, media_ns) % (INT64_C(1) << 58);
        (void)rtp_receiver_put(&receiver, packet, length, arrival_ns);
        read_one(&receiver, media_ns);
        media_ns += 5 * MS;
    }
    CHECK(fabs(rtp_receiver_ppm(&receiver)) < 1000);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct food food = {data, bytes};
    struct rtp_packet packet;

    if (table.taps[0][0] == 0 && table.taps[0][DRIFT_AHEAD - 1] == 0)
        drift_table_init(&table);
    if (rtp_parse(data, (uint32_t)bytes, &packet)) {
        CHECK(packet.payload_offset <= bytes);
        CHECK(packet.payload_bytes <= bytes - packet.payload_offset);
    }
    play(&food);
    return 0;
}
