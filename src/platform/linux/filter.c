/* System call filters (libseccomp).
 *
 * A container gets a list of what an engine, the memory of codecs and the control socket need;
 * everything else fails with EPERM, because libraries probe innocently (a codec opens
 * /proc/cpuinfo) and a media service must not die of that. What no library does innocently but an
 * intruder needs first (run a program, trace, mount, load code into the kernel, get a socket) ends
 * the process at once: the restart is cheaper than the doubt.
 *
 * Of a container with a stranger's plug-in every refused call is told to tactusd, which counts it
 * and answers for the kernel (seccomp's user notification); nobody in the container can keep that
 * from happening. What is deadly is so from before the plug-in's first instruction.
 *
 * Edges and shapers run libav, TLS and name resolution, whose calls change with every release, so
 * theirs is the list of what is refused; files and addresses are held by Landlock and namespaces.
 */
#include "platform/linux/filter.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const deadly[] = {"execve",
                                     "execveat",
                                     "ptrace",
                                     "process_vm_readv",
                                     "process_vm_writev",
                                     "kexec_load",
                                     "kexec_file_load",
                                     "init_module",
                                     "finit_module",
                                     "delete_module",
                                     "bpf",
                                     "mount",
                                     "umount2",
                                     "pivot_root",
                                     "move_mount",
                                     "open_tree",
                                     "fsopen",
                                     "fsmount",
                                     "fsconfig",
                                     "mount_setattr",
                                     "chroot",
                                     "setns",
                                     "unshare",
                                     "open_by_handle_at",
                                     "name_to_handle_at",
                                     "perf_event_open",
                                     "userfaultfd",
                                     "io_uring_setup",
                                     "keyctl",
                                     "add_key",
                                     "request_key",
                                     "reboot",
                                     "swapon",
                                     "swapoff",
                                     "settimeofday",
                                     "clock_settime",
                                     "clock_adjtime",
                                     "adjtimex",
                                     "pidfd_getfd",
                                     "quotactl",
                                     "acct",
                                     "iopl",
                                     "ioperm",
                                     "process_madvise"};

static const char *const container_calls[] = {
    /* memory */
    "mmap", "munmap", "mprotect", "mremap", "madvise", "brk", "mlock", "mlock2", "munlock",
    "mlockall", "munlockall", "membarrier", "memfd_create", "ftruncate",
    /* time, sleep, threads */
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time",
    "futex", "futex_waitv", "sched_yield", "sched_getaffinity", "sched_getscheduler",
    "sched_getparam", "sched_getattr", "sched_get_priority_max", "sched_get_priority_min",
    "set_robust_list", "get_robust_list", "rseq", "set_tid_address", "getcpu", "timer_create",
    "timer_settime", "timer_gettime", "timer_getoverrun", "timer_delete", "getrusage", "times",
    /* identity */
    "getpid", "gettid", "getppid", "capget", "capset", "getuid", "geteuid", "getgid", "getegid",
    "uname", "sysinfo", "getrandom", "getrlimit",
    /* signals */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "rt_sigtimedwait",
    "restart_syscall", "exit", "exit_group",
    /* descriptors it has: the control socket, and words for a person */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "close", "fstat",
    "newfstatat", "fcntl", "dup", "poll", "ppoll", "epoll_create1", "epoll_ctl", "epoll_wait",
    "epoll_pwait", "eventfd2", "sendmsg", "recvmsg", "sendto", "recvfrom", "shutdown", "getsockopt",
    "prctl"};

static int add(scmp_filter_ctx filter, uint32_t action, const char *name)
{
    int call = seccomp_syscall_resolve_name(name);
    int r;

    if (call == __NR_SCMP_ERROR)
        return 0; /* older than this library's tables: the default holds */
    r = seccomp_rule_add(filter, action, call, 0);
    /* -EDOM: not on this architecture. */
    return r == -EDOM || r == -EACCES ? 0 : r;
}

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    int r = 0;

    for (size_t n = 0; n < count && r == 0; n++)
        r = add(filter, action, names[n]);
    return r;
}

/* Threads yes, processes no. clone3 hides its flags from a filter; -ENOSYS makes the C library use
 * clone. */
