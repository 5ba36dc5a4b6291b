/* The table of all components: one line each, in the order that `tactus inspect` prints. */
#include "components/table.h"

/* The folder's name; the folder defines `const struct tt_component tt_component_<folder>`. */
#define EACH(X)                                                                                    \
    X(test_video)                                                                                  \
    X(video_scale)                                                                                 \
    X(video_convert)                                                                               \
    X(video_overlay)                                                                               \
    X(video_mosaic)                                                                                \
    X(video_crossfade)                                                                             \
    X(test_audio)                                                                                  \
    X(text_clock)                                                                                  \
    X(audio_mix)                                                                                   \
    X(audio_gain)                                                                                  \
    X(audio_loudness)                                                                              \
    X(audio_convert)                                                                               \
    X(audio_resample)                                                                              \
    X(probe_timecode)                                                                              \
    X(av_read)                                                                                     \
    X(av_decode)                                                                                   \
    X(av_encode)                                                                                   \
    X(av_write)                                                                                    \
    X(image_read)                                                                                  \
    X(raw_read)                                                                                    \
    X(raw_capture)                                                                                 \
    X(raw_write)                                                                                   \
    X(v4l2)                                                                                        \
    X(video_preview)                                                                               \
    X(audio_play)                                                                                  \
    X(rtp_read)                                                                                    \
    X(rtp_write)                                                                                   \
    X(null)                                                                                        \
    X(tee)                                                                                         \
    /* end */

#define DECLARE(name) extern const struct tt_component tt_component_##name;
EACH(DECLARE)

#define ADDRESS(name) &tt_component_##name,
const struct tt_component *const tt_components[] = {EACH(ADDRESS)};
const uint32_t tt_component_count = sizeof(tt_components) / sizeof(tt_components[0]);
