/* What services said, for who asks later: bounded, in memory, and gone with tactusd; the ledger
 * keeps what matters for ever. */
#ifndef TT_NODE_JOURNAL_H
#define TT_NODE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

struct journal;
struct journal_log; /* of one service */

struct journal_line {
    const char *service;
    uint32_t uid;
    uint64_t number; /* of the service */
    int64_t at_ns;   /* wall time, since 1970 */
    const char *text;
};

typedef void journal_fn(void *ctx, const struct journal_line *line);

/* fn hears every line as it is said. NULL: no memory. */
struct journal *journal_open(journal_fn *fn, void *ctx);
void journal_close(struct journal **journal);

/* The services that ended longest ago are forgotten to make room. NULL: no memory. */
struct journal_log *journal_begin(struct journal *journal, const char *service, uint32_t uid,
                                  uint64_t number);
/* log NULL: nothing. Text that is long is cut. */
void journal_say(struct journal *journal, struct journal_log *log, const char *text);
/* The log stays for who asks, until there are too many; not to be used any more by who began it. */
void journal_end(struct journal_log *log);

/* The last 2000 lines of this user's services (uid 0: of everybody's) with this name (NULL: any),
 * in the order in which they were said. Returns how many services there are of which something is
 * known. */
uint32_t journal_tell(const struct journal *journal, uint32_t uid, const char *service,
                      journal_fn *fn, void *ctx);

#endif
