/* What this machine is: processors, kernel, what it may promise, how fast it wakes. */
#include "node/machine.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/assert.h"
#include "node/profile.h"
#include "platform/linux/reserve.h"

#define MILLI INT64_C(1000000)
#define DAY_S (24 * 60 * 60)
#define MEMORY_OLD_NS INT64_C(1000000000)

enum {
    LIMIT_PPM = 900000,   /* the kernel's 95 % of a CPU less its 5 % for the fair class */
    SLACK_PPM = 50000,    /* of each CPU: 15 % of it stay free, 10 of which the kernel keeps */
    HANDOFF_PPM = 150000, /* the desk's reservation, and what a hand-off takes beside it */
    WAKE_ROUNDS = 600,    /* of a window, 1 ms each */
    WAKE_WINDOWS = 5,
    WAKE_FIFO_PRIORITY = 50,
    HOP_NS = 2000 /* measured 1.1 us a hop, with room for the memory that it touches */
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void look_at_cpu(struct machine *machine)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[4096];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        char *value = strchr(line, ':');

        if (value == NULL)
            continue;
        value[strcspn(value, "\n")] = '\0';
        if (strncmp(line, "model name", 10) == 0 && machine->cpu_model[0] == '\0')
            (void)snprintf(machine->cpu_model, sizeof(machine->cpu_model), "%s", value + 2);
        if (strncmp(line, "flags", 5) == 0 && strstr(value, " hypervisor") != NULL)
            machine->plan.is_virtual = true;
    }
    if (file != NULL)
        (void)fclose(file);
    if (machine->cpu_model[0] == '\0')
        (void)snprintf(machine->cpu_model, sizeof(machine->cpu_model), "unknown");
}

static void look_at_memory(struct machine *machine)
{
    FILE *file = fopen("/proc/meminfo", "re");
    long long available_kb = 0;
    char line[256];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "MemAvailable: %lld kB", &available_kb) == 1)
            break;
    if (file != NULL)
        (void)fclose(file);
    machine->plan.memory_bytes = available_kb * 1024 / 2; /* the other half is for everybody else */
}

void machine_refresh(struct machine *machine)
{
    int64_t at_ns = now_ns();

    if (machine->memory_at_ns != 0 && at_ns - machine->memory_at_ns < MEMORY_OLD_NS)
        return;
    look_at_memory(machine);
    machine->memory_at_ns = at_ns;
}

void machine_memory_taken(struct machine *machine)
{
    machine->memory_at_ns = 0;
}

static void set_limits(struct machine *machine)
{
    machine->plan.limit_ppm = INT64_C(1) * LIMIT_PPM * machine->plan.cpus;
    machine->plan.slack_ppm = INT64_C(1) * SLACK_PPM * machine->plan.cpus;
    if (machine->plan.slack_ppm < HANDOFF_PPM)
        machine->plan.slack_ppm = HANDOFF_PPM;
}

void machine_look(struct machine *machine, enum tt_right right)
{
    struct timex clock = {0};
    struct utsname name;
    cpu_set_t set;

    memset(machine, 0, sizeof(*machine));
    machine->plan.cpus = 1;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        machine->plan.cpus = (uint32_t)CPU_COUNT(&set);
    set_limits(machine);
    machine->plan.right = right;
    machine->plan.wake_ns = MILLI;
    machine->plan.is_wake_assumed = true;
    machine->plan.hop_ns = HOP_NS;
    machine->plan.workers_max = TT_WORKERS_MAX;
    look_at_cpu(machine);
    machine_refresh(machine);
    if (uname(&name) == 0) {
        (void)snprintf(machine->kernel, sizeof(machine->kernel), "%s %s", name.sysname,
                       name.release);
        (void)snprintf(machine->node, sizeof(machine->node), "%s", name.nodename);
    }
    (void)adjtimex(&clock);
    machine->tai_offset_s = clock.tai;
}

/* The desk is not on them; what a hand-off takes there, the slack has. */
void machine_cut(struct machine *machine, uint32_t partitions)
{
    tt_assert(partitions < machine->plan.cpus);
    machine->plan.cpus -= partitions;
    set_limits(machine);
    machine->partitions = partitions;
    machine->partition_limit_ppm = LIMIT_PPM;
    machine->partition_slack_ppm = SLACK_PPM;
}

