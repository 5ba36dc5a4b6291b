/* A component for tests that passes pictures on and tries what it may not, one thing a frame. What
 * succeeds is told on stderr, which is tactusd's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "passes.h"

enum { PARAM_FIRST, PARAM_COUNT };
enum { DEADLY_FIRST = 44, DEADLY_COUNT = 4, DEADLY_EVERY = 20 };

struct intruder {
    int64_t first, is_live, calls;
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_FIRST] = {.name = "first",
                     .help = "number of the first thing that it tries",
                     .initial = "0",
                     .type = TT_PARAM_INT},
};

struct attr { /* struct sched_attr */
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

static long try_open(void)
{
    return syscall(SYS_open, "/etc/passwd", O_RDONLY);
}
static long try_openat(void)
{
    return syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR);
}
static long try_creat(void)
{
    return syscall(SYS_creat, "/tmp/tactus-intruder", 0600);
}
static long try_proc(void)
{
    return syscall(SYS_open, "/proc/1/environ", O_RDONLY);
}
static long try_readlink(void)
{
    char text[64];

    return syscall(SYS_readlink, "/proc/self/exe", text, sizeof text);
}
static long try_getdents(void)
{
    char text[256];

    return syscall(SYS_getdents64, 0, text, sizeof text);
}
static long try_stat(void)
{
    struct stat about;

    return syscall(SYS_stat, "/", &about);
}
static long try_unlink(void)
{
    return syscall(SYS_unlink, "/tmp/tactus-intruder");
}
static long try_rename(void)
{
    return syscall(SYS_rename, "/tmp/a", "/tmp/b");
}
static long try_mkdir(void)
{
    return syscall(SYS_mkdir, "/tmp/tactus-intruder", 0700);
}
static long try_symlink(void)
{
    return syscall(SYS_symlink, "/", "/tmp/tactus-intruder");
}
static long try_chdir(void)
{
    return syscall(SYS_chdir, "/");
}
static long try_chmod(void)
{
    return syscall(SYS_fchmodat, AT_FDCWD, "/", 0777);
}
static long try_connect(void)
{
    return syscall(SYS_connect, 0, "\0\0", 2);
}
static long try_bind(void)
{
    return syscall(SYS_bind, 0, "\0\0", 2);
}
static long try_socketpair(void)
{
    int pair[2];

    return syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, pair);
}
static long try_accept(void)
{
    return syscall(SYS_accept4, 0, 0, 0, 0);
}
static long try_kill_init(void)
{
    return syscall(SYS_kill, 1, 0);
}
static long try_kill_parent(void)
{
    return syscall(SYS_kill, getppid(), SIGKILL);
}
static long try_kill_all(void)
{
    return syscall(SYS_kill, -1, SIGKILL);
}
static long try_tgkill(void)
{
    return syscall(SYS_tgkill, getpid() + 1, getpid() + 1, SIGKILL);
}
static long try_tkill(void)
{
    return syscall(SYS_tkill, 1, SIGKILL);
}
static long try_sigqueue(void)
{
    return syscall(SYS_rt_sigqueueinfo, 1, SIGKILL, 0);
}
static long try_pidfd(void)
{
    return syscall(SYS_pidfd_open, 1, 0);
}
static long try_fork(void)
{
    long child = syscall(SYS_fork);

    if (child == 0)
        _exit(0);
    return child;
}
static long try_vfork(void)
{
    return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0 ? (_exit(0), 0) : -1;
}
static long try_clone3(void)
{
    return syscall(SYS_clone3, 0, 64);
}
static long try_deadline(void)
{
    struct attr attr = {.size = sizeof attr,
                        .policy = 6,
                        .runtime = 90000000,
                        .deadline = 100000000,
                        .period = 100000000};

    return syscall(SYS_sched_setattr, getpid() + 1, &attr, 0);
}
static long try_fifo(void)
{
    struct attr attr = {.size = sizeof attr, .policy = SCHED_FIFO, .priority = 99};

    return syscall(SYS_sched_setattr, 0, &attr, 0);
}
static long try_scheduler(void)
{
    struct sched_param param = {.sched_priority = 99};

    return syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param);
}
static long try_affinity(void)
{
    unsigned long mask = 1;

    return syscall(SYS_sched_setaffinity, 0, sizeof mask, &mask);
}
static long try_nice(void)
{
    return syscall(SYS_setpriority, PRIO_PROCESS, 0, -20);
}
static long try_limits(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};

    return syscall(SYS_prlimit64, getpid() + 1, RLIMIT_NOFILE, &limit, 0);
}
static long try_setuid(void)
{
    return syscall(SYS_setuid, 0);
}
static long try_setgroups(void)
{
    return syscall(SYS_setgroups, 0, 0);
}
static long try_shm(void)
{
    return syscall(SYS_shmget, 4711, 4096, IPC_CREAT | 0600);
}
static long try_msg(void)
{
    return syscall(SYS_msgget, 4711, IPC_CREAT | 0600);
}
static long try_ioctl(void)
{
    return syscall(SYS_ioctl, 0, TIOCSTI, "x");
}
static long try_uname(void)
{
    return syscall(SYS_sethostname, "mine", 4);
}
static long try_sync(void)
{
    return syscall(SYS_syslog, 3, 0, 0);
}
static long try_inotify(void)
{
    return syscall(SYS_inotify_init1, 0);
}
static long try_seccomp(void)
{
    return syscall(SYS_seccomp, 1, 0, 0);
}
static long try_membind(void)
{
    return syscall(SYS_mbind, 0, 0, 0, 0, 0, 0);
}
static long try_timerfd(void)
{
    return syscall(SYS_timerfd_create, 0, 0);
}

