/* Whole files and folders of the builder's own. */
#include "build/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int build_path(char ret[PATH_MAX], const char *folder, const char *name, struct tt_error *err)
{
    int bytes = snprintf(ret, PATH_MAX, "%s/%s", folder, name);

    return bytes < PATH_MAX ? 0 : tt_fail(err, -ENAMETOOLONG, "%s/%s is too long", folder, name);
}

int build_fd_read(int fd, const char *path, uint64_t bytes_max, uint8_t **ret, uint64_t *ret_bytes,
                  struct tt_error *err)
{
    struct stat about;
    uint64_t done = 0;
    uint8_t *data;

    if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode))
        return tt_fail(err, -EINVAL, "%s is no plain file", path);
    if ((uint64_t)about.st_size > bytes_max)
        return tt_fail(err, -EFBIG, "%s has %lld bytes and may have %llu", path,
                       (long long)about.st_size, (unsigned long long)bytes_max);
    data = malloc((size_t)about.st_size + 1);
    if (!data)
        return tt_fail(err, -ENOMEM, "no memory for %s", path);
    while (done < (uint64_t)about.st_size) {
        ssize_t got = read(fd, data + done, (size_t)about.st_size - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (uint64_t)got;
    }
    data[done] = 0;
    *ret = data;
    *ret_bytes = done;
    return 0;
}

int build_file_read(const char *path, uint64_t bytes_max, uint8_t **ret, uint64_t *ret_bytes,
                    struct tt_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;

    if (fd < 0)
        return tt_fail(err, -errno, "cannot read %s: %s", path, strerror(errno));
    r = build_fd_read(fd, path, bytes_max, ret, ret_bytes, err);
    (void)close(fd);
    return r;
}

static int write_all(int fd, const uint8_t *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t got = write(fd, data + done, bytes - done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        done += (uint64_t)got;
    }
    return 0;
}

int build_file_write(const char *path, const void *data, uint64_t bytes, uint32_t mode,
                     struct tt_error *err)
{
    char other[PATH_MAX];
    int fd, r;

    if (snprintf(other, sizeof(other), "%s.XXXXXX", path) >= (int)sizeof(other))
        return tt_fail(err, -ENAMETOOLONG, "%s is too long", path);
    fd = mkostemp(other, O_CLOEXEC);
    if (fd < 0)
        return tt_fail(err, -errno, "cannot write %s: %s", path, strerror(errno));
    r = write_all(fd, data, bytes);
    if (fchmod(fd, mode) < 0 || (close(fd) < 0 && r == 0))
        r = -errno;
    if (r == 0 && rename(other, path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(other);
    return r < 0 ? tt_fail(err, r, "cannot write %s: %s", path, strerror(-r)) : 0;
}

int build_folder_make(char ret[PATH_MAX], struct tt_error *err)
{
    const char *where = getenv("TMPDIR");

    if (snprintf(ret, PATH_MAX, "%s/tactus-build-XXXXXX",
                 where && where[0] == '/' ? where : "/tmp") >= PATH_MAX)
        return tt_fail(err, -ENAMETOOLONG, "TMPDIR is too long");
    if (!mkdtemp(ret))
        return tt_fail(err, -errno, "cannot make the folder %s: %s", ret, strerror(errno));
    return 0;
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)remove(path);
    return 0;
}

void build_folder_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int make_all(char *path)
{
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = 0;
        (void)mkdir(path, 0700); /* what is missing shows at the last one */
        *at = '/';
    }
    return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int build_folder_own(const char *variable, const char *otherwise, char ret[PATH_MAX],
                     struct tt_error *err)
{
    const char *set = getenv(variable), *home = getenv("HOME");
    struct stat about;
    int bytes, r;

    if (set && set[0] == '/')
        bytes = snprintf(ret, PATH_MAX, "%s/tactus", set);
    else if (home && home[0] == '/')
        bytes = snprintf(ret, PATH_MAX, "%s/%s/tactus", home, otherwise);
    else
        return tt_fail(err, -ENOENT, "neither %s nor HOME is set", variable);
    if (bytes >= PATH_MAX)
        return tt_fail(err, -ENAMETOOLONG, "%s is too long", variable);
    r = make_all(ret);
    if (r < 0)
        return tt_fail(err, r, "cannot make the folder %s: %s", ret, strerror(-r));
    if (stat(ret, &about) < 0 || about.st_uid != geteuid() || (about.st_mode & 022) != 0)
        return tt_fail(err, -EPERM,
                       "the folder %s belongs to another user, or others may write there", ret);
    return 0;
}
