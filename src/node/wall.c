/* Notices when somebody sets the wall clock. Slewing changes both clocks alike and is no step. */
#include "node/wall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)
#define NEVER_S INT64_C(253402300799) /* the year 9999 */
#define LEAST_NS INT64_C(100000)      /* below it is the noise of reading two clocks */

struct wall {
    struct loop *loop;
    struct loop_watch *watch;
    wall_fn *fn;
    void *ctx;
    int fd;
    int64_t offset_ns; /* wall less monotonic, when we looked last */
};

static int64_t offset_now_ns(void)
{
    struct timespec wall;
    int64_t before_ns, least_ns = INT64_MAX, offset_ns = 0;

    /* The reading that took the shortest time was not interrupted between the clocks. */
    for (int n = 0; n < 5; n++) {
        int64_t took_ns;

        before_ns = loop_now_ns();
        (void)clock_gettime(CLOCK_REALTIME, &wall);
        took_ns = loop_now_ns() - before_ns;
        if (took_ns < least_ns) {
            least_ns = took_ns;
            offset_ns = wall.tv_sec * SECOND + wall.tv_nsec - before_ns - took_ns / 2;
        }
    }
    return offset_ns;
}

static int arm(int fd)
{
    const struct itimerspec never = {.it_value = {.tv_sec = NEVER_S}};

    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
               ? -errno
               : 0;
}

static void look(struct wall *wall)
{
    int64_t offset_ns = offset_now_ns(), step_ns = offset_ns - wall->offset_ns;

    wall->offset_ns = offset_ns;
    if (step_ns >= LEAST_NS || step_ns <= -LEAST_NS)
        wall->fn(wall->ctx, step_ns);
}

static void on_set(void *ctx, uint32_t events)
{
    struct wall *wall = ctx;
    uint64_t expired;

    (void)events;
    if (read(wall->fd, &expired, sizeof(expired)) < 0 && errno != ECANCELED)
        return;
    (void)arm(wall->fd);
    look(wall);
}

int wall_open(struct loop *loop, wall_fn *fn, void *ctx, struct wall **ret, struct tt_error *err)
{
    struct wall *wall = calloc(1, sizeof(*wall));
    int r;

    if (wall == NULL)
        return tt_fail(err, -ENOMEM, "no memory to watch the wall clock");
    *wall = (struct wall){.loop = loop, .fn = fn, .ctx = ctx, .offset_ns = offset_now_ns()};
    wall->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    r = wall->fd < 0 ? -errno : arm(wall->fd);
    if (r == 0)
        wall->watch = loop_add(loop, wall->fd, EPOLLIN, on_set, wall);
    if (r == 0 && wall->watch == NULL)
        r = -ENOMEM;
    if (r < 0) {
        wall_close(&wall);
        return tt_fail(err, r, "cannot watch the wall clock: %s", strerror(-r));
    }
    *ret = wall;
    return 0;
}

void wall_close(struct wall **wall)
{
    if (*wall == NULL)
        return;
    loop_remove((*wall)->loop, &(*wall)->watch);
    if ((*wall)->fd >= 0)
        (void)close((*wall)->fd);
    free(*wall);
    *wall = NULL;
}

void wall_pretend(struct wall *wall, int64_t step_ns)
{
    wall->offset_ns -= step_ns;
    look(wall);
}
