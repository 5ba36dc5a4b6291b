/* A file that takes the place of an older one only when it is worth having: a refused service must
 * not wipe out the ledger of the run before it. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_aside(struct cli *cli, struct output *output)
{
    int written = snprintf(output->before, sizeof(output->before), "%s.before", output->path);

    if (written < 0 || (size_t)written >= sizeof(output->before)) {
        output->before[0] = 0;
        return cli_fail(cli, CLI_USAGE, "cannot write %.80s...: the name is too long",
                        output->path);
    }
    if (rename(output->path, output->before) == 0)
        return CLI_DONE;
    output->before[0] = 0;
    if (errno == ENOENT)
        return CLI_DONE;
    return cli_fail(cli, CLI_UNREACHABLE, "cannot set the older %s aside: %s", output->path,
                    strerror(errno));
}

int output_open(struct cli *cli, const char *path, struct output *ret)
{
    struct stat status;
    bool is_special;
    int r;

    *ret = (struct output){.fd = -1, .path = path};
    if (!path)
        return CLI_DONE;
    is_special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
    r = is_special ? CLI_DONE : set_aside(cli, ret);
    if (r != CLI_DONE)
        return r;
    ret->fd = open(path, O_RDWR | O_CLOEXEC | (is_special ? 0 : O_CREAT | O_EXCL), 0644);
    ret->is_made = ret->fd >= 0 && !is_special;
    if (ret->fd < 0) {
        r = errno;
        output_close(ret);
        return cli_fail(cli, CLI_UNREACHABLE, "cannot write %s: %s", path, strerror(r));
    }
    return CLI_DONE;
}

void output_keep(struct output *output)
{
    if (output->before[0])
        (void)unlink(output->before);
    output->before[0] = 0;
    output->is_made = false;
}

void output_close(struct output *output)
{
    struct stat status;

    /* A ledger that was begun is evidence, also when its service never said that it runs. */
    if (output->is_made && stat(output->path, &status) == 0 && status.st_size > 0)
        output_keep(output);
    if (output->fd >= 0)
        (void)close(output->fd);
    output->fd = -1;
    if (output->is_made)
        (void)unlink(output->path);
    if (output->before[0])
        (void)rename(output->before, output->path);
    output_keep(output);
}
