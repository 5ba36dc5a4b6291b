/* What supervision keeps, in few bytes and without a date, so that equal states of a search are
 * equal bytes: from a struct supervise and back. */
#ifndef TT_TESTS_NODE_KEPT_H
#define TT_TESTS_NODE_KEPT_H

#include <string.h>

#include "node/supervise.h"

enum { KEPT_PROCESSES = 4 };

/* As far as it is used here: times count from now. */
struct kept {
    struct supervise_process processes[KEPT_PROCESSES];
    int64_t drain_limit_ns, prime_limit_ns, deaths_ns[SUPERVISE_DEATHS_MAX];
    uint32_t state, death_count;
    bool is_gone_once, is_failed, has_stopped;
};

static inline int64_t kept_from_now(int64_t at_ns, int64_t since_ns, bool is_used)
{
    const int64_t long_ago_ns = -61 * INT64_C(1000000000);
    int64_t after_ns = at_ns - since_ns;

    return is_used ? (after_ns < long_ago_ns ? long_ago_ns : after_ns) : 0;
}

/* What supervision does not look at any more is not told apart. */
static inline void kept_keep(struct kept *kept, const struct supervise *s, int64_t now_ns)
{
    for (uint32_t n = 0; n < s->process_count; n++) {
        struct supervise_process *process = &kept->processes[n];

        memcpy(process, &s->processes[n], sizeof(*process));
        process->limit_ns =
            kept_from_now(process->limit_ns, now_ns, process->life == SUPERVISE_SPAWNED);
        process->restart_ns =
            kept_from_now(process->restart_ns, now_ns, process->life == SUPERVISE_WAITING);
        process->gone_ns =
            kept_from_now(process->gone_ns, now_ns, process->life == SUPERVISE_GOING);
    }
    kept->state = s->state;
    kept->is_gone_once = s->is_gone_once;
    kept->is_failed = s->is_failed;
    kept->has_stopped = s->has_stopped;
    kept->drain_limit_ns = kept_from_now(s->drain_limit_ns, now_ns, s->state == SUPERVISE_DRAINING);
    kept->prime_limit_ns = kept_from_now(s->prime_limit_ns, now_ns, s->prime_limit_ns != 0);
    kept->death_count = s->death_count;
    for (uint32_t n = 0; n < SUPERVISE_DEATHS_MAX; n++)
        kept->deaths_ns[n] = kept_from_now(s->deaths_ns[n], now_ns, n < s->death_count);
}

static inline void kept_recall(const struct kept *kept, struct supervise *s, int64_t now_ns)
{
    for (uint32_t n = 0; n < s->process_count; n++) {
        memcpy(&s->processes[n], &kept->processes[n], sizeof(kept->processes[n]));
        s->processes[n].limit_ns += now_ns;
        s->processes[n].restart_ns += now_ns;
        s->processes[n].gone_ns += now_ns;
    }
    s->state = kept->state;
    s->is_gone_once = kept->is_gone_once;
    s->is_failed = kept->is_failed;
    s->has_stopped = kept->has_stopped;
    s->drain_limit_ns = kept->drain_limit_ns + now_ns;
    s->prime_limit_ns = kept->prime_limit_ns != 0 ? kept->prime_limit_ns + now_ns : 0;
    s->death_count = kept->death_count;
    for (uint32_t n = 0; n < SUPERVISE_DEATHS_MAX; n++)
        s->deaths_ns[n] = kept->deaths_ns[n] + now_ns;
}

#endif
