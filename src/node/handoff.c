/* Hand-offs: a container's worker that is over its budget gives its reservation to the standby. */
#include "node/handoff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/allowance.h"
#include "node/loop.h"
#include "platform/linux/handoff.h"
#include "platform/linux/reserve.h"
#include "tactus/format.h"

#define MILLI INT64_C(1000000)

/* The desk's own: a hand-off takes it about 20 us, and the kernel looks at its tick only. */
#define DESK_BUDGET_NS (200 * INT64_C(1000))
#define DESK_PERIOD_NS (5 * MILLI)

/* Of who lost the worker: one hundredth of a CPU, later due than any band's next deadline. */
#define PENAL_PERIOD_LEAST_NS (500 * MILLI)
#define PENAL_PERIOD_MOST_NS (4000 * MILLI)
#define KERNEL_BUDGET_LEAST_NS 1024

enum { PENAL_SHARE = 100, DESK_PRIORITY = 60, A_SECOND = 1000, STACK_BYTES = 256 << 10 };

struct handoff {
    struct handoff *next;
    struct handoff_desk *desk;
    struct tt_handoff *page;
    int page_fd, bell_fd;
    struct handoff_seat seat;
    pid_t threads[2];
    uint32_t answered, turn; /* what the page should say */
    uint32_t gone, home;     /* as they were seen last */
    bool is_recalled;        /* the standby has the small reservation and was told to leave it */
    struct allowance asked;
};

struct handoff_desk {
    pthread_t thread;
    pthread_mutex_t lock; /* of all hand-offs; its holder inherits the desk's urgency */
    struct handoff *list;
    int epoll_fd, quit_fd;
    enum tt_right right;
};

