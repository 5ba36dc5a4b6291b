/* rtp.read: any number of RTP talkers (L16, 48 kHz), each an output, by one thread: it wakes when a
 * quantum is due and empties the sockets of whom it has no quantum; the kernel has stamped when
 * each packet came. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "components/rtp/notes.h"
#include "components/rtp/receiver.h"
#include "components/udp/udp.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum {
    PARAM_URL,
    PARAM_TALKERS,
    PARAM_PAYLOAD_TYPE,
    PARAM_CHANNELS,
    PARAM_QUANTUM,
    PARAM_LATENCY,
    PARAM_INTERFACE,
    PARAM_LIVE,
    PARAM_COUNT
};
enum {
    SAMPLE_RATE = 48000,
    BATCH = 32,
    BATCH_FIRST = 5,      /* a talker in order has sent some 20 ms since: to ask for many is work */
    PACKET_BYTES = 16384, /* 8 channels of 20 ms, and a header */
    BATCHES_MAX = 16,     /* of one socket in one step: a flood does not starve the others */
    NAME_BYTES = 64,
    URL_BYTES = 300
};

#define SECOND_NS INT64_C(1000000000)
#define NOTE_NS SECOND_NS          /* changes are told at most so often */
#define FIGURE_NS (10 * SECOND_NS) /* jitter and drift */
#define BEHIND_MAX_NS SECOND_NS    /* more than this is left out, as a gap */

struct talker {
    char name[NAME_BYTES], url[URL_BYTES];
    int fd;
    struct rtp_receiver receiver;
    struct rtp_stats told;
    uint64_t no_room, told_no_room;
    int64_t heard_ns;       /* media time of the last packet of this talker, used or too late */
    int64_t received_ns;    /* of what was given last, as tt_edge.received says it */
    uint32_t overrun_count; /* packets that the socket had no room for, by the kernel's count */
    int64_t overrun_ns;     /* media time until which they may be missed */
    bool is_flooded;        /* more came than a talker sends: its socket is not left to fill */
    bool is_silent;
    int64_t silent_ms; /* until now */
    int64_t told_ns, figure_ns;
};

struct reader {
    struct tt_format format;
    uint32_t bytes, quantum, talker_count;
    int64_t latency_ns, index;
    bool is_started;
    int timer;
    const struct tt_host *host;
    struct drift_table table;
    struct talker talkers[TT_PORTS_MAX];
    uint8_t packets[BATCH][PACKET_BYTES];
    _Alignas(64) uint8_t memory[]; /* of the receivers */
};

static const struct tt_format sound = {
    .size = sizeof(sound), .kind = TT_AUDIO, .fourcc = TT_F32P, .sample_rate = SAMPLE_RATE};

