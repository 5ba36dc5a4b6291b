/* Walls around a child, from the outside in: ids, root, capabilities, Landlock, then the filter. */
#include "platform/linux/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platform/linux/filter.h"
#include "platform/linux/landlock.h"

static void note(const struct tt_jail *jail, const char *what, int code)
{
    char text[256];

    (void)snprintf(text, sizeof text, "%s: %s", what, strerror(-code));
    if (jail->note)
        jail->note(jail->ctx, text);
}

static bool has_capability(cap_value_t wanted)
{
    cap_flag_value_t is_set = CAP_CLEAR;
    cap_t mine = cap_get_proc();

    if (mine)
        (void)cap_get_flag(mine, wanted, CAP_EFFECTIVE, &is_set);
    if (mine)
        (void)cap_free(mine);
    return is_set == CAP_SET;
}

int tt_jail_clone_flags(enum tt_jail_role role, bool has_network, char *note_text,
                        uint32_t note_bytes)
{
    int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;

    (void)snprintf(note_text, note_bytes, "%s", "");
    if (role == TT_JAIL_CONTAINER || !has_network)
        flags |= CLONE_NEWNET;
    if (has_capability(CAP_SYS_ADMIN))
        return flags;
    if (!has_capability(CAP_SYS_NICE))
        return flags | CLONE_NEWUSER;
    (void)snprintf(note_text, note_bytes,
                   "no namespaces of its own: they would need CAP_SYS_ADMIN, and a user namespace "
                   "rules reservations out");
    return 0;
}

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int r = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, strlen(text)) < 0)
        r = -errno;
    (void)close(fd);
    return r;
}

/* Everybody stays who he is; no other id exists inside. */
static int map_ids(const struct tt_jail *jail)
{
    char text[64];
    int r = write_text("/proc/self/setgroups", "deny");

    if (r < 0 && r != -ENOENT)
        return r;
    (void)snprintf(text, sizeof text, "%u %u 1", jail->uid, jail->uid);
    r = write_text("/proc/self/uid_map", text);
    if (r < 0)
        return r;
    (void)snprintf(text, sizeof text, "%u %u 1", jail->gid, jail->gid);
    return write_text("/proc/self/gid_map", text);
}

static void name_plugin(uint32_t number, char ret[32])
{
    (void)snprintf(ret, 32, "/plugin.%u", number);
}

/* A file of this size at most, and one that cannot change: others are no plug-ins. */
static int copy_plugin(int from, uint32_t number)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    int seals = fcntl(from, F_GET_SEALS), to, r = 0;
    struct stat about;
    char name[32];
    off_t at = 0;

    name_plugin(number, name);
    if (seals < 0 || (seals & wanted) != wanted || fstat(from, &about) < 0 ||
        about.st_size > TT_JAIL_PLUGIN_BYTES_MAX)
        return -EPERM;
    to = open(name + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (to < 0)
        return -errno;
    while (at < about.st_size && r == 0) {
        ssize_t sent = sendfile(to, from, &at, (size_t)(about.st_size - at));

        r = sent < 0 ? -errno : sent == 0 ? -EIO : 0;
    }
    (void)close(to);
    return r;
}

static int make_root(const struct tt_jail *jail, const char *root)
{
    unsigned long flags = MS_NOSUID | MS_NODEV;
    int r = 0;

    if (jail->plugin_count == 0)
        return mount("none", root, "tmpfs", flags | MS_NOEXEC | MS_RDONLY, "size=4k,mode=555") < 0
                   ? -errno
                   : 0;
    if (mount("none", root, "tmpfs", flags, "size=520m,mode=555") < 0 || chdir(root) < 0)
        return -errno;
    for (uint32_t n = 0; n < jail->plugin_count && r == 0; n++)
        r = copy_plugin(jail->plugins[n], n);
    if (r < 0)
        return r;
    return mount(NULL, root, NULL, MS_REMOUNT | MS_RDONLY | flags, "size=520m,mode=555") < 0
               ? -errno
               : 0;
}

