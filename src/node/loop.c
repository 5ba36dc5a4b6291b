/* One epoll loop: descriptors and timers call back. */
#include "node/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

enum { EVENTS_AT_ONCE = 64 };

struct loop_watch {
    int fd;
    loop_fn *fn; /* NULL: removed, to be freed after this turn */
    void *ctx;
    struct loop_watch *next_dead;
};

struct loop {
    int epoll_fd;
    struct loop_timer *timers; /* earliest first */
    struct loop_watch *dead;
    int64_t serving_ns; /* timers up to here are being served; 0: none are */
};

int64_t loop_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int loop_open(struct loop **ret, struct tt_error *err)
{
    struct loop *loop = calloc(1, sizeof(*loop));

    if (loop == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the loop");
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        free(loop);
        return tt_fail(err, -errno, "epoll_create1: %s", strerror(errno));
    }
    *ret = loop;
    return 0;
}

static void bury(struct loop *loop)
{
    while (loop->dead != NULL) {
        struct loop_watch *watch = loop->dead;

        loop->dead = watch->next_dead;
        free(watch);
    }
}

void loop_close(struct loop **loop)
{
    if (*loop == NULL)
        return;
    bury(*loop);
    (void)close((*loop)->epoll_fd);
    free(*loop);
    *loop = NULL;
}

struct loop_watch *loop_add(struct loop *loop, int fd, uint32_t events, loop_fn *fn, void *ctx)
{
    struct loop_watch *watch = calloc(1, sizeof(*watch));
    struct epoll_event wanted = {.events = events, .data.ptr = watch};

    if (watch == NULL)
        return NULL;
    *watch = (struct loop_watch){.fd = fd, .fn = fn, .ctx = ctx};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &wanted) < 0) {
        free(watch);
        return NULL;
    }
    return watch;
}

void loop_change(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event wanted = {.events = events, .data.ptr = watch};

    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &wanted);
}

void loop_remove(struct loop *loop, struct loop_watch **watch)
{
    if (*watch == NULL)
        return;
    (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, (*watch)->fd, NULL);
    (*watch)->fn = NULL; /* its event may stand in the batch that is being worked through */
    (*watch)->next_dead = loop->dead;
    loop->dead = *watch;
    *watch = NULL;
}

void loop_clear(struct loop *loop, struct loop_timer *timer)
{
    struct loop_timer **place = &loop->timers;

    if (!timer->is_set)
        return;
    while (*place != timer)
        place = &(*place)->next;
    *place = timer->next;
    timer->is_set = false;
}

void loop_set(struct loop *loop, struct loop_timer *timer, int64_t at_ns)
{
    struct loop_timer **place = &loop->timers;

    loop_clear(loop, timer);
    if (loop->serving_ns != 0 && at_ns <= loop->serving_ns)
        at_ns = loop->serving_ns + 1; /* descriptors come first */
    timer->at_ns = at_ns;
    while (*place != NULL && (*place)->at_ns <= at_ns)
        place = &(*place)->next;
    timer->next = *place;
    timer->is_set = true;
    *place = timer;
}

static int wait_for_events(struct loop *loop, struct epoll_event *ret)
{
    struct timespec pause;
    int64_t left_ns;

    if (loop->timers == NULL)
        return epoll_wait(loop->epoll_fd, ret, EVENTS_AT_ONCE, -1);
    left_ns = loop->timers->at_ns - loop_now_ns();
    if (left_ns < 0)
        left_ns = 0;
    pause.tv_sec = left_ns / 1000000000;
    pause.tv_nsec = left_ns % 1000000000;
    return epoll_pwait2(loop->epoll_fd, ret, EVENTS_AT_ONCE, &pause, NULL);
}

void loop_turn(struct loop *loop)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = wait_for_events(loop, events);
    int64_t now_ns;

    tt_assert(count >= 0 || errno == EINTR);
    for (int n = 0; n < count; n++) {
        struct loop_watch *watch = events[n].data.ptr;

        if (watch->fn != NULL)
            watch->fn(watch->ctx, events[n].events);
    }
    loop->serving_ns = now_ns = loop_now_ns();
    while (loop->timers != NULL && loop->timers->at_ns <= now_ns) {
        struct loop_timer *timer = loop->timers;

        loop_clear(loop, timer);
        timer->fn(timer->ctx, 0);
    }
    loop->serving_ns = 0;
    bury(loop);
}
