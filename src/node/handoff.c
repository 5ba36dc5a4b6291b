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
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/allowance.h"
#include "node/deputy.h"
#include "node/kit.h"
#include "node/loop.h"
#include "platform/linux/forgotten.h"
#include "platform/linux/handoff.h"
#include "platform/linux/reserve.h"

#define MILLI INT64_C(1000000)

/* The desk's own: a hand-off takes it about 20 us, but interrupts are charged to it too, and the
 * kernel looks at its tick only. */
#define DESK_BUDGET_NS (400 * INT64_C(1000))
#define DESK_PERIOD_NS (4 * MILLI)

/* Of who lost the worker, until it leaves its class: enough to do that. */
#define LAST_BUDGET_NS (100 * INT64_C(1000))
#define PAUSE_MORE_NS (200 * INT64_C(1000))

/* Who leaves a reservation gets none before its 0-lag time: its deadline, and what it took too much
 * at the pace of a twentieth of a CPU. What the pause does not show is a millisecond at most. */
#define REST_NS (20 * MILLI)
#define LONG_REST_NS (200 * MILLI)

/* Whoever has not returned by then is no little overrun, and gives way to edges and programs. */
#define HUMBLE_AFTER_NS (20 * MILLI)

enum {
    DESK_PRIORITY = 60,
    A_SECOND = 1000,
    STACK_BYTES = 256 << 10,
    HUMBLE_NICE = 15,
    IDLE_MS = 200 /* without a worker, until the desk gives its class back: many of its periods */
};

struct handoff {
    struct handoff *next;
    struct handoff_desk *desk;
    struct tt_handoff *page;
    int page_fd, bell_fd;
    struct handoff_seat seat;
    pid_t threads[2];
    uint32_t answered, turn; /* what the page should say */
    uint32_t gone;           /* as it was seen last */
    uint32_t home_before;    /* at the last hand-off: another means that its loser is back */
    int64_t humble_at_ns;    /* when the loser is made nice; 0: not */
    int64_t rested_at_ns;    /* the loser may be the worker again */
    int64_t trial_at_ns;     /* when it shows whether the kernel still runs it; 0: no trial */
    bool is_humble;
    int refusal; /* the kernel's last word, that nobody was told yet; 0: none */
    struct allowance asked;
};

struct handoff_desk {
    pthread_t thread;
    pthread_mutex_t lock; /* of all hand-offs; its holder inherits the desk's urgency */
    struct handoff *list;
    struct handoff *ready; /* for the next service: the loop's alone; NULL: none */
    int epoll_fd, quit_fd;
    int wake_fd;               /* a worker was seated, or one is gone */
    struct deputies *deputies; /* serve while the desk's CPU is kept from it */
    enum tt_right right;
    bool has_class;
};

