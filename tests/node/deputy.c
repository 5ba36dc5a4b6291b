/* Stand-ins: woken by what another thread should see, as often as they may be, and not behind the
 * end. */
#include "node/deputy.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/loop.h"

#include "check.h"

enum { DEPUTIES_MOST = 2, A_SECOND = 1000, FLOOD = 50000, BEGIN = 1 };

static uint64_t calls; /* atomic */

static void serve(void *ctx)
{
    (void)__atomic_add_fetch((uint64_t *)ctx, 1, __ATOMIC_ACQ_REL);
}

static int watched(int bell_fd)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int fd = epoll_create1(EPOLL_CLOEXEC);

    CHECK(fd >= 0);
    CHECK_INT(epoll_ctl(fd, EPOLL_CTL_ADD, bell_fd, &event), 0);
    return fd;
}

static void ring(int fd)
{
    uint64_t one = 1;

    CHECK_INT(write(fd, &one, sizeof(one)), (int)sizeof(one));
}

/* The test's own time limit is the guard. */
static void wait_for_calls(uint64_t count)
{
    while (__atomic_load_n(&calls, __ATOMIC_ACQUIRE) < count)
        (void)usleep(1000);
}

static void events_that_nobody_took_are_served(void)
{
    int bell_fd = eventfd(0, EFD_CLOEXEC), epoll_fd = watched(bell_fd);
    struct deputies *deputies;
    struct epoll_event event;
    uint64_t begun;

    calls = 0;
    deputies = deputies_open(epoll_fd, 0, serve, &calls);
    CHECK(deputies != NULL);
    wait_for_calls(BEGIN);
    (void)usleep(20000);
    for (int n = 0; n < 5; n++) {
        begun = __atomic_load_n(&calls, __ATOMIC_ACQUIRE);
        ring(bell_fd);
        wait_for_calls(begun + 1);
    }
    CHECK_INT(epoll_wait(epoll_fd, &event, 1, 0), 1); /* the caller's own is still there */
    deputies_close(&deputies);
    CHECK(deputies == NULL);
    begun = calls;
    ring(bell_fd);
    (void)usleep(20000);
    CHECK(calls == begun);
    (void)close(epoll_fd);
    (void)close(bell_fd);
}

static void a_flood_is_not_served_for_ever(void)
{
    int bell_fd = eventfd(0, EFD_CLOEXEC), epoll_fd = watched(bell_fd);
    int64_t from_ns = loop_now_ns(), seconds;
    struct deputies *deputies;

    calls = 0;
    deputies = deputies_open(epoll_fd, 0, serve, &calls);
    for (int n = 0; n < FLOOD; n++)
        ring(bell_fd);
    deputies_close(&deputies);
    seconds = (loop_now_ns() - from_ns) / 1000000000 + 2;
    CHECK(calls <= (uint64_t)(seconds * A_SECOND + BEGIN) * DEPUTIES_MOST);
    (void)close(epoll_fd);
    (void)close(bell_fd);
}

int main(void)
{
    RUN(events_that_nobody_took_are_served);
    RUN(a_flood_is_not_served_for_ever);
    return 0;
}
