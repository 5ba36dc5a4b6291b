/* Evidence that the host took the CPU.
 *
 * A FIFO thread sleeps for a step at a time. When it wakes late, the time that the scheduler says
 * it waited behind others (our own DEADLINE workers come before it) is taken off; what is left was
 * spent below the kernel. Who was stopped or frozen meanwhile has seen nothing: that gives the CPU
 * up once more than the sleep does. Steal time is looked at each 100 ms: it has a resolution of
 * 10 ms. */
#include "node/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define MILLI INT64_C(1000000)

#define STEAL_EVERY_NS (100 * MILLI)

enum { GAPS = 1024, FIFO_PRIORITY = 80 };

struct witness {
    pthread_t thread;
    pthread_mutex_t mutex; /* of the ring and the two wishes; held for a copy only */
    pthread_cond_t wake;
    int64_t step_ns; /* atomic; 0: nobody needs it */
    bool is_over, is_exact;
    struct witness_gap gaps[GAPS];
    uint64_t gap_count;
    int schedstat_fd, stat_fd;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void witness_add(struct witness *witness, const struct witness_gap *gap)
{
    pthread_mutex_lock(&witness->mutex);
    witness->gaps[witness->gap_count++ % GAPS] = *gap;
    pthread_mutex_unlock(&witness->mutex);
}

/* ns that this thread was runnable behind others; 0 when the kernel does not count it. */
static int64_t waited_ns(const struct witness *witness)
{
    char text[96];
    long long ran, waited;
    ssize_t got = pread(witness->schedstat_fd, text, sizeof(text) - 1, 0);

    if (got <= 0)
        return 0;
    text[got] = '\0';
    return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : 0;
}

/* How often this thread gave the CPU up by itself. */
static int64_t rests(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

static int64_t steal_ns(const struct witness *witness)
{
    char text[256];
    long long user, nice, system, idle, iowait, irq, softirq, steal;
    ssize_t got = pread(witness->stat_fd, text, sizeof(text) - 1, 0);

    if (got <= 0)
        return 0;
    text[got] = '\0';
    if (sscanf(text, "cpu %lld %lld %lld %lld %lld %lld %lld %lld", &user, &nice, &system, &idle,
               &iowait, &irq, &softirq, &steal) != 8)
        return 0;
    return steal * (INT64_C(1000000000) / sysconf(_SC_CLK_TCK));
}

static bool wait_until_wanted(struct witness *witness)
{
    bool is_over;

    pthread_mutex_lock(&witness->mutex);
    while (witness->step_ns == 0 && !witness->is_over)
        pthread_cond_wait(&witness->wake, &witness->mutex);
    is_over = witness->is_over;
    pthread_mutex_unlock(&witness->mutex);
    return !is_over;
}

/* What was seen last, all of it at one time: asked again when there is a gap, and each 100 ms. */
struct seen {
    int64_t at_ns, stolen_ns, queued_ns, rests;
    int64_t sleeps; /* since then: a rest each */
};

static void see_self(const struct witness *witness, struct seen *seen)
{
    seen->queued_ns = waited_ns(witness);
    seen->rests = rests();
    seen->sleeps = 0;
}

static void look_for_steal(struct witness *witness, struct seen *seen, int64_t at_ns)
{
    int64_t stolen_ns = steal_ns(witness);
    struct witness_gap gap = {seen->at_ns, at_ns, stolen_ns - seen->stolen_ns};

    if (gap.taken_ns > 0)
        witness_add(witness, &gap);
    seen->at_ns = at_ns;
    seen->stolen_ns = stolen_ns;
    see_self(witness, seen);
}

/* Only when it is late is it asked how long others were before it, and whether it was stopped. */
static void look_for_gap(struct witness *witness, struct seen *seen, int64_t due_ns, int64_t at_ns)
{
    struct seen before = *seen;
    struct witness_gap gap;

    if (!witness->is_exact || at_ns - due_ns < MILLI)
        return;
    see_self(witness, seen);
    gap =
        (struct witness_gap){due_ns, at_ns, at_ns - due_ns - (seen->queued_ns - before.queued_ns)};
    if (gap.taken_ns >= MILLI && seen->rests - before.rests <= before.sleeps)
        witness_add(witness, &gap);
}

static void watch(struct witness *witness)
{
    struct seen seen = {.at_ns = now_ns(), .stolen_ns = steal_ns(witness)};
    int64_t step_ns, at_ns;

    see_self(witness, &seen);
    while ((step_ns = __atomic_load_n(&witness->step_ns, __ATOMIC_RELAXED)) > 0) {
        int64_t due_ns = now_ns() + (witness->is_exact ? step_ns : STEAL_EVERY_NS);
        struct timespec due = {due_ns / 1000000000, due_ns % 1000000000};

        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        seen.sleeps++;
        at_ns = now_ns();
        look_for_gap(witness, &seen, due_ns, at_ns);
        if (at_ns - seen.at_ns >= STEAL_EVERY_NS)
            look_for_steal(witness, &seen, at_ns);
    }
}

static void *run(void *argument)
{
    struct witness *witness = argument;
    struct sched_param param = {.sched_priority = FIFO_PRIORITY};

    witness->is_exact = sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &param) == 0;
    witness->schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    while (wait_until_wanted(witness))
        watch(witness);
    if (witness->schedstat_fd >= 0)
        (void)close(witness->schedstat_fd);
    return NULL;
}

struct witness *witness_open(void)
{
    struct witness *witness = calloc(1, sizeof(*witness));

