/* What a component's save() gives, and restore() out of it: a length, then the bytes. */
#include "container/saved.h"

#include <errno.h>
#include <string.h>

struct saved {
    uint8_t *bytes;
    uint64_t at, end;
};

static int put(void *ctx, const void *data, uint64_t bytes)
{
    struct saved *saved = ctx;

    if (bytes > saved->end - saved->at)
        return -E2BIG;
    memcpy(saved->bytes + saved->at, data, bytes);
    saved->at += bytes;
    return 0;
}

static int get(void *ctx, void *data, uint64_t bytes)
{
    struct saved *saved = ctx;

    if (bytes > saved->end - saved->at)
        return -EBADMSG;
    memcpy(data, saved->bytes + saved->at, bytes);
    saved->at += bytes;
    return 0;
}

int saved_take(const struct tt_component *component, void *state, uint8_t *memory,
               uint32_t *ret_pages)
{
    struct saved saved = {.bytes = memory + sizeof(uint64_t), .end = TT_SAVED_MAX};
    int r = component->save(state, &(struct tt_writer){&saved, put});

    if (r < 0)
        return r;
    memcpy(memory, &saved.at, sizeof saved.at);
    *ret_pages = (uint32_t)((sizeof saved.at + saved.at + TT_SNAPSHOT_PAGE_BYTES - 1) /
                            TT_SNAPSHOT_PAGE_BYTES);
    return 0;
}

int saved_give(const struct tt_component *component, void *state, const uint8_t *memory)
{
    struct saved saved = {.bytes = (uint8_t *)(uintptr_t)memory + sizeof(uint64_t)};
    int r;

    memcpy(&saved.end, memory, sizeof saved.end);
    if (saved.end > TT_SAVED_MAX)
        return -EBADMSG;
    r = component->restore(state, &(struct tt_reader){&saved, get});
    return r == 0 && saved.at != saved.end ? -EBADMSG : r;
}
