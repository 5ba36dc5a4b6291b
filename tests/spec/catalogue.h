/* Kinds with the names, ports and shapes of the real ones, and probes that need no files. */
#ifndef TT_TESTS_SPEC_CATALOGUE_H
#define TT_TESTS_SPEC_CATALOGUE_H

#include "spec/picture.h"

extern const struct tt_catalogue test_catalogue;

/* The design's examples. */
extern const char test_thumbnail[], test_news[];

/* A tt_probe_fn that asks the component; counts calls in *(int *)ctx when ctx is given. */
int test_probe(void *ctx, const struct tt_component *component, const struct tt_request *request,
               struct tt_shape *ret, struct tt_error *err);

#endif