static const struct tt_port ports[] = {
    {.name = "*",
     .accepts = &sound,
     .accept_count = 1,
     .is_output = 1,
     .instances_max = TT_PORTS_MAX,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_URL] = {.name = "url",
                   .help = "where to listen, for a single output: rtp://HOST:PORT",
                   .initial = "",
                   .type = TT_PARAM_TEXT},
    [PARAM_TALKERS] = {.name = "talkers",
                       .help = "where to listen for each of several outputs: "
                               "NAME=rtp://HOST:PORT, separated by spaces",
                       .initial = "",
                       .type = TT_PARAM_TEXT},
    [PARAM_PAYLOAD_TYPE] = {.name = "payload_type",
                            .help = "RTP payload type of the L16 sound",
                            .initial = "96",
                            .type = TT_PARAM_INT,
                            .min = 0,
                            .max = RTP_TYPE_MAX},
    [PARAM_CHANNELS] = {.name = "channels",
                        .unit = "channels",
                        .help = "channels in a packet",
                        .initial = "2",
                        .type = TT_PARAM_INT,
                        .min = 1,
                        .max = RTP_CHANNELS_MAX},
    [PARAM_QUANTUM] = {.name = "quantum",
                       .unit = "samples",
                       .help = "samples in a frame, at 48 kHz; packets may be of any length",
                       .initial = "480",
                       .type = TT_PARAM_INT,
                       .min = 48,
                       .max = 4800},
    [PARAM_LATENCY] = {.name = "latency",
                       .help = "how long packets may be under way before they count as lost",
                       .initial = "20ms",
                       .type = TT_PARAM_TIME},
    [PARAM_INTERFACE] = {.name = "interface",
                         .help = "of multicast groups: its address or name; empty: the system's "
                                 "choice",
                         .initial = "",
                         .type = TT_PARAM_TEXT},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release frames at their time",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

/* The address of an output: the only one, or the one that is written behind its name. */
static int url_of(const struct tt_request *request, const char *name, char ret[URL_BYTES],
                  struct tt_error *err)
{
    const char *only = tt_setting_text(request, PARAM_URL);
    const char *at = tt_setting_text(request, PARAM_TALKERS);
    size_t name_bytes = strlen(name);

    if (only[0] && request->out_count == 1 && !at[0] && strlen(only) < URL_BYTES) {
        memcpy(ret, only, strlen(only) + 1);
        return 0;
    }
    for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");

        if (length > name_bytes + 1 && length - name_bytes - 1 < URL_BYTES &&
            strncmp(at, name, name_bytes) == 0 && at[name_bytes] == '=') {
            memcpy(ret, at + name_bytes + 1, length - name_bytes - 1);
            ret[length - name_bytes - 1] = 0;
            return 0;
        }
        at += length;
    }
    return tt_fail(err, -EINVAL,
                   "rtp.read has no address for output '%s': write %s=rtp://HOST:PORT in talkers, "
                   "or url for a single output",
                   name, name);
}

static struct rtp_receiver_params receiver_params(const struct tt_request *request)
{
    return (struct rtp_receiver_params){
        .payload_type = (uint8_t)tt_setting_int(request, PARAM_PAYLOAD_TYPE),
        .sample_rate = SAMPLE_RATE,
        .channels = (uint32_t)tt_setting_int(request, PARAM_CHANNELS),
        .quantum = (uint32_t)tt_setting_int(request, PARAM_QUANTUM),
        .latency_ns = tt_setting_int(request, PARAM_LATENCY)};
}

/* Each receiver's memory begins at a multiple of 64. */
static uint64_t receiver_bytes(const struct tt_request *request)
{
    struct rtp_receiver_params receiver = receiver_params(request);

    return (rtp_receiver_bytes(&receiver) + 63) / 64 * 64;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    struct rtp_receiver_params receiver = receiver_params(request);
    char url[URL_BYTES];
    int r = 0;

    if (rtp_receiver_bytes(&receiver) == 0)
        return tt_fail(err, -EINVAL,
                       "rtp.read takes 1 to %d channels, quanta of 48 to 4800 samples and a "
                       "latency of up to 2 s",
                       RTP_CHANNELS_MAX);
    for (uint32_t n = 0; n < request->out_count && n < TT_PORTS_MAX && r == 0; n++) {
        r = url_of(request, request->pins[request->in_count + n].name, url, err);
        if (r == 0)
            r = udp_check(url, err);
        ret->bytes_max[n] = tt_format_audio(&ret->out[n], TT_F32P, SAMPLE_RATE, receiver.channels,
                                            receiver.quantum);
        ret->out_max[n] = 1;
    }
    ret->latency_ns = tt_muldiv(receiver.quantum, SECOND_NS, SAMPLE_RATE) + receiver.latency_ns;
    ret->state_bytes = sizeof(struct reader) + request->out_count * receiver_bytes(request);
    return r;
}

