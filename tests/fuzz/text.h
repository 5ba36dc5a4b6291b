/* A service's text through all that reads it: parsed or refused with its place, printed, parsed
 * again, shaped, and what follows from a shape. */
#ifndef TT_TESTS_FUZZ_TEXT_H
#define TT_TESTS_FUZZ_TEXT_H

#include "fuzz.h"
#include "spec/catalogue.h"

typedef int fuzz_parse_fn(const char *, uint64_t, const struct tt_catalogue *, struct tt_service **,
                          struct tt_error *);

/* The picture when the text means something, else NULL. */
struct tt_picture *fuzz_text(fuzz_parse_fn *parse, const void *text, size_t bytes);

/* All that is promised of a picture to those who read it. */
void fuzz_check_picture(const struct tt_picture *picture);

#endif
