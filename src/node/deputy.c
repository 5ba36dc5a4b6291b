/* Stand-ins for a thread that waits for its CPU: bound to one each, woken by what wakes it. */
#include "node/deputy.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/allowance.h"
#include "node/loop.h"
#include "platform/linux/reserve.h"

/* Who can make events could keep a CPU busy with them, for FIFO has no budget. Behind so many in a
 * second the first thread is alone again. */
enum { A_SECOND = 1000, REST_US = 100000 };

enum {
    COUNT = 2, /* that both of their CPUs and the first thread's are kept at once is rare */
    STACK_BYTES = 256 << 10
};

struct deputies {
    struct deputy {
        pthread_t thread;
        struct deputies *all;
        int epoll_fd; /* each has its own: of several who wait at one, one is woken */
        int cpu;
        struct allowance served;
        bool is_there;
    } deputy[COUNT];
    int fifo_priority, quit_fd;
    void (*serve)(void *ctx);
    void *ctx;
};

/* Where the machine does not let it, it is one more thread of the same kind. */
static void bind_to(int cpu)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof(one), &one);
}

static void *run(void *ctx)
{
    struct deputy *deputy = ctx;
    struct deputies *all = deputy->all;
    struct epoll_event event = {0};

    (void)pthread_setname_np(pthread_self(), "deputy");
    bind_to(deputy->cpu);
    if (all->fifo_priority > 0)
        (void)tt_reserve_fifo(0, all->fifo_priority, NULL);
    all->serve(all->ctx); /* what is touched for the first time is there then */
    for (;;) {
        if (epoll_wait(deputy->epoll_fd, &event, 1, -1) != 1)
            continue;
        if (event.data.ptr == NULL)
            return NULL;
        if (allowance_take(&deputy->served, loop_now_ns(), A_SECOND))
            all->serve(all->ctx);
        else
            (void)usleep(REST_US);
    }
}

static bool watch(int epoll_fd, int fd, uint32_t events, void *what)
{
    struct epoll_event event = {.events = events, .data.ptr = what};

    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int nth_cpu(int number)
{
    cpu_set_t allowed;

    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        return -1;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && number-- == 0)
            return cpu;
    return -1;
}

static void start(struct deputy *deputy, int watched_fd)
{
    pthread_attr_t small;

    deputy->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (deputy->epoll_fd < 0 || !watch(deputy->epoll_fd, deputy->all->quit_fd, EPOLLIN, NULL) ||
        !watch(deputy->epoll_fd, watched_fd, EPOLLIN | EPOLLET, deputy))
        return;
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    deputy->is_there = pthread_create(&deputy->thread, &small, run, deputy) == 0;
    (void)pthread_attr_destroy(&small);
}

struct deputies *deputies_open(int epoll_fd, int fifo_priority, void (*serve)(void *ctx), void *ctx)
{
    struct deputies *deputies = calloc(1, sizeof(*deputies));

    if (deputies == NULL)
        return NULL;
    *deputies = (struct deputies){.fifo_priority = fifo_priority, .serve = serve, .ctx = ctx};
    deputies->quit_fd = eventfd(0, EFD_CLOEXEC);
    for (int n = 0; n < COUNT; n++) {
        deputies->deputy[n] = (struct deputy){.all = deputies, .epoll_fd = -1, .cpu = nth_cpu(n)};
        if (deputies->quit_fd >= 0 && deputies->deputy[n].cpu >= 0)
            start(&deputies->deputy[n], epoll_fd);
    }
    return deputies;
}

void deputies_close(struct deputies **closed)
{
    struct deputies *deputies = *closed;
    uint64_t one = 1;

    if (deputies == NULL)
        return;
    (void)!write(deputies->quit_fd, &one, sizeof(one));
    for (int n = 0; n < COUNT; n++) {
        if (deputies->deputy[n].is_there)
            (void)pthread_join(deputies->deputy[n].thread, NULL);
        if (deputies->deputy[n].epoll_fd >= 0)
            (void)close(deputies->deputy[n].epoll_fd);
    }
    if (deputies->quit_fd >= 0)
        (void)close(deputies->quit_fd);
    free(deputies);
    *closed = NULL;
}