static void fini(void *state)
{
    struct reader *reader = state;

    for (uint32_t n = 0; n < reader->talker_count; n++)
        if (reader->talkers[n].fd >= 0)
            (void)close(reader->talkers[n].fd);
    if (reader->timer > 0)
        (void)close(reader->timer);
    reader->talker_count = 0;
    reader->timer = -1;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct rtp_receiver_params receiver = receiver_params(request);
    struct reader *reader = state;
    int r = 0;

    reader->quantum = receiver.quantum;
    reader->latency_ns = receiver.latency_ns;
    reader->bytes =
        tt_format_audio(&reader->format, TT_F32P, SAMPLE_RATE, receiver.channels, receiver.quantum);
    drift_table_init(&reader->table);
    reader->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (reader->timer < 0)
        r = tt_fail(err, -errno, "rtp.read has no timer: %s", strerror(errno));
    for (uint32_t n = 0; n < request->out_count && n < TT_PORTS_MAX && r == 0; n++) {
        struct talker *talker = &reader->talkers[n];

        rtp_receiver_init(&talker->receiver, &receiver, &reader->table,
                          reader->memory + n * receiver_bytes(request));
        (void)tt_format_text(talker->name, NAME_BYTES, "%s",
                             request->pins[request->in_count + n].name);
        r = url_of(request, talker->name, talker->url, err);
        talker->fd =
            r == 0 ? udp_open_in(talker->url, tt_setting_text(request, PARAM_INTERFACE), err) : -1;
        r = talker->fd < 0 ? talker->fd : 0;
        reader->talker_count = n + 1;
    }
    if (r < 0)
        fini(state);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct reader *reader = state;

    reader->host = host;
    reader->index =
        request->resume_ns > 0 ? tt_ns_index(request->resume_ns, reader->format.rate) : 0;
    return 0;
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

/* What the kernel says of a packet: when it got it, by its own clock, and how many it had no room
 * for until then. */
struct arrival {
    int64_t at_ns;
    uint32_t overrun_count;
};

static void read_arrival(struct msghdr *message, struct arrival *arrival)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET)
            continue;
        if (part->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec at;

            memcpy(&at, CMSG_DATA(part), sizeof(at));
            arrival->at_ns = at.tv_sec * SECOND_NS + at.tv_nsec;
        } else if (part->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&arrival->overrun_count, CMSG_DATA(part), sizeof(arrival->overrun_count));
        }
    }
}

/* Takes one packet that came. */
static void take_packet(struct reader *reader, struct talker *talker, const uint8_t *data,
                        uint32_t bytes, const struct arrival *arrival)
{
    uint64_t late = talker->receiver.stats.late;

    if (rtp_receiver_put(&talker->receiver, data, bytes, arrival->at_ns) ||
        talker->receiver.stats.late != late)
        talker->heard_ns = arrival->at_ns;
    /* Only we can have left it full. */
    if (arrival->overrun_count != talker->overrun_count)
        talker->overrun_ns = arrival->at_ns + reader->latency_ns + SECOND_NS;
    talker->overrun_count = arrival->overrun_count;
}

/* Takes what waits at one socket. to_media_ns: from the kernel's clock to media time. */
static void drain(struct reader *reader, struct talker *talker, int64_t now_ns, int64_t to_media_ns)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(uint32_t))];
    } extra[BATCH];

    for (uint32_t batch = 0; batch < BATCHES_MAX; batch++) {
        uint32_t wanted = batch == 0 ? BATCH_FIRST : BATCH;
        int count;

        for (uint32_t n = 0; n < wanted; n++) {
            parts[n] = (struct iovec){.iov_base = reader->packets[n], .iov_len = PACKET_BYTES};
            messages[n] = (struct mmsghdr){.msg_hdr = {.msg_iov = &parts[n],
                                                       .msg_iovlen = 1,
                                                       .msg_control = extra[n].bytes,
                                                       .msg_controllen = sizeof(extra[n].bytes)}};
        }
        count = recvmmsg(talker->fd, messages, wanted, MSG_DONTWAIT, NULL);
        talker->is_flooded = batch > 0 && count > 0;
        for (int n = 0; n < count; n++) {
            struct arrival arrival = {.at_ns = now_ns, .overrun_count = talker->overrun_count};
            /* A cut packet is passed on with a length that no header fits. */
            bool is_cut = (messages[n].msg_hdr.msg_flags & MSG_TRUNC) != 0;

            read_arrival(&messages[n].msg_hdr, &arrival);
            arrival.at_ns += to_media_ns;
            take_packet(reader, talker, reader->packets[n], is_cut ? 0 : messages[n].msg_len,
                        &arrival);
        }
        if (count < (int)wanted)
            return;
    }
}

