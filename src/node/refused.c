/* Refused system calls, answered and counted. */
#include "node/refused.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "platform/linux/filter.h"

enum {
    /* Who tries on gets ENOSYS from the kernel, and costs tactusd nothing any more. */
    COUNTED_MAX = 100000
};

static void look_away(struct refused *refused)
{
    if (refused->watch == NULL)
        return;
    loop_remove(refused->loop, &refused->watch);
    (void)close(refused->listener);
}

static void tell_kind(struct refused *refused, int call)
{
    uint32_t bit = (uint32_t)call % 512;
    char *name, text[128];

    if ((refused->seen[bit / 64] >> (bit % 64) & 1) != 0)
        return;
    refused->seen[bit / 64] |= UINT64_C(1) << (bit % 64);
    refused->kinds++;
    name = tt_filter_name(call);
    (void)snprintf(text, sizeof(text), "it tried %s, which a container may not: refused",
                   name != NULL ? name : "an unknown system call");
    free(name);
    refused->tell(refused->ctx, text);
}

static void on_listener(void *ctx, uint32_t events)
{
    struct refused *refused = ctx;
    int call;

    if ((events & EPOLLIN) == 0 || !tt_filter_take(refused->listener, &call)) {
        if ((events & (EPOLLHUP | EPOLLERR)) != 0)
            look_away(refused);
        return;
    }
    refused->count++;
    tell_kind(refused, call);
    if (refused->count >= COUNTED_MAX)
        look_away(refused);
}

void refused_open(struct refused *refused, struct loop *loop, int listener, refused_fn *tell,
                  void *ctx)
{
    struct refused fresh = {.loop = loop, .listener = listener, .tell = tell, .ctx = ctx};

    if (listener < 0 || refused->watch != NULL) {
        if (listener >= 0)
            (void)close(listener);
        return;
    }
    *refused = fresh;
    refused->watch = loop_add(loop, listener, EPOLLIN, on_listener, refused);
    if (refused->watch == NULL)
        (void)close(listener); /* the kernel refuses them from now on, uncounted */
}

void refused_close(struct refused *refused)
{
    char text[128];

    look_away(refused);
    if (refused->count > 0) {
        (void)snprintf(text, sizeof(text), "%llu%s refused system calls, of %llu kinds",
                       (unsigned long long)refused->count,
                       refused->count >= COUNTED_MAX ? " or more" : "",
                       (unsigned long long)refused->kinds);
        refused->tell(refused->ctx, text);
    }
    memset(refused, 0, sizeof(*refused));
}