/* The old tree is gone with the last call. */
static int empty_root(const struct tt_jail *jail)
{
    static const char root[] = "/tmp";
    int r = make_root(jail, root);

    if (r < 0)
        return r;
    if (chdir(root) < 0)
        return -errno;
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return chroot(".") < 0 ? -errno : 0; /* the first root file system cannot be pivoted */
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}

static void hide_mounts(const struct tt_jail *jail)
{
    int r = 0;

    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        r = -errno;
    if (r == 0 && jail->role == TT_JAIL_CONTAINER)
        r = empty_root(jail);
    if (r < 0)
        note(jail, "could not give the process an empty root", r);
}

static int drop_ids(const struct tt_jail *jail)
{
    gid_t groups[64];
    uint32_t count = jail->group_count < 64 ? jail->group_count : 64;

    if (jail->has_user_namespace || jail->uid == 0 || geteuid() != 0)
        return 0;
    for (uint32_t n = 0; n < count; n++)
        groups[n] = jail->groups[n];
    if (setgroups(count, groups) < 0 || setresgid(jail->gid, jail->gid, jail->gid) < 0 ||
        setresuid(jail->uid, jail->uid, jail->uid) < 0)
        return -errno;
    return 0;
}

static bool must_keep_lock(const struct tt_jail *jail)
{
    struct rlimit limit = {0, 0};

    return jail->role == TT_JAIL_CONTAINER && !jail->has_user_namespace &&
           has_capability(CAP_IPC_LOCK) && getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY;
}

/* Root's edges keep the right to reach files of other owners, as root expects; Landlock holds them
 * to the files that the service names. A container whose limit could not be raised keeps the right
 * to lock memory until it has. */
static uint32_t list_kept(const struct tt_jail *jail, cap_value_t *ret)
{
    uint32_t count = 0;

    if (jail->role != TT_JAIL_CONTAINER && geteuid() == 0 && tt_landlock_abi() > 0 &&
        !jail->has_user_namespace && has_capability(CAP_DAC_OVERRIDE)) {
        ret[count++] = CAP_DAC_OVERRIDE;
        ret[count++] = CAP_DAC_READ_SEARCH;
    }
    if (must_keep_lock(jail))
        ret[count++] = CAP_IPC_LOCK;
    return count;
}

static int keep_only(const cap_value_t *kept, uint32_t count)
{
    cap_t wanted = cap_init();
    int r = 0;

    if (!wanted)
        return -ENOMEM;
    if (count > 0)
        (void)(cap_set_flag(wanted, CAP_PERMITTED, (int)count, kept, CAP_SET) ||
               cap_set_flag(wanted, CAP_EFFECTIVE, (int)count, kept, CAP_SET));
    if (cap_set_proc(wanted) < 0)
        r = -errno;
    (void)cap_free(wanted);
    return r;
}

static int drop_capabilities(const struct tt_jail *jail)
{
    cap_value_t kept[4];
    uint32_t count = list_kept(jail, kept);

    for (int n = 0; n <= 63; n++)
        (void)prctl(PR_CAPBSET_DROP, n, 0, 0, 0); /* fails for numbers that are none */
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    return keep_only(kept, count);
}

int tt_jail_drop_last(void)
{
    return keep_only(NULL, 0);
}

/* What SDL loads and reads to reach a screen or a speaker; names that are not there grant nothing.
 */
