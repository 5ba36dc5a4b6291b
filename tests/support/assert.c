/* The assert hook for tests: says where and aborts. */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void tt_assert_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must be true: %s\n", file, line, fact);
    abort();
}
