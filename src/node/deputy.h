/* Threads that stand in for another one of tactusd's while its CPU is not given to it.
 *
 * A woken thread is not moved away from a CPU that the kernel keeps for itself in the middle of
 * somebody's system call, though others are free. So a few more are woken by the same events, each
 * bound to a CPU of its own, and whoever has one first does the work. */
#ifndef TT_NODE_DEPUTY_H
#define TT_NODE_DEPUTY_H

struct deputies;

/* serve() is called on several threads at once, to begin with and after each event on the epoll
 * descriptor (at most 1,000 a second), which stays the caller's: its own waiter gets them too.
 * fifo_priority: 0 is none. NULL: there are none, and the caller is alone. */
struct deputies *deputies_open(int epoll_fd, int fifo_priority, void (*serve)(void *ctx),
                               void *ctx);

/* After it nobody calls serve(). */
void deputies_close(struct deputies **deputies);

#endif
