/* The rivals of the bench `grain`: chains of components, each of which works for some rounds on a
 * frame of 3840 bytes and hands it on, by
 *   pipes     a process a component, frames through pipes
 *   shm       a process a component, frames in shared memory, a futex a hop
 *   threads   a thread a component, the same futexes
 * The first of a chain sleeps until its phase. It prints what all of them used after the warm-up,
 * and writes a line a frame: chain index origin_ns arrival_ns. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "work.h"

enum { FRAME_BYTES = 3840, RING = 16, LENGTH_MAX = 16, CHAINS_MAX = 1000, STACK_BYTES = 65536 };

struct frame {
    int64_t index, origin_ns;
    uint8_t rest[FRAME_BYTES - 16];
};

struct hop { /* from one component to the next, frames passed in place */
    uint32_t put, got, getter_sleeps, putter_sleeps;
    uint8_t slots[RING];
};

struct arrival {
    int64_t index, origin_ns, at_ns;
};

struct chain {
    int64_t phase_ns;
    uint32_t arrived; /* how many in arrivals */
    struct arrival *arrivals;
    struct hop hops[LENGTH_MAX]; /* hops[0]: frames that are free again, back to the first */
    struct frame frames[RING];
};

struct stage {
    struct chain *chain;
    int number, in, out; /* pipes' ends, of the mode that has them */
};

static struct {
    const char *mode;
    int chains, length, groups;
    int64_t rounds, period_ns, begin_ns, warm_ns, end_ns;
    uint32_t arrivals_max;
} scene;

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {at_ns / 1000000000, at_ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        ;
}

__attribute__((noreturn)) static void die(const char *what)
{
    (void)fprintf(stderr, "grain: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void wait_for(uint32_t *word, uint32_t old)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT, old, NULL, NULL, 0);
}

static void wake(uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

/* Nobody is woken who does not sleep. */
static void put(struct hop *hop, uint8_t slot)
{
    uint32_t place = hop->put;

    for (;;) {
        uint32_t got = __atomic_load_n(&hop->got, __ATOMIC_SEQ_CST);

        if (place - got < RING)
            break;
        __atomic_store_n(&hop->putter_sleeps, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&hop->got, __ATOMIC_SEQ_CST) == got)
            wait_for(&hop->got, got);
    }
    hop->slots[place % RING] = slot;
    __atomic_store_n(&hop->put, place + 1, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&hop->getter_sleeps, 0, __ATOMIC_SEQ_CST) != 0)
        wake(&hop->put);
}

static uint8_t get(struct hop *hop)
{
    uint32_t place = hop->got;
    uint8_t slot;

    while (__atomic_load_n(&hop->put, __ATOMIC_SEQ_CST) == place) {
        __atomic_store_n(&hop->getter_sleeps, 1, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&hop->put, __ATOMIC_SEQ_CST) == place)
            wait_for(&hop->put, place);
    }
    slot = hop->slots[place % RING];
    __atomic_store_n(&hop->got, place + 1, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&hop->putter_sleeps, 0, __ATOMIC_SEQ_CST) != 0)
        wake(&hop->got);
    return slot;
}

static void arrive(struct chain *chain, const struct frame *frame)
{
    if (chain->arrived == scene.arrivals_max)
        return;
    chain->arrivals[chain->arrived] = (struct arrival){frame->index, frame->origin_ns, now_ns()};
    __atomic_store_n(&chain->arrived, chain->arrived + 1, __ATOMIC_RELEASE);
}

static void write_all(int fd, const void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = write(fd, (const uint8_t *)data + done, bytes - done);

        if (n > 0)
            done += (size_t)n;
        else if (errno != EINTR)
            die("write");
    }
}

static void read_all(int fd, void *data, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = read(fd, (uint8_t *)data + done, bytes - done);

        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            _exit(0); /* who was before it has been ended */
        else if (errno != EINTR)
            die("read");
    }
}

