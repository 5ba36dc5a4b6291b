/* Where the time of a start goes: with TACTUS_STAMPS=1 in tactusd's environment each step leaves a
 * line in its log. Without it a stamp is one comparison. */
#ifndef TT_LINUX_STAMP_H
#define TT_LINUX_STAMP_H

/* "stamp NANOSECONDS PID STEP", CLOCK_MONOTONIC. Never on a worker. */
void tt_stamp(const char *step);

#endif
