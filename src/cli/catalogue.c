/* All components that tactus-host has, as it prints them: the command itself links none of them. */
#include "cli/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/json_out.h"
#include "cli/self.h"

static int parse(struct cli *cli, FILE *pipe, const char *plugin, json_t **ret)
{
    json_error_t fault;
    json_t *all = json_loadf(pipe, 0, &fault), *components = all;

    if (plugin && json_is_object(json_object_get(all, "error"))) {
        int r = cli_fail(cli, CLI_USAGE, "%s", json_text(json_object_get(all, "error"), "text"));

        json_decref(all);
        return r;
    }
    if (json_is_object(all))
        components = json_object_get(all, "components");
    if (!json_is_array(components)) {
        json_decref(all);
        if (plugin)
            return cli_fail(cli, CLI_USAGE, "%s ends the process that loads it", plugin);
        return cli_fail(cli, CLI_UNREACHABLE,
                        "tactus-host --catalogue gave no list of components; run it by hand to "
                        "see why");
    }
    *ret = json_incref(components);
    json_decref(all);
    return CLI_DONE;
}

static int start(const char *path, const char *plugin, int out, pid_t *ret)
{
    char name[] = "tactus-host", option[] = "--catalogue";
    char *const words[] = {name, option, (char *)(uintptr_t)plugin, NULL};
    posix_spawn_file_actions_t actions;
    int r;

    r = posix_spawn_file_actions_init(&actions);
    if (r != 0)
        return r;
    r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn(ret, path, &actions, NULL, words, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    return r;
}

int catalogue_read(struct cli *cli, const char *plugin, json_t **ret)
{
    char path[PATH_MAX];
    FILE *pipe_file;
    int fds[2], r, status;
    pid_t pid;

    if (!self_find("tactus-host", "host", path))
        return cli_fail(cli, CLI_UNREACHABLE,
                        "tactus-host is neither beside this program nor in %s; is Tactus installed "
                        "as a whole?",
                        TT_LIBEXEC);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "no pipe to tactus-host: %s", strerror(errno));
    r = start(path, plugin, fds[1], &pid);
    (void)close(fds[1]);
    pipe_file = r == 0 ? fdopen(fds[0], "r") : NULL;
    if (!pipe_file) {
        (void)close(fds[0]);
        return cli_fail(cli, CLI_UNREACHABLE, "cannot run %s: %s", path, strerror(r ? r : errno));
    }
    r = parse(cli, pipe_file, plugin, ret);
    (void)fclose(pipe_file);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return r;
}
