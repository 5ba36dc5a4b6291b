/* What libtactus.a needs of its host: components by path are linked with it, and so are their
 * tests. */
#include <stdio.h>
#include <stdlib.h>

void tt_assert_failed(const char *fact, const char *file, int line) __attribute__((noreturn));

void tt_assert_failed(const char *fact, const char *file, int line)
{
    (void)fprintf(stderr, "must be true: %s (%s:%d)\n", fact, file, line);
    abort();
}