    if (witness == NULL)
        return NULL;
    pthread_mutex_init(&witness->mutex, NULL);
    pthread_cond_init(&witness->wake, NULL);
    witness->stat_fd = open("/proc/stat", O_RDONLY | O_CLOEXEC);
    if (pthread_create(&witness->thread, NULL, run, witness) != 0) {
        if (witness->stat_fd >= 0)
            (void)close(witness->stat_fd);
        free(witness);
        return NULL;
    }
    return witness;
}

static void wish(struct witness *witness, int64_t step_ns, bool is_over)
{
    pthread_mutex_lock(&witness->mutex);
    __atomic_store_n(&witness->step_ns, step_ns, __ATOMIC_RELAXED);
    witness->is_over = is_over;
    pthread_cond_signal(&witness->wake);
    pthread_mutex_unlock(&witness->mutex);
}

void witness_close(struct witness **witness)
{
    if (*witness == NULL)
        return;
    wish(*witness, 0, true);
    (void)pthread_join((*witness)->thread, NULL);
    if ((*witness)->stat_fd >= 0)
        (void)close((*witness)->stat_fd);
    free(*witness);
    *witness = NULL;
}

int64_t witness_step_ns(int64_t slack_ns)
{
    if (slack_ns < WITNESS_STEP_MIN_NS)
        return WITNESS_STEP_MIN_NS;
    return slack_ns < WITNESS_STEP_MAX_NS ? slack_ns : WITNESS_STEP_MAX_NS;
}

void witness_run(struct witness *witness, int64_t step_ns)
{
    if (witness != NULL)
        wish(witness, step_ns, false);
}

int64_t witness_taken_ns(struct witness *witness, int64_t from_ns, int64_t to_ns)
{
    int64_t most_ns = 0;

    if (witness == NULL)
        return 0;
    pthread_mutex_lock(&witness->mutex);
    for (uint64_t n = 0; n < witness->gap_count && n < GAPS; n++) {
        const struct witness_gap *gap = &witness->gaps[n];
        int64_t start_ns = gap->start_ns > from_ns ? gap->start_ns : from_ns;
        int64_t end_ns = gap->end_ns < to_ns ? gap->end_ns : to_ns;
        int64_t taken_ns = end_ns - start_ns < gap->taken_ns ? end_ns - start_ns : gap->taken_ns;

        if (taken_ns > most_ns)
            most_ns = taken_ns;
    }
    pthread_mutex_unlock(&witness->mutex);
    return most_ns;
}