static void allow_desktop(const struct tt_landlock *landlock)
{
    static const char *const reads[] = {
        "/usr/lib",        "/usr/share/alsa",  "/usr/share/X11",   "/usr/share/pipewire",
        "/etc/alsa",       "/etc/asound.conf", "/etc/ld.so.cache", "/etc/pulse",
        "/etc/machine-id", "/proc/self",       "/tmp/.X11-unix",   "/sys/class/sound"};
    const char *session[] = {getenv("XAUTHORITY"), getenv("XDG_RUNTIME_DIR")};

    for (size_t n = 0; n < sizeof reads / sizeof *reads; n++)
        (void)tt_landlock_allow(landlock, reads[n], TT_LANDLOCK_READ);
    for (size_t n = 0; n < sizeof session / sizeof *session; n++)
        if (session[n] && session[n][0] == '/')
            (void)tt_landlock_allow(landlock, session[n], TT_LANDLOCK_READ);
    (void)tt_landlock_allow(landlock, "/dev/snd",
                            TT_LANDLOCK_READ | TT_LANDLOCK_WRITE | TT_LANDLOCK_DEVICE);
    (void)tt_landlock_allow(landlock, "/dev/shm", TT_LANDLOCK_READ | TT_LANDLOCK_WRITE);
}

/* A file that is there and no plain one (a FIFO, a device) is granted itself; for others the folder
 * is, so that it can be made, and NAME.1.EXT beside it after a restart. */
static int allow_write(const struct tt_landlock *landlock, const char *path)
{
    const uint32_t wanted = TT_LANDLOCK_READ | TT_LANDLOCK_WRITE | TT_LANDLOCK_MAKE;
    const char *slash = strrchr(path, '/');
    struct stat about;
    char folder[4096];

    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return tt_landlock_allow(landlock, path, wanted);
    if (!slash)
        return tt_landlock_allow(landlock, ".", wanted);
    (void)snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    return tt_landlock_allow(landlock, folder, wanted);
}

/* A device that is named (a camera) is also set up by who reads it, which writes; a disk is not. */
static int allow_read(const struct tt_landlock *landlock, const char *path)
{
    const uint32_t device = TT_LANDLOCK_READ | TT_LANDLOCK_WRITE | TT_LANDLOCK_DEVICE;
    struct stat about;

    if (stat(path, &about) == 0 && S_ISCHR(about.st_mode))
        return tt_landlock_allow(landlock, path, device);
    return tt_landlock_allow(landlock, path, TT_LANDLOCK_READ);
}

static void allow_edge(const struct tt_jail *jail, const struct tt_landlock *landlock)
{
    static const char *const always[] = {"/dev/urandom", "/dev/random"};
    static const char *const names[] = {
        "/etc/hosts",    "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
        "/etc/services", "/etc/host.conf",   "/etc/ssl",           "/usr/share/ca-certificates"};

    if (jail->has_desktop)
        allow_desktop(landlock);
    (void)tt_landlock_allow(landlock, "/dev/null", TT_LANDLOCK_READ | TT_LANDLOCK_WRITE);
    for (size_t n = 0; n < sizeof always / sizeof *always; n++)
        (void)tt_landlock_allow(landlock, always[n], TT_LANDLOCK_READ);
    for (size_t n = 0; jail->has_network && n < sizeof names / sizeof *names; n++)
        (void)tt_landlock_allow(landlock, names[n], TT_LANDLOCK_READ);
    /* What is not there gives the component's own sentence when it opens it. */
    for (uint32_t n = 0; n < jail->file_count; n++)
        (void)allow_read(landlock, jail->files[n]);
    for (uint32_t n = 0; n < jail->write_count; n++)
        (void)allow_write(landlock, jail->writes[n]);
}

/* It reads what its user may read, and asks cameras what they give. */
static int allow_shaper(const struct tt_landlock *landlock)
{
    enum { CAMERAS = 64 };

    for (int n = 0; n < CAMERAS; n++) {
        char name[32];

        (void)snprintf(name, sizeof name, "/dev/video%d", n);
        (void)tt_landlock_allow(landlock, name, TT_LANDLOCK_WRITE | TT_LANDLOCK_DEVICE);
    }
    return tt_landlock_allow(landlock, "/", TT_LANDLOCK_READ);
}