static void publish(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static int64_t penal_period_ns(const struct handoff_seat *seat)
{
    int64_t period_ns =
        2 * (seat->deadline_ns < PENAL_PERIOD_MOST_NS ? seat->deadline_ns : PENAL_PERIOD_MOST_NS);

    period_ns = period_ns > PENAL_PERIOD_LEAST_NS ? period_ns : PENAL_PERIOD_LEAST_NS;
    return period_ns < PENAL_PERIOD_MOST_NS ? period_ns : PENAL_PERIOD_MOST_NS;
}

/* Never more than it had, so that the kernel cannot refuse it. */
static int64_t penal_budget_ns(const struct handoff_seat *seat)
{
    int64_t period_ns = penal_period_ns(seat), most_ns;
    int64_t budget_ns = period_ns / PENAL_SHARE;

    most_ns = tt_muldiv(seat->budget_ns, period_ns, seat->period_ns);
    budget_ns = budget_ns < most_ns ? budget_ns : most_ns;
    return budget_ns > KERNEL_BUDGET_LEAST_NS ? budget_ns : KERNEL_BUDGET_LEAST_NS;
}

/* Downwards first, so that there is never more booked than before but for the penal share. The one
 * that sleeps without a reservation begins a fresh one when it wakes. Both are changed from
 * DEADLINE to DEADLINE or upwards: nobody is demoted. */
static int move_reservation(const struct handoff *handoff, pid_t from, pid_t to)
{
    const struct handoff_seat *seat = &handoff->seat;
    int r;

    if (seat->budget_ns <= 0)
        return seat->fifo_priority > 0 ? tt_reserve_fifo(to, seat->fifo_priority, NULL) : 0;
    r = tt_reserve_deadline(from, penal_budget_ns(seat), penal_period_ns(seat), NULL);
    if (r < 0)
        return r;
    r = tt_reserve_deadline(to, seat->budget_ns, seat->period_ns, NULL);
    if (r < 0)
        (void)tt_reserve_deadline(from, seat->budget_ns, seat->period_ns, NULL);
    return r;
}

static bool may_move(struct handoff *handoff)
{
    uint32_t home = __atomic_load_n(&handoff->page->home, __ATOMIC_ACQUIRE);

    if (handoff->is_recalled && home == handoff->home)
        return false;
    handoff->is_recalled = false;
    return handoff->threads[0] != 0 && handoff->threads[1] != 0 &&
           allowance_take(&handoff->asked, loop_now_ns(), A_SECOND);
}

static void serve_ask(struct handoff *handoff)
{
    pid_t from = handoff->threads[handoff->turn & 1], to = handoff->threads[~handoff->turn & 1];

    if (may_move(handoff) && move_reservation(handoff, from, to) == 0) {
        handoff->home = __atomic_load_n(&handoff->page->home, __ATOMIC_ACQUIRE);
        publish(&handoff->page->turn, ++handoff->turn);
    }
    publish(&handoff->page->answered, ++handoff->answered);
}

/* The loser has left the worker's reservation and goes on without any: a fresh small one lets it
 * finish what is little, and costs no band anything. It may be back already, and wait: then it has
 * to leave that again, or it would begin its next turn with what is left of it. */
static void serve_gone(struct handoff *handoff)
{
    struct tt_handoff *page = handoff->page;
    const struct handoff_seat *seat = &handoff->seat;
    pid_t loser = handoff->threads[~handoff->turn & 1];

    if (seat->budget_ns <= 0 || loser == 0 || handoff->gone != handoff->turn ||
        __atomic_load_n(&page->home, __ATOMIC_ACQUIRE) != handoff->home ||
        tt_reserve_deadline(loser, penal_budget_ns(seat), penal_period_ns(seat), NULL) < 0)
        return;
    if (__atomic_load_n(&page->home, __ATOMIC_ACQUIRE) == handoff->home)
        return;
    handoff->home = __atomic_load_n(&page->home, __ATOMIC_ACQUIRE);
    handoff->is_recalled = true;
    (void)syscall(SYS_futex, &page->turn, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void serve(struct handoff *handoff)
{
    struct tt_handoff *page = handoff->page;
    uint32_t gone = __atomic_load_n(&page->gone, __ATOMIC_ACQUIRE);

    if (__atomic_load_n(&page->asked, __ATOMIC_ACQUIRE) != handoff->answered)
        serve_ask(handoff);
    if (gone == handoff->gone)
        return;
    handoff->gone = gone;
    serve_gone(handoff);
}

static void take_class(const struct handoff_desk *desk)
{
    if (desk->right == TT_RIGHT_DEADLINE &&
        tt_reserve_deadline(0, DESK_BUDGET_NS, DESK_PERIOD_NS, NULL) == 0)
        return;
    if (desk->right != TT_RIGHT_OTHER)
        (void)tt_reserve_fifo(0, DESK_PRIORITY, NULL);
}

/* Page faults belong before the reservation. */
static __attribute__((noinline)) void touch_stack(void)
{
    volatile char room[STACK_BYTES / 2];

    for (size_t n = 0; n < sizeof(room); n += 1024)
        room[n] = 0;
    (void)mlock((const void *)room, sizeof(room));
}

/* It may have gone between its bell and now. */
static void serve_if_there(struct handoff_desk *desk, const void *wanted)
{
    (void)pthread_mutex_lock(&desk->lock);
    for (struct handoff *handoff = desk->list; handoff != NULL; handoff = handoff->next)
        if (handoff == wanted)
            serve(handoff);
    (void)pthread_mutex_unlock(&desk->lock);
}

/* Bells are told at their edges: nobody has to read what the container wrote into them, or may
 * have. */
static void *run_desk(void *ctx)
{
    struct handoff_desk *desk = ctx;
    struct epoll_event event;

    touch_stack();
    take_class(desk);
    for (;;) {
        if (epoll_wait(desk->epoll_fd, &event, 1, -1) != 1)
            continue;
        if (event.data.ptr == NULL)
            break;
        serve_if_there(desk, event.data.ptr);
    }
    return NULL;
}

static int watch(struct handoff_desk *desk, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = what};

    return epoll_ctl(desk->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int start(struct handoff_desk *desk)
{
    pthread_mutexattr_t urgent;
    pthread_attr_t small;
    int r;

    (void)pthread_mutexattr_init(&urgent);
    (void)pthread_mutexattr_setprotocol(&urgent, PTHREAD_PRIO_INHERIT);
    (void)pthread_mutex_init(&desk->lock, &urgent);
    (void)pthread_mutexattr_destroy(&urgent);
    (void)pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, STACK_BYTES);
    r = pthread_create(&desk->thread, &small, run_desk, desk);
    (void)pthread_attr_destroy(&small);
    return r == 0 ? 0 : -r;
}

struct handoff_desk *handoff_desk_open(enum tt_right right)
{
    struct handoff_desk *desk = calloc(1, sizeof(*desk));

    if (desk == NULL)
        return NULL;
    desk->right = right;
    desk->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    desk->quit_fd = eventfd(0, EFD_CLOEXEC);
    if (desk->epoll_fd >= 0 && desk->quit_fd >= 0 && watch(desk, desk->quit_fd, NULL) == 0 &&
        start(desk) == 0)
        return desk;
    (void)close(desk->epoll_fd);
    (void)close(desk->quit_fd);
    free(desk);
    return NULL;
}

void handoff_desk_close(struct handoff_desk **closed)
{
    struct handoff_desk *desk = *closed;
    uint64_t one = 1;

    if (desk == NULL)
        return;
    (void)!write(desk->quit_fd, &one, sizeof(one));
    (void)pthread_join(desk->thread, NULL);
    (void)close(desk->epoll_fd);
    (void)close(desk->quit_fd);
    free(desk);
    *closed = NULL;
}

static int make_page(struct handoff *handoff)
{
    void *page;

    handoff->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    handoff->page_fd = memfd_create("handoff", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (handoff->bell_fd < 0 || handoff->page_fd < 0 ||
        ftruncate(handoff->page_fd, sizeof(struct tt_handoff)) < 0 ||
        fcntl(handoff->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return -errno;
    page = mmap(NULL, sizeof(struct tt_handoff), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                handoff->page_fd, 0);
    if (page == MAP_FAILED)
        return -errno;
    handoff->page = page;
    return watch(handoff->desk, handoff->bell_fd, handoff);
}

int handoff_open(struct handoff_desk *desk, struct handoff **ret, struct tt_error *err)
{
    struct handoff *handoff = calloc(1, sizeof(*handoff));
    int r = -ENOMEM;

    if (handoff != NULL) {
        handoff->desk = desk;
        handoff->bell_fd = handoff->page_fd = -1;
        r = make_page(handoff);
    }
    if (r < 0) {
        handoff_close(&handoff);
        return tt_fail(err, r, "cannot prepare hand-offs: %s", strerror(-r));
    }
    (void)pthread_mutex_lock(&desk->lock);
    handoff->next = desk->list;
    desk->list = handoff;
    (void)pthread_mutex_unlock(&desk->lock);
    *ret = handoff;
    return 0;
}

void handoff_close(struct handoff **closed)
{
    struct handoff *handoff = *closed;

    if (handoff == NULL)
        return;
    (void)pthread_mutex_lock(&handoff->desk->lock);
    for (struct handoff **place = &handoff->desk->list; *place != NULL; place = &(*place)->next)
        if (*place == handoff) {
            *place = handoff->next;
            break;
        }
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    if (handoff->page != NULL)
        (void)munmap(handoff->page, sizeof(struct tt_handoff));
    if (handoff->page_fd >= 0)
        (void)close(handoff->page_fd);
    if (handoff->bell_fd >= 0)
        (void)close(handoff->bell_fd);
    free(handoff);
    *closed = NULL;
}

void handoff_gift(struct handoff *handoff, struct broker_gift *gift)
{
    (void)pthread_mutex_lock(&handoff->desk->lock);
    memset(handoff->page, 0, sizeof(*handoff->page));
    handoff->threads[0] = handoff->threads[1] = 0;
    handoff->turn = handoff->answered = handoff->gone = handoff->home = 0;
    handoff->is_recalled = false;
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    broker_gift_add(gift, "handoff", handoff->page_fd);
    broker_gift_add(gift, "handoff-bell", handoff->bell_fd);
}

void handoff_seat(struct handoff *handoff, const struct handoff_seat *seat)
{
    (void)pthread_mutex_lock(&handoff->desk->lock);
    handoff->seat = *seat;
    handoff->threads[0] = seat->worker;
    handoff->threads[1] = seat->standby;
    (void)pthread_mutex_unlock(&handoff->desk->lock);
}

pid_t handoff_worker(struct handoff *handoff)
{
    pid_t worker;

    (void)pthread_mutex_lock(&handoff->desk->lock);
    worker = handoff->threads[handoff->turn & 1];
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    return worker;
}

int handoff_resize(struct handoff *handoff, int64_t budget_ns, int64_t period_ns,
                   struct tt_error *err)
{
    int r;

    (void)pthread_mutex_lock(&handoff->desk->lock);
    r = tt_reserve_deadline(handoff->threads[handoff->turn & 1], budget_ns, period_ns, err);
    if (r == 0) {
        handoff->seat.budget_ns = budget_ns;
        handoff->seat.period_ns = period_ns;
    }
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    return r;
}
