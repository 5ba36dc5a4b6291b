/* The zygote: everything linked, nothing opened, one thread. A child is forked in microseconds
 * instead of loading media libraries for 70 ms, and is tactusd's own child. */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/container.h"
#include "edge/edge.h"
#include "host/host.h"
#include "platform/linux/cpuset.h"
#include "platform/linux/message.h"
#include "platform/linux/seat.h"
#include "platform/linux/stamp.h"

enum { STACK_BYTES = 8 << 20, CONTROL_FD = 3, ASIDE_FD = 64, PATHS_MAX = 64, GROUPS_MAX = 64 };

struct order {
    struct tt_jail jail;
    bool is_spare; /* it waits for its service: an edge for this order, the others for what follows
                    */
    int control;
    int cpuset;   /* where it enters a CPU's partition; -1: nowhere */
    pid_t parent; /* whom the child must belong to; 0: not visible from its pid namespace */
    char note[256];
    int32_t *own_tid; /* where the C library keeps the calling thread's id; NULL: unknown */
    const char *files[PATHS_MAX], *writes[PATHS_MAX];
    int plugins[TT_JAIL_PLUGINS_MAX];
    const char *plugin_names[TT_JAIL_PLUGINS_MAX]; /* the message's */
    uint32_t groups[GROUPS_MAX];
};

static void say_note(void *ctx, const char *text)
{
    const struct order *order = ctx;

    /* tactusd waits for one answer of a shaper; what its walls lack, the others tell. */
    if (order->jail.role != TT_JAIL_SHAPER)
        tt_seat_say(order->control, "note", text);
}

/* Only what it was given: the control socket and plug-ins; 0 and 1 lead nowhere, 2 is for a last
 * word. */
static int close_others(struct order *order)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC), count = (int)order->jail.plugin_count;

    if (nowhere < 0 || dup2(nowhere, 0) < 0 || dup2(nowhere, 1) < 0)
        return -errno;
    for (int n = 0; n < count; n++) /* out of the way of where they go */
        if ((order->plugins[n] = fcntl(order->plugins[n], F_DUPFD_CLOEXEC, ASIDE_FD)) < 0)
            return -errno;
    if (order->control != CONTROL_FD && dup3(order->control, CONTROL_FD, O_CLOEXEC) < 0)
        return -errno;
    order->control = CONTROL_FD;
    for (int n = 0; n < count; n++) {
        if (dup3(order->plugins[n], CONTROL_FD + 1 + n, O_CLOEXEC) < 0)
            return -errno;
        order->plugins[n] = CONTROL_FD + 1 + n;
    }
    return syscall(SYS_close_range, CONTROL_FD + 1 + count, ~0U, 0) < 0 ? -errno : 0;
}

/* Cleared by the kernel when the process changes its user, so it is set after that. A parent that
 * was gone before is noticed here, or by the control socket's end where pids are hidden. */
static void die_with_parent(const struct order *order)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (order->parent != 0 && getppid() != order->parent)
        _exit(1);
}

static void reset_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a viewer that leaves must not end a writer */
    (void)signal(SIGINT, SIG_IGN);  /* the terminal's ^C is the command's; it sends stop */
}

static int read_order(struct tt_message *message, struct order *ret, struct tt_error *err);

/* An edge's walls are its service's: it gets them when it knows them, and what is the same for all
 * before. The message is never freed: the order points into it. */
static int wait_for_order(struct order *order, struct tt_error *err)
{
    static struct tt_message message;
    struct order told;
    int r;

    tt_jail_prepare(&order->jail);
    r = tt_message_receive(order->control, &message, err);
    if (r == 0)
        r = read_order(&message, &told, err);
    if (r < 0)
        return r;
    if (told.is_spare || told.jail.role != order->jail.role || told.jail.plugin_count > 0 ||
        told.jail.has_network != order->jail.has_network)
        return tt_fail(err, -EPROTO, "the order is for another kind of process");
    told.jail.has_user_namespace = order->jail.has_user_namespace;
    told.jail.has_mounts = order->jail.has_mounts;
    if (told.jail.has_user_namespace) {
        told.jail.uid = order->jail.uid;
        told.jail.gid = order->jail.gid;
    }
    told.control = order->control;
    told.parent = order->parent;
    *order = told;
    order->jail.files = order->files;
    order->jail.writes = order->writes;
    order->jail.groups = order->groups;
    order->jail.plugins = order->plugins;
    order->jail.plugin_names = order->plugin_names;
    order->jail.note = say_note;
    order->jail.ctx = order;
    return 0;
}

/* A fork leaves pages of programs to be found again one by one, and what is written to be copied:
 * that is most of what a start in a fresh process costs. What every start needs is had before. */
