/* Finding and reading a ledger: by name, by asking tactusd for the last one, or, when none answers,
 * by looking where it keeps them. A dead tactusd must not keep anybody from the proof. */
#include "cli/ledger_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/json_out.h"
#include "cli/talk.h"

static bool ask_last(struct cli *cli, char ret[PATH_MAX])
{
    struct request request = {.json = json_pack("{s:s}", "op", "last")};
    json_t *last = NULL;
    struct talk talk;
    bool is_found = false;

    if (talk_try(&talk)) {
        is_found = talk_ask(cli, &talk, &request, "last", &last) == CLI_DONE &&
                   json_text(last, "ledger")[0] != 0;
        if (is_found)
            (void)snprintf(ret, PATH_MAX, "%s", json_text(last, "ledger"));
        talk_close(&talk);
    }
    json_decref(last);
    json_decref(request.json);
    return is_found;
}

/* Keeps the newest *.ledger of a folder when it is newer than *newest. */
static void look_into(const char *folder, struct timespec *newest, char ret[PATH_MAX])
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    struct stat status;
    char path[PATH_MAX];
    size_t length;

    while (dir && (entry = readdir(dir)) != NULL) {
        length = strlen(entry->d_name);
        if (length < 8 || strcmp(entry->d_name + length - 7, ".ledger") != 0)
            continue;
        if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path) ||
            stat(path, &status) < 0)
            continue;
        if (status.st_mtim.tv_sec > newest->tv_sec ||
            (status.st_mtim.tv_sec == newest->tv_sec && status.st_mtim.tv_nsec > newest->tv_nsec)) {
            *newest = status.st_mtim;
            memcpy(ret, path, sizeof(path));
        }
    }
    if (dir)
        (void)closedir(dir);
}

static bool find_newest(char ret[PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *named = getenv("TACTUS_STATE");
    char folder[PATH_MAX - 16], deeper[PATH_MAX];
    struct timespec newest = {0};

    ret[0] = 0;
    for (int place = 0; place < 4; place++) {
        if (place == 3 && (!named || named[0] != '/'))
            break;
        if (place == 3)
            (void)snprintf(folder, sizeof(folder), "%s", named);
        else if (place == 0 && state && state[0] == '/')
            (void)snprintf(folder, sizeof(folder), "%s/tactus", state);
        else if (place == 1 && home)
            (void)snprintf(folder, sizeof(folder), "%s/.local/state/tactus", home);
        else
            (void)snprintf(folder, sizeof(folder), "/var/lib/tactus");
        look_into(folder, &newest, ret);
        (void)snprintf(deeper, sizeof(deeper), "%s/ledgers", folder);
        look_into(deeper, &newest, ret);
    }
    return ret[0] != 0;
}

/* A file that was mapped and then cut by somebody else. */
static void on_cut(int number)
{
    static const char words[] = "tactus: the ledger was cut while it was read\n";

    (void)!write(STDERR_FILENO, words, sizeof(words) - 1);
    _exit(CLI_UNREACHABLE);
}

/* Mapped, not read: a ledger may be larger than memory. One that is being written grows: what it
 * was when it was opened is what is read. */
static int map_bytes(int fd, struct ledger_file *file)
{
    struct sigaction action = {.sa_handler = on_cut};
    struct stat status;
    void *bytes;

    if (fstat(fd, &status) < 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size == 0)
        return 0;
    (void)sigaction(SIGBUS, &action, NULL);
    bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes == MAP_FAILED)
        return -errno;
    file->bytes = bytes;
    file->byte_count = (uint64_t)status.st_size;
    return 0;
}

int ledger_file_open(struct cli *cli, const char *path, struct ledger_file *ret)
{
    struct tt_error err = {0};
    int fd, r;

    *ret = (struct ledger_file){0};
    if (path)
        (void)snprintf(ret->path, sizeof(ret->path), "%s", path);
    else if (!ask_last(cli, ret->path) && !find_newest(ret->path))
        return cli_fail(cli, CLI_UNREACHABLE,
                        "there is no ledger yet: nothing has run here. Try: tactus run test.video "
                        "! null --for 5s");
    fd = open(ret->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot read the ledger %s: %s", ret->path,
                        strerror(errno));
    r = map_bytes(fd, ret);
    (void)close(fd);
    if (r < 0)
        r = tt_fail(&err, r, "%s", strerror(-r));
    else
        r = tt_ledger_read(ret->bytes ? ret->bytes : "", ret->byte_count, &ret->ledger, &err);
    if (r < 0) {
        (void)tt_wrap(&err, r, "cannot read the ledger %s", ret->path);
        ledger_file_close(ret);
        return cli_fail_error(cli, CLI_UNREACHABLE, &err);
    }
    return CLI_DONE;
}

void ledger_file_close(struct ledger_file *file)
{
    tt_ledger_close(&file->ledger);
    if (file->bytes)
        (void)munmap(file->bytes, file->byte_count);
    file->bytes = NULL;
    file->byte_count = 0;
}
