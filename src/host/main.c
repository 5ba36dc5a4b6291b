/* tactus-host: the processes that tactusd starts, in one program so that the media libraries are
 * loaded once. Nobody but tactusd calls it, save for --catalogue and --version. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "host/host.h"

/* Data is on stdout, these words are not; no buffer may be in doubt. */
void tt_assert_failed(const char *fact, const char *file, int line)
{
    char text[512];
    int length =
        snprintf(text, sizeof text, "tactus-host: must be true: %s (%s:%d)\n", fact, file, line);

    if (length > 0)
        (void)!write(2, text, strnlen(text, sizeof text));
    abort();
}

static int usage(void)
{
    (void)fputs(
        "tactus-host is started by tactusd. By hand: tactus-host --catalogue [PATH] | --version\n",
        stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("tactus-host %s\n", TT_VERSION);
        return 0;
    }
    if (argc == 2 && strcmp(argv[1], "--catalogue") == 0)
        return host_catalogue();
    if (argc == 3 && strcmp(argv[1], "--catalogue") == 0)
        return host_catalogue_of(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--zygote") == 0) {
        char *end;
        long fd = strtol(argv[2], &end, 10);

        if (*end == 0 && fd >= 0 && fd < 1 << 20)
            return host_zygote((int)fd);
    }
    return usage();
}