static void note(const struct reader *reader, uint32_t output, enum rtp_note id, int64_t value)
{
    if (reader->host && reader->host->note)
        (void)reader->host->note(reader->host->ctx, output * RTP_NOTES + id, value);
}

static void note_change(const struct reader *reader, uint32_t output, enum rtp_note id,
                        uint64_t value, uint64_t told)
{
    if (value != told)
        note(reader, output, id, (int64_t)value);
}

static void tell(struct reader *reader, uint32_t output, int64_t media_ns)
{
    struct talker *talker = &reader->talkers[output];
    struct rtp_stats *now = &talker->receiver.stats, *told = &talker->told;
    int64_t silent_ms = (media_ns - talker->heard_ns) / 1000000;

    bool is_silent = silent_ms > 1000;

    if (talker->is_silent && !is_silent)
        note(reader, output, RTP_NOTE_HEARD, talker->silent_ms);
    else if (is_silent && !talker->is_silent)
        note(reader, output, RTP_NOTE_SILENT, silent_ms);
    talker->is_silent = is_silent;
    talker->silent_ms = silent_ms;
    if (media_ns - talker->told_ns < NOTE_NS)
        return;
    talker->told_ns = media_ns;
    note_change(reader, output, RTP_NOTE_LOST, now->lost, told->lost);
    note_change(reader, output, RTP_NOTE_LATE, now->late, told->late);
    note_change(reader, output, RTP_NOTE_STRANGE, now->strange, told->strange);
    note_change(reader, output, RTP_NOTE_RESTARTS, now->restarts, told->restarts);
    note_change(reader, output, RTP_NOTE_REORDERED, now->reordered, told->reordered);
    note_change(reader, output, RTP_NOTE_DOUBLED, now->doubled, told->doubled);
    note_change(reader, output, RTP_NOTE_NO_ROOM, talker->no_room, talker->told_no_room);
    if (media_ns - talker->figure_ns >= FIGURE_NS && now->packets != told->packets) {
        talker->figure_ns = media_ns;
        note(reader, output, RTP_NOTE_JITTER, now->jitter_ns);
        note(reader, output, RTP_NOTE_DRIFT, (int64_t)(rtp_receiver_ppm(&talker->receiver) * 1000));
    }
    *told = *now;
    talker->told_no_room = talker->no_room;
}

/* Of a quantum of which nothing was there when it was to be read: it is late, or lost under way,
 * while its talker is heard otherwise. What the socket had no room for was there, and we were not.
 */
static int64_t missing_since(const struct reader *reader, const struct talker *talker,
                             int64_t media_ns)
{
    if (media_ns < talker->overrun_ns)
        return tt_index_ns(reader->index, reader->format.rate);
    return talker->receiver.is_locked && media_ns - talker->heard_ns < SECOND_NS ? INT64_MAX
                                                                                 : INT64_MIN;
}

static void fill(struct reader *reader, uint32_t output, struct tt_frame *frame, int64_t media_ns)
{
    struct talker *talker = &reader->talkers[output];
    float *channels[RTP_CHANNELS_MAX];
    enum rtp_read_result result;
    bool is_cut = false, has_room = frame->data != 0 && frame->capacity >= reader->bytes;

    /* Without room what is read goes nowhere, but time goes on: the ring is as good a place. */
    for (uint32_t n = 0; n < reader->format.channels; n++)
        channels[n] = has_room ? tt_channel(&reader->format, frame->data, n)
                               : (float *)(void *)reader->packets;
    result = rtp_receiver_read(&talker->receiver, tt_index_ns(reader->index, reader->format.rate),
                               channels, &is_cut);
    frame->bytes = frame->flags = 0;
    if (!has_room) {
        talker->no_room++;
        return;
    }
    frame->index = reader->index;
    frame->origin_ns = tt_index_ns(reader->index, reader->format.rate);
    frame->duration_ns = tt_index_ns(reader->index + 1, reader->format.rate) - frame->origin_ns;
    talker->received_ns = talker->receiver.read_ns;
    if (result == RTP_READ_GAP) {
        frame->flags = TT_GAP;
        talker->received_ns = missing_since(reader, talker, media_ns);
        return;
    }
    frame->bytes = reader->bytes;
    frame->flags = TT_KEY | (is_cut ? TT_DISCONT : 0);
}

