/* Runs media components by hand: edges and codecs, with exact buffers so that a sanitizer sees one
 * byte too many. */
#ifndef TT_TESTS_COMPONENTS_AV_RIG_H
#define TT_TESTS_COMPONENTS_AV_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { RIG_NOTES = 64 };

struct rig {
    const struct tt_component *component;
    struct tt_request request;
    struct tt_pin pins[2 * TT_PORTS_MAX];
    struct tt_setting settings[64];
    char texts[8192];
    struct tt_format in[TT_PORTS_MAX];
    struct tt_blob config[TT_PORTS_MAX];     /* owned */
    struct tt_blob out_config[TT_PORTS_MAX]; /* owned */
    struct tt_shape shape;
    struct tt_error error;
    struct tt_host host;
    void *state;
    uint8_t *buffers[TT_PORTS_MAX];           /* of outputs */
    struct tt_frame frames[2 * TT_PORTS_MAX]; /* inputs, then outputs */
    uint32_t key_point;                       /* what the last call said */
    struct tt_event event;
    bool is_event_sent;
    int64_t notes[RIG_NOTES]; /* the last value of each id */
};

/* kind: "av.read"; settings: "url=x width=4", separated by one character that none contains. */
void rig_make(struct rig *rig, const char *kind, const char *settings);
void rig_add_in(struct rig *rig, const char *name, uint32_t port, const struct tt_format *format,
                const struct tt_blob *config);
void rig_add_out(struct rig *rig, const char *name, uint32_t port);

/* An input fed by an output of another. */
void rig_join(struct rig *to, const char *name, uint32_t port, const struct rig *from,
              uint32_t output);

int rig_shape(struct rig *rig); /* probe() or shape() */
int rig_start(struct rig *rig); /* init() and open(), with buffers */

/* One call; in: in_count frames, or NULL for none. */
int rig_call(struct rig *rig, const struct tt_frame *in);
struct tt_frame *rig_out(struct rig *rig, uint32_t output);
void rig_close(struct rig *rig);

/* rig_shape() and rig_start(), ending the test with the sentence when they fail. */
void rig_must_start(struct rig *rig);

#endif