static void run_pipes(struct stage *stage)
{
    struct frame frame = {0};
    uint64_t seed = 1;
    bool is_first = stage->number == 0, is_last = stage->number == scene.length - 1;

    for (int64_t index = 0;; index++) {
        if (is_first) {
            frame.index = index;
            frame.origin_ns = scene.begin_ns + stage->chain->phase_ns + index * scene.period_ns;
            sleep_until(frame.origin_ns);
        } else {
            read_all(stage->in, &frame, sizeof(frame));
        }
        seed = work(seed, scene.rounds);
        if (is_last)
            arrive(stage->chain, &frame);
        else
            write_all(stage->out, &frame, sizeof(frame));
    }
}

static void run_futex(struct stage *stage)
{
    struct chain *chain = stage->chain;
    uint64_t seed = 1;
    bool is_first = stage->number == 0, is_last = stage->number == scene.length - 1;

    for (int64_t index = 0;; index++) {
        int64_t origin_ns = scene.begin_ns + chain->phase_ns + index * scene.period_ns;
        uint8_t slot;

        if (is_first)
            sleep_until(origin_ns);
        slot = get(&chain->hops[stage->number]);
        if (is_first) {
            chain->frames[slot].index = index;
            chain->frames[slot].origin_ns = origin_ns;
        }
        seed = work(seed, scene.rounds);
        if (is_last)
            arrive(chain, &chain->frames[slot]);
        put(&chain->hops[is_last ? 0 : stage->number + 1], slot);
    }
}

static void *run_thread(void *stage)
{
    run_futex(stage);
    return NULL;
}

/* Chains of one group are released together, as those of one service are; 0: each by itself. */
static struct chain *chains_new(unsigned seed)
{
    size_t bytes =
        (size_t)scene.chains * (sizeof(struct chain) + scene.arrivals_max * sizeof(struct arrival));
    struct chain *chains =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    struct arrival *arrivals;
    int64_t phases[CHAINS_MAX];

    if (chains == MAP_FAILED)
        die("mmap");
    arrivals = (struct arrival *)(chains + scene.chains);
    srand(seed);
    for (int n = 0; n < scene.chains; n++)
        phases[n] = (int64_t)((double)rand() / RAND_MAX * (double)scene.period_ns);
    for (int n = 0; n < scene.chains; n++) {
        struct chain *chain = &chains[n];

        chain->phase_ns = phases[scene.groups > 0 ? n % scene.groups : n];
        chain->arrivals = arrivals + (size_t)n * scene.arrivals_max;
        for (uint8_t slot = 0; slot < RING; slot++)
            chain->hops[0].slots[slot] = slot;
        chain->hops[0].put = RING;
    }
    return chains;
}

static pid_t fork_stage(struct stage *stage)
{
    bool has_pipes = strcmp(scene.mode, "pipes") == 0;
    pid_t parent = getpid(), pid = fork();

    if (pid < 0)
        die("fork");
    if (pid > 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == parent) {
        if (has_pipes)
            run_pipes(stage);
        else
            run_futex(stage);
    }
    _exit(1);
}

static void start_processes(struct chain *chains, pid_t *pids)
{
    for (int n = 0; n < scene.chains; n++) {
        int in = -1;

        for (int number = 0; number < scene.length; number++) {
            int ends[2] = {-1, -1};
            struct stage stage = {.chain = &chains[n], .number = number, .in = in};

            if (number + 1 < scene.length && pipe(ends) < 0)
                die("pipe");
            stage.out = ends[1];
            pids[n * scene.length + number] = fork_stage(&stage);
            (void)close(in);
            (void)close(ends[1]);
            in = ends[0];
        }
    }
}

static void start_threads(struct chain *chains, struct stage *stages)
{
    pthread_attr_t attr;
    pthread_t thread;

    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (int n = 0; n < scene.chains * scene.length; n++) {
        stages[n] = (struct stage){.chain = &chains[n / scene.length], .number = n % scene.length};
        if (pthread_create(&thread, &attr, run_thread, &stages[n]) != 0)
            die("pthread_create");
    }
}

static int64_t cpu_ns_of(clockid_t clock)
{
    struct timespec spent;

    return clock_gettime(clock, &spent) == 0 ? spent.tv_sec * INT64_C(1000000000) + spent.tv_nsec
                                             : 0;
}

static int64_t switches_of(pid_t pid)
{
    char path[64], line[128];
    long count;
    int64_t found = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1 ||
            sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count) == 1)
            found += count;
    if (file)
        (void)fclose(file);
    return found;
}

