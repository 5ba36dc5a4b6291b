/* Writes a ledger: segments into a file, until the disk is full. */
#include "node/scribe.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct scribe {
    struct tt_ledger_writer *writer;
    int fd, failure;
    uint64_t leave_free_bytes;
    off_t whole_bytes; /* up to the end of the last whole segment; -1: a pipe */
};

static int write_out(void *ctx, const void *data, uint64_t bytes)
{
    struct scribe *scribe = ctx;
    const char *from = data;
    ssize_t wrote;

    while (bytes > 0) {
        wrote = write(scribe->fd, from, bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        from += wrote;
        bytes -= (uint64_t)wrote;
    }
    return 0;
}

int scribe_open(int fd, struct key *key, struct scribe **ret, struct tt_error *err)
{
    struct scribe *scribe = calloc(1, sizeof(*scribe));
    int r = scribe == NULL ? -ENOMEM : 0;

    if (r == 0)
        r = tt_ledger_writer_open(key_sign, key, write_out, scribe, &scribe->writer);
    if (r < 0) {
        (void)close(fd);
        free(scribe);
        return tt_fail(err, r, "cannot begin a ledger: %s", strerror(-r));
    }
    scribe->fd = fd;
    scribe->whole_bytes = lseek(fd, 0, SEEK_CUR);
    *ret = scribe;
    return 0;
}

void scribe_close(struct scribe **scribe)
{
    if (*scribe == NULL)
        return;
    tt_ledger_writer_close(&(*scribe)->writer);
    (void)close((*scribe)->fd);
    free(*scribe);
    *scribe = NULL;
}

void scribe_leave_free(struct scribe *scribe, uint64_t bytes)
{
    scribe->leave_free_bytes = bytes;
}

static bool has_room(const struct scribe *scribe, uint64_t bytes)
{
    struct statvfs about;

    return scribe->leave_free_bytes == 0 || fstatvfs(scribe->fd, &about) < 0 ||
           (uint64_t)about.f_bavail * about.f_frsize >= scribe->leave_free_bytes + bytes;
}

void scribe_put(struct scribe *scribe, enum tt_ledger_part part, const void *data, uint64_t bytes)
{
    if (scribe->failure == 0 && !has_room(scribe, bytes))
        scribe->failure = -ENOSPC;
    if (scribe->failure != 0)
        return;
    scribe->failure = tt_ledger_writer_put(scribe->writer, part, data, bytes);
    if (scribe->whole_bytes < 0)
        return;
    if (scribe->failure == 0)
        scribe->whole_bytes = lseek(scribe->fd, 0, SEEK_CUR);
    else if (ftruncate(scribe->fd, scribe->whole_bytes) < 0)
        fprintf(stderr, "a ledger ends in half a segment: %s\n", strerror(errno));
}

void scribe_put_json(struct scribe *scribe, enum tt_ledger_part part, const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

    if (text != NULL)
        scribe_put(scribe, part, text, strlen(text));
    else
        scribe->failure = scribe->failure != 0 ? scribe->failure : -ENOMEM;
    free(text);
}

int scribe_failure(const struct scribe *scribe)
{
    return scribe->failure;
}

void scribe_head(const struct scribe *scribe, char ret[2 * TT_HASH_BYTES + 1])
{
    uint8_t head[TT_HASH_BYTES];

    tt_ledger_writer_head(scribe->writer, head);
    for (uint32_t n = 0; n < TT_HASH_BYTES; n++)
        (void)snprintf(ret + 2 * n, 3, "%02x", head[n]);
}
