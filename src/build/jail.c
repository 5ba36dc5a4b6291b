/* Programs behind walls, as an ordinary user can build them. */
#include "build/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "platform/linux/landlock.h"

enum { CPU_S = 60, WALL_S = 150, SETUP_FAILED = 126, NOT_FOUND = 127, ANSWER_MS = 200 };

/* Nothing that reads, compiles or links needs these. */
static const char *const refused[] = {
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "setsid",
    "setpgid",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "mount_setattr",
    "unshare",
    "setns",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "keyctl",
    "add_key",
    "request_key",
    "init_module",
    "finit_module",
    "delete_module",
    "kexec_load",
    "kexec_file_load",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "syslog",
    "sethostname",
    "setdomainname",
    "settimeofday",
    "clock_settime",
    "clock_adjtime",
    "adjtimex",
    "iopl",
    "ioperm",
    "modify_ldt",
    "personality",
    "name_to_handle_at",
    "open_by_handle_at",
    "fanotify_init",
    "inotify_init",
    "inotify_init1",
    "shmget",
    "shmat",
    "shmctl",
    "msgget",
    "semget",
    "mq_open",
    "memfd_secret",
    "sched_setattr",
    "sched_setscheduler",
    "setpriority",
    "kill",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "capset",
    "mknod",
    "mknodat",
    "lookup_dcookie",
    "vmsplice",
    "process_mrelease",
};

/* What a module's own code and its run time use. */
static const char *const computing[] = {
    "read",   "write",           "close",        "exit",           "exit_group",
    "mmap",   "munmap",          "mprotect",     "madvise",        "mremap",
    "brk",    "rt_sigreturn",    "rt_sigaction", "rt_sigprocmask", "sigaltstack",
    "futex",  "clock_gettime",   "getrandom",    "gettid",         "getpid",
    "tgkill", "restart_syscall", "lseek",        "fstat",          "newfstatat",
};

static int add_rules(scmp_filter_ctx filter, uint32_t action, const char *const *names,
                     size_t count)
{
    for (size_t n = 0; n < count; n++) {
        int number = seccomp_syscall_resolve_name(names[n]), r;

        if (number < 0)
            continue; /* this machine has no such call */
        r = seccomp_rule_add(filter, action, number, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static int load_filter(uint32_t standard, uint32_t action, const char *const *names, size_t count)
{
    scmp_filter_ctx filter = seccomp_init(standard);
    int r;

    if (!filter)
        return -ENOMEM;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    r = add_rules(filter, action, names, count);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    return r;
}

static int limit(int resource, uint64_t most)
{
    struct rlimit now, wanted = {most, most};

    if (resource == RLIMIT_CPU)
        wanted.rlim_max = most + 1; /* SIGXCPU says why, SIGKILL would not */
    if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_max < wanted.rlim_max)
        wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &wanted) < 0 ? -errno : 0;
}

static int set_limits(uint32_t cpu_s, uint64_t memory_bytes, uint64_t file_bytes)
{
    int r = limit(RLIMIT_CPU, cpu_s);

    if (r == 0 && memory_bytes > 0)
        r = limit(RLIMIT_AS, memory_bytes);
    if (r == 0)
        r = limit(RLIMIT_FSIZE, file_bytes);
    if (r == 0)
        r = limit(RLIMIT_CORE, 0);
    return r == 0 ? limit(RLIMIT_NOFILE, 128) : r;
}

static int drop_capabilities(void)
{
    cap_t none = cap_init();
    int r = none && cap_set_proc(none) == 0 ? 0 : -errno;

    if (none)
        (void)cap_free(none);
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : r;
}

/* Within a user namespace of one's own where one is needed for the other. */
static uint32_t leave_network(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWIPC) == 0)
        return TT_WALL_NETWORK;
    return unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC) == 0 ? TT_WALL_NETWORK : 0;
}

static uint32_t hide_files(const struct tt_tool *tool)
{
    static const char *const reads[] = {
        "/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/alternatives", "/proc/self"};
    const uint32_t all =
        TT_LANDLOCK_READ | TT_LANDLOCK_WRITE | TT_LANDLOCK_MAKE | TT_LANDLOCK_REMOVE;
    struct tt_landlock landlock;
    int r;

    if (tt_landlock_open(&landlock, false) < 0 || landlock.fd < 0)
        return 0;
    for (size_t n = 0; n < sizeof(reads) / sizeof(reads[0]); n++)
        (void)tt_landlock_allow(&landlock, reads[n], TT_LANDLOCK_READ | TT_LANDLOCK_RUN);
    (void)tt_landlock_allow(&landlock, "/dev/null", TT_LANDLOCK_READ | TT_LANDLOCK_WRITE);
    if (tool->reads)
        (void)tt_landlock_allow(&landlock, tool->reads, TT_LANDLOCK_READ);
    r = tt_landlock_allow(&landlock, tool->folder, all);
    if (r == 0)
        r = tt_landlock_enforce(&landlock);
    return r == 0 ? TT_WALL_FILES : 0;
}

