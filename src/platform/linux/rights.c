/* What this process may do, tried out: nothing is inferred from user ids. */
#include "platform/linux/rights.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/linux/cpuset.h"
#include "platform/linux/landlock.h"
#include "platform/linux/reserve.h"

enum { HUGE_BYTES = 2 << 20, LOCK_BYTES = 16 << 20 };

static const char nice_fix[] =
    "start tactusd as root, or: sudo setcap cap_sys_nice+ep $(command -v tactusd)";

static void tell(struct tt_ability *right, int code, const char *held, const char *missing,
                 const char *fix)
{
    right->is_held = code == 0;
    right->state = code == 0 ? "yes" : "no";
    if (code == 0)
        (void)snprintf(right->detail, sizeof right->detail, "%s", held);
    else
        (void)snprintf(right->detail, sizeof right->detail, "%s: %s", missing, strerror(-code));
    (void)snprintf(right->fix, sizeof right->fix, "%s", code == 0 ? "" : fix);
}

/* Who is refused for want of bandwidth has the right, and has what others give back. */
void tt_rights_tell_deadline(int code, struct tt_ability *ret)
{
    tell(ret, code, "a thread could reserve CPU time", "no thread can reserve CPU time", nice_fix);
    if (code != -EBUSY)
        return;
    ret->is_held = true;
    ret->state = "partly";
    (void)snprintf(ret->detail, sizeof ret->detail,
                   "threads may reserve CPU time, but the kernel has none left to promise now");
    (void)snprintf(ret->fix, sizeof ret->fix,
                   "end other reservations on this machine; what starts then can have them");
}

struct class_trial {
    int deadline, fifo;
};

/* One per cent for an instant; the thread leaves the class itself, then ends. */
static void *try_classes(void *ctx)
{
    struct class_trial *trial = ctx;

    trial->fifo = tt_reserve_fifo(0, 1, NULL);
    if (trial->fifo == 0)
        (void)tt_reserve_leave(NULL);
    trial->deadline = tt_reserve_deadline(0, 100000, 10000000, NULL);
    if (trial->deadline == 0)
        (void)tt_reserve_leave(NULL);
    return NULL;
}

static void probe_classes(struct tt_ability *rights)
{
    struct class_trial trial = {.deadline = -EAGAIN, .fifo = -EAGAIN};
    pthread_t thread;
    int r = pthread_create(&thread, NULL, try_classes, &trial);

    if (r == 0)
        (void)pthread_join(thread, NULL);
    tt_rights_tell_deadline(trial.deadline, &rights[TT_ABILITY_DEADLINE]);
    tell(&rights[TT_ABILITY_FIFO], trial.fifo, "a thread could run at a fixed priority",
         "no thread can run at a fixed priority", nice_fix);
}

/* Only looked at: a partition that is tried would take CPUs from others for that time. */
static void probe_partition(struct tt_ability *right)
{
    char root[512], path[600], line[512] = "";
    FILE *file;

    tt_cpusets_root(root, sizeof root);
    (void)snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    file = root[0] ? fopen(path, "re") : NULL;
    if (file && !fgets(line, sizeof line, file))
        line[0] = 0;
    if (file)
        (void)fclose(file);
    if (!strstr(line, "cpuset")) {
        tell(right, -ENOTSUP, "", "cgroup v2 has no cpuset controller here",
             "boot with systemd.unified_cgroup_hierarchy=1 for exclusive CPUs");
        return;
    }
    tell(right, access(root, W_OK) < 0 ? -errno : 0,
         "cgroup v2 with cpuset, writable; tactusd takes CPUs when told to: --partitions",
         "cgroup v2 has cpuset, but this process may not make groups", "start tactusd as root");
}

