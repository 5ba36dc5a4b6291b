/* CPUs of our own: cgroup v2 cpuset partitions of one CPU each. */
#include "platform/linux/cpuset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"

#define PREFIX "tactus-cpu"

enum { NAME_BYTES = 32, TEXT_BYTES = 256, PATIENCE_TURNS = 200 };

static const struct timespec breath = {.tv_nsec = 10 * 1000 * 1000};

struct tt_cpusets {
    int root;
    uint32_t count;
    struct {
        uint32_t cpu;
        int fd;   /* its folder, locked */
        int door; /* its cgroup.procs */
    } list[TT_CPUSETS_MAX];
};

void tt_cpusets_root(char *ret, size_t bytes)
{
    char line[1024], where[512], kind[64];
    FILE *mounts = fopen("/proc/self/mounts", "re");

    ret[0] = 0;
    while (mounts && ret[0] == 0 && fgets(line, sizeof line, mounts))
        if (sscanf(line, "%*s %511s %63s", where, kind) == 2 && strcmp(kind, "cgroup2") == 0)
            (void)snprintf(ret, bytes, "%s", where);
    if (mounts)
        (void)fclose(mounts);
}

static int open_root(char *ret_path, size_t bytes)
{
    int fd;

    tt_cpusets_root(ret_path, bytes);
    fd = ret_path[0] ? open(ret_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    return fd < 0 ? -ENOTSUP : fd;
}

static int write_to(int folder, const char *name, const char *text)
{
    int fd = openat(folder, name, O_WRONLY | O_CLOEXEC);
    ssize_t written = fd < 0 ? -1 : write(fd, text, strlen(text));
    int r = written < 0 ? -errno : 0;

    if (fd >= 0)
        (void)close(fd);
    return r;
}

static int read_from(int folder, const char *name, char *ret, size_t bytes)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, ret, bytes - 1);
    int r = length < 0 ? -errno : 0;

    ret[length < 0 ? 0 : length] = 0;
    ret[strcspn(ret, "\n")] = 0;
    if (fd >= 0)
        (void)close(fd);
    return r;
}

/* Locked, as no other process has it. -EWOULDBLOCK: it is somebody's. */
static int open_locked(int root, const char *name)
{
    int fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r;

    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    r = -errno;
    (void)close(fd);
    return r;
}

/* Killed processes leave it a moment later. A partition that is removed gives its CPU back later
 * still, and one that is none any more at once. */
