/* Zeroed memory made ahead. A page that is made costs its user four times what a page costs that is
 * there; of a service's start it was a quarter. */
#include "node/stock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One bit keeps the loop for about half a millisecond. */
#define BIT_BYTES (UINT64_C(512) << 10)
#define LEAST_BYTES (UINT64_C(4) << 20) /* for less the whole stock is not cut up */
#define FIRST_NS INT64_C(500000000)
#define REST_NS INT64_C(60000000) /* after a taking: a service is about to start */
#define BIT_NS INT64_C(1500000)
#define AGAIN_NS INT64_C(5000000000) /* when there was no memory */

struct stock {
    struct loop *loop;
    struct loop_timer timer;
    int fd; /* -1: none begun */
    uint64_t bytes;
};

static bool begin(struct stock *stock)
{
    stock->fd = memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    stock->bytes = 0;
    if (stock->fd < 0)
        return false;
    if (ftruncate(stock->fd, (off_t)STOCK_BYTES) == 0)
        return true;
    (void)close(stock->fd);
    stock->fd = -1;
    return false;
}

/* Asking the file system for room would leave the zeroing to the first touch. */
static bool add_bit(struct stock *stock)
{
    void *bit =
        mmap(NULL, BIT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, stock->fd, (off_t)stock->bytes);
    bool is_made;

    if (bit == MAP_FAILED)
        return false;
    is_made = madvise(bit, BIT_BYTES, MADV_POPULATE_WRITE) == 0;
    (void)munmap(bit, BIT_BYTES);
    if (is_made)
        stock->bytes += BIT_BYTES;
    return is_made;
}

static void on_timer(void *ctx, uint32_t events)
{
    struct stock *stock = ctx;
    bool is_made = (stock->fd >= 0 || begin(stock)) && add_bit(stock);

    (void)events;
    if (stock->bytes < STOCK_BYTES)
        loop_set(stock->loop, &stock->timer, loop_now_ns() + (is_made ? BIT_NS : AGAIN_NS));
}

struct stock *stock_open(struct loop *loop)
{
    struct stock *stock = calloc(1, sizeof(*stock));

    if (stock == NULL)
        return NULL;
    stock->loop = loop;
    stock->fd = -1;
    stock->timer = (struct loop_timer){.fn = on_timer, .ctx = stock};
    loop_set(loop, &stock->timer, loop_now_ns() + FIRST_NS);
    return stock;
}

void stock_close(struct stock **closed)
{
    struct stock *stock = *closed;

    if (stock == NULL)
        return;
    loop_clear(stock->loop, &stock->timer);
    if (stock->fd >= 0)
        (void)close(stock->fd);
    free(stock);
    *closed = NULL;
}

int stock_take(struct stock *stock, uint64_t bytes)
{
    int fd;

    if (stock == NULL || bytes < LEAST_BYTES)
        return -1;
    loop_set(stock->loop, &stock->timer, loop_now_ns() + REST_NS);
    if (stock->bytes == 0 || ftruncate(stock->fd, (off_t)bytes) < 0)
        return -1;
    fd = stock->fd;
    stock->fd = -1;
    stock->bytes = 0;
    return fd;
}

uint64_t stock_bytes(const struct stock *stock)
{
    return stock->bytes;
}
