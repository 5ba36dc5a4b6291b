/* Pages that were written, by the kernel's marks. The C library here is older than the calls. */
#include "sandbox/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FEATURE_WP_UNPOPULATED (1u << 13)
#define FEATURE_WP_ASYNC (1u << 15)
#define USER_MODE_ONLY 1

#define SCAN_WP_MATCHING (1u << 0)
#define SCAN_CHECK_WPASYNC (1u << 1)
#define PAGE_WRITTEN (1u << 1)

struct scan { /* struct pm_scan_arg of linux/fs.h */
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct scan)

int tt_watch_open_uffd(void)
{
    struct uffdio_api api = {.api = UFFD_API,
                             .features = FEATURE_WP_ASYNC | FEATURE_WP_UNPOPULATED};
    int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | USER_MODE_ONLY);

    if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool tt_watch_begin(struct tt_watch *watch, int uffd, int pagemap, const uint8_t *memory,
                    uint64_t bytes)
{
    struct uffdio_register wanted = {.range = {(uintptr_t)memory, bytes},
                                     .mode = UFFDIO_REGISTER_MODE_WP};
    struct uffdio_writeprotect protect = {.range = wanted.range,
                                          .mode = UFFDIO_WRITEPROTECT_MODE_WP};

    *watch = (struct tt_watch){.uffd = uffd, .pagemap = pagemap, .memory = memory};
    if (uffd < 0 || pagemap < 0 || ioctl(uffd, UFFDIO_REGISTER, &wanted) < 0)
        return false;
    if (ioctl(uffd, UFFDIO_WRITEPROTECT, &protect) < 0) {
        (void)ioctl(uffd, UFFDIO_UNREGISTER, &wanted.range);
        return false;
    }
    watch->bytes = bytes;
    return true;
}

int tt_watch_take(const struct tt_watch *watch, bool is_last, uint64_t *at,
                  struct tt_watch_range *ret, uint32_t count)
{
    struct scan scan = {.size = sizeof scan,
                        .flags = is_last ? 0 : SCAN_WP_MATCHING | SCAN_CHECK_WPASYNC,
                        .start = (uintptr_t)watch->memory + *at,
                        .end = (uintptr_t)watch->memory + watch->bytes,
                        .vec = (uintptr_t)ret,
                        .vec_len = count,
                        .category_mask = PAGE_WRITTEN,
                        .return_mask = PAGE_WRITTEN};
    int r;

    if (*at >= watch->bytes)
        return 0;
    r = ioctl(watch->pagemap, SCAN, &scan);
    if (r < 0)
        return -errno;
    *at = scan.walk_end - (uintptr_t)watch->memory;
    return r;
}

void tt_watch_end(struct tt_watch *watch)
{
    struct uffdio_range range = {(uintptr_t)watch->memory, watch->bytes};

    if (watch->bytes > 0)
        (void)ioctl(watch->uffd, UFFDIO_UNREGISTER, &range);
    watch->bytes = 0;
}
