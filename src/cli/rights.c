/* What this machine lets tactusd do, and how to let it do more. */
#include "cli/rights.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/json_out.h"
#include "cli/self.h"

bool rights_is_held(const json_t *right)
{
    return strcmp(json_text(right, "state"), "yes") == 0;
}

/* Only these decide what can be promised; the others make a promise cheaper or safer. */
static bool is_decisive(const json_t *right)
{
    return strcmp(json_text(right, "right"), "deadline") == 0 ||
           strcmp(json_text(right, "right"), "fifo") == 0;
}

const json_t *rights_missing(const json_t *status)
{
    json_t *rights = json_object_get(status, "rights"), *right;
    size_t n;

    json_array_foreach(rights, n, right)
    {
        if (!rights_is_held(right) && is_decisive(right) && json_text(right, "fix")[0])
            return right;
    }
    return NULL;
}

/* The program that runs as process `pid`, and whether root runs it. */
static bool find_program(int64_t pid, char ret[PATH_MAX], bool *is_root)
{
    struct stat status;
    char link[64];
    ssize_t length;

    (void)snprintf(link, sizeof(link), "/proc/%lld", (long long)pid);
    if (pid <= 0 || stat(link, &status) < 0)
        return false;
    *is_root = status.st_uid == 0;
    (void)snprintf(link, sizeof(link), "/proc/%lld/exe", (long long)pid);
    length = readlink(link, ret, PATH_MAX - 1);
    if (length > 0)
        ret[length] = 0;
    if (length <= 0 || access(ret, X_OK) != 0) /* gone since, or not ours to see */
        return self_find("tactusd", "node", ret);
    return true;
}

void rights_fix(const json_t *status, const json_t *right, char ret[RIGHTS_FIX_BYTES])
{
    int64_t pid = json_int(status, "pid");
    char program[PATH_MAX];
    bool is_root = false;

    if (is_decisive(right) && strstr(json_text(right, "fix"), "setcap") &&
        find_program(pid, program, &is_root) && !is_root && !strpbrk(program, " '\"\\$`&;()"))
        (void)snprintf(ret, RIGHTS_FIX_BYTES, "sudo setcap cap_sys_nice+ep %s && kill %lld",
                       program, (long long)pid);
    else
        (void)snprintf(ret, RIGHTS_FIX_BYTES, "%.4000s", json_text(right, "fix"));
}
