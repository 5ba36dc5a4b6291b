/* rtp.write: sound as RTP packets of L16 (RFC 3551), cut on the grid of media time. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "components/rtp/notes.h"
#include "components/rtp/rtp.h"
#include "components/udp/udp.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { PARAM_URL, PARAM_PAYLOAD_TYPE, PARAM_PTIME, PARAM_TTL, PARAM_INTERFACE, PARAM_COUNT };
enum { SAMPLE_RATE = 48000, CHANNELS_MAX = 8, SAMPLES_MAX = 960 };

struct sender {
    struct tt_format format;
    uint32_t samples; /* of a packet */
    uint32_t filled;
    int64_t place; /* of the packet's first sample, from media time 0 */
    bool is_started, is_ended;
    struct rtp_packet header;
    uint32_t timestamp_zero;
    int fd;
    uint64_t refused, told;
    const struct tt_host *host;
    uint8_t packet[RTP_HEADER_BYTES + SAMPLES_MAX * CHANNELS_MAX * 2];
};

static const struct tt_format accepts = {
    .size = sizeof(accepts), .kind = TT_AUDIO, .fourcc = TT_F32P, .sample_rate = SAMPLE_RATE};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = &accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_URL] = {.name = "url",
                   .help = "where to send: rtp://HOST:PORT; a multicast group is one, too",
                   .type = TT_PARAM_TEXT},
    [PARAM_PAYLOAD_TYPE] = {.name = "payload_type",
                            .help = "RTP payload type of the L16 sound",
                            .initial = "96",
                            .type = TT_PARAM_INT,
                            .min = 0,
                            .max = RTP_TYPE_MAX},
    [PARAM_PTIME] = {.name = "ptime",
                     .help = "sound in a packet, 1 to 20 ms in whole samples; what exceeds 1440 "
                             "bytes is cut up by the network",
                     .initial = "5ms",
                     .type = TT_PARAM_TIME},
    [PARAM_TTL] = {.name = "ttl",
                   .unit = "hops",
                   .help = "how far multicast goes",
                   .initial = "1",
                   .type = TT_PARAM_INT,
                   .min = 0,
                   .max = 255},
    [PARAM_INTERFACE] = {.name = "interface",
                         .help = "of multicast groups: its address or name; empty: the system's "
                                 "choice",
                         .initial = "",
                         .type = TT_PARAM_TEXT},
};

/* Samples of a packet; 0 when they are not whole or too many. */
static uint32_t packet_samples(const struct tt_request *request)
{
    int64_t ns = tt_setting_int(request, PARAM_PTIME);

    if (ns < 1000000 || ns > 20000000 || ns * SAMPLE_RATE % 1000000000 != 0)
        return 0;
    return (uint32_t)(ns * SAMPLE_RATE / 1000000000);
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    if (packet_samples(request) == 0)
        return tt_fail(err, -EINVAL,
                       "rtp.write cannot cut packets of %ld ns: ptime is 1ms to 20ms, in whole "
                       "samples at 48 kHz",
                       (long)tt_setting_int(request, PARAM_PTIME));
    if (request->in_count != 1 || request->in[0].kind != TT_AUDIO)
        return tt_fail(err, -EINVAL, "rtp.write has no sound to send: connect one flow of F32P");
    ret->want[0] =
        (struct tt_format){.kind = TT_AUDIO, .fourcc = TT_F32P, .sample_rate = SAMPLE_RATE};
    ret->state_bytes = sizeof(struct sender);
    return udp_check(tt_setting_text(request, PARAM_URL), err);
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct sender *sender = state;
    uint32_t chance[3];

    sender->format = request->in[0];
    sender->samples = packet_samples(request);
    if (sender->format.fourcc != TT_F32P || sender->format.sample_rate != SAMPLE_RATE ||
        sender->format.channels == 0 || sender->format.channels > CHANNELS_MAX)
        return tt_fail(err, -EINVAL, "rtp.write takes F32P at 48000 Hz in 1 to %d channels",
                       CHANNELS_MAX);
    /* RFC 3550 wants all three unforeseeable: a receiver tells a restart by them. */
    if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
        return tt_fail(err, -errno, "rtp.write has no random numbers: %s", strerror(errno));
    sender->header =
        (struct rtp_packet){.ssrc = chance[0],
                            .sequence = (uint16_t)chance[1],
                            .payload_type = (uint8_t)tt_setting_int(request, PARAM_PAYLOAD_TYPE)};
    sender->timestamp_zero = chance[2];
    sender->fd =
        udp_open_out(tt_setting_text(request, PARAM_URL), tt_setting_text(request, PARAM_INTERFACE),
                     (uint32_t)tt_setting_int(request, PARAM_TTL), err);
    return sender->fd < 0 ? sender->fd : 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    ((struct sender *)state)->host = host;
    return 0;
}