static void publish(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* What is left to who loses the worker, and what a trial takes. */
static int64_t last_budget_ns(const struct handoff_seat *seat)
{
    int64_t last_ns = seat->period_ns / 20 > LAST_BUDGET_NS ? seat->period_ns / 20 : LAST_BUDGET_NS;

    return last_ns < seat->budget_ns ? last_ns : seat->budget_ns;
}

/* A thread that left its reservation with the budget used up may be one that the kernel would never
 * run again: it is seen before it is woken. Who never had one is fresh. */
static bool is_doubtful(const struct handoff *handoff, pid_t to)
{
    struct tt_budget_left left;

    return handoff->turn > 0 && tt_budget_left(to, &left) == 0 && left.runtime_ns <= 0;
}

/* It is woken, for nothing, with what is booked in any case: one that is well goes to sleep again
 * with a fresh budget, the other one stays runnable. */
static void begin_trial(struct handoff *handoff, pid_t from, pid_t to)
{
    const struct handoff_seat *seat = &handoff->seat;

    (void)tt_reserve_deadline(to, last_budget_ns(seat), seat->period_ns, NULL);
    (void)tt_reserve_deadline(from, seat->budget_ns, seat->period_ns, NULL);
    (void)syscall(SYS_futex, &handoff->page->turn, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    handoff->trial_at_ns = loop_now_ns() + 2 * seat->period_ns + 2 * MILLI;
}

/* Either way it is out of its reservation afterwards, as before. One that was forgotten is forgiven
 * a while later. */
static void end_trial(struct handoff *handoff, pid_t to, int64_t now_ns)
{
    bool is_freed = tt_forgotten_free(to, NULL) == 0;

    if (!is_freed)
        (void)tt_reserve_drop(to, NULL);
    handoff->trial_at_ns = 0;
    handoff->rested_at_ns =
        now_ns + 2 * handoff->seat.period_ns + (is_freed ? LONG_REST_NS : REST_NS);
}

/* Downwards first, so that there is never much more booked than before: until it leaves, the loser
 * has a twentieth of a CPU at most. The one that sleeps without a reservation begins a fresh one
 * when it wakes. Both are changed from DEADLINE to DEADLINE or upwards: nobody is demoted here. */
static int move_reservation(struct handoff *handoff, pid_t from, pid_t to)
{
    const struct handoff_seat *seat = &handoff->seat;
    int r;

    if (seat->budget_ns <= 0)
        return seat->fifo_priority > 0 ? tt_reserve_fifo(to, seat->fifo_priority, NULL) : 0;
    r = tt_reserve_deadline(from, last_budget_ns(seat), seat->period_ns, NULL);
    if (r < 0)
        return r;
    r = tt_reserve_deadline(to, seat->budget_ns, seat->period_ns, NULL);
    if (r < 0)
        (void)tt_reserve_deadline(from, seat->budget_ns, seat->period_ns, NULL);
    if (r < 0)
        handoff->refusal = r;
    if (r < 0 || !is_doubtful(handoff, to))
        return r;
    begin_trial(handoff, from, to);
    return -EAGAIN;
}

static pid_t loser_of(const struct handoff *handoff)
{
    return handoff->threads[~handoff->turn & 1];
}

/* Somebody waits for the worker's place who may have it. */
static bool is_standby_there(const struct handoff *handoff, uint32_t home, int64_t now_ns)
{
    return (handoff->turn == 0 || home != handoff->home_before) && handoff->trial_at_ns == 0 &&
           now_ns >= handoff->rested_at_ns;
}

static void serve_ask(struct handoff *handoff, int64_t now_ns)
{
    pid_t from = handoff->threads[handoff->turn & 1], to = loser_of(handoff);
    int64_t period_ns = handoff->seat.budget_ns > 0 ? handoff->seat.period_ns : 0;
    struct tt_handoff *page = handoff->page;
    uint32_t home = __atomic_load_n(&page->home, __ATOMIC_ACQUIRE);

    if (from != 0 && to != 0 && is_standby_there(handoff, home, now_ns) &&
        allowance_take(&handoff->asked, now_ns, A_SECOND) &&
        move_reservation(handoff, from, to) == 0) {
        page->pause_ns = period_ns > 0 ? period_ns + PAUSE_MORE_NS : 0;
        handoff->rested_at_ns = period_ns > 0 ? now_ns + 3 * period_ns + REST_NS : 0;
        handoff->home_before = home;
        publish(&page->turn, ++handoff->turn);
    }
    publish(&page->answered, ++handoff->answered);
}

/* The loser goes on without a reservation: with what idle CPUs have, for which that is little. */
static void serve_loser(struct handoff *handoff, int64_t now_ns)
{
    const struct tt_handoff *page = handoff->page;
    uint32_t gone = __atomic_load_n(&page->gone, __ATOMIC_ACQUIRE);
    bool is_back = __atomic_load_n(&page->home, __ATOMIC_ACQUIRE) != handoff->home_before;

    if (gone != handoff->gone && gone == handoff->turn)
        handoff->humble_at_ns = now_ns + HUMBLE_AFTER_NS;
    handoff->gone = gone;
    if (is_back)
        handoff->humble_at_ns = 0;
    if (is_back && handoff->is_humble && loser_of(handoff) != 0)
        handoff->is_humble = setpriority(PRIO_PROCESS, (id_t)loser_of(handoff), 0) < 0;
    if (handoff->humble_at_ns == 0 || now_ns < handoff->humble_at_ns || loser_of(handoff) == 0)
        return;
    handoff->humble_at_ns = 0;
    handoff->is_humble = setpriority(PRIO_PROCESS, (id_t)loser_of(handoff), HUMBLE_NICE) == 0;
}

static void serve(struct handoff *handoff, int64_t now_ns)
{
    if (__atomic_load_n(&handoff->page->asked, __ATOMIC_ACQUIRE) != handoff->answered)
        serve_ask(handoff, now_ns);
    if (handoff->trial_at_ns != 0 && now_ns >= handoff->trial_at_ns)
        end_trial(handoff, loser_of(handoff), now_ns);
    serve_loser(handoff, now_ns);
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

/* All of them: few, and a look costs nothing. Returns how long nothing is to be done, in ms. */
static int serve_list(struct handoff_desk *desk)
{
    int64_t now_ns = loop_now_ns(), next_ns = INT64_MAX;

    for (struct handoff *handoff = desk->list; handoff != NULL; handoff = handoff->next) {
        serve(handoff, now_ns);
        if (handoff->humble_at_ns != 0 && handoff->humble_at_ns < next_ns)
            next_ns = handoff->humble_at_ns;
        if (handoff->trial_at_ns != 0 && handoff->trial_at_ns < next_ns)
            next_ns = handoff->trial_at_ns;
    }
    return next_ns == INT64_MAX ? -1 : (int)((next_ns - now_ns) / MILLI) + 1;
}

static int serve_all(struct handoff_desk *desk)
{
    int timeout_ms;

    (void)pthread_mutex_lock(&desk->lock);
    timeout_ms = serve_list(desk);
    (void)pthread_mutex_unlock(&desk->lock);
    return timeout_ms;
}

static bool is_anybody_seated(struct handoff_desk *desk)
{
    bool is_seated = false;

    (void)pthread_mutex_lock(&desk->lock);
    for (const struct handoff *handoff = desk->list; handoff != NULL; handoff = handoff->next)
        is_seated |= handoff->threads[0] != 0;
    (void)pthread_mutex_unlock(&desk->lock);
    return is_seated;
}

/* Its tenth of a CPU is kept as long as somebody may need it. It is left after a long sleep only:
 * not with its budget used up (forgotten.h). Returns how long it may sleep, in ms. */
static int keep_class(struct handoff_desk *desk, bool is_rested, int timeout_ms)
{
    if (is_anybody_seated(desk)) {
        if (!desk->has_class)
            take_class(desk);
        desk->has_class = true;
        return timeout_ms;
    }
    if (desk->has_class && is_rested)
        desk->has_class = tt_reserve_leave(NULL) < 0;
    return desk->has_class ? IDLE_MS : timeout_ms;
}

/* Bells are told at their edges: nobody has to read what the container wrote into them, or may
 * have. */
static void *run_desk(void *ctx)
{
    struct handoff_desk *desk = ctx;
    struct epoll_event event = {0};
    int timeout_ms = -1, count;

    (void)pthread_setname_np(pthread_self(), "desk");
    touch_stack();
    for (;;) {
        count = epoll_wait(desk->epoll_fd, &event, 1, timeout_ms);
        if (count == 1 && event.data.ptr == NULL)
            return NULL;
        timeout_ms = keep_class(desk, count == 0 && timeout_ms == IDLE_MS, serve_all(desk));
    }
}

/* By a deputy. Who has the lock has a CPU too, and nobody needs one more then; what is to be done
 * later is the desk's own, which is woken by the same event. */
static void serve_early(void *ctx)
{
    struct handoff_desk *desk = ctx;

    if (pthread_mutex_trylock(&desk->lock) != 0)
        return;
    (void)serve_list(desk);
    (void)pthread_mutex_unlock(&desk->lock);
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
    desk->wake_fd = eventfd(0, EFD_CLOEXEC);
    if (desk->epoll_fd >= 0 && desk->quit_fd >= 0 && desk->wake_fd >= 0 &&
        watch(desk, desk->quit_fd, NULL) == 0 && watch(desk, desk->wake_fd, desk) == 0 &&
        start(desk) == 0) {
        desk->deputies = deputies_open(desk->epoll_fd, right == TT_RIGHT_OTHER ? 0 : DESK_PRIORITY,
                                       serve_early, desk);
        return desk;
    }
    (void)close(desk->epoll_fd);
    (void)close(desk->quit_fd);
    (void)close(desk->wake_fd);
    free(desk);
    return NULL;
}

static void ring(int fd)
{
    uint64_t one = 1;

    (void)!write(fd, &one, sizeof(one));
}

static void drop(struct handoff *handoff)
{
    if (handoff->page != NULL)
        (void)munmap(handoff->page, sizeof(struct tt_handoff));
    if (handoff->page_fd >= 0)
        (void)close(handoff->page_fd);
    if (handoff->bell_fd >= 0)
        (void)close(handoff->bell_fd);
    free(handoff);
}

void handoff_desk_close(struct handoff_desk **closed)
{
    struct handoff_desk *desk = *closed;

    if (desk == NULL)
        return;
    deputies_close(&desk->deputies);
    ring(desk->quit_fd);
    (void)pthread_join(desk->thread, NULL);
    if (desk->ready != NULL)
        drop(desk->ready);
    (void)close(desk->epoll_fd);
    (void)close(desk->quit_fd);
    (void)close(desk->wake_fd);
    free(desk);
    *closed = NULL;
}

static int make_page(struct handoff *handoff)
{
    struct kit_file page;
    int r = kit_make("handoff", sizeof(struct tt_handoff), &page);

    if (r < 0)
        return r;
    handoff->page_fd = page.fd;
    handoff->page = page.map;
    memset(page.map, 0, sizeof(struct tt_handoff)); /* so that it is there */
    handoff->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (handoff->bell_fd < 0)
        return -errno;
    return watch(handoff->desk, handoff->bell_fd, handoff);
}

static int make(struct handoff_desk *desk, struct handoff **ret)
{
    struct handoff *handoff = calloc(1, sizeof(*handoff));
    int r = -ENOMEM;

    if (handoff != NULL) {
        handoff->desk = desk;
        handoff->bell_fd = handoff->page_fd = -1;
        r = make_page(handoff);
    }
    if (r == 0)
        *ret = handoff;
    else if (handoff != NULL)
        drop(handoff);
    return r;
}

/* A ready one lies there since the last that was closed; nobody has seen its page. */
int handoff_open(struct handoff_desk *desk, struct handoff **ret, struct tt_error *err)
{
    struct handoff *handoff = desk->ready;
    int r = 0;

    desk->ready = NULL;
    if (handoff == NULL)
        r = make(desk, &handoff);
    if (r < 0)
        return tt_fail(err, r, "cannot prepare hand-offs: %s", strerror(-r));
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
    struct handoff_desk *desk = handoff != NULL ? handoff->desk : NULL;

    if (handoff == NULL)
        return;
    (void)pthread_mutex_lock(&desk->lock);
    for (struct handoff **place = &desk->list; *place != NULL; place = &(*place)->next)
        if (*place == handoff) {
            *place = handoff->next;
            break;
        }
    (void)pthread_mutex_unlock(&desk->lock);
    ring(desk->wake_fd);
    drop(handoff);
    *closed = NULL;
    if (desk->ready == NULL) /* a service ends, and no start waits for it */
        (void)make(desk, &desk->ready);
}

void handoff_gift(struct handoff *handoff, struct broker_gift *gift)
{
    (void)pthread_mutex_lock(&handoff->desk->lock);
    memset(handoff->page, 0, sizeof(*handoff->page));
    handoff->threads[0] = handoff->threads[1] = 0;
    handoff->turn = handoff->answered = handoff->gone = 0;
    handoff->home_before = 0;
    handoff->humble_at_ns = handoff->rested_at_ns = handoff->trial_at_ns = 0;
    handoff->is_humble = false;
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
    handoff->trial_at_ns = 0;
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    ring(handoff->desk->wake_fd);
}

pid_t handoff_worker(struct handoff *handoff)
{
    pid_t worker;

    (void)pthread_mutex_lock(&handoff->desk->lock);
    worker = handoff->threads[handoff->turn & 1];
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    return worker;
}

int handoff_refusal(struct handoff *handoff)
{
    int refusal;

    (void)pthread_mutex_lock(&handoff->desk->lock);
    refusal = handoff->refusal;
    handoff->refusal = 0;
    (void)pthread_mutex_unlock(&handoff->desk->lock);
    return refusal;
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
