/* From a wall time to the text that shows it; always as long as for any other time. */
#ifndef TT_COMPONENTS_TEXT_CLOCK_CLOCK_TEXT_H
#define TT_COMPONENTS_TEXT_CLOCK_CLOCK_TEXT_H

#include <stdint.h>

#include "tactus/component.h"

enum { CLOCK_TEXT_MAX = 64 };

/* %H %M %S %Y %m %d, %F (%Y-%m-%d), %T (%H:%M:%S), %f (number of the frame in its second) and %%.
 * ret holds CLOCK_TEXT_MAX bytes and is terminated. Returns the length; -1 for an unknown %x, a
 * character outside printable ASCII or a text that is too long, with its place in *ret_at. */
int clock_text(const char *format, int64_t wall_ns, struct tt_rational rate, char *ret,
               uint32_t *ret_at);

#endif
