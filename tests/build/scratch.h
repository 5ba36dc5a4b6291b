/* A folder for one test, and a key and a cache of its own in it. */
#ifndef TT_TESTS_BUILD_SCRATCH_H
#define TT_TESTS_BUILD_SCRATCH_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/files.h"
#include "check.h"

static char scratch[PATH_MAX];

/* Skips the test where what a build runs is not installed. */
static inline void scratch_open(bool needs_tools)
{
    static const char *const tools[] = {"/usr/bin/clang", "/usr/bin/wasm-ld", "/usr/bin/wasm2c",
                                        "/usr/bin/gcc", "/usr/include/wasm32-wasi/stdlib.h"};
    struct tt_error err = {0};

    for (size_t n = 0; needs_tools && n < sizeof(tools) / sizeof(tools[0]); n++)
        if (access(tools[n], R_OK) < 0) {
            printf("skipped: there is no %s\n", tools[n]);
            exit(CHECK_SKIP);
        }
    CHECK_INT(build_folder_make(scratch, &err), 0);
    (void)setenv("XDG_CACHE_HOME", scratch, 1);
    (void)setenv("XDG_STATE_HOME", scratch, 1);
}

static inline void scratch_close(void)
{
    build_folder_remove(scratch);
}

#endif
