/* Where tactusd listens, and how it is started when nobody does. */
#include "client/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int tt_client_own_socket(char *ret, uint32_t bytes)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int written;

    if (geteuid() == 0)
        written = snprintf(ret, bytes, "/run/tactus/control");
    else if (runtime != NULL && runtime[0] == '/')
        written = snprintf(ret, bytes, "%s/tactus/control", runtime);
    else
        written = snprintf(ret, bytes, "/tmp/tactus-%u/control", (unsigned)geteuid());
    return written < 0 || (uint32_t)written >= bytes ? -ENAMETOOLONG : 0;
}

static void find_beside(char ret[PATH_MAX])
{
    ssize_t length = readlink("/proc/self/exe", ret, PATH_MAX - sizeof("tactusd"));
    char *slash;

    if (length > 0) {
        ret[length] = '\0';
        slash = strrchr(ret, '/');
        memcpy(slash + 1, "tactusd", sizeof("tactusd"));
        if (access(ret, X_OK) == 0)
            return;
    }
    memcpy(ret, "tactusd", sizeof("tactusd"));
}

/* In the grandchild: nothing of the caller's may stay open or be signalled with it. */
static _Noreturn void become_daemon(const char *daemon, const char *socket, int report_fd,
                                    int words_fd)
{
    int null, failure;

    /* Above the places that they are given, so that none overwrites another. */
    report_fd = fcntl(report_fd, F_DUPFD, 4);
    words_fd = fcntl(words_fd, F_DUPFD, 4);
    null = open("/dev/null", O_RDWR);
    if (null >= 0) {
        (void)dup2(null, 0);
        (void)dup2(null, 1);
    }
    (void)dup2(words_fd, 2);
    (void)dup3(report_fd, 3, O_CLOEXEC);
    (void)close_range(4, ~0u, 0);
    execlp(daemon, "tactusd", "--socket", socket, "--idle-exit", "60", (char *)NULL);
    failure = errno;
    (void)!write(3, &failure, sizeof(failure));
    _exit(127);
}

int tt_client_start(const char *daemon, const char *socket, int *ret_words, struct tt_error *err)
{
    char beside[PATH_MAX];
    int report[2], words[2], failure = 0;
    ssize_t got;
    pid_t child;

    if (daemon == NULL) {
        find_beside(beside);
        daemon = beside;
    }
    if (pipe2(report, O_CLOEXEC) < 0)
        return tt_fail(err, -errno, "cannot start tactusd: no pipe: %s", strerror(errno));
    if (pipe2(words, O_CLOEXEC) < 0) {
        failure = errno;
        (void)close(report[0]);
        (void)close(report[1]);
        return tt_fail(err, -failure, "cannot start tactusd: no pipe: %s", strerror(failure));
    }
    child = fork();
    if (child == 0) { /* its own child is adopted by init: nobody has to wait for a daemon */
        (void)setsid();
        if (fork() == 0)
            become_daemon(daemon, socket, report[1], words[1]);
        _exit(0);
    }
    (void)close(report[1]);
    (void)close(words[1]);
    if (child > 0)
        while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
            continue;
    else
        failure = errno;
    do
        got = read(report[0], &failure, sizeof(failure));
    while (got < 0 && errno == EINTR);
    (void)close(report[0]);
    if (failure != 0) {
        (void)close(words[0]);
        return tt_fail(err, -failure, "cannot start '%s': %s; start tactusd by hand to see why",
                       daemon, strerror(failure));
    }
    *ret_words = words[0];
    return 0;
}