static int touch_object(struct dl_phdr_info *object, size_t bytes, void *ctx)
{
    static const char *const used[] = {"/libc.so", "/libjansson.so", "/libzimg.so", "/libstdc++.so",
                                       "/libm.so"};
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    bool is_used = object->dlpi_name[0] == 0; /* this program */

    for (size_t n = 0; n < sizeof used / sizeof *used; n++)
        is_used = is_used || strstr(object->dlpi_name, used[n]) != NULL;
    for (int n = 0; is_used && n < object->dlpi_phnum; n++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[n];
        uint64_t from = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uint64_t to = object->dlpi_addr + part->p_vaddr + part->p_memsz;

        if (part->p_type == PT_LOAD)
            (void)madvise((void *)(uintptr_t)from, to - from,
                          part->p_flags & PF_W ? MADV_POPULATE_WRITE : MADV_POPULATE_READ);
    }
    return 0;
}

static void touch_program(void)
{
    enum { HEAP_BYTES = 1 << 20 };
    uintptr_t top = (uintptr_t)sbrk(0) & ~(uintptr_t)4095;

    (void)dl_iterate_phdr(touch_object, NULL);
    /* Where there is less heap than that, nothing is touched. */
    (void)madvise((void *)(top - HEAP_BYTES), HEAP_BYTES, MADV_POPULATE_WRITE);
}

static void name_process(const struct order *order)
{
    static const char *const names[] = {[TT_JAIL_SHAPER] = "tactus-shaper",
                                        [TT_JAIL_CONTAINER] = "tactus-contain",
                                        [TT_JAIL_EDGE] = "tactus-edge"};

    (void)prctl(PR_SET_NAME, order->is_spare ? "tactus-spare" : names[order->jail.role], 0, 0, 0);
}

static int child_main(void *ctx)
{
    struct order *order = ctx;
    struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    struct rlimit no_core = {0, 0};
    struct tt_error err = {0};
    int r;

    /* clone() outside of fork() leaves the C library with the zygote's thread id. */
    if (order->own_tid)
        *order->own_tid = gettid();
    reset_signals();
    die_with_parent(order);
    if (order->cpuset >= 0 && tt_cpuset_enter(order->cpuset, &err) < 0)
        tt_seat_fail(order->control, &err);
    r = close_others(order);
    if (r < 0)
        _exit(1);
    (void)setrlimit(RLIMIT_MEMLOCK, &unlimited); /* where permitted; before the rights are gone */
    (void)setrlimit(RLIMIT_CORE, &no_core);      /* frame pools do not belong on a disk */
    if (order->note[0])
        say_note(order, order->note);
    order->jail.note = say_note;
    order->jail.ctx = order;
    tt_stamp("child runs");
    name_process(order);
    if (order->is_spare)
        touch_program();
    if (order->is_spare && order->jail.role == TT_JAIL_EDGE)
        tt_linux_make_stack();
    r = order->is_spare && order->jail.role == TT_JAIL_EDGE ? wait_for_order(order, &err) : 0;
    if (r == -EPIPE)
        _exit(1);
    if (r == 0)
        r = tt_jail_enter(&order->jail, &err);
    tt_stamp("child jailed");
    die_with_parent(order);
    if (r < 0)
        tt_seat_fail(order->control, &err);
    name_process(order);
    switch (order->jail.role) {
    case TT_JAIL_SHAPER:
        host_shaper(order->control, &order->jail);
    case TT_JAIL_CONTAINER:
        tt_container_main(order->control, &order->jail);
    case TT_JAIL_EDGE:
        tt_edge_main(order->control, &order->jail);
    }
    _exit(1);
}

static uint32_t read_paths(const json_t *array, const char **ret)
{
    uint32_t count = 0;

    for (size_t n = 0; n < json_array_size(array) && count < PATHS_MAX; n++) {
        const char *path = json_string_value(json_array_get(array, n));

        if (path)
            ret[count++] = path;
    }
    return count;
}

static bool is_id(int64_t id)
{
    return id >= 0 && id < UINT32_MAX;
}

