/* Frame records wait here for the word that their frame was sent. */
#include "node/join.h"

#include <stdlib.h>

#include "base/assert.h"

#define WAIT_NS INT64_C(500000000)

enum { WAITING_MAX = 1024, SENT_MAX = 256 };

struct join_sink {
    struct {
        struct tt_record record;
        int64_t until_ns;
        bool is_settled;
    } waiting[WAITING_MAX];
    uint64_t first, end;
    struct {
        int64_t index, sent_ns;
    } sent[SENT_MAX]; /* came before their frame */
    uint64_t sent_count;
    bool is_edge;
};

struct join {
    struct join_sink *sinks;
    uint32_t sink_count;
    join_fn *fn;
    void *ctx;
};

struct join *join_open(uint32_t sink_count, const bool *is_edge, join_fn *fn, void *ctx)
{
    struct join *join = calloc(1, sizeof(*join));

    if (join == NULL)
        return NULL;
    join->sinks = calloc(sink_count > 0 ? sink_count : 1, sizeof(*join->sinks));
    if (join->sinks == NULL) {
        free(join);
        return NULL;
    }
    join->sink_count = sink_count;
    join->fn = fn;
    join->ctx = ctx;
    for (uint32_t n = 0; n < sink_count; n++)
        join->sinks[n].is_edge = is_edge[n];
    return join;
}

void join_close(struct join **join)
{
    if (*join == NULL)
        return;
    free((*join)->sinks);
    free(*join);
    *join = NULL;
}

static void hand_on(struct join *join, struct join_sink *sink)
{
    join->fn(join->ctx, &sink->waiting[sink->first % WAITING_MAX].record);
    sink->first++;
}

static void hand_on_settled(struct join *join, struct join_sink *sink)
{
    while (sink->first != sink->end && sink->waiting[sink->first % WAITING_MAX].is_settled)
        hand_on(join, sink);
}

static bool take_early_word(struct join_sink *sink, int64_t index, int64_t *ret_sent_ns)
{
    for (uint32_t n = 0; n < SENT_MAX && n < sink->sent_count; n++)
        if (sink->sent[n].index == index && sink->sent[n].sent_ns != 0) {
            *ret_sent_ns = sink->sent[n].sent_ns;
            sink->sent[n].sent_ns = 0;
            return true;
        }
    return false;
}

void join_frame(struct join *join, const struct tt_record *record, int64_t now_ns)
{
    struct join_sink *sink = &join->sinks[record->sink];
    uint64_t place;

    tt_assert(record->sink < join->sink_count);
    if (sink->end - sink->first == WAITING_MAX)
        hand_on(join, sink); /* its word will find nothing; sent stays unknown */
    place = sink->end++ % WAITING_MAX;
    sink->waiting[place].record = *record;
    sink->waiting[place].until_ns = now_ns + WAIT_NS;
    sink->waiting[place].is_settled =
        !sink->is_edge || record->kind == TT_RECORD_END || record->outcome == TT_LOST_FRAME ||
        record->sent_ns != 0 ||
        take_early_word(sink, record->index, &sink->waiting[place].record.sent_ns);
    hand_on_settled(join, sink);
}

void join_sent(struct join *join, const struct tt_record *record)
{
    struct join_sink *sink = &join->sinks[record->sink];

    tt_assert(record->sink < join->sink_count);
    for (uint64_t n = sink->first; n != sink->end; n++) {
        struct tt_record *waiting = &sink->waiting[n % WAITING_MAX].record;

        if (waiting->kind == TT_RECORD_END || waiting->index != record->index ||
            waiting->sent_ns != 0)
            continue;
        waiting->sent_ns = record->sent_ns;
        sink->waiting[n % WAITING_MAX].is_settled = true;
        hand_on_settled(join, sink);
        return;
    }
    sink->sent[sink->sent_count % SENT_MAX].index = record->index;
    sink->sent[sink->sent_count++ % SENT_MAX].sent_ns = record->sent_ns;
}

void join_settle(struct join *join, int64_t now_ns, bool is_last)
{
    for (uint32_t n = 0; n < join->sink_count; n++) {
        struct join_sink *sink = &join->sinks[n];

        while (sink->first != sink->end &&
               (is_last || sink->waiting[sink->first % WAITING_MAX].is_settled ||
                now_ns >= sink->waiting[sink->first % WAITING_MAX].until_ns))
            hand_on(join, sink);
    }
}
