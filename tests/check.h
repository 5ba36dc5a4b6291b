/* What a test needs: facts that end it when they are wrong, and the place where they stand. */
#ifndef TT_TESTS_CHECK_H
#define TT_TESTS_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(fact)                                                                                \
    do {                                                                                           \
        if (!(fact)) {                                                                             \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #fact);                     \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_INT(value, wanted)                                                                   \
    do {                                                                                           \
        long long got_ = (long long)(value), wanted_ = (long long)(wanted);                        \
        if (got_ != wanted_) {                                                                     \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #value, got_,     \
                    wanted_);                                                                      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define CHECK_TEXT(value, wanted)                                                                  \
    do {                                                                                           \
        const char *got_ = (value), *wanted_ = (wanted);                                           \
        if (strcmp(got_, wanted_) != 0) {                                                          \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #value, got_, \
                    wanted_);                                                                      \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* The exit code by which a test says that this machine cannot run it. */
#define CHECK_SKIP 77

/* How often a test tries what it draws at random. A sanitizer makes each try some ten times slower
 * and sees a mistake in the first that reaches it: it tries fewer. */
#ifdef __SANITIZE_ADDRESS__
#define CHECK_TURNS(count) ((count) / 5)
#else
#define CHECK_TURNS(count) (count)
#endif

/* Runs one named case and says so, so that a failure names it. */
#define RUN(case_)                                                                                 \
    do {                                                                                           \
        fprintf(stderr, "- %s\n", #case_);                                                         \
        case_();                                                                                   \
    } while (0)

#endif