static bool remove_group(int root, const char *name, int fd)
{
    (void)write_to(fd, "cgroup.kill", "1");
    for (uint32_t n = 0; n < PATIENCE_TURNS; n++) {
        (void)write_to(fd, "cpuset.cpus.partition", "member");
        if (unlinkat(root, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
            return true;
        if (errno != EBUSY)
            return false;
        (void)nanosleep(&breath, NULL);
    }
    return false;
}

uint32_t tt_cpusets_sweep(void)
{
    char path[TEXT_BYTES];
    int root = open_root(path, sizeof path), fd;
    DIR *folder = root >= 0 ? fdopendir(root) : NULL;
    struct dirent *entry;
    uint32_t count = 0;

    if (root >= 0 && !folder)
        (void)close(root);
    while (folder && (entry = readdir(folder))) {
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
            continue;
        fd = open_locked(root, entry->d_name);
        if (fd < 0)
            continue;
        count += remove_group(root, entry->d_name, fd);
        (void)close(fd);
    }
    if (folder)
        (void)closedir(folder);
    return count;
}

static int make_partition(struct tt_cpusets *cpusets, uint32_t cpu, struct tt_error *err)
{
    char name[NAME_BYTES], text[TEXT_BYTES];
    int fd, r;

    (void)snprintf(name, sizeof name, PREFIX "%u", cpu);
    if (mkdirat(cpusets->root, name, 0755) < 0)
        return tt_fail(err, -errno, "cannot make the control group '%s': %s", name,
                       strerror(errno));
    fd = open_locked(cpusets->root, name);
    if (fd < 0)
        return tt_fail(err, fd, "cannot lock the control group '%s': %s", name, strerror(-fd));
    cpusets->list[cpusets->count].cpu = cpu;
    cpusets->list[cpusets->count].door = openat(fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    cpusets->list[cpusets->count++].fd = fd;
    (void)snprintf(text, sizeof text, "%u", cpu);
    r = write_to(fd, "cpuset.cpus", text);
    if (r == 0)
        r = write_to(fd, "cpuset.cpus.partition", "root");
    if (r == 0)
        r = read_from(fd, "cpuset.cpus.partition", text, sizeof text);
    if (r < 0)
        return tt_fail(err, r, "CPU %u is no partition: %s", cpu, strerror(-r));
    if (strcmp(text, "root") != 0) /* the kernel's word, with its reason */
        return tt_fail(err, -ENOTSUP, "CPU %u is no partition: the kernel calls it '%s'", cpu,
                       text);
    return 0;
}

/* The highest first: the lowest has most of a machine's other work. */
static int make_all(struct tt_cpusets *cpusets, uint32_t count, struct tt_error *err)
{
    cpu_set_t set;
    int r = 0;

    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return tt_fail(err, -errno, "cannot tell this machine's CPUs: %s", strerror(errno));
    if (count > TT_CPUSETS_MAX || count >= (uint32_t)CPU_COUNT(&set))
        return tt_fail(err, -EINVAL,
                       "%u CPUs cannot be partitions: there are %d, and one stays with everybody "
                       "else",
                       count, CPU_COUNT(&set));
    for (uint32_t cpu = CPU_SETSIZE; r == 0 && cpusets->count < count && cpu-- > 0;)
        if (CPU_ISSET(cpu, &set))
            r = make_partition(cpusets, cpu, err);
    return r;
}

int tt_cpusets_open(uint32_t count, struct tt_cpusets **ret, struct tt_error *err)
{
    struct tt_cpusets *cpusets = calloc(1, sizeof *cpusets);
    char path[TEXT_BYTES], controllers[TEXT_BYTES] = "";
    int r;

    if (!cpusets)
        return tt_fail(err, -ENOMEM, "no memory for partitions");
    cpusets->root = open_root(path, sizeof path);
    if (cpusets->root >= 0)
        (void)read_from(cpusets->root, "cgroup.controllers", controllers, sizeof controllers);
    if (!strstr(controllers, "cpuset"))
        r = tt_fail(err, -ENOTSUP, "cgroup v2 has no cpuset controller here");
    else
        r = write_to(cpusets->root, "cgroup.subtree_control", "+cpuset");
    if (r < 0 && r != -ENOTSUP)
        r = tt_fail(err, r, "cannot use the cpuset controller of '%s': %s", path, strerror(-r));
    if (r == 0)
        r = make_all(cpusets, count, err);
    if (r < 0) {
        tt_cpusets_close(&cpusets);
        return r;
    }
    *ret = cpusets;
    return 0;
}

void tt_cpusets_close(struct tt_cpusets **closed)
{
    struct tt_cpusets *cpusets = *closed;
    char name[NAME_BYTES];

    if (!cpusets)
        return;
    for (uint32_t n = 0; n < cpusets->count; n++) {
        (void)snprintf(name, sizeof name, PREFIX "%u", cpusets->list[n].cpu);
        (void)remove_group(cpusets->root, name, cpusets->list[n].fd);
        (void)close(cpusets->list[n].fd);
        (void)close(cpusets->list[n].door);
    }
    if (cpusets->root >= 0)
        (void)close(cpusets->root);
    free(cpusets);
    *closed = NULL;
}

uint32_t tt_cpusets_count(const struct tt_cpusets *cpusets)
{
    return cpusets ? cpusets->count : 0;
}

uint32_t tt_cpusets_cpu(const struct tt_cpusets *cpusets, uint32_t index)
{
    tt_assert(index < cpusets->count);
    return cpusets->list[index].cpu;
}

int tt_cpusets_door(const struct tt_cpusets *cpusets, uint32_t index)
{
    tt_assert(index < cpusets->count);
    return cpusets->list[index].door;
}

int tt_cpuset_enter(int door, struct tt_error *err)
{
    return write(door, "0", 1) == 1
               ? 0
               : tt_fail(err, -errno, "cannot enter the CPU's partition: %s", strerror(errno));
}