/* In the child. The walls that stood go to the parent before the program has a word. */
static int become(const struct tt_tool *tool, int walls_fd)
{
    static const char *const environment[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TMPDIR=.",
                                              "HOME=.", NULL};
    const size_t count = sizeof(refused) / sizeof(refused[0]);
    uint32_t walls = leave_network();

    if (setpgid(0, 0) < 0 || chdir(tool->folder) < 0)
        return -errno;
    if (drop_capabilities() < 0)
        return -EPERM;
    walls |= hide_files(tool);
    if (load_filter(SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(EPERM), refused, count) == 0)
        walls |= TT_WALL_FILTER;
    if (set_limits(tool->cpu_s ? tool->cpu_s : CPU_S, UINT64_C(4) << 30, 256 << 20) == 0)
        walls |= TT_WALL_LIMITS;
    if (!(walls & TT_WALL_FILTER) || !(walls & TT_WALL_LIMITS))
        return -EPERM;
    (void)!write(walls_fd, &walls, sizeof(walls));
    (void)execve(tool->words[0], (char *const *)(uintptr_t)tool->words,
                 (char *const *)(uintptr_t)environment);
    return -errno;
}

static void run_child(const struct tt_tool *tool, int says_fd, int walls_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;

    (void)signal(SIGPIPE, SIG_DFL);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(tool->takes_stdout ? says_fd : null, STDOUT_FILENO);
    (void)dup2(says_fd, STDERR_FILENO);
    r = become(tool, walls_fd);
    _exit(r == -ENOENT ? NOT_FOUND : SETUP_FAILED);
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Reads until nobody writes any more; what is beyond the room is dropped. False: it took too long.
 */
static bool listen_to(int fd, char *says)
{
    int64_t end_ms = now_ms() + WALL_S * 1000;
    size_t used = 0;
    char room[4096];

    for (;;) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        ssize_t got;
        size_t fits;

        if (now_ms() >= end_ms)
            return false;
        if (poll(&wait, 1, ANSWER_MS) <= 0)
            continue;
        got = read(fd, room, sizeof(room));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return true;
        fits = TT_TOOL_SAYS_BYTES - 1 - used;
        fits = (size_t)got < fits ? (size_t)got : fits;
        memcpy(says + used, room, fits);
        used += fits;
        says[used] = 0;
    }
}

static void await(pid_t pid, struct tt_tool_result *ret)
{
    while (waitpid(pid, &ret->status, 0) < 0 && errno == EINTR)
        continue;
    /* The children of a compiler that was ended. */
    (void)kill(-pid, SIGKILL);
}

int tt_tool_run(const struct tt_tool *tool, struct tt_tool_result *ret, struct tt_error *err)
{
    struct tt_tool_result result = {.says = calloc(1, TT_TOOL_SAYS_BYTES)};
    int says[2] = {-1, -1}, walls[2] = {-1, -1}, r = 0;
    pid_t pid;

    if (!result.says)
        return tt_fail(err, -ENOMEM, "no memory to run %s", tool->words[0]);
    if (pipe2(says, O_CLOEXEC) < 0 || pipe2(walls, O_CLOEXEC) < 0)
        r = tt_fail(err, -errno, "no pipe to %s: %s", tool->words[0], strerror(errno));
    pid = r == 0 ? fork() : -1;
    if (pid == 0)
        run_child(tool, says[1], walls[1]);
    if (r == 0 && pid < 0)
        r = tt_fail(err, -errno, "cannot start %s: %s", tool->words[0], strerror(errno));
    (void)close(says[1]);
    (void)close(walls[1]);
    if (r == 0) {
        (void)setpgid(pid, pid); /* whoever of us is first */
        result.is_late = !listen_to(says[0], result.says);
        if (result.is_late)
            (void)kill(-pid, SIGKILL);
        await(pid, &result);
        if (read(walls[0], &result.walls, sizeof(result.walls)) != sizeof(result.walls) ||
            (WIFEXITED(result.status) && WEXITSTATUS(result.status) == SETUP_FAILED))
            r = tt_fail(err, -EPERM, "%s cannot be shut in here, and is not run outside",
                        tool->words[0]);
        else if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == NOT_FOUND)
            r = tt_fail(err, -ENOENT, "there is no %s", tool->words[0]);
    }
    (void)close(says[0]);
    (void)close(walls[0]);
    if (r < 0)
        free(result.says);
    else
        *ret = result;
    return r;
}

int tt_jail_compute(uint32_t cpu_s, struct tt_error *err)
{
    const size_t count = sizeof(computing) / sizeof(computing[0]);
    int r = set_limits(cpu_s, 0, 0);

    (void)leave_network();
    if (r == 0)
        r = drop_capabilities();
    if (r == 0)
        r = load_filter(SCMP_ACT_KILL_PROCESS, SCMP_ACT_ALLOW, computing, count);
    return r < 0 ? tt_fail(err, r, "a module cannot be shut in here, and is not run outside: %s",
                           strerror(-r))
                 : 0;
}
