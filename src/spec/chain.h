/* Parts that both spellings share: references such as `over.logo` and caps filters. */
#ifndef TT_SPEC_CHAIN_H
#define TT_SPEC_CHAIN_H

#include "spec/build.h"
#include "spec/complain.h"

/* Is this the head of a caps filter: video/x-raw or audio/x-raw, maybe with fields? */
bool spec_is_caps(const char *word);

/* "video/x-raw,format=I420,width=640,height=360,framerate=25/1" to what a format must be. */
int spec_read_caps(const char *text, struct tt_place place, struct tt_format *ret,
                   struct tt_error *err);

/* The same back; at most bytes. */
void spec_print_caps(const struct tt_format *caps, char *ret, uint32_t bytes);

/* "a.port ! b ! video/x-raw,width=640 ! c.port": adds its flows to the service. */
int spec_read_chain(struct tt_service *service, const struct tt_catalogue *catalogue,
                    const char *text, struct tt_place place, struct tt_error *err);

/* Whose port a chain's middle element names: its input, unless only an output is called so. */
bool spec_is_output_only(const struct tt_component *kind, const char *port);

#endif
