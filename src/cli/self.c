/* Where the other programs of Tactus stand: beside this one, in a build tree, or installed. */
#include "cli/self.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Writes folder/between/program; true when it can be run. */
static bool try_path(const char *folder, const char *between, const char *program,
                     char ret[PATH_MAX])
{
    int written = snprintf(ret, PATH_MAX, "%s/%s%s", folder, between, program);

    return written > 0 && written < PATH_MAX && access(ret, X_OK) == 0;
}

bool self_find(const char *program, const char *part, char ret[PATH_MAX])
{
    char folder[PATH_MAX], between[64];
    ssize_t length = readlink("/proc/self/exe", folder, sizeof(folder) - 1);

    if (length > 0) {
        folder[length] = 0;
        *strrchr(folder, '/') = 0;
        (void)snprintf(between, sizeof(between), "../%s/", part);
        if (try_path(folder, "", program, ret) || try_path(folder, between, program, ret) ||
            try_path(folder, "../libexec/tactus/", program, ret))
            return true;
    }
    return try_path(TT_LIBEXEC, "", program, ret);
}
