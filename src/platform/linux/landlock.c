/* Landlock's system calls. The constants stand here because headers older than the running kernel
 * do not know them all. */
#include "platform/linux/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's struct landlock_ruleset_attr up to ABI 6. */
struct ruleset {
    uint64_t files, net, scoped;
};

/* The kernel's struct landlock_path_beneath_attr. */
struct beneath {
    uint64_t access;
    int32_t parent_fd;
} __attribute__((packed));

enum { VERSION_FLAG = 1, RULE_PATH_BENEATH = 1, ABI_REFER = 2, ABI_TRUNCATE, ABI_NET, ABI_IOCTL };
enum { ABI_SCOPE = 6, ALL_NET = 3, ALL_SCOPES = 3 };

static const uint64_t may_run = 1 << 0;
static const uint64_t may_write_file = 1 << 1;
static const uint64_t may_read_file = 1 << 2;
static const uint64_t may_read_dir = 1 << 3;
static const uint64_t may_remove_file = 1 << 5;
static const uint64_t may_make_file = 1 << 8;
static const uint64_t may_truncate = 1 << 14;
static const uint64_t may_control_device = 1 << 15;

int tt_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);

    return abi > 0 ? (int)abi : 0;
}

static uint64_t all_file_access(int abi)
{
    uint32_t bits = 13;

    if (abi >= ABI_REFER)
        bits = 14;
    if (abi >= ABI_TRUNCATE)
        bits = 15;
    if (abi >= ABI_IOCTL)
        bits = 16;
    return ((uint64_t)1 << bits) - 1;
}

int tt_landlock_open(struct tt_landlock *landlock, bool has_network)
{
    struct ruleset wanted = {0};
    size_t bytes = sizeof wanted.files;

    landlock->fd = -1;
    landlock->abi = tt_landlock_abi();
    if (landlock->abi == 0)
        return 0;
    wanted.files = all_file_access(landlock->abi);
    if (landlock->abi >= ABI_NET) {
        wanted.net = has_network ? 0 : ALL_NET;
        bytes = 2 * sizeof(uint64_t);
    }
    if (landlock->abi >= ABI_SCOPE) {
        wanted.scoped = ALL_SCOPES;
        bytes = sizeof wanted;
    }
    landlock->fd = (int)syscall(SYS_landlock_create_ruleset, &wanted, bytes, 0);
    return landlock->fd < 0 ? -errno : 0;
}

int tt_landlock_allow(const struct tt_landlock *landlock, const char *path, uint32_t access)
{
    struct beneath rule = {.access = 0};
    struct stat about;
    int r = 0;

    if (landlock->fd < 0)
        return 0;
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return -errno;
    if (access & TT_LANDLOCK_READ)
        rule.access |= may_read_file | may_read_dir;
    if (access & TT_LANDLOCK_WRITE)
        rule.access |= may_write_file | may_truncate;
    if (access & TT_LANDLOCK_DEVICE)
        rule.access |= may_control_device;
    if (access & TT_LANDLOCK_MAKE)
        rule.access |= may_make_file;
    if (access & TT_LANDLOCK_RUN)
        rule.access |= may_run;
    if (access & TT_LANDLOCK_REMOVE)
        rule.access |= may_remove_file;
    if (fstat(rule.parent_fd, &about) == 0 && !S_ISDIR(about.st_mode))
        rule.access &= may_read_file | may_write_file | may_truncate | may_control_device;
    rule.access &= all_file_access(landlock->abi);
    if (syscall(SYS_landlock_add_rule, landlock->fd, RULE_PATH_BENEATH, &rule, 0) < 0)
        r = -errno;
    (void)close(rule.parent_fd);
    return r;
}

int tt_landlock_enforce(struct tt_landlock *landlock)
{
    int r = 0;

    if (landlock->fd < 0)
        return 0;
    if (syscall(SYS_landlock_restrict_self, landlock->fd, 0) < 0)
        r = -errno;
    (void)close(landlock->fd);
    landlock->fd = -1;
    return r;
}
