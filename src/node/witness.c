/* Evidence that the host took the CPU.
 *
 * A FIFO thread sleeps two milliseconds at a time. When it wakes late, the time that the scheduler
 * says it waited behind others (our own DEADLINE workers come before it) is taken off; what is left
 * was spent below the kernel. Steal time is looked at each 100 ms: it has a resolution of 10 ms. */
#include "node/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MILLI INT64_C(1000000)

/* Half the wake-ups of one each millisecond, which took an eighth of a small service's CPU time.
 * What the host takes between two of them and gives back before the second is not seen, and stays
 * ours. */
#define STEP_NS (2 * MILLI)

enum { GAPS = 1024, FIFO_PRIORITY = 80, STEAL_EVERY = 50 };

struct witness {
    pthread_t thread;
    pthread_mutex_t mutex; /* of the ring and the two wishes; held for a copy only */
    pthread_cond_t wake;
    bool is_wanted, is_over, is_exact;
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
    while (!witness->is_wanted && !witness->is_over)
        pthread_cond_wait(&witness->wake, &witness->mutex);
    is_over = witness->is_over;
    pthread_mutex_unlock(&witness->mutex);
    return !is_over;
}

static bool is_still_wanted(struct witness *witness)
{
    bool is_wanted;

    pthread_mutex_lock(&witness->mutex);
    is_wanted = witness->is_wanted && !witness->is_over;
    pthread_mutex_unlock(&witness->mutex);
    return is_wanted;
}

static void look_for_steal(struct witness *witness, int64_t *last_ns, int64_t *last_steal_ns)
{
    int64_t at_ns = now_ns(), stolen_ns = steal_ns(witness);
    struct witness_gap gap = {*last_ns, at_ns, stolen_ns - *last_steal_ns};

    if (gap.taken_ns > 0)
        witness_add(witness, &gap);
    *last_ns = at_ns;
    *last_steal_ns = stolen_ns;
}

static void watch(struct witness *witness)
{
    int64_t due_ns = now_ns() + STEP_NS, last_ns = now_ns(), stolen_ns = steal_ns(witness);
    int64_t queued_ns = waited_ns(witness);
    struct witness_gap gap;
    struct timespec due;

    for (uint32_t round = 1; is_still_wanted(witness); round++) {
        due = (struct timespec){due_ns / 1000000000, due_ns % 1000000000};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        gap.start_ns = due_ns;
        gap.end_ns = now_ns();
        if (witness->is_exact && gap.end_ns - gap.start_ns >= MILLI) {
            int64_t before_ns = queued_ns;

            queued_ns = waited_ns(witness);
            gap.taken_ns = gap.end_ns - gap.start_ns - (queued_ns - before_ns);
            if (gap.taken_ns >= MILLI)
                witness_add(witness, &gap);
        }
        if (round % STEAL_EVERY == 0) {
            look_for_steal(witness, &last_ns, &stolen_ns);
            queued_ns = waited_ns(witness);
        }
        due_ns = now_ns() + (witness->is_exact ? STEP_NS : STEAL_EVERY * STEP_NS);
        if (!witness->is_exact)
            round += STEAL_EVERY - 1 - round % STEAL_EVERY;
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

static void wish(struct witness *witness, bool is_wanted, bool is_over)
{
    pthread_mutex_lock(&witness->mutex);
    witness->is_wanted = is_wanted;
    witness->is_over = is_over;
    pthread_cond_signal(&witness->wake);
    pthread_mutex_unlock(&witness->mutex);
}

void witness_close(struct witness **witness)
{
    if (*witness == NULL)
        return;
    wish(*witness, false, true);
    (void)pthread_join((*witness)->thread, NULL);
    if ((*witness)->stat_fd >= 0)
        (void)close((*witness)->stat_fd);
    free(*witness);
    *witness = NULL;
}

void witness_run(struct witness *witness, bool is_wanted)
{
    if (witness != NULL)
        wish(witness, is_wanted, false);
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
