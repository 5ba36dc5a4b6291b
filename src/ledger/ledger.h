/* The ledger: written by tactusd, read, verified and explained by anyone. Pure: bytes in, answers
 * out; the callers own files and keys.
 *
 * A file is a chain of segments: header, payload, SHA-256 of (header, payload), Ed25519 signature
 * of that hash. A header carries the hash before it. Segment 0 is the agreement (JSON), the last
 * the count (JSON). docs/ledger.md tells the layout byte by byte. */
#ifndef TT_LEDGER_LEDGER_H
#define TT_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/record.h"
#include "tactus/error.h"

enum tt_ledger_part {
    TT_PART_AGREEMENT = 1, /* JSON; first; names the public key */
    TT_PART_FRAMES = 2,    /* struct tt_record, frame, use and end records */
    TT_PART_HOPS = 3,      /* struct tt_record, the others */
    TT_PART_EVENT = 4,     /* JSON: {"at_ns", "event", ...}: restarts, clock steps, gaps */
    TT_PART_COUNT = 5      /* JSON; last: how many of each, the report */
};

enum { TT_HASH_BYTES = 32, TT_SIGNATURE_BYTES = 64, TT_KEY_BYTES = 32 };

struct tt_ledger_writer; /* builds segments; the caller writes the bytes out */

/* sign: signs a 32-byte hash with the node's key; returns 0 or a negative errno. */
typedef int tt_sign_fn(void *ctx, const uint8_t hash[TT_HASH_BYTES],
                       uint8_t ret[TT_SIGNATURE_BYTES]);
typedef int tt_write_fn(void *ctx, const void *data, uint64_t bytes);

int tt_ledger_writer_open(tt_sign_fn *sign, void *sign_ctx, tt_write_fn *write, void *write_ctx,
                          struct tt_ledger_writer **ret);
/* Appends one segment. Errors of write and sign come through. */
int tt_ledger_writer_put(struct tt_ledger_writer *writer, uint32_t part, const void *payload,
                         uint64_t bytes);
void tt_ledger_writer_head(const struct tt_ledger_writer *writer, uint8_t ret[TT_HASH_BYTES]);
void tt_ledger_writer_close(struct tt_ledger_writer **writer);

enum tt_verdict { TT_INTACT = 0, TT_INCOMPLETE = 1, TT_ALTERED = 2 };

struct tt_ledger { /* borrowed views into the bytes that were read */
    const uint8_t *bytes;
    uint64_t byte_count;
    struct tt_ledger_span {
        uint32_t part;
        uint64_t offset, bytes; /* of the payload */
    } * spans;
    uint32_t span_count;
    enum tt_verdict verdict;
    char reason[256]; /* a sentence: which segment, which byte, what is missing */
    uint8_t head[TT_HASH_BYTES];
    uint8_t key[TT_KEY_BYTES]; /* as the agreement names it */
};

/* Reads and verifies all of it; what is intact up to the first fault can be read. verify uses
 * Ed25519 (OpenSSL). -EINVAL: not a ledger at all. */
int tt_ledger_read(const void *bytes, uint64_t byte_count, struct tt_ledger **ret,
                   struct tt_error *err);
void tt_ledger_close(struct tt_ledger **ledger);

/* The report of CLI-3, fed record by record (live in tactusd, or from a file). */
struct tt_report;
struct tt_report_params {
    const char *service, *class, *class_reason;
    bool is_promised;
    bool is_paced; /* media time runs with the clock; if not (asap), delay and slack mean nothing */
    int64_t deadline_ns;
    double loss;
    const double *sink_loss;  /* of each sink; NULL: `loss` */
    const char *const *sinks; /* names by number */
    uint32_t sink_count;
    const char *const *components;
    uint32_t component_count;
};
struct tt_report *tt_report_open(const struct tt_report_params *params);
void tt_report_add(struct tt_report *report, const struct tt_record *record);

struct tt_report_extra {
    int64_t first_frame_ns, cpu_ns;
    uint64_t switches;
    const char *ledger, *ledger_head;
};
/* JSON, malloc'ed; top counts are those of the sink with least slack. */
char *tt_report_print(const struct tt_report *report, const struct tt_report_extra *extra);

struct tt_report_line {            /* for the live line */
    uint64_t frames;               /* of the first sink */
    uint64_t late, lost, repeated; /* of all sinks together */
    int64_t slack_min_ns;          /* of all, since the last call; if has_slack */
    bool has_slack;                /* something was delivered, and media time runs with the clock */
};
void tt_report_live(struct tt_report *report, struct tt_report_line *ret);
/* Was the promise kept: late and lost of each promised sink within its loss? */
bool tt_report_is_kept(const struct tt_report *report);
void tt_report_close(struct tt_report **report);

/* explain: text (or JSON) about one index of a sink, or the worst ones; malloc'ed. sink NULL: the
 * one with least slack. index < 0: the five worst (of all sinks when sink is NULL), lost ones
 * first. -ENOENT: no such frame, or no such sink. */
int tt_ledger_explain(const struct tt_ledger *ledger, const char *sink, int64_t index, bool as_json,
                      char **ret, struct tt_error *err);

/* Everything the ledger says of a sink and of what feeds it (NULL: of all): a line a frame, or
 * lists as JSON. -ENOENT: no such sink, nothing that can be read. */
int tt_ledger_list(const struct tt_ledger *ledger, const char *sink, bool as_json, FILE *out,
                   struct tt_error *err);

const char *tt_cause_name(enum tt_cause cause);
const char *tt_outcome_name(enum tt_outcome outcome);
bool tt_cause_is_ours(enum tt_cause cause);

#endif