static int wall_files(const struct tt_jail *jail)
{
    struct tt_landlock landlock;
    int r = tt_landlock_open(&landlock, jail->role != TT_JAIL_CONTAINER && jail->has_network);

    if (r < 0)
        return r;
    if (landlock.abi == 0) {
        note(jail, "files are not walled off by Landlock", -ENOSYS);
        return 0;
    }
    if (jail->role == TT_JAIL_SHAPER)
        r = allow_shaper(&landlock);
    if (jail->role == TT_JAIL_EDGE)
        allow_edge(jail, &landlock);
    for (uint32_t n = 0; n < jail->plugin_count && jail->role == TT_JAIL_CONTAINER; n++) {
        char name[32];

        name_plugin(n, name);
        (void)tt_landlock_allow(&landlock, name, TT_LANDLOCK_READ);
    }
    return r < 0 ? r : tt_landlock_enforce(&landlock);
}

int tt_jail_narrow(const struct tt_jail *jail, struct tt_error *err)
{
    struct tt_jail edge = *jail;
    int r;

    edge.role = TT_JAIL_EDGE;
    r = wall_files(&edge);
    return r < 0 ? tt_fail(err, r, "cannot wall off files: %s", strerror(-r)) : 0;
}

/* In a user namespace ids come first. */
void tt_jail_prepare(struct tt_jail *jail)
{
    if (!jail->has_mounts || jail->has_user_namespace || jail->plugin_count > 0)
        return;
    hide_mounts(jail);
    jail->has_mounts = false;
}

int tt_jail_enter(const struct tt_jail *jail, struct tt_error *err)
{
    int r;

    if (jail->has_user_namespace && (r = map_ids(jail)) < 0)
        return tt_fail(err, r, "cannot map the user into its namespace: %s", strerror(-r));
    if (jail->has_mounts)
        hide_mounts(jail);
    r = drop_ids(jail);
    if (r < 0)
        return tt_fail(err, r, "cannot become user %u: %s", jail->uid, strerror(-r));
    r = drop_capabilities(jail);
    if (r < 0)
        return tt_fail(err, r, "cannot drop capabilities: %s", strerror(-r));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return tt_fail(err, -errno, "cannot renounce new privileges: %s", strerror(errno));
    r = wall_files(jail);
    return r < 0 ? tt_fail(err, r, "cannot wall off files: %s", strerror(-r)) : 0;
}

/* A process that changed its user may not look at its own descriptors; for the time of the loading
 * it may. */
int tt_jail_plugin(const struct tt_jail *jail, const char *name, const char *kind,
                   tt_jail_load_fn *load, struct tt_error *err)
{
    int was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    uint32_t number = 0;
    char path[32];
    int r;

    while (number < jail->plugin_count && strcmp(jail->plugin_names[number], name) != 0)
        number++;
    if (number == jail->plugin_count)
        return tt_fail(err, -ENOENT, "the file of %s was not handed over", kind);
    r = tt_jail_drop_last();
    if (r < 0)
        return tt_fail(err, r, "cannot drop capabilities: %s", strerror(-r));
    if (jail->role == TT_JAIL_CONTAINER && tt_filter_enforce_deadly() < 0)
        note(jail, "system calls are not filtered while a plug-in is loaded", -EOPNOTSUPP);
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", jail->plugins[number]);
    if (access(path, F_OK) < 0)
        name_plugin(number, path);
    r = load(kind, path, err);
    (void)prctl(PR_SET_DUMPABLE, was_dumpable == 1, 0, 0, 0);
    return r;
}

int tt_jail_close_told(const struct tt_jail *jail, int *ret_listener, struct tt_error *err)
{
    *ret_listener = -1;
    if (tt_filter_enforce_told(ret_listener) == 0)
        return 0;
    note(jail, "refused system calls are not counted", -EOPNOTSUPP);
    return tt_jail_close(jail, err);
}

int tt_jail_close(const struct tt_jail *jail, struct tt_error *err)
{
    int r = tt_filter_enforce(jail->role, jail->has_network, jail->has_desktop);

    if (r == -ENOSYS || r == -EOPNOTSUPP) {
        note(jail, "system calls are not filtered", r);
        return 0;
    }
    return r < 0 ? tt_fail(err, r, "cannot filter system calls: %s", strerror(-r)) : 0;
}