static void probe_memory(struct tt_ability *rights)
{
    struct rlimit limit = {0, 0};
    void *memory =
        mmap(NULL, LOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int r = memory == MAP_FAILED || mlock(memory, LOCK_BYTES) < 0 ? -errno : 0;
    struct tt_ability *lock = &rights[TT_ABILITY_MEMORY_LOCK];

    if (memory != MAP_FAILED)
        (void)munmap(memory, LOCK_BYTES);
    tell(lock, r, "16 MiB could be locked", "16 MiB could not be locked",
         "raise the limit: ulimit -l unlimited (LimitMEMLOCK=infinity in a unit)");
    (void)getrlimit(RLIMIT_MEMLOCK, &limit);
    if (r == 0 && limit.rlim_cur != RLIM_INFINITY)
        (void)snprintf(lock->detail, sizeof lock->detail, "16 MiB could be locked, limit %llu MiB",
                       (unsigned long long)limit.rlim_cur >> 20);
    memory = mmap(NULL, HUGE_BYTES, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
    r = memory == MAP_FAILED ? -errno : 0;
    if (r == 0)
        (void)munmap(memory, HUGE_BYTES);
    tell(&rights[TT_ABILITY_HUGE_PAGES], r, "a 2 MiB page could be mapped", "no 2 MiB page is free",
         "sysctl vm.nr_hugepages=N (frame pools then use them; not needed for a promise)");
}

static int child_of_trial(void *unused)
{
    _exit(0);
}

/* A child in the namespaces that ends at once. */
static int try_namespaces(int flags)
{
    enum { STACK = 64 << 10 };
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int pid, status = 0, r = 0;

    if (stack == MAP_FAILED)
        return -ENOMEM;
    pid = clone(child_of_trial, stack + STACK, flags | SIGCHLD, NULL);
    if (pid < 0)
        r = -errno;
    else
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    (void)munmap(stack, STACK);
    return r;
}

static void probe_namespaces(struct tt_ability *rights)
{
    static const struct {
        const char *name;
        int flag;
    } kinds[] = {{"mount", CLONE_NEWNS},
                 {"pid", CLONE_NEWPID},
                 {"net", CLONE_NEWNET},
                 {"ipc", CLONE_NEWIPC}};
    struct tt_ability *right = &rights[TT_ABILITY_NAMESPACES];
    char had[64] = "", missing[64] = "";
    int r = 0, all = CLONE_NEWUSER;

    for (size_t n = 0; n < sizeof kinds / sizeof *kinds; n++) {
        int tried = try_namespaces(kinds[n].flag);
        char *list = tried < 0 ? missing : had;

        (void)snprintf(list + strlen(list), sizeof had - strlen(list), " %s", kinds[n].name);
        if (tried < 0)
            r = tried;
        all |= kinds[n].flag;
    }
    tell(right, r, "mount, pid, net and ipc could be made", "could not make",
         "start tactusd as root; otherwise user namespaces serve where they are allowed");
    if (r < 0) {
        right->state = had[0] ? "partly" : "no";
        (void)snprintf(right->detail, sizeof right->detail, "could not make:%s (%s)", missing,
                       strerror(-r));
    }
    tell(&rights[TT_ABILITY_USER_NAMESPACE], try_namespaces(all),
         "the same within a user namespace could be made (never under DEADLINE)",
         "no user namespace could be made", "sysctl kernel.unprivileged_userns_clone=1");
}

static void probe_filters(struct tt_ability *rights)
{
    uint32_t kill = SECCOMP_RET_KILL_PROCESS;
    struct tt_ability *landlock = &rights[TT_ABILITY_LANDLOCK];
    int abi = tt_landlock_abi();

    tell(landlock, abi > 0 ? 0 : -ENOSYS, "", "the kernel has no Landlock",
         "boot with lsm=landlock,... (children then see just the files a service names)");
    if (abi > 0)
        (void)snprintf(landlock->detail, sizeof landlock->detail, "Landlock ABI %d", abi);
    tell(&rights[TT_ABILITY_SECCOMP],
         syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &kill) < 0 ? -errno : 0,
         "system call filters can end a process", "no system call filters",
         "use a kernel with CONFIG_SECCOMP_FILTER");
}

void tt_rights_probe(struct tt_ability *ret)
{
    static const char *const names[TT_ABILITY_COUNT] = {
        "deadline",   "fifo",           "partition", "memory-lock", "huge-pages",
        "namespaces", "user-namespace", "landlock",  "seccomp"};

    memset(ret, 0, TT_ABILITY_COUNT * sizeof *ret);
    for (uint32_t n = 0; n < TT_ABILITY_COUNT; n++)
        ret[n].name = names[n];
    probe_classes(ret);
    probe_partition(&ret[TT_ABILITY_PARTITION]);
    probe_memory(ret);
    probe_namespaces(ret);
    probe_filters(ret);
}