/* Too far behind to catch up: one gap stands for all that is left out, and for whoever was away. */
static void leave_out(struct reader *reader, struct tt_call *call)
{
    int64_t from_ns = tt_index_ns(reader->index, reader->format.rate), to_ns;
    int64_t next = tt_ns_index(call->media_ns - reader->latency_ns, reader->format.rate) - 1;

    to_ns = tt_index_ns(next, reader->format.rate);
    for (uint32_t n = 0; n < call->out_count && n < reader->talker_count; n++) {
        struct tt_frame *frame = tt_call_out(call, n);

        if (frame->data == 0)
            continue;
        frame->index = reader->index;
        frame->origin_ns = from_ns;
        frame->duration_ns = to_ns - from_ns;
        frame->flags = TT_GAP;
        reader->talkers[n].received_ns = from_ns;
    }
    reader->index = next;
}

/* When a quantum's last packets have come, or never will. */
static int64_t due_ns(const struct reader *reader)
{
    return tt_index_ns(reader->index + 1, reader->format.rate) + reader->latency_ns;
}

static void arm(const struct reader *reader, int64_t in_ns)
{
    struct itimerspec when = {0};

    in_ns = in_ns > 0 ? in_ns : 1;
    when.it_value = (struct timespec){.tv_sec = in_ns / SECOND_NS, .tv_nsec = in_ns % SECOND_NS};
    (void)timerfd_settime(reader->timer, 0, &when, NULL);
}

static int step(void *state, struct tt_call *call)
{
    struct reader *reader = state;
    int64_t real_ns = clock_ns(CLOCK_REALTIME), media_ns = call->media_ns;

    for (uint32_t n = 0; n < call->out_count; n++)
        tt_call_out(call, n)->bytes = 0;
    /* The kernel keeps packets and when they came: one call takes those of several quanta. */
    for (uint32_t n = 0; n < reader->talker_count; n++)
        if (reader->talkers[n].is_flooded ||
            !rtp_receiver_has_quantum(&reader->talkers[n].receiver))
            drain(reader, &reader->talkers[n], real_ns, media_ns - real_ns);
    if (media_ns - due_ns(reader) > BEHIND_MAX_NS) {
        leave_out(reader, call);
        return TT_DONE;
    }
    if (media_ns < due_ns(reader)) {
        arm(reader, due_ns(reader) - media_ns);
        return -EAGAIN;
    }
    for (uint32_t n = 0; n < call->out_count && n < reader->talker_count; n++) {
        fill(reader, n, tt_call_out(call, n), media_ns);
        tell(reader, n, media_ns);
    }
    reader->index++;
    arm(reader, due_ns(reader) - media_ns);
    return TT_DONE;
}

static int fds(void *state, int *ret, uint32_t max)
{
    const struct reader *reader = state;

    if (max == 0)
        return 0;
    if (!reader->is_started)
        arm(reader, 1);
    ((struct reader *)state)->is_started = true;
    ret[0] = reader->timer;
    return 1;
}

static int64_t received(const void *state, uint32_t output)
{
    return ((const struct reader *)state)->talkers[output].received_ns;
}

static const struct tt_edge edge = {.probe = shape, .fds = fds, .step = step, .received = received};

const struct tt_component tt_component_rtp_read = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_TOGETHER,
    .version = 1,
    .name = "rtp.read",
    .help = "receives sound by RTP (L16, 48 kHz) from one or several talkers, on the service's "
            "clock",
    .example = "tactus run rtp.read url=rtp://127.0.0.1:5004 ! null --for 2s",
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
