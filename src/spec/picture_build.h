/* A picture while it is made: everything it points to lives in its arena. */
#ifndef TT_SPEC_PICTURE_BUILD_H
#define TT_SPEC_PICTURE_BUILD_H

#include "spec/arena.h"
#include "spec/picture.h"

enum {
    SPEC_PICTURE_COMPONENTS_MAX = TT_PICTURE_COMPONENTS_MAX,
    SPEC_PICTURE_FLOWS_MAX = 512,
    SPEC_CONFIGS_MAX = 256,
    SPEC_PICTURE_NOTES_MAX = 256,
    SPEC_DEPTH_MAX = 64,
    SPEC_FRAME_BYTES_MAX = 1 << 30
};

/* With room for as many of each as the limits allow; NULL: no memory. */
struct tt_picture *spec_picture_new(void);
struct spec_arena *spec_picture_arena(struct tt_picture *picture);

/* Notes beyond the limit are left out. */
int spec_picture_note(struct tt_picture *picture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As tt_picture_request, of a component that may not be in the picture yet. connected: a bit for
 * each output. */
void spec_request(const struct tt_picture *picture, const struct tt_picture_component *component,
                  uint32_t connected, struct tt_request_store *store, struct tt_request *ret);

/* Settings and texts of a component from its parameters; its input pins are there already. */
int spec_settings(struct tt_picture *picture, const struct tt_spec_component *spec,
                  const struct tt_component *kind, struct tt_picture_component *ret,
                  struct tt_error *err);

/* Its degrading levels, once settings and texts are there. */
int spec_levels(struct tt_picture *picture, const struct tt_spec_component *spec,
                const struct tt_component *kind, struct tt_picture_component *ret,
                struct tt_error *err);

/* A format in words: "1280x720 I420 at 50 a second"; static length. */
enum { SPEC_FORMAT_TEXT_BYTES = 112 };
const char *spec_format_text(const struct tt_format *format, char ret[SPEC_FORMAT_TEXT_BYTES]);

/* Rates, latencies, queues, segments and sinks, from components, flows and formats. */
int spec_derive(struct tt_picture *picture, const struct tt_service *service, struct tt_error *err);

/* Notes how to watch what sinks send over a network; kinds: of each component. -ENOMEM. */
int spec_note_watch(struct tt_picture *picture, const struct tt_service *service,
                    const struct tt_component *const *kinds);

/* 1 when a > b, 0 when equal, -1 when below; denominators above 0. */
int spec_compare_rates(struct tt_rational a, struct tt_rational b);

#endif
