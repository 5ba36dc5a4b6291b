/* Tests that fault on purpose cannot run where a sanitizer handles faults itself. */
#ifndef TT_TESTS_SANDBOX_SANITIZER_H
#define TT_TESTS_SANDBOX_SANITIZER_H

#include <stdbool.h>
#include <stdio.h>

static inline bool is_signals_taken(void)
{
#ifdef __SANITIZE_THREAD__
    fprintf(stderr, "the thread sanitizer takes faults for itself\n");
    return true;
#else
    return false;
#endif
}

#endif
