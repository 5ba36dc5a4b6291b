/* Memory in stock: bounded, filled in turns, given once, zero, of the size that was asked for. */
#include "node/stock.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static struct loop *loop;
static struct loop_timer tick;

static void on_tick(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
    loop_set(loop, &tick, loop_now_ns() + 1000000);
}

/* Turns until so much is there; the test's own time limit is the guard. */
static void fill(struct stock *stock, uint64_t bytes)
{
    tick = (struct loop_timer){.fn = on_tick};
    loop_set(loop, &tick, 0);
    while (stock_bytes(stock) < bytes)
        loop_turn(loop);
    loop_clear(loop, &tick);
}

static void check_zero(int fd, uint64_t bytes)
{
    const unsigned char *memory = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    unsigned char any = 0;

    CHECK(memory != MAP_FAILED);
    for (uint64_t n = 0; n < bytes; n++)
        any |= memory[n];
    CHECK_INT(any, 0);
    (void)munmap((void *)(uintptr_t)memory, bytes);
}

static void check_file(int fd, uint64_t bytes, bool is_there)
{
    struct stat about;

    CHECK(fd >= 0);
    CHECK_INT(fstat(fd, &about), 0);
    CHECK_INT(about.st_size, ((int64_t)bytes + STOCK_SMALL_BYTES - 1) / STOCK_SMALL_BYTES *
                                 (int64_t)STOCK_SMALL_BYTES);
    CHECK(((uint64_t)about.st_blocks * 512 >= bytes) == is_there);
    CHECK((uint64_t)about.st_blocks * 512 <= (uint64_t)about.st_size);
    check_zero(fd, bytes);
    CHECK_INT(fcntl(fd, F_GET_SEALS), 0);
}

static void what_is_given_is_zero_of_its_size_and_never_again(void)
{
    const uint64_t small = 5 << 20, large = STOCK_BYTES + 4096;
    struct stock *stock = stock_open(loop);
    struct stat first, second;
    int one, two;

    CHECK(stock != NULL);
    CHECK_INT(stock_take(stock, small), -1); /* nothing is there yet */
    fill(stock, STOCK_BYTES + STOCK_SMALL_BYTES);
    CHECK_INT(stock_take(stock, 4096), -1); /* not worth the whole */
    one = stock_take(stock, small);
    check_file(one, small, true);
    CHECK_INT(pwrite(one, "x", 1, (off_t)small - 1), 1);
    CHECK_INT(fstat(one, &first), 0);
    CHECK_INT(stock_bytes(stock), STOCK_SMALL_BYTES);
    CHECK_INT(stock_take(stock, small), -1);
    (void)close(one);
    one = stock_take(stock, STOCK_SMALL_BYTES - 4096);
    check_file(one, STOCK_SMALL_BYTES - 4096, true);
    CHECK_INT(stock_bytes(stock), 0);
    (void)close(one);
    fill(stock, STOCK_SMALL_BYTES + STOCK_BYTES);
    two = stock_take(stock, large); /* the end of it is not there yet */
    check_file(two, large, false);
    CHECK_INT(fstat(two, &second), 0);
    CHECK(first.st_ino != second.st_ino);
    (void)close(two);
    fill(stock, STOCK_SMALL_BYTES + large); /* as much as was wanted last */
    two = stock_take(stock, large);
    check_file(two, large, true);
    (void)close(two);
    stock_close(&stock);
    CHECK(stock == NULL);
}

static void without_a_stock_nothing_is_given(void)
{
    CHECK_INT(stock_take(NULL, STOCK_BYTES), -1);
}

int main(void)
{
    (void)alarm(200);
    CHECK_INT(loop_open(&loop, NULL), 0);
    RUN(what_is_given_is_zero_of_its_size_and_never_again);
    RUN(without_a_stock_nothing_is_given);
    loop_close(&loop);
    return 0;
}
