/* An opened input of av.read: its chosen streams, and packets whose stamps can be trusted. */
#ifndef TT_AV_READ_INPUT_H
#define TT_AV_READ_INPUT_H

#include <libavformat/avformat.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "components/av/av.h"
#include "components/drift/clock.h"
#include "tactus/component.h"

enum { INPUT_HELD_MAX = 512, INPUT_HELD_BYTES_MAX = 32 << 20, INPUT_QUEUE = 512, INPUT_NOTES = 64 };

#define INPUT_SECOND_NS INT64_C(1000000000)
/* A larger step of stamps is a new time line, not a gap. */
#define INPUT_LEAP_NS (10 * INPUT_SECOND_NS)

struct input_params {
    const char *url;
    AVDictionary **options; /* emptied of those that were taken */
    int64_t start_ns, resume_ns, probe_ns;
    int64_t began_ns;   /* monotonic time at which resume_ns was on */
    int64_t loop_count; /* times to play again; -1 for ever */
    bool is_live;       /* what comes by a network keeps its sender's time */
    bool is_lasting;    /* if it goes it is called again */
    bool is_as_stored;  /* pictures that ask to be turned are taken unturned */
};

/* What one output gives: a stream, and where its stamps stand. */
struct input_output {
    bool is_used, is_first_sent, is_pts_seen;
    bool is_torn;     /* a packet was passed over since the last */
    bool is_back;     /* the next one comes after the input was away */
    bool is_off_grid; /* sound whose packets lie across the places of the grid */
    int stream;
    uint32_t bytes_max;
    struct tt_rational rate;
    int64_t period_ns, tick_ns;
    int64_t first_ns; /* of the input's own stamps: decoding time that index 0 stands for */
    int64_t shift_ns; /* what its own stamps are moved by */
    int64_t dts_ns;   /* the last one, shifted */
    int64_t heard_ns; /* monotonic time of the last one */
    int64_t end_ns;   /* of what was presented, shifted and from zero */
    int64_t index;    /* the last one, -1 before the first */
};

/* A network input that has gone: how it is called, and where its media time stood. */
struct input_again {
    bool is_lasting, is_away, is_anchor_wanted;
    char *url;
    AVDictionary *options;
    int64_t probe_ns, wait_ns; /* between two calls */
    int64_t call_ns;           /* monotonic time of the next */
    int64_t left_ns;           /* monotonic time of the last packet */
    int64_t silence_ns;        /* after so much of it the input counts as gone */
    enum AVCodecID codecs[TT_PORTS_MAX];
};

/* What was read of a live input, stamped, and has no place in its output's ring yet. */
struct input_queue {
    struct {
        AVPacket *packet;
        struct tt_frame head;
    } items[INPUT_QUEUE];
    uint32_t first, count;
};

/* A live input keeps its sender's clock, which is not ours. A thread reads it as it comes, not as
 * there is room, and moves its times to our clock; the edge's own thread gives what lies in the
 * queues. From the start on all else of the input is the reader's. */
struct input_live {
    bool is_on;
    struct drift_clock clock;
    int64_t told_ns, later_ms;
    bool is_held_up; /* queues were full: what comes now comes at our pace */

    pthread_t reader;
    bool is_running;
    int is_stopping; /* atomic */
    pthread_mutex_t lock;
    pthread_cond_t came, went;
    /* Under the lock: */
    struct input_queue *queues[TT_PORTS_MAX];
    uint64_t bytes;
    int result; /* why reading ended; 0: it goes on */
    struct {
        uint32_t id;
        int64_t value;
    } notes[INPUT_NOTES];
    uint32_t note_count;
};

