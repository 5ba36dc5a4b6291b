/* A witness beside the program: when was a CPU not to be had, and when did given threads run.
 *
 * On each CPU a FIFO-99 thread sleeps to the next millisecond; when it wakes late, something took
 * the CPU that comes before all but DEADLINE threads: the host, an interrupt, or such a thread. It
 * samples and does not spin, so it costs next to nothing. Steal time is read each 100 ms. Of the
 * threads of given processes each stretch on a CPU is traced (perf's context switches; without the
 * right to them, how long they waited by /proc), so that what they took themselves can be told
 * apart. It shares no code with Tactus.
 *
 * Usage: witness -o FILE [-p PID]... [-s SECONDS]; ends by itself, or at SIGINT or SIGTERM. It says
 * `watching` on stdout once it does. FILE has a line for each thing seen, times in CLOCK_MONOTONIC
 * ns: `gap CPU START LENGTH WAITED` (WAITED: behind other threads, as the scheduler says), `steal
 * CPU START END NS`, `ran TID CPU START END preempted|slept`, `waited TID START END NS`, `lost NS
 * records` and, first and last, `witness ...` and `end NS`. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MILLI INT64_C(1000000)
#define SECOND INT64_C(1000000000)
#define GRID_NS MILLI
#define GAP_LEAST_NS (MILLI / 4) /* a wake-up that is no later is no gap */

enum {
    CPUS_MAX = 64,
    GAPS = 4096, /* of one CPU, between two looks of the writer */
    THREADS_MAX = 128,
    TRACE_PAGES = 16,
    LOOK_MS = 20,
    STEAL_LOOKS = 5, /* of them make 100 ms */
    FIFO_PRIORITY = 99
};

struct gap {
    int64_t start_ns, length_ns, waited_ns;
};

struct sampler { /* one CPU's */
    pthread_t thread;
    int cpu;
    bool is_fifo, is_begun; /* is_begun: atomic */
    uint64_t put, got;      /* put: atomic */
    struct gap gaps[GAPS];
    int64_t stolen_ns; /* when last looked at */
};

struct traced {
    pid_t tid;
    int fd; /* -1: by schedstat */
    struct perf_event_mmap_page *page;
    int64_t since_ns; /* it runs; 0: it does not */
    int64_t waited_ns;
};

static struct sampler *samplers[CPUS_MAX];
static struct traced threads[THREADS_MAX];
static int cpu_count, thread_count;
static int is_over; /* atomic: set by signals, too */

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

/* ns that a thread was runnable behind others; -1: the kernel does not say. */
static int64_t waited_of(int fd)
{
    char text[96];
    long long ran, waited;
    ssize_t got = fd >= 0 ? pread(fd, text, sizeof(text) - 1, 0) : -1;

    if (got <= 0)
        return -1;
    text[got] = '\0';
    return sscanf(text, "%lld %lld", &ran, &waited) == 2 ? waited : -1;
}

static void put_gap(struct sampler *sampler, const struct gap *gap)
{
    uint64_t put = sampler->put;

    sampler->gaps[put % GAPS] = *gap;
    __atomic_store_n(&sampler->put, put + 1, __ATOMIC_RELEASE);
}

static void *sample(void *argument)
{
    struct sampler *sampler = argument;
    struct sched_param param = {.sched_priority = FIFO_PRIORITY};
    int stat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    int64_t due_ns = now_ns() + GRID_NS, before_ns = waited_of(stat);
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(sampler->cpu, &cpus);
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);
    (void)prctl(PR_SET_TIMERSLACK, 1);
    sampler->is_fifo = sched_setscheduler(0, SCHED_FIFO, &param) == 0;
    __atomic_store_n(&sampler->is_begun, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        struct timespec due = {due_ns / SECOND, due_ns % SECOND};
        int64_t late_ns, waited_ns;

        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        late_ns = now_ns() - due_ns;
        waited_ns = waited_of(stat);
        if (late_ns >= GAP_LEAST_NS)
            put_gap(sampler, &(struct gap){due_ns, late_ns, waited_ns - before_ns});
        before_ns = waited_ns;
        due_ns += GRID_NS * (late_ns / GRID_NS + 1);
    }
    return NULL;
}

static bool open_samplers(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    (void)sched_getaffinity(0, sizeof(cpus), &cpus);
    for (int cpu = 0; cpu < CPU_SETSIZE && cpu_count < CPUS_MAX; cpu++) {
        struct sampler *sampler;

        if (!CPU_ISSET(cpu, &cpus))
            continue;
        sampler = calloc(1, sizeof(*sampler));
        if (sampler == NULL)
            return false;
        sampler->cpu = cpu;
        samplers[cpu_count++] = sampler;
        if (pthread_create(&sampler->thread, NULL, sample, sampler) != 0)
            return false;
    }
    return cpu_count > 0;
}

