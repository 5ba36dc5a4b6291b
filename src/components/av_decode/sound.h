/* Decoded sound on a grid of samples that begins at media time 0. */
#ifndef TT_AV_DECODE_SOUND_H
#define TT_AV_DECODE_SOUND_H

#include <libavutil/frame.h>
#include <stdbool.h>
#include <stdint.h>

#include "components/av/av.h"
#include "components/drift/pace.h"
#include "tactus/component.h"

struct sound {
    float *samples; /* capacity a channel */
    uint32_t capacity, filled, channels, quantum, sample_rate;
    bool is_started, is_discontinuous;
    int64_t position; /* the sample number of the first that is held */
    uint64_t silence_count, overlap_count;
    const struct tt_host *host;
    struct drift_table *table; /* NULL: the samples are those of the grid */
    struct drift_pace pace;    /* what was put and cannot be read yet */
};

/* is_drifting: the samples are another clock's, and read at the pace that their origins tell. */
int sound_init(struct sound *sound, const struct tt_format *format, bool is_drifting);
void sound_fini(struct sound *sound);

/* Adds a decoded frame whose first sample is at origin_ns (TT_AV_NO_TIME: goes on). -EPROTO when
 * rate or channels are not those agreed, -ENOTSUP for an unknown kind of samples. */
int sound_put(struct sound *sound, const AVFrame *frame, int64_t origin_ns);

/* Forgets what is held: what follows comes from elsewhere. */
void sound_restart(struct sound *sound);

bool sound_has_quantum(const struct sound *sound);

/* Fills the last quantum up with silence. */
void sound_finish(struct sound *sound);

/* Takes one quantum. */
void sound_get(struct sound *sound, const struct tt_format *format, struct tt_frame *frame);

#endif
