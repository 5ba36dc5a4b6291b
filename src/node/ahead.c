/* A container that reads its service's picture on one CPU while tactusd plans on the other: what
 * would be done one after the other is a tenth of a start. */
#include "node/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/haste.h"

struct ahead {
    struct node *node;
    struct child *child; /* NULL: taken, or dead */
    char *packed;        /* what it was told */
    uint64_t bytes;
    int64_t since_ns;
    int picture_fd;    /* -1: taken */
    bool is_confirmed; /* it was told what it runs */
};

static void on_end(void *ctx, int code, int status, const struct rusage *usage)
{
    struct ahead *ahead = ctx;

    (void)code, (void)status, (void)usage;
    haste_forget(ahead->node->haste, child_pid(ahead->child));
    ahead->child = NULL;
}

static const struct child_ops waiting = {.on_exit = on_end};

static int tell(struct ahead *ahead, const struct tt_picture *picture)
{
    static const char *const name = "picture";

    ahead->packed = tt_picture_pack(picture, &ahead->bytes);
    if (ahead->packed == NULL)
        return -ENOMEM;
    ahead->picture_fd = tt_message_text_fd(name, ahead->packed, ahead->bytes, NULL);
    if (ahead->picture_fd < 0)
        return ahead->picture_fd;
    haste_take_along(ahead->node->haste, child_pid(ahead->child));
    return child_send(ahead->child, json_pack("{ss}", "op", name), &ahead->picture_fd, &name, 1,
                      NULL);
}

struct ahead *ahead_open(struct node *node, const struct tt_picture *picture, uint32_t uid,
                         uint32_t gid)
{
    struct ahead *ahead = calloc(1, sizeof(*ahead));
    json_t *order = json_pack("{ss si si}", "role", "container", "uid", (int)uid, "gid", (int)gid);

    if (ahead != NULL) {
        ahead->node = node;
        ahead->picture_fd = -1;
        ahead->since_ns = loop_now_ns();
        ahead->child = child_waiting(node->zygote, order, &waiting, ahead);
    }
    json_decref(order);
    if (ahead != NULL && (ahead->child == NULL || tell(ahead, picture) < 0))
        ahead_close(&ahead);
    return ahead;
}

void ahead_close(struct ahead **closed)
{
    struct ahead *ahead = *closed;

    if (ahead == NULL)
        return;
    if (ahead->child != NULL)
        haste_forget(ahead->node->haste, child_pid(ahead->child));
    child_abandon(&ahead->child);
    if (ahead->picture_fd >= 0)
        (void)close(ahead->picture_fd);
    free(ahead->packed);
    free(ahead);
    *closed = NULL;
}

int ahead_take_picture(struct ahead *ahead, const char *packed, uint64_t bytes)
{
    int fd = -1;

    if (ahead == NULL || ahead->bytes != bytes || memcmp(ahead->packed, packed, bytes) != 0)
        return -1;
    ahead->is_confirmed = true;
    fd = ahead->picture_fd;
    ahead->picture_fd = -1;
    return fd;
}

struct child *ahead_take(struct ahead *ahead, const struct child_ops *ops, void *ctx)
{
    struct child *child = ahead != NULL && ahead->is_confirmed ? ahead->child : NULL;

    if (child == NULL || !child_adopt(child, ops, ctx))
        return NULL;
    ahead->child = NULL;
    return child;
}

int64_t ahead_since_ns(const struct ahead *ahead)
{
    return ahead->since_ns;
}