struct input {
    AVFormatContext *format;
    struct input_again again;
    struct input_live live;
    int64_t deadline_ns; /* of the call that runs; the interrupt callback's */
    int64_t heard_ns;    /* monotonic time of the last packet */
    int stream_count;    /* at the start */
    bool is_network, is_ended, is_resumed, is_as_stored;
    struct input_output outputs[TT_PORTS_MAX];
    uint32_t output_count;
    int64_t zero_ns;  /* the input's stamp that is media time 0 */
    int64_t shift_ns; /* what the newest loop or leap has moved stamps by */
    int64_t round_ns; /* media time at which this round of a loop began */
    int64_t start_ns, loop_count;
    uint64_t packets_of_round;
    AVPacket *held[INPUT_HELD_MAX]; /* read while looking for the first stamps */
    uint32_t held_count, held_at;
    AVPacket *packet;
    uint32_t error_row;  /* read errors one after the other */
    uint64_t counts[32]; /* by enum tt_av_note */
    const struct tt_host *host;
};

/* Opens the url and finds its streams; chooses none. */
int input_open(struct input *input, const struct input_params *params, struct tt_error *err);

/* choose.c: ties an output to a stream; the same stream may serve several. */
int input_choose(struct input *input, uint32_t output, int stream, struct tt_error *err);

/* begin.c: finds the first stamps and goes to where playing starts. All outputs must be chosen. */
int input_start(struct input *input, const struct input_params *params, struct tt_error *err);

/* The next packet, valid until the next call, in input->packet. 0, -EAGAIN, -ENODATA at the end,
 * or another negative errno. */
int input_next(struct input *input);

/* stamp.c: index, origin, duration and flags of input->packet on an output; false: skip it
 * (counted). */
bool input_stamp(struct input *input, uint32_t output, struct tt_frame *frame);

void input_close(struct input *input);

/* Opens input->format and finds its streams, none of them read. */
int input_connect(struct input *input, const char *url, AVDictionary **options, int64_t probe_ns,
                  struct tt_error *err);

void input_drop_held(struct input *input);
/* Goes to the key picture at or before a stamp; negative is libavformat's error. */
int input_seek(struct input *input, int64_t stamp_ns);
/* av_read_frame(), which returns within this time. */
int input_read_frame(struct input *input, AVPacket *packet, int64_t within_ns);
/* A packet's decoding time by its own stamps. */
int64_t input_dts(const struct input *input, const AVPacket *packet);

/* again.c: keeps what calling again takes, once the outputs are chosen. */
int input_again_init(struct input *input, const struct input_params *params, AVDictionary *options);
/* The input has gone; true when it will be called again. */
bool input_leave(struct input *input, int error);
/* -EAGAIN until it is there again, then 0. */
int input_return(struct input *input);
/* Ties the stamps of an input that is back to ours: what came just now has the newest of these
 * decoding times, what is to be given first the oldest. */
void input_anchor(struct input *input, int64_t newest_ns, int64_t oldest_ns);
/* The same, of a sender that went and came without a word where this time was expected next. */
void input_began_anew(struct input *input, int64_t dts_ns, int64_t expected_ns);

/* One more of these, told to the ledger. */
void input_count(struct input *input, enum tt_av_note id);
/* A number for the ledger, from whatever thread runs the input. */
void input_note(struct input *input, uint32_t id, int64_t value);

/* Until when a call into libavformat may last; a live input that is to stop lasts no longer. */
void input_set_deadline(struct input *input, int64_t deadline_ns);

/* live.c: tells whether the input keeps its sender's time, and lays out what that takes. */
int input_live_init(struct input *input, const struct input_params *params);
/* Starts the reader of an input that is live. */
int input_live_start(struct input *input);
void input_live_fini(struct input *input);
/* The packet that was read now has this decoding time, mended. */
void input_was_heard(struct input *input, int64_t dts_ns);
/* The index of the packet that follows, whose time is `place_ns` after index 0. */
int64_t input_live_index(const struct input_output *output, int64_t place_ns);
/* One step of the edge's: gives what lies there, or waits a little. As tt_edge.step(). */
int input_live_step(struct input *input, struct tt_call *call);

#endif
