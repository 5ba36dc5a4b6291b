/* One RTP flow of L16, from packets in any order to quanta of sound on the clock of who listens.
 * Pure: the time comes with the packets, and all memory is the caller's.
 *
 * Samples are put where their RTP timestamp says, so that order needs no sorting; the sequence
 * number tells what was lost. The earliest arrivals tell the sender's clock from the network's
 * jitter, and a slow loop reads at the sender's pace (components/drift). What did not come fades
 * out, and in again when the next is there. */
#ifndef TT_COMPONENTS_RTP_RECEIVER_H
#define TT_COMPONENTS_RTP_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "components/drift/clock.h"
#include "components/rtp/rtp.h"

enum { RTP_CHANNELS_MAX = 8, RTP_FADE = 64, RTP_PIECE = 64 };

struct rtp_receiver_params {
    uint8_t payload_type;
    uint32_t sample_rate, channels;
    uint32_t quantum;   /* samples read at once */
    int64_t latency_ns; /* that reading waits for packets; reading is this much behind */
};

/* Counts since the start. Packets are lost when their quantum was read without them. */
struct rtp_stats {
    uint64_t packets, bytes, lost, late, doubled, reordered, strange, restarts, samples_missing;
    int64_t jitter_ns; /* RFC 3550, 6.4.1 */
};

enum rtp_read_result {
    RTP_READ_GAP = 0,    /* nothing of it came */
    RTP_READ_WHOLE = 1,  /* all of it */
    RTP_READ_PARTLY = 2, /* what misses was faded out */
};

struct rtp_receiver {
    struct rtp_receiver_params params;
    struct rtp_stats stats;
    struct drift_table *table;
    struct drift_loop loop;
    struct drift_reader reader;
    float *ring;      /* channels x ring_samples, by timestamp */
    uint8_t *has;     /* ring_samples */
    int64_t *came_ns; /* latest arrival of what lies in each RTP_PIECE samples of the ring */
    float *line;      /* channels x line_samples */
    uint32_t ring_samples, line_samples;

    bool is_locked, is_reading, is_restarted;
    uint32_t ssrc;
    int64_t sequence;  /* the highest, counted on */
    int64_t timestamp; /* of the same packet */
    int64_t offset_ns; /* arrival less timestamp, of the packet before: for the jitter */
    double jitter;

    /* A flow that does not fit ours must go on for a second packet before it is believed. */
    bool has_candidate;
    uint32_t candidate_ssrc, candidate_timestamp;
    uint16_t candidate_sequence;

    struct drift_earliest earliest; /* arrivals, less what their timestamps say */

    int64_t next_place;  /* timestamp of the sample that is appended to the line next */
    int64_t first_place; /* of the time line that began with the lock */
    double ratio;
    int64_t read_ns;              /* latest arrival of what was read last; INT64_MIN: nothing was */
    uint32_t fade;                /* how far in; RTP_FADE: wholly */
    float hold[RTP_CHANNELS_MAX]; /* the last sample before what misses */
};

/* Bytes of memory that a receiver needs beside itself; 0 when the parameters are absurd. */
uint64_t rtp_receiver_bytes(const struct rtp_receiver_params *params);

/* memory: zeroed, 64-byte aligned, rtp_receiver_bytes(); table: initialised, may be shared. */
void rtp_receiver_init(struct rtp_receiver *receiver, const struct rtp_receiver_params *params,
                       struct drift_table *table, void *memory);

/* Takes a packet that came at a media time. False when it was not used (it is counted why). */
bool rtp_receiver_put(struct rtp_receiver *receiver, const uint8_t *data, uint32_t bytes,
                      int64_t arrival_ns);

/* All that the next quantum is read from is here: nothing need be asked for before. */
bool rtp_receiver_has_quantum(const struct rtp_receiver *receiver);

/* Reads the quantum that begins at a media time: ret[channel] gets params.quantum samples (not
 * touched for a gap). Quanta must follow one another. *ret_is_cut: what follows does not join what
 * came before. */
enum rtp_read_result rtp_receiver_read(struct rtp_receiver *receiver, int64_t media_ns,
                                       float *const *ret, bool *ret_is_cut);

/* How fast the sender's clock runs against ours, in parts per million. */
static inline double rtp_receiver_ppm(const struct rtp_receiver *receiver)
{
    return (receiver->ratio - 1) * 1e6;
}

#endif
