/* The assert hook of the command: a mistake of ours ends it with a place to look at. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void tt_assert_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "tactus: a mistake of its own, please report: %s:%d: %s\n", file, line, fact);
    abort();
}
