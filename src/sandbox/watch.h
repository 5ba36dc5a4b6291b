/* Which pages of a slot's memory were written since they were last looked at, by the kernel's
 * marks: userfaultfd's asynchronous write protection and PAGEMAP_SCAN (Linux 6.7; Anjum and Xu,
 * 2023). A write to a page that is watched costs one fault in the kernel and no signal. Off the
 * frame's path but for that fault. */
#ifndef TT_SANDBOX_WATCH_H
#define TT_SANDBOX_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct tt_watch {
    int uffd, pagemap; /* borrowed; -1: not permitted, or too old a kernel */
    const uint8_t *memory;
    uint64_t bytes; /* 0: not watching */
};

/* What a process needs for it, opened before its jail is shut: -1 where it cannot be had. */
int tt_watch_open_uffd(void);

/* Watches from now on: what is written from here is told by the next tt_watch_take(). False: it
 * cannot be watched here. */
bool tt_watch_begin(struct tt_watch *watch, int uffd, int pagemap, const uint8_t *memory,
                    uint64_t bytes);

struct tt_watch_range { /* of addresses */
    uint64_t start, end, categories;
};
/* Ranges from *at on that were written, at most `count`, and *at goes on behind them: at the end of
 * the memory nothing is left. They count as not written from now on, unless it is for the last
 * time, which is quicker. Negative errno: it cannot be told. */
int tt_watch_take(const struct tt_watch *watch, bool is_last, uint64_t *at,
                  struct tt_watch_range *ret, uint32_t count);

void tt_watch_end(struct tt_watch *watch);

#endif
