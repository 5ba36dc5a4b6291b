/* Makes memory files in a process of its own. It knows nothing of services, and what it made it
 * forgets: each file is given to tactusd and mapped by nobody else. */
#include "node/stoker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* newer than this C library; Linux 6.1 */
#endif

enum { HUGE_BYTES = 2 << 20, NICE = 10 };

struct stoker {
    pid_t pid;
    int fd;
};

/* A page of 2 MiB that the kernel will take next, for it was given back last. MADV_COLLAPSE fills
 * its page without giving the CPU away, and nobody with a deadline gets it meanwhile: 5 ms where a
 * host has to find the memory first, 0.3 ms of a page that is there. A first touch of a private
 * page finds it too, but gives way after each 4 KiB. */
static void warm(char *spare)
{
    if (madvise(spare, HUGE_BYTES, MADV_HUGEPAGE) < 0)
        return;
    *(volatile char *)spare = 0;
    (void)madvise(spare, HUGE_BYTES, MADV_DONTNEED);
}

/* A first page, and the kernel makes the others with it; where it has no page of 2 MiB, one by one.
 */
static bool fill(char *part, uint64_t bytes, char *spare)
{
    if (bytes == HUGE_BYTES) {
        warm(spare);
        *(volatile char *)part = 0;
        (void)madvise(part, bytes, MADV_COLLAPSE);
    }
    return madvise(part, bytes, MADV_POPULATE_WRITE) == 0;
}

/* Aligned, or no page of 2 MiB would fit; part by part, so that the rest of a machine without
 * memory notices late. The spare page is behind the file's. */
static bool fill_all(int fd, uint64_t bytes)
{
    uint64_t parts_bytes = (bytes + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES;
    uint64_t all_bytes = parts_bytes + (uint64_t)2 * HUGE_BYTES;
    char *place = mmap(NULL, all_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *from = (char *)(((uintptr_t)place + HUGE_BYTES - 1) / HUGE_BYTES * HUGE_BYTES);
    bool is_filled;

    if (place == MAP_FAILED)
        return false;
    is_filled = mmap(from, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == from;
    for (uint64_t at = 0; is_filled && at < bytes; at += HUGE_BYTES)
        is_filled =
            fill(from + at, bytes - at < HUGE_BYTES ? bytes - at : HUGE_BYTES, from + parts_bytes);
    (void)munmap(place, all_bytes);
    return is_filled;
}

static int make(uint64_t bytes)
{
    int fd = memfd_create("pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0 && fill_all(fd, bytes))
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

/* A byte that says whether a file is with it. */
static bool give(int to, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char is_there = fd >= 0;
    struct iovec part = {.iov_base = &is_there, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
    }
    return sendmsg(to, &message, MSG_NOSIGNAL) == 1;
}

static _Noreturn void serve(int fd, pid_t parent)
{
    uint64_t bytes;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NAME, "tactus-stoker");
    if (getppid() != parent || dup2(fd, 3) < 0 || syscall(SYS_close_range, 4, ~0U, 0) < 0)
        _exit(1);
    (void)setpriority(PRIO_PROCESS, 0, NICE); /* who has a deadline goes first */
    while (recv(3, &bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes)) {
        int made = make(bytes);

        if (!give(3, made))
            break;
        if (made >= 0)
            (void)close(made);
    }
    _exit(0);
}

struct stoker *stoker_open(void)
{
    struct stoker *stoker = calloc(1, sizeof(*stoker));
    pid_t parent = getpid();
    int pair[2];

    if (stoker == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
        free(stoker);
        return NULL;
    }
    stoker->pid = fork();
    if (stoker->pid == 0)
        serve(pair[1], parent);
    (void)close(pair[1]);
    stoker->fd = pair[0];
    (void)fcntl(stoker->fd, F_SETFL, O_NONBLOCK);
    if (stoker->pid < 0)
        stoker_close(&stoker);
    return stoker;
}

void stoker_close(struct stoker **closed)
{
    struct stoker *stoker = *closed;

    if (stoker == NULL)
        return;
    (void)close(stoker->fd);
    if (stoker->pid > 0) {
        (void)kill(stoker->pid, SIGKILL); /* our own child, not reaped: the number is still its */
        while (waitpid(stoker->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    free(stoker);
    *closed = NULL;
}

int stoker_fd(const struct stoker *stoker)
{
    return stoker->fd;
}

bool stoker_ask(struct stoker *stoker, uint64_t bytes)
{
    return send(stoker->fd, &bytes, sizeof(bytes), MSG_NOSIGNAL) == (ssize_t)sizeof(bytes);
}

int stoker_take(struct stoker *stoker)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char is_there = 0;
    struct iovec part = {.iov_base = &is_there, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(stoker->fd, &message, MSG_CMSG_CLOEXEC);
    int fd;

    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? -EAGAIN : -EPIPE;
    if (got == 0)
        return -EPIPE;
    if (is_there == 0 || message.msg_controllen < CMSG_LEN(sizeof(int)))
        return -ENOMEM;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof(fd));
    return fd;
}
