/* Finding a user's key for seals. */
#include "node/build_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int name_of(uint32_t uid, char ret[PATH_MAX])
{
    const char *own = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *folder = "/.local/state";
    struct passwd found, *is_found = NULL;
    char room[4096];
    int length;

    if (uid == geteuid() && own && own[0]) {
        home = own;
        folder = "";
    } else if (uid != geteuid() || !home) {
        if (getpwuid_r(uid, &found, room, sizeof room, &is_found) != 0 || !is_found)
            return -ENOENT;
        home = found.pw_dir;
    }
    length = snprintf(ret, PATH_MAX, "%s%s/tactus/build.key", home, folder);
    return length > 0 && length < PATH_MAX ? 0 : -ENOENT;
}

int build_key_open(uint32_t uid)
{
    char path[PATH_MAX];
    struct stat about;
    int fd = -1;

    if (name_of(uid, path) == 0)
        fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -ENOENT;
    if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == uid &&
        (about.st_mode & 077) == 0)
        return fd;
    (void)close(fd);
    return -ENOENT;
}