/* Nobody may be listening, and the network may be full: neither holds the flow up. */
static void send_packet(struct sender *sender)
{
    uint32_t bytes = RTP_HEADER_BYTES + sender->filled * sender->format.channels * 2;

    if (sender->filled == 0)
        return;
    sender->header.timestamp = sender->timestamp_zero + (uint32_t)(uint64_t)sender->place;
    rtp_build(&sender->header, sender->packet);
    if (send(sender->fd, sender->packet, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)bytes)
        sender->refused++;
    sender->header.sequence++;
    sender->header.is_marked = false;
    sender->place += sender->filled;
    sender->filled = 0;
}

/* A new spurt of sound, at a place of its own; its first packet is marked (RFC 3551, 4.1). */
static void begin(struct sender *sender, int64_t place)
{
    send_packet(sender);
    sender->place = place;
    sender->header.is_marked = true;
    sender->is_started = true;
}

static void take(struct sender *sender, const struct tt_frame *frame)
{
    int64_t place = tt_muldiv(frame->origin_ns * 2 + 1000000000 / SAMPLE_RATE, SAMPLE_RATE,
                              INT64_C(2000000000));
    int64_t off = place - sender->place - sender->filled;
    uint32_t channels = sender->format.channels, count = tt_format_samples(&sender->format);

    if (frame->duration_ns > 0 &&
        (uint64_t)tt_muldiv(frame->duration_ns + 10000, SAMPLE_RATE, 1000000000) < count)
        count = (uint32_t)tt_muldiv(frame->duration_ns + 10000, SAMPLE_RATE, 1000000000);
    if (frame->bytes < (channels - 1) * sender->format.stride[0] + count * 4)
        return;
    /* Origins jitter by a millisecond at most where sound goes on. */
    if (!sender->is_started || off > SAMPLE_RATE / 1000 || off < -SAMPLE_RATE / 1000)
        begin(sender, place);
    for (uint32_t n = 0; n < count; n++) {
        uint8_t *to = sender->packet + RTP_HEADER_BYTES + (size_t)sender->filled * channels * 2;

        for (uint32_t channel = 0; channel < channels; channel++)
            rtp_put_sample(to + 2 * (size_t)channel,
                           tt_channel(&sender->format, frame->data, channel)[n]);
        if (++sender->filled == sender->samples)
            send_packet(sender);
    }
}

static int step(void *state, struct tt_call *call)
{
    struct sender *sender = state;
    const struct tt_frame *frame = tt_call_in(call, 0);

    if (call->in_count > 0 && frame->data && frame->bytes > 0)
        take(sender, frame);
    if (call->in_count > 0 && (frame->flags & TT_END))
        send_packet(sender);
    /* Told when it doubles: a listener that is away for long is not news every packet. */
    if (sender->refused >= 2 * sender->told + 1 && sender->host && sender->host->note) {
        sender->told = sender->refused;
        (void)sender->host->note(sender->host->ctx, RTP_NOTE_UNHEARD, (int64_t)sender->refused);
    }
    return TT_DONE;
}

static void fini(void *state)
{
    struct sender *sender = state;

    if (sender->fd > 0)
        (void)close(sender->fd);
    sender->fd = -1;
}

static const struct tt_edge edge = {.step = step};

const struct tt_component tt_component_rtp_write = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_SEPARATE,
    .version = 1,
    .name = "rtp.write",
    .help = "sends sound by RTP (L16, 48 kHz), to a host or a multicast group",
    .example = "tactus run test.audio ! rtp.write url=rtp://127.0.0.1:5004 --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .close = fini,
    .edge = &edge,
};
