/* Zeroed memory made ahead. A page that is made costs its user four times what a page costs that is
 * there; of a service's start it was a quarter. */
#include "node/stock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* One bit keeps the loop for about half a millisecond. */
#define BIT_BYTES (UINT64_C(512) << 10)
#define FIRST_NS INT64_C(500000000)
#define REST_NS INT64_C(60000000) /* after a taking: a service is about to start */
#define BIT_NS INT64_C(1500000)
#define AGAIN_NS INT64_C(5000000000) /* when there was no memory */

/* For less than its least a whole is not cut up; the small one is there first. */
static const struct size {
    uint64_t bytes, least_bytes;
} sizes[] = {{STOCK_SMALL_BYTES, UINT64_C(64) << 10}, {STOCK_BYTES, UINT64_C(4) << 20}};

enum { WHOLES = sizeof(sizes) / sizeof(sizes[0]) };

struct stock {
    struct loop *loop;
    struct loop_timer timer;
    struct whole {
        int fd; /* -1: none begun */
        uint64_t bytes;
    } wholes[WHOLES];
};

static bool begin(struct whole *whole, uint64_t bytes)
{
    whole->fd = memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    whole->bytes = 0;
    if (whole->fd < 0)
        return false;
    if (ftruncate(whole->fd, (off_t)bytes) == 0)
        return true;
    (void)close(whole->fd);
    whole->fd = -1;
    return false;
}

/* Asking the file system for room would leave the zeroing to the first touch. */
static bool add_bit(struct whole *whole)
{
    void *bit =
        mmap(NULL, BIT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, whole->fd, (off_t)whole->bytes);
    bool is_made;

    if (bit == MAP_FAILED)
        return false;
    is_made = madvise(bit, BIT_BYTES, MADV_POPULATE_WRITE) == 0;
    (void)munmap(bit, BIT_BYTES);
    if (is_made)
        whole->bytes += BIT_BYTES;
    return is_made;
}

static void on_timer(void *ctx, uint32_t events)
{
    struct stock *stock = ctx;
    uint32_t n = 0;
    bool is_made;

    (void)events;
    while (n < WHOLES && stock->wholes[n].bytes == sizes[n].bytes)
        n++;
    if (n == WHOLES)
        return;
    is_made = (stock->wholes[n].fd >= 0 || begin(&stock->wholes[n], sizes[n].bytes)) &&
              add_bit(&stock->wholes[n]);
    loop_set(stock->loop, &stock->timer, loop_now_ns() + (is_made ? BIT_NS : AGAIN_NS));
}

struct stock *stock_open(struct loop *loop)
{
    struct stock *stock = calloc(1, sizeof(*stock));

    if (stock == NULL)
        return NULL;
    stock->loop = loop;
    for (uint32_t n = 0; n < WHOLES; n++)
        stock->wholes[n].fd = -1;
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
        if (bytes >= sizes[n].least_bytes && (bytes <= sizes[n].bytes || n == WHOLES - 1))
            return &stock->wholes[n];
    return NULL;
}

int stock_take(struct stock *stock, uint64_t bytes)
{
    struct whole *whole = stock != NULL ? whole_for(stock, bytes) : NULL;
    int fd;

    if (whole == NULL)
        return -1;
    loop_set(stock->loop, &stock->timer, loop_now_ns() + REST_NS);
    if (whole->bytes == 0 || ftruncate(whole->fd, (off_t)bytes) < 0)
        return -1;
    fd = whole->fd;
    whole->fd = -1;
    whole->bytes = 0;
    return fd;
}

uint64_t stock_bytes(const struct stock *stock)
{
    uint64_t bytes = 0;

    for (uint32_t n = 0; n < WHOLES; n++)
        bytes += stock->wholes[n].bytes;
    return bytes;
}
