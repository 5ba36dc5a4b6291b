/* Hand-offs between two threads and tactusd's desk, under whatever class this machine gives: again
 * and again, with budgets used up in between, the other thread runs soon. */
#include "node/handoff.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "node/loop.h"
#include "platform/linux/port.h"
#include "platform/linux/reserve.h"

#include "check.h"

enum { ROUNDS = 40, MS = 1000000 };

static struct tt_linux world;
static struct tt_port_world port;
static uint32_t rounds, go; /* atomic */
static bool may_reserve;

static void spin(int64_t for_ns)
{
    int64_t until_ns = tt_linux_now() + for_ns;

    while (tt_linux_now() < until_ns)
        ;
}

/* The worker works less or more than its budget, then loses its place, goes on for a little, and
 * waits. */
static void take_turns(bool is_worker)
{
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
        (void)usleep(1000);
    for (;;) {
        uint32_t round = __atomic_load_n(&rounds, __ATOMIC_ACQUIRE);

        if (!is_worker && !port.ops->stand_by(port.world))
            return;
        if (is_worker)
            __atomic_store_n(&rounds, round + 1, __ATOMIC_RELEASE);
        else
            round = __atomic_add_fetch(&rounds, 1, __ATOMIC_ACQ_REL);
        is_worker = false;
        spin((int64_t)(round % 7) * MS / 2);
        if (round >= ROUNDS)
            return;
        while (!port.ops->hand_over(port.world))
            spin(MS / 10);
        spin((int64_t)(round % 3) * MS / 10);
    }
}

static void first(void *argument)
{
    (void)argument;
    take_turns(true);
}

static void second(void *argument)
{
    (void)argument;
    take_turns(false);
}

static void *page_of(struct broker_gift *gift, int *ret_bell)
{
    void *page = NULL;

    for (uint32_t n = 0; n < gift->count; n++) {
        if (strcmp(gift->texts[n], "handoff") == 0)
            page = mmap(NULL, sizeof(struct tt_handoff), PROT_READ | PROT_WRITE, MAP_SHARED,
                        gift->fds[n], 0);
        if (strcmp(gift->texts[n], "handoff-bell") == 0)
            *ret_bell = gift->fds[n];
    }
    CHECK(page != NULL && page != MAP_FAILED);
    return page;
}

static uint32_t is_held; /* atomic */

static void hold(int signal)
{
    (void)signal;
    while (__atomic_load_n(&is_held, __ATOMIC_ACQUIRE))
        (void)usleep(1000);
}

/* As the kernel does it with a CPU: the desk's thread gets nowhere. */
static void hold_desk(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    char path[300], name[16];
    uint32_t count = 0;

    CHECK(tasks != NULL);
    CHECK(signal(SIGUSR1, hold) != SIG_ERR);
    __atomic_store_n(&is_held, 1, __ATOMIC_RELEASE);
    while ((task = readdir(tasks)) != NULL) {
        FILE *file;

        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fgets(name, sizeof(name), file) && strcmp(name, "desk\n") == 0)
            count += tgkill(getpid(), atoi(task->d_name), SIGUSR1) == 0;
        if (file)
            (void)fclose(file);
    }
    (void)closedir(tasks);
    CHECK_INT(count, 1);
}

static void hand_over_often(enum tt_right right, bool is_desk_held)
{
    struct handoff_desk *desk = handoff_desk_open(right);
    struct tt_linux_params params = {0};
    struct handoff_seat seat = {0};
    struct broker_gift gift = {0};
    struct handoff *handoff = NULL;
    struct tt_error err = {0};
    int64_t limit_ns;

    CHECK(desk != NULL);
    CHECK_INT(handoff_open(desk, &handoff, &err), 0);
    handoff_gift(handoff, &gift);
    params.handoff = page_of(&gift, &params.handoff_bell);
    CHECK_INT(tt_linux_init(&world, &params, &err), 0);
    port = tt_linux_port(&world);
    rounds = go = 0;
    CHECK_INT(port.ops->spawn_worker(port.world, first, NULL), 0);
    CHECK_INT(tt_linux_spawn_standby(&world, second, NULL), 0);
    seat.worker = world.threads[0].tid;
    seat.standby = world.threads[1].tid;
    if (right == TT_RIGHT_DEADLINE && tt_reserve_deadline(seat.worker, MS, 5 * MS, &err) == 0) {
        seat.budget_ns = MS;
        seat.period_ns = 5 * MS;
    }
    handoff_seat(handoff, &seat);
    CHECK_INT(handoff_worker(handoff), seat.worker);
    if (is_desk_held)
        hold_desk();
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    limit_ns = loop_now_ns() + 60 * (int64_t)1000 * MS;
    while (__atomic_load_n(&rounds, __ATOMIC_ACQUIRE) < ROUNDS && loop_now_ns() < limit_ns)
        (void)usleep(1000);
    CHECK(__atomic_load_n(&rounds, __ATOMIC_ACQUIRE) >= ROUNDS);
    __atomic_store_n(&is_held, 0, __ATOMIC_RELEASE);
    tt_linux_fini(&world);
    handoff_close(&handoff);
    handoff_desk_close(&desk);
}

/* Of this process's threads: the desk's own, while no worker has one. */
static uint32_t reservation_count(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    uint32_t count = 0;

    CHECK(tasks != NULL);
    while ((task = readdir(tasks)) != NULL)
        count += task->d_name[0] != '.' &&
                 tt_reserve_get(atoi(task->d_name), NULL, NULL) == TT_RESERVE_DEADLINE;
    (void)closedir(tasks);
    return count;
}

static void wait_for_reservations(uint32_t count)
{
    int64_t limit_ns = loop_now_ns() + 60 * (int64_t)1000 * MS;

    while (reservation_count() != count && loop_now_ns() < limit_ns)
        (void)usleep(1000);
    CHECK_INT(reservation_count(), count);
}

static void the_desk_reserves_while_somebody_is_seated(void)
{
    struct handoff_desk *desk = handoff_desk_open(TT_RIGHT_DEADLINE);
    struct handoff *handoff = NULL;
    struct handoff_seat seat = {.worker = getpid()};
    struct tt_error err = {0};

    CHECK(desk != NULL);
    for (uint32_t n = 0; n < 2; n++) {
        CHECK_INT(handoff_open(desk, &handoff, &err), 0);
        CHECK_INT(reservation_count(), 0);
        handoff_seat(handoff, &seat);
        wait_for_reservations(may_reserve);
        handoff_close(&handoff);
        wait_for_reservations(0);
    }
    handoff_desk_close(&desk);
}

static void without_rights(void)
{
    hand_over_often(TT_RIGHT_OTHER, false);
}

static void with_a_reservation(void)
{
    hand_over_often(TT_RIGHT_DEADLINE, false);
}

static void while_the_desk_waits_for_its_cpu(void)
{
    hand_over_often(TT_RIGHT_OTHER, true);
}

/* What the desk reserves for itself, on a thread that may be asked. */
static void *try_to_reserve(void *unused)
{
    may_reserve = tt_reserve_deadline(0, MS, 10 * MS, NULL) == 0;
    return unused;
}

int main(void)
{
    pthread_t trial;

    CHECK_INT(pthread_create(&trial, NULL, try_to_reserve, NULL), 0);
    CHECK_INT(pthread_join(trial, NULL), 0);
    RUN(the_desk_reserves_while_somebody_is_seated);
    RUN(without_rights);
    RUN(with_a_reservation);
    RUN(while_the_desk_waits_for_its_cpu);
    return 0;
}
