/* A component in C to a package that runs in the sandbox. */
#ifndef TT_BUILD_BUILD_H
#define TT_BUILD_BUILD_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "build/package.h"
#include "tactus/error.h"

enum tt_build_step {
    TT_STEP_COMPILE = 0, /* to WebAssembly */
    TT_STEP_CHECK,
    TT_STEP_NATIVE, /* translated and compiled, or found in the cache */
    TT_STEP_TRY,    /* started, described, init() run, snapshots taken */
    TT_STEP_WRITE,
    TT_STEP_COUNT
};

struct tt_build_request {
    const char *source; /* C, or a package: its WebAssembly is built anew */
    const char *output;
    bool is_kept; /* the folder with what comes between */
    /* Told when a step begins; may be NULL. */
    void (*step)(void *ctx, enum tt_build_step step);
    void *ctx;
};

struct tt_build_report {
    json_t *manifest;
    char *says; /* the compiler's words, in failure and success; NULL: none */
    char folder[PATH_MAX];
    bool is_cached; /* its native code was there already */
    uint32_t walls; /* enum tt_wall: what stood around every tool */
    int64_t step_ns[TT_STEP_COUNT];
    uint64_t bytes, part_bytes[TT_PART_COUNT];
};

const char *tt_build_step_words(enum tt_build_step step);

/* *ret is filled as far as it came, also on failure; its fini() is due either way. -ENOEXEC: the
 * source is refused, says has the compiler's words; -ENOENT: a tool is missing; others. */
int tt_build(const struct tt_build_request *request, struct tt_build_report *ret,
             struct tt_error *err);
void tt_build_report_fini(struct tt_build_report *report);

#endif
