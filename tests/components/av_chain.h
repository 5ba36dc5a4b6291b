/* Read, decode, encode, write: the whole chain by hand, as the news example joins it. */
#ifndef TT_TESTS_COMPONENTS_AV_CHAIN_H
#define TT_TESTS_COMPONENTS_AV_CHAIN_H

#include <stddef.h>

#include "av_rig.h"

struct chain_params {
    const char *read, *video_encode, *audio_encode, *write; /* settings; an encoder's NULL: none */
    int pause_us;                                           /* after each packet read */
    uint32_t packets_max;                                   /* 0: to the end */
};

struct chain_result {
    uint32_t picture_count, quantum_count; /* decoded */
    int64_t first_picture_ns, first_quantum_ns;
    int64_t notes[4][RIG_NOTES]; /* of read, video decode, audio decode, write */
};

/* Ends the test when something does not start. */
void chain_run(const struct chain_params *params, struct chain_result *ret);

/* Runs a command of the shell; its output without the newline at the end. */
int shell(char *ret, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A new folder, removed when the test ends. */
const char *scratch_folder(void);
bool has_ffmpeg(void);

#endif
