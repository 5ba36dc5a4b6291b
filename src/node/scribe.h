/* Writes a ledger: segments into a file, until the disk is full. */
#ifndef TT_NODE_SCRIBE_H
#define TT_NODE_SCRIBE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"
#include "node/key.h"

struct scribe;

/* Takes fd, even when it fails. */
int scribe_open(int fd, struct key *key, struct scribe **ret, struct tt_error *err);
void scribe_close(struct scribe **scribe);

/* Fails (-ENOSPC) when the file system has less than this for everybody: a ledger is not what fills
 * a machine's disk. */
void scribe_leave_free(struct scribe *scribe, uint64_t bytes);

/* After a failure everything is dropped: the file then ends with its last whole segment. */
void scribe_put(struct scribe *scribe, enum tt_ledger_part part, const void *data, uint64_t bytes);
void scribe_put_json(struct scribe *scribe, enum tt_ledger_part part, const json_t *object);

/* What went wrong: 0 nothing, else negative errno. */
int scribe_failure(const struct scribe *scribe);
void scribe_head(const struct scribe *scribe, char ret[2 * TT_HASH_BYTES + 1]);

#endif