static long try_ptrace(void)
{
    return syscall(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0);
}
static long try_exec(void)
{
    return syscall(SYS_execve, "/bin/sh", 0, 0);
}
static long try_socket(void)
{
    return syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
}
static long try_unshare(void)
{
    return syscall(SYS_unshare, CLONE_NEWUSER);
}

static const struct attempt {
    const char *what;
    long (*try)(void);
} attempts[] = {
    {"open /etc/passwd", try_open},
    {"open its own memory", try_openat},
    {"make a file", try_creat},
    {"read another's environment", try_proc},
    {"read a link", try_readlink},
    {"list a folder", try_getdents},
    {"look at /", try_stat},
    {"remove a file", try_unlink},
    {"rename a file", try_rename},
    {"make a folder", try_mkdir},
    {"make a link", try_symlink},
    {"change its folder", try_chdir},
    {"open / to all", try_chmod},
    {"connect", try_connect},
    {"bind", try_bind},
    {"make a pair of sockets", try_socketpair},
    {"accept", try_accept},
    {"see whether init is there", try_kill_init},
    {"kill its parent", try_kill_parent},
    {"kill everybody", try_kill_all},
    {"kill a thread of another process", try_tgkill},
    {"kill a thread", try_tkill},
    {"queue a signal", try_sigqueue},
    {"open a process", try_pidfd},
    {"fork", try_fork},
    {"clone a process", try_vfork},
    {"clone3", try_clone3},
    {"give another process a reservation", try_deadline},
    {"become FIFO 99", try_fifo},
    {"become FIFO 99 the old way", try_scheduler},
    {"pin itself", try_affinity},
    {"be nicer to itself", try_nice},
    {"lift another process's limits", try_limits},
    {"become root", try_setuid},
    {"change its groups", try_setgroups},
    {"get shared memory", try_shm},
    {"get a message queue", try_msg},
    {"type into a terminal", try_ioctl},
    {"rename the machine", try_uname},
    {"read the kernel's log", try_sync},
    {"watch files", try_inotify},
    {"change its filter", try_seccomp},
    {"bind memory", try_membind},
    {"get a timer's descriptor", try_timerfd},
    /* From here on the process ends: DEADLY_FIRST. */
    {"trace its parent", try_ptrace},
    {"run a program", try_exec},
    {"get a socket", try_socket},
    {"leave its namespaces", try_unshare},
};
_Static_assert(sizeof attempts / sizeof *attempts == DEADLY_FIRST + DEADLY_COUNT,
               "they are the last");

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    return passes_shape(request, sizeof(struct intruder), ret, err);
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct intruder *self = state;

    self->first = tt_setting_int(request, PARAM_FIRST);
    self->is_live = request->is_live;
    return 0;
}

static void try_one(int64_t number)
{
    if (number < 0 || number >= (int64_t)(sizeof attempts / sizeof *attempts))
        return;
    errno = 0;
    if (attempts[number].try() >= 0 || errno == 0)
        dprintf(2, "intruder could %s\n", attempts[number].what);
    dprintf(2, "intruder tried %s: %d\n", attempts[number].what, errno);
}

/* One thing a call; those that end the process by turns, DEADLY_EVERY frames apart. */
static int process(void *state, struct tt_call *call)
{
    struct intruder *self = state;

    if (self->is_live && self->first < DEADLY_FIRST)
        try_one(self->first + self->calls++ - 5);
    else if (self->is_live && call->index % DEADLY_EVERY == DEADLY_EVERY - 1)
        try_one(self->first + call->index / DEADLY_EVERY % DEADLY_COUNT);
    return passes_on(call);
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "intruder",
    .help = "tries what it may not",
    .example = "tactus run test.video ! ./libintruder.so ! null --for 2s",
    .ports = passes_ports,
    .params = params,
    .port_count = 2,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = passes_open,
    .process = process,
    .close = passes_close};
