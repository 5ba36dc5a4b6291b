/* Frame records wait here for the word that their frame was sent, which comes from another process.
 */
#ifndef TT_NODE_JOIN_H
#define TT_NODE_JOIN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/record.h"

struct join;

typedef void join_fn(void *ctx, const struct tt_record *record);

/* is_edge: for each sink, whether a sent record can come at all. fn gets the records, in the order
 * of each sink. NULL: no memory. */
struct join *join_open(uint32_t sink_count, const bool *is_edge, join_fn *fn, void *ctx);
void join_close(struct join **join);

/* A frame or end record: handed on at once when nothing more can come for it nor for those before;
 * an end stands after all frames of its sink. */
void join_frame(struct join *join, const struct tt_record *record, int64_t now_ns);

/* A sent record; before or after its frame's. */
void join_sent(struct join *join, const struct tt_record *record);

/* Hands on what has waited for 500 ms, or (is_last) everything. */
void join_settle(struct join *join, int64_t now_ns, bool is_last);

#endif
