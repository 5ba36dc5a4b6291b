/* Walls around what works on a stranger's source: compilers, translators, and a first run of what
 * they made. As an ordinary user can: no network, no files but those it needs, no other process, an
 * end to time, memory and what is written. */
#ifndef TT_BUILD_JAIL_H
#define TT_BUILD_JAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

enum { TT_TOOL_SAYS_BYTES = 32 << 10, TT_TOOL_WORDS_MAX = 64 };

struct tt_tool {
    const char *const *words; /* the program's absolute path first, NULL last */
    const char *folder;       /* where it runs, and all that it may write */
    const char *reads;        /* one more folder that it may read, or NULL */
    uint32_t cpu_s;           /* 0: 60 */
    bool takes_stdout;        /* what it writes there, too, is part of `says` */
};

struct tt_tool_result {
    int status;     /* as waitpid() has it */
    bool is_late;   /* ended because it took too long */
    uint32_t walls; /* enum tt_wall: which of them stood */
    char *says;     /* its messages, NUL-terminated, TT_TOOL_SAYS_BYTES at most; the caller frees */
};

enum tt_wall { /* what could be had; a tool is not run without a filter and limits */
               TT_WALL_FILTER = 1,
               TT_WALL_LIMITS = 2,
               TT_WALL_FILES = 4, /* Landlock */
               TT_WALL_NETWORK =
                   8 /* a network namespace of its own; the filter refuses sockets anyway */
};

/* Runs it to its end. 0: it ran, result->status says how it ended; -ENOENT: there is no such
 * program; other negative errno. */
int tt_tool_run(const struct tt_tool *tool, struct tt_tool_result *ret, struct tt_error *err);

/* For the calling process, which has loaded what it needs: from here on it computes, writes to what
 * is open, and ends. 0 or a negative errno with a sentence. */
int tt_jail_compute(uint32_t cpu_s, struct tt_error *err);

#endif