uint32_t machine_cpus(const struct machine *machine)
{
    return machine->plan.cpus + machine->partitions;
}

int64_t machine_limit_ppm(const struct machine *machine)
{
    return machine->plan.limit_ppm + machine->partition_limit_ppm * machine->partitions;
}

void machine_limit(struct machine *machine, int64_t percent)
{
    int64_t limit_ppm = percent * 10000 * machine->plan.cpus;

    if (percent > 0 && limit_ppm < machine->plan.limit_ppm)
        machine->plan.limit_ppm = limit_ppm;
    if (percent > 0 && percent * 10000 < machine->partition_limit_ppm)
        machine->partition_limit_ppm = percent * 10000;
}

static struct {
    pthread_t thread;
    bool is_running;
    bool is_done; /* atomic */
    enum tt_right right;
    int64_t wake_ns;
} measurement;

static int compare(const void *a, const void *b)
{
    int64_t one = *(const int64_t *)a, two = *(const int64_t *)b;

    return (one > two) - (one < two);
}

/* How late the second latest of a window's rounds was. */
static int64_t wake_late(void)
{
    int64_t due_ns = now_ns(), late_ns, worst_ns = 0, ret_ns = 0;
    struct timespec due;

    for (uint32_t n = 0; n < WAKE_ROUNDS; n++) {
        due_ns += MILLI;
        due = (struct timespec){due_ns / 1000000000, due_ns % 1000000000};
        (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        late_ns = now_ns() - due_ns;
        if (late_ns > MILLI)
            due_ns += late_ns;
        if (late_ns > worst_ns) {
            ret_ns = worst_ns;
            worst_ns = late_ns;
        } else if (late_ns > ret_ns)
            ret_ns = late_ns;
    }
    return ret_ns;
}

/* Of several windows the middle one: a moment in which the host took the machine away says not how
 * fast it wakes, and a plan would pay for it all day. The budget is far above what a round costs:
 * with 50 us the kernel, which sees interrupts as the task's time and looks at its tick only,
 * throttled it, and 0.3 ms to wake were told as 6. */
static void *measure(void *argument)
{
    int64_t late_ns[WAKE_WINDOWS];

    (void)argument;
    /* A full machine has none left: the kernel's word may change, the measure holds for a day. */
    if (measurement.right == TT_RIGHT_FIFO || (measurement.right == TT_RIGHT_DEADLINE &&
                                               tt_reserve_deadline(0, 300 * 1000, MILLI, NULL) < 0))
        (void)tt_reserve_fifo(0, WAKE_FIFO_PRIORITY, NULL);
    for (uint32_t n = 0; n < WAKE_WINDOWS; n++)
        late_ns[n] = wake_late();
    qsort(late_ns, WAKE_WINDOWS, sizeof *late_ns, compare);
    measurement.wake_ns = late_ns[WAKE_WINDOWS / 2];
    __atomic_store_n(&measurement.is_done, true, __ATOMIC_RELEASE);
    return NULL; /* a thread that exits gives its reservation back */
}

void machine_wake_start(struct machine *machine, struct profile *profile)
{
    int64_t value_ns, at_s;

    if (profile_recall(profile, "wake_ns", machine->kernel, &value_ns, &at_s) == 0) {
        machine->plan.wake_ns = value_ns;
        machine->plan.is_wake_assumed = false;
        if (time(NULL) - at_s < DAY_S)
            return;
    }
    measurement.right = machine->plan.right;
    measurement.is_done = false;
    measurement.is_running = pthread_create(&measurement.thread, NULL, measure, NULL) == 0;
}

bool machine_wake_poll(struct machine *machine, struct profile *profile)
{
    if (!measurement.is_running || !__atomic_load_n(&measurement.is_done, __ATOMIC_ACQUIRE))
        return false;
    (void)pthread_join(measurement.thread, NULL);
    measurement.is_running = false;
    if (measurement.wake_ns <= 0)
        return false;
    machine->plan.wake_ns = measurement.wake_ns;
    machine->plan.is_wake_assumed = false;
    profile_remember(profile, "wake_ns", machine->kernel, measurement.wake_ns);
    return true;
}