static int read_order(struct tt_message *message, struct order *ret, struct tt_error *err)
{
    const char *role = tt_message_text(message, "role");
    const json_t *groups = json_object_get(message->body, "groups");
    int64_t uid = tt_message_int(message, "uid", -1), gid = tt_message_int(message, "gid", -1);

    memset(ret, 0, sizeof *ret);
    if (strcmp(role, "shaper") == 0)
        ret->jail.role = TT_JAIL_SHAPER;
    else if (strcmp(role, "container") == 0)
        ret->jail.role = TT_JAIL_CONTAINER;
    else if (strcmp(role, "edge") == 0)
        ret->jail.role = TT_JAIL_EDGE;
    else
        return tt_fail(err, -EINVAL, "there is no role '%s'", role);
    if (!is_id(uid) || !is_id(gid)) /* who is left out is not root */
        return tt_fail(err, -EPROTO, "the order names no user and group");
    ret->jail.uid = (uint32_t)uid;
    ret->jail.gid = (uint32_t)gid;
    ret->jail.has_network = json_is_true(json_object_get(message->body, "network"));
    ret->jail.has_desktop = json_is_true(json_object_get(message->body, "desktop"));
    ret->jail.files = ret->files;
    ret->jail.file_count = read_paths(json_object_get(message->body, "files"), ret->files);
    ret->jail.writes = ret->writes;
    ret->jail.write_count = read_paths(json_object_get(message->body, "writes"), ret->writes);
    ret->jail.groups = ret->groups;
    for (size_t n = 0; n < json_array_size(groups) && n < GROUPS_MAX; n++)
        ret->groups[ret->jail.group_count++] =
            (uint32_t)json_integer_value(json_array_get(groups, n));
    ret->jail.plugins = ret->plugins;
    ret->jail.plugin_names = ret->plugin_names;
    for (uint32_t n = 0; n < message->fd_count;
         n++) /* they stay the message's, which closes them */
        if (strncmp(message->names[n], "plugin:", 7) == 0 &&
            ret->jail.plugin_count < TT_JAIL_PLUGINS_MAX) {
            ret->plugin_names[ret->jail.plugin_count] = message->names[n];
            ret->plugins[ret->jail.plugin_count++] = message->fds[n];
        }
    ret->is_spare = json_is_true(json_object_get(message->body, "spare"));
    ret->control = tt_message_take(message, "control");
    ret->cpuset = tt_message_take(message, "cpuset");
    return 0;
}

/* The flags are wishes: a kernel or a container around us may refuse them, and the child says so.
 */
static int fork_child(struct order *order, char *stack)
{
    int flags = tt_jail_clone_flags(order->jail.role, order->jail.has_network, order->note,
                                    sizeof order->note);
    pid_t parent = getppid();
    int pid;

    order->jail.has_user_namespace = (flags & CLONE_NEWUSER) != 0;
    order->jail.has_mounts = (flags & CLONE_NEWNS) != 0;
    order->parent = flags & CLONE_NEWPID ? 0 : parent;
    if (order->jail.has_user_namespace) {
        order->jail.uid = geteuid();
        order->jail.gid = getegid();
    }
    pid = clone(child_main, stack + STACK_BYTES, flags | CLONE_PARENT | SIGCHLD, order);
    if (pid >= 0 || flags == 0)
        return pid < 0 ? -errno : pid;
    (void)tt_format_text(order->note, sizeof order->note,
                         "no namespaces of its own: this machine refuses them (%s)",
                         strerror(errno));
    order->jail.has_user_namespace = order->jail.has_mounts = false;
    order->parent = parent;
    pid = clone(child_main, stack + STACK_BYTES, CLONE_PARENT | SIGCHLD, order);
    return pid < 0 ? -errno : pid;
}

static int32_t *find_own_tid(void)
{
    int32_t *place = NULL;

    if (prctl(PR_GET_TID_ADDRESS, &place, 0, 0, 0) < 0 || !place || *place != gettid())
        return NULL;
    return place;
}

static void spawn(int fd, struct tt_message *message, char *stack, int32_t *own_tid)
{
    struct tt_error err = {0};
    struct order order;
    int r = read_order(message, &order, &err);

    if (r == 0 && order.control < 0)
        r = tt_fail(&err, -EPROTO, "the order carries no control socket");
    order.own_tid = own_tid;
    if (r == 0) {
        r = fork_child(&order, stack);
        (void)close(order.control);
        if (order.cpuset >= 0)
            (void)close(order.cpuset);
        if (r < 0)
            (void)tt_fail(&err, r, "cannot fork a %s: %s", tt_message_text(message, "role"),
                          strerror(-r));
    }
    if (r > 0)
        (void)tt_message_send_new(fd, json_pack("{si}", "pid", r), NULL, NULL, 0, NULL);
    else
        (void)tt_message_send_new(fd, json_pack("{so}", "error", tt_message_error(&err)), NULL,
                                  NULL, 0, NULL);
}

int host_zygote(int fd)
{
    int32_t *own_tid = find_own_tid();
    char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

    if (stack == MAP_FAILED)
        return 1;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    tt_linux_look();
    (void)signal(SIGINT, SIG_IGN);
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    for (;;) {
        struct tt_message message;
        struct tt_error err = {0};
        int r = tt_message_receive(fd, &message, &err);

        if (r == -EPIPE)
            return 0;
        if (r < 0)
            (void)tt_message_send_new(fd, json_pack("{so}", "error", tt_message_error(&err)), NULL,
                                      NULL, 0, NULL);
        if (r < 0 && r != -EPROTO)
            return 1;
        if (r == 0)
            spawn(fd, &message, stack, own_tid);
        tt_message_fini(&message);
    }
}
