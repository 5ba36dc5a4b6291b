/* Where the time of a start goes. */
#include "platform/linux/stamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Children inherit the answer with their memory. */
static enum { UNKNOWN, OFF, ON } state;

void tt_stamp(const char *step)
{
    struct timespec now;

    if (state == UNKNOWN)
        state = getenv("TACTUS_STAMPS") ? ON : OFF;
    if (state == OFF)
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)dprintf(STDERR_FILENO, "stamp %lld %d %s\n",
                  (long long)now.tv_sec * 1000000000 + now.tv_nsec, (int)getpid(), step);
}
