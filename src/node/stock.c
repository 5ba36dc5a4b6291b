/* Zeroed memory made ahead. A page that is made costs its user four times what a page costs that is
 * there, and one of 2 MiB hardly more than one of 4 KiB; of a service's start it was a quarter. */
#include "node/stock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "node/kit.h"
#include "node/stoker.h"

#define FIRST_NS INT64_C(500000000)
#define REST_NS INT64_C(60000000)    /* after a taking: a service is about to start */
#define AGAIN_NS INT64_C(5000000000) /* when there was no memory */

enum { PAGE_BYTES = 2 << 20 };

/* For less than its least a whole is not cut up; the small one is there first. */
static const uint64_t least_bytes[] = {UINT64_C(64) << 10, STOCK_SMALL_BYTES + 1};

enum { WHOLES = sizeof(least_bytes) / sizeof(least_bytes[0]), LARGE = WHOLES - 1 };

struct stock {
    struct loop *loop;
    struct loop_timer timer;
    struct loop_watch *watch;
    struct kit *kit;
    struct stoker *stoker; /* NULL: it died, and there is no stock any more */
    struct whole {
        int fd;         /* -1: none is there */
        uint64_t bytes; /* that it has, or will have */
    } wholes[WHOLES];
    uint32_t asked; /* which it makes; WHOLES: none */
};

static void lose_stoker(struct stock *stock)
{
    loop_remove(stock->loop, &stock->watch);
    loop_clear(stock->loop, &stock->timer);
    stoker_close(&stock->stoker);
}

static void on_timer(void *ctx, uint32_t events)
{
    struct stock *stock = ctx;
    uint32_t n = 0;

    (void)events;
    while (n < WHOLES && stock->wholes[n].fd >= 0)
        n++;
    if (n == WHOLES || stock->asked < WHOLES)
        return;
    stock->asked = n;
    if (!stoker_ask(stock->stoker, stock->wholes[n].bytes))
        lose_stoker(stock);
}

static void on_file(void *ctx, uint32_t events)
{
    struct stock *stock = ctx;
    int fd = stoker_take(stock->stoker);

    (void)events;
    if (fd == -EAGAIN)
        return;
    if (fd == -EPIPE) {
        lose_stoker(stock);
        return;
    }
    if (fd >= 0)
        stock->wholes[stock->asked].fd = fd;
    stock->asked = WHOLES;
    loop_set(stock->loop, &stock->timer, loop_now_ns() + (fd >= 0 ? 0 : AGAIN_NS));
}

struct stock *stock_open(struct loop *loop)
{
    struct stock *stock = calloc(1, sizeof(*stock));

    if (stock == NULL)
        return NULL;
    stock->loop = loop;
    stock->kit = kit_open(loop);
    stock->stoker = stoker_open();
    if (stock->stoker != NULL)
        stock->watch = loop_add(loop, stoker_fd(stock->stoker), EPOLLIN, on_file, stock);
    for (uint32_t n = 0; n < WHOLES; n++)
        stock->wholes[n] =
            (struct whole){.fd = -1, .bytes = n == LARGE ? STOCK_BYTES : STOCK_SMALL_BYTES};
    stock->asked = WHOLES;
    if (stock->watch == NULL) {
        stock_close(&stock);
        return NULL;
    }
    stock->timer = (struct loop_timer){.fn = on_timer, .ctx = stock};
    loop_set(loop, &stock->timer, loop_now_ns() + FIRST_NS);
    return stock;
}

void stock_close(struct stock **closed)
{
    struct stock *stock = *closed;

    if (stock == NULL)
        return;
    lose_stoker(stock);
    kit_close(&stock->kit);
    for (uint32_t n = 0; n < WHOLES; n++)
        if (stock->wholes[n].fd >= 0)
            (void)close(stock->wholes[n].fd);
    free(stock);
    *closed = NULL;
}

/* The smallest that is large enough; what wants more than the largest gets that as its beginning.
 */
static struct whole *whole_for(struct stock *stock, uint64_t bytes)
{
    for (uint32_t n = 0; n < WHOLES; n++)
        if (bytes >= least_bytes[n] && (bytes <= stock->wholes[n].bytes || n == LARGE))
            return &stock->wholes[n];
    return NULL;
}

/* Who comes next wants as much as who came last. */
static uint64_t next_bytes(uint64_t bytes)
{
    if (bytes < STOCK_BYTES)
        return STOCK_BYTES;
    return bytes < STOCK_MOST_BYTES ? bytes : STOCK_MOST_BYTES;
}

int stock_take(struct stock *stock, uint64_t bytes)
{
    struct whole *whole = stock != NULL ? whole_for(stock, bytes) : NULL;
    uint64_t pages_bytes = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    int fd;

    if (whole == NULL || stock->stoker == NULL)
        return -1;
    if (stock->asked == WHOLES)
        loop_set(stock->loop, &stock->timer, loop_now_ns() + REST_NS);
    fd = whole->fd;
    if (fd < 0 || ftruncate(fd, (off_t)pages_bytes) < 0)
        return -1;
    whole->fd = -1;
    if (whole == &stock->wholes[LARGE])
        whole->bytes = next_bytes(pages_bytes);
    return fd;
}

struct kit *stock_kit(struct stock *stock)
{
    return stock != NULL ? stock->kit : NULL;
}

uint64_t stock_bytes(const struct stock *stock)
{
    uint64_t bytes = 0;

    for (uint32_t n = 0; n < WHOLES; n++)
        bytes += stock->wholes[n].fd >= 0 ? stock->wholes[n].bytes : 0;
    return bytes;
}