static int open_trace(pid_t tid)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof(attr),
                                   .config = PERF_COUNT_SW_DUMMY,
                                   .sample_type =
                                       PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU,
                                   .context_switch = 1,
                                   .sample_id_all = 1,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1,
                                   .use_clockid = 1,
                                   .clockid = CLOCK_MONOTONIC};

    return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void add_thread(pid_t tid)
{
    struct traced *traced = &threads[thread_count];
    char path[64];
    void *page;

    if (thread_count == THREADS_MAX)
        return;
    *traced = (struct traced){.tid = tid, .fd = open_trace(tid)};
    if (traced->fd >= 0) {
        page = mmap(NULL, (1 + TRACE_PAGES) * (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
                    MAP_SHARED, traced->fd, 0);
        if (page != MAP_FAILED) {
            traced->page = page;
            thread_count++;
            return;
        }
        (void)close(traced->fd);
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)tid);
    traced->fd = open(path, O_RDONLY | O_CLOEXEC);
    traced->waited_ns = waited_of(traced->fd);
    traced->since_ns = now_ns();
    thread_count += traced->fd >= 0;
}

static void add_process(const char *pid)
{
    char path[64];
    struct dirent *entry;
    DIR *tasks;

    (void)snprintf(path, sizeof(path), "/proc/%.16s/task", pid);
    tasks = opendir(path);
    while (tasks != NULL && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            add_thread((pid_t)strtol(entry->d_name, NULL, 10));
    if (tasks != NULL)
        (void)closedir(tasks);
}

struct switched { /* PERF_RECORD_SWITCH with its sample_id; PERF_RECORD_LOST is longer */
    struct perf_event_header header;
    uint32_t pid, tid;
    uint64_t time_ns;
    uint32_t cpu, reserved;
};

static void write_switch(FILE *out, struct traced *traced, const struct switched *seen)
{
    bool is_out = (seen->header.misc & PERF_RECORD_MISC_SWITCH_OUT) != 0;
    bool is_preempted = (seen->header.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT) != 0;

    if (seen->header.type == PERF_RECORD_LOST)
        (void)fprintf(out, "lost %lld records\n", (long long)now_ns());
    if (seen->header.type != PERF_RECORD_SWITCH)
        return;
    if (is_out && traced->since_ns > 0)
        (void)fprintf(out, "ran %d %u %lld %lld %s\n", (int)traced->tid, seen->cpu,
                      (long long)traced->since_ns, (long long)seen->time_ns,
                      is_preempted ? "preempted" : "slept");
    traced->since_ns = is_out ? 0 : (int64_t)seen->time_ns;
}

/* The kernel writes at head; a record may go round the ring's end. */
static void read_trace(FILE *out, struct traced *traced)
{
    const uint64_t bytes = TRACE_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
    const uint8_t *data = (const uint8_t *)traced->page + sysconf(_SC_PAGESIZE);
    uint64_t head = __atomic_load_n(&traced->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = traced->page->data_tail;

    while (tail < head) {
        struct switched seen = {0};
        uint8_t *into = (uint8_t *)&seen;

        for (uint64_t n = 0; n < sizeof(seen) && tail + n < head; n++)
            into[n] = data[(tail + n) % bytes];
        if (seen.header.size == 0)
            break;
        write_switch(out, traced, &seen);
        tail += seen.header.size;
    }
    __atomic_store_n(&traced->page->data_tail, tail, __ATOMIC_RELEASE);
}

static void read_waited(FILE *out, struct traced *traced)
{
    int64_t at_ns = now_ns(), waited_ns = waited_of(traced->fd);

    if (waited_ns > traced->waited_ns)
        (void)fprintf(out, "waited %d %lld %lld %lld\n", (int)traced->tid,
                      (long long)traced->since_ns, (long long)at_ns,
                      (long long)(waited_ns - traced->waited_ns));
    traced->since_ns = at_ns;
    traced->waited_ns = waited_ns;
}

static void read_steal(FILE *out, int64_t *last_ns)
{
    int64_t at_ns = now_ns(), tick_ns = SECOND / sysconf(_SC_CLK_TCK);
    FILE *stat = fopen("/proc/stat", "re");
    char line[512];

    while (stat != NULL && fgets(line, sizeof(line), stat) != NULL) {
        long long steal;
        int cpu;

        if (sscanf(line, "cpu%d %*d %*d %*d %*d %*d %*d %*d %lld", &cpu, &steal) != 2)
            continue;
        for (int n = 0; n < cpu_count; n++) {
            int64_t stolen_ns = steal * tick_ns;

            if (samplers[n]->cpu != cpu)
                continue;
            if (*last_ns > 0 && stolen_ns > samplers[n]->stolen_ns)
                (void)fprintf(out, "steal %d %lld %lld %lld\n", cpu, (long long)*last_ns,
                              (long long)at_ns, (long long)(stolen_ns - samplers[n]->stolen_ns));
            samplers[n]->stolen_ns = stolen_ns;
        }
    }
    if (stat != NULL)
        (void)fclose(stat);
    *last_ns = at_ns;
}

static void read_gaps(FILE *out, struct sampler *sampler)
{
    uint64_t put = __atomic_load_n(&sampler->put, __ATOMIC_ACQUIRE);

    if (put - sampler->got > GAPS) {
        (void)fprintf(out, "lost %lld records\n", (long long)now_ns());
        sampler->got = put - GAPS;
    }
    for (; sampler->got < put; sampler->got++) {
        const struct gap *gap = &sampler->gaps[sampler->got % GAPS];

        (void)fprintf(out, "gap %d %lld %lld %lld\n", sampler->cpu, (long long)gap->start_ns,
                      (long long)gap->length_ns, (long long)gap->waited_ns);
    }
}

static void look(FILE *out, int64_t until_ns)
{
    int64_t steal_at_ns = 0;

    for (uint32_t round = 0;; round++) {
        bool is_last =
            __atomic_load_n(&is_over, __ATOMIC_RELAXED) || (until_ns > 0 && now_ns() > until_ns);
        struct timespec pause = {0, LOOK_MS * MILLI};

        for (int n = 0; n < cpu_count; n++)
            read_gaps(out, samplers[n]);
        for (int n = 0; n < thread_count; n++)
            if (threads[n].page != NULL)
                read_trace(out, &threads[n]);
            else if (round % STEAL_LOOKS == 0 || is_last)
                read_waited(out, &threads[n]);
        if (round % STEAL_LOOKS == 0 || is_last)
            read_steal(out, &steal_at_ns);
        if (is_last)
            return;
        (void)nanosleep(&pause, NULL);
    }
}

static void on_signal(int number)
{
    (void)number;
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
}

static void begin(FILE *out)
{
    struct timespec pause = {0, MILLI};
    bool is_fifo = true, is_traced = thread_count > 0;

    for (int n = 0; n < cpu_count; n++) {
        while (!__atomic_load_n(&samplers[n]->is_begun, __ATOMIC_ACQUIRE))
            (void)nanosleep(&pause, NULL);
        is_fifo = is_fifo && samplers[n]->is_fifo;
    }
    for (int n = 0; n < thread_count; n++)
        is_traced = is_traced && threads[n].page != NULL;
    (void)fprintf(out, "witness 1 begin %lld grid %lld class %s trace %s\n", (long long)now_ns(),
                  (long long)GRID_NS, is_fifo ? "fifo" : "other",
                  thread_count == 0 ? "none"
                  : is_traced       ? "perf"
                                    : "schedstat");
    if (!is_fifo)
        fprintf(stderr, "witness: no right to SCHED_FIFO: its gaps include the machine's load\n");
    printf("watching\n");
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    int64_t until_ns = 0;
    FILE *out;
    int word;

    while ((word = getopt(argc, argv, "o:p:s:")) >= 0)
        if (word == 'o')
            path = optarg;
        else if (word == 'p')
            add_process(optarg);
        else if (word == 's')
            until_ns = now_ns() + (int64_t)(strtod(optarg, NULL) * (double)SECOND);
        else
            return 2;
    out = path != NULL ? fopen(path, "we") : NULL;
    if (out == NULL) {
        fprintf(stderr, "usage: witness -o FILE [-p PID]... [-s SECONDS] (%s)\n", strerror(errno));
        return 2;
    }
    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    if (!open_samplers()) {
        fprintf(stderr, "witness: no memory for its threads\n");
        return 3;
    }
    begin(out);
    look(out, until_ns);
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
    for (int n = 0; n < cpu_count; n++)
        (void)pthread_join(samplers[n]->thread, NULL);
    (void)fprintf(out, "end %lld\n", (long long)now_ns());
    return fclose(out) == 0 ? 0 : 3;
}
