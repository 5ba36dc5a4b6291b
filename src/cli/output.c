/* A file that appears under its name only when it is worth having: a refused service must not wipe
 * out the ledger of the run before it. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct cli *cli, const char *path, struct output *ret)
{
    struct stat status;
    int written;

    *ret = (struct output){.fd = -1, .path = path};
    if (!path)
        return CLI_DONE;
    written = snprintf(ret->draft, sizeof(ret->draft), "%s.part", path);
    if (written < 0 || (size_t)written >= sizeof(ret->draft))
        return cli_fail(cli, CLI_USAGE, "cannot write %.80s...: the name is too long", path);
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        ret->draft[0] = 0;
    ret->fd = open(ret->draft[0] ? ret->draft : path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (ret->fd < 0) {
        ret->draft[0] = 0;
        return cli_fail(cli, CLI_UNREACHABLE, "cannot write %s: %s", path, strerror(errno));
    }
    return CLI_DONE;
}

int output_keep(struct cli *cli, struct output *output)
{
    if (output->fd < 0 || !output->draft[0])
        return CLI_DONE;
    if (rename(output->draft, output->path) < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot name %s: %s; it stays as %s", output->path,
                        strerror(errno), output->draft);
    output->draft[0] = 0;
    return CLI_DONE;
}

void output_close(struct output *output)
{
    if (output->fd >= 0)
        (void)close(output->fd);
    output->fd = -1;
    if (output->draft[0])
        (void)unlink(output->draft);
    output->draft[0] = 0;
}