static int allow_threads_only(scmp_filter_ctx filter, bool is_open)
{
    int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

    if (r == 0 && !is_open)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (r == 0 && is_open)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return r;
}

static int fill_container(scmp_filter_ctx filter)
{
    int r = add_all(filter, SCMP_ACT_ALLOW, container_calls,
                    sizeof container_calls / sizeof *container_calls);

    if (r == 0)
        r = add(filter, SCMP_ACT_KILL_PROCESS, "socket");
    /* Signals and limits: its own only. */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                             SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                             SCMP_A0(SCMP_CMP_EQ, 0));
    if (r == 0) /* a worker leaves its reservation by itself */
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sched_setattr), 1,
                             SCMP_A0(SCMP_CMP_EQ, 0));
    return r == 0 ? allow_threads_only(filter, false) : r;
}

/* With a network: IPv4, IPv6 and netlink (name resolution asks it for addresses); nothing that
 * speaks to other programs of this machine, save for an edge that shows or plays something. */
static int fill_edge(scmp_filter_ctx filter, bool has_network, bool has_desktop)
{
    static const int families[] = {AF_INET, AF_INET6, AF_NETLINK};
    int r = allow_threads_only(filter, true);

    if (r == 0 && !has_network && !has_desktop)
        return add(filter, SCMP_ACT_ERRNO(EPERM), "socket");
    for (int family = 0; family < AF_MAX && r == 0; family++) {
        bool is_wanted = false;

        for (size_t n = 0; n < sizeof families / sizeof *families; n++)
            is_wanted = is_wanted || (has_network && families[n] == family);
        is_wanted = is_wanted || (has_desktop && family == AF_UNIX);
        if (!is_wanted)
            r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                 SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family));
    }
    return r;
}

static int load(scmp_filter_ctx filter)
{
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (r == 0)
        (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    return r == 0 ? seccomp_load(filter) : r;
}

static int enforce(enum tt_jail_role role, bool has_network, bool has_desktop, uint32_t otherwise,
                   int *ret_listener)
{
    scmp_filter_ctx filter = seccomp_init(otherwise);
    int r;

    if (!filter)
        return -ENOMEM;
    r = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, sizeof deadly / sizeof *deadly);
    if (r == 0)
        r = role == TT_JAIL_CONTAINER ? fill_container(filter)
                                      : fill_edge(filter, has_network, has_desktop);
    if (r == 0)
        r = load(filter);
    if (r == 0 && ret_listener)
        *ret_listener = seccomp_notify_fd(filter);
    seccomp_release(filter);
    return r;
}

int tt_filter_enforce(enum tt_jail_role role, bool has_network, bool has_desktop)
{
    return enforce(role, has_network, has_desktop,
                   role == TT_JAIL_CONTAINER ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW, NULL);
}

int tt_filter_enforce_told(int *ret_listener)
{
    int r = enforce(TT_JAIL_CONTAINER, false, false, SCMP_ACT_NOTIFY, ret_listener);

    if (r == 0 && *ret_listener < 0)
        r = *ret_listener;
    return r;
}

int tt_filter_enforce_deadly(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r;

    if (!filter)
        return -ENOMEM;
    r = add_all(filter, SCMP_ACT_KILL_PROCESS, deadly, sizeof deadly / sizeof *deadly);
    if (r == 0)
        r = add(filter, SCMP_ACT_KILL_PROCESS, "socket");
    if (r == 0)
        r = load(filter);
    seccomp_release(filter);
    return r;
}

bool tt_filter_take(int listener, int *ret_call)
{
    struct seccomp_notif *asked = NULL;
    struct seccomp_notif_resp *answer = NULL;
    bool is_told = false;

    if (seccomp_notify_alloc(&asked, &answer) != 0)
        return false;
    if (seccomp_notify_receive(listener, asked) == 0) {
        *ret_call = asked->data.nr;
        answer->id = asked->id;
        answer->error = -EPERM;
        (void)seccomp_notify_respond(listener, answer); /* it may be dead already */
        is_told = true;
    }
    seccomp_notify_free(asked, answer);
    return is_told;
}

char *tt_filter_name(int call)
{
    return seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, call);
}