struct usage {
    int64_t cpu_ns, switches;
};

static struct usage usage_of(const pid_t *pids, int count)
{
    struct usage usage = {0};
    struct rusage self;

    if (count == 0) {
        (void)getrusage(RUSAGE_SELF, &self);
        return (struct usage){cpu_ns_of(CLOCK_PROCESS_CPUTIME_ID), self.ru_nvcsw + self.ru_nivcsw};
    }
    for (int n = 0; n < count; n++) {
        clockid_t clock;

        if (clock_getcpuclockid(pids[n], &clock) == 0)
            usage.cpu_ns += cpu_ns_of(clock);
    }
    for (int n = 0; n < count; n++)
        usage.switches += switches_of(pids[n]);
    return usage;
}

static void write_arrivals(const struct chain *chains, const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        die(path);
    for (int n = 0; n < scene.chains; n++)
        for (uint32_t k = 0; k < __atomic_load_n(&chains[n].arrived, __ATOMIC_ACQUIRE); k++) {
            const struct arrival *at = &chains[n].arrivals[k];

            if (at->origin_ns >= scene.warm_ns && at->origin_ns < scene.end_ns)
                (void)fprintf(file, "%d %lld %lld %lld\n", n, (long long)at->index,
                              (long long)(at->origin_ns - scene.begin_ns),
                              (long long)(at->at_ns - scene.begin_ns));
        }
    if (fclose(file) != 0)
        die(path);
}

static void measure(const struct chain *chains, const pid_t *pids, int count, const char *path)
{
    struct usage early, late;
    int64_t begin_ns, end_ns;

    sleep_until(scene.warm_ns);
    begin_ns = now_ns();
    early = usage_of(pids, count);
    sleep_until(scene.end_ns);
    end_ns = now_ns();
    late = usage_of(pids, count);
    sleep_until(now_ns() + 200000000); /* what is on its way may still arrive */
    for (int n = 0; n < count; n++)
        (void)kill(pids[n], SIGKILL);
    write_arrivals(chains, path);
    (void)printf("{\"seconds\": %.6f, \"cpu_ns\": %lld, \"switches\": %lld}\n",
                 (double)(end_ns - begin_ns) / 1e9, (long long)(late.cpu_ns - early.cpu_ns),
                 (long long)(late.switches - early.switches));
    (void)fflush(stdout);
    while (wait(NULL) > 0)
        ;
    _exit(0);
}

int main(int argc, char **argv)
{
    struct chain *chains;
    double rate, seconds;
    int components;
    pid_t *pids;
    struct stage *stages;

    if (argc != 10) {
        (void)fprintf(stderr, "usage: grain pipes|shm|threads CHAINS LENGTH ROUNDS RATE SECONDS "
                              "GROUPS SEED OUT\n");
        return 2;
    }
    scene.mode = argv[1];
    scene.chains = atoi(argv[2]);
    scene.length = atoi(argv[3]);
    scene.rounds = atoll(argv[4]);
    rate = atof(argv[5]);
    seconds = atof(argv[6]);
    scene.groups = atoi(argv[7]);
    if (scene.chains < 1 || scene.chains > CHAINS_MAX || scene.length < 2 ||
        scene.length > LENGTH_MAX || rate <= 0)
        return 2;
    components = scene.chains * scene.length;
    scene.period_ns = (int64_t)(1e9 / rate);
    scene.arrivals_max = (uint32_t)(rate * (seconds + 3));
    scene.begin_ns = now_ns() + 1500000000; /* until then all are started */
    scene.warm_ns = scene.begin_ns + 700000000;
    scene.end_ns = scene.warm_ns + (int64_t)(seconds * 1e9);
    chains = chains_new((unsigned)atoi(argv[8]));
    pids = calloc((size_t)components, sizeof(*pids));
    stages = calloc((size_t)components, sizeof(*stages));
    if (!pids || !stages)
        die("calloc");
    if (strcmp(scene.mode, "threads") == 0)
        start_threads(chains, stages);
    else
        start_processes(chains, pids);
    measure(chains, pids, strcmp(scene.mode, "threads") == 0 ? 0 : components, argv[9]);
}
