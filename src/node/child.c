/* The zygote and the children it forks: how a process of a service comes into being and is reaped.
 */
#include "node/child.h"
#include "node/shape.h"
#include "node/spares.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND INT64_C(1000000000)

/* The loop waits for the zygote, and everybody with it: not for long, once it has shown that it
 * works. A new one loads media libraries first. */
enum { SPAWN_LIMIT_MS = 2000, FIRST_SPAWN_LIMIT_MS = 3000, MESSAGES_AT_ONCE = 16 };
/* Of messages at once: more than a socket holds. */
enum { LAST_WORDS_TURNS = 64 };

struct zygote {
    struct loop *loop;
    char *host;
    pid_t pid;
    int fd, pidfd;
    struct loop_watch *watch;
    int64_t started_ns;
    uint32_t generation;
    bool has_answered;
    struct spares *spares; /* NULL: none */
};

struct child {
    struct loop *loop;
    pid_t pid;
    int fd, pidfd;
    struct loop_watch *words, *end;
    const struct child_ops *ops; /* NULL: abandoned */
    void *ctx;
};

static _Noreturn void become_zygote(const char *host, int fd, pid_t parent)
{
    char number[16];
    sigset_t none;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* tactusd died before the signal was set */
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)fcntl(fd, F_SETFD, 0);
    (void)snprintf(number, sizeof(number), "%d", fd);
    execl(host, "tactus-host", "--zygote", number, (char *)NULL);
    fprintf(stderr, "cannot start '%s': %s\n", host, strerror(errno));
    _exit(127);
}

static int zygote_start(struct zygote *zygote, struct tt_error *err);

static void zygote_reap(struct zygote *zygote)
{
    siginfo_t end = {0};

    if (zygote->pidfd >= 0) {
        (void)pidfd_send_signal(zygote->pidfd, SIGKILL, NULL, 0);
        while (waitid(P_PIDFD, (id_t)zygote->pidfd, &end, WEXITED) < 0 && errno == EINTR)
            continue;
        (void)close(zygote->pidfd);
        (void)close(zygote->fd);
    }
    loop_remove(zygote->loop, &zygote->watch);
    spares_drop(zygote->spares);
    zygote->pidfd = zygote->fd = -1;
    zygote->pid = 0;
}

/* Its children are ours and go on. One that dies at once is tried again by the next spawn only, or
 * the loop would do nothing else. */
static void on_zygote_end(void *ctx, uint32_t events)
{
    struct zygote *zygote = ctx;
    bool has_lived = loop_now_ns() - zygote->started_ns > SECOND;

    (void)events;
    zygote_reap(zygote);
    fprintf(stderr, "the zygote died, %s: host=%s\n",
            has_lived ? "starting another" : "waiting for the next service", zygote->host);
    if (has_lived)
        (void)zygote_start(zygote, NULL);
}

static int zygote_start(struct zygote *zygote, struct tt_error *err)
{
    pid_t parent = getpid();
    int pair[2], r;

    if (access(zygote->host, X_OK) < 0)
        return tt_fail(err, -errno, "cannot start '%s': %s; name tactus-host by --host",
                       zygote->host, strerror(errno));
    r = tt_message_pair(pair, err);
    if (r < 0)
        return r;
    zygote->pid = fork();
    if (zygote->pid == 0)
        become_zygote(zygote->host, pair[1], parent);
    (void)close(pair[1]);
    zygote->pidfd = zygote->pid > 0 ? pidfd_open(zygote->pid, 0) : -1;
    if (zygote->pidfd < 0) {
        (void)close(pair[0]);
        return tt_fail(err, -EAGAIN, "cannot fork the zygote");
    }
    (void)fcntl(zygote->pidfd, F_SETFD, FD_CLOEXEC);
    zygote->fd = pair[0];
    zygote->started_ns = loop_now_ns();
    zygote->generation++;
    zygote->has_answered = false;
    zygote->watch = loop_add(zygote->loop, zygote->pidfd, EPOLLIN, on_zygote_end, zygote);
    return 0;
}

int zygote_open(struct loop *loop, const char *host, struct zygote **ret, struct tt_error *err)
{
    struct zygote *zygote = calloc(1, sizeof(*zygote));

    if (zygote == NULL || (zygote->host = strdup(host)) == NULL) {
        free(zygote);
        return tt_fail(err, -ENOMEM, "no memory for the zygote");
    }
    zygote->loop = loop;
    zygote->fd = zygote->pidfd = -1;
    zygote->spares = spares_open(loop, zygote);
    *ret = zygote;
    (void)zygote_start(zygote, NULL); /* if not now, the first spawn says why */
    return 0;
}

void zygote_close(struct zygote **zygote)
{
    if (*zygote == NULL)
        return;
    spares_close(&(*zygote)->spares);
    zygote_reap(*zygote);
    free((*zygote)->host);
    free(*zygote);
    *zygote = NULL;
}

static void on_words(void *ctx, uint32_t events)
{
    struct child *child = ctx;
    struct tt_message message;
    int r;

    (void)events;
    for (uint32_t n = 0; n < MESSAGES_AT_ONCE && child->words != NULL; n++) {
        r = tt_message_receive(child->fd, &message, NULL);
        if (r == -EAGAIN)
            return;
        if (r == -EPIPE) {
            loop_remove(child->loop, &child->words);
            return;
        }
        if (r == 0 && child->ops != NULL && child->ops->on_message != NULL)
            child->ops->on_message(child->ctx, &message);
        if (r == 0)
            tt_message_fini(&message);
    }
}

static void forget(struct child *child)
{
    loop_remove(child->loop, &child->words);
    loop_remove(child->loop, &child->end);
    (void)close(child->fd);
    (void)close(child->pidfd);
}

static void on_end(void *ctx, uint32_t events)
{
    struct child *child = ctx;
    struct rusage usage = {0};
    siginfo_t end = {0};

    (void)events;
    /* By its number: the C library's waitid() leaves out what was used. */
    if (syscall(SYS_waitid, P_PIDFD, child->pidfd, &end, WEXITED | WNOHANG, &usage) < 0 ||
        end.si_pid == 0)
        return;
    for (uint32_t n = 0; n < LAST_WORDS_TURNS && child->words != NULL; n++)
        on_words(child, 0); /* its last words come before its death */
    forget(child);
    if (child->ops != NULL)
        child->ops->on_exit(child->ctx, end.si_code, end.si_status, &usage);
    free(child);
}

static int ask(struct zygote *zygote, json_t *order, int control, const struct plugins *plugins,
               pid_t *ret, struct tt_error *err)
{
    const char *names[2 + TT_JAIL_PLUGINS_MAX] = {"control"};
    int fds[2 + TT_JAIL_PLUGINS_MAX] = {control};
    uint32_t count = plugins != NULL ? plugins->count : 0, fd_count = 1 + count;
    const json_t *cpuset = json_object_get(order, "cpuset");
    struct tt_message answer;
    int r;

    for (uint32_t n = 0; n < count; n++) {
        names[1 + n] = plugins->names[n];
        fds[1 + n] = plugins->fds[n];
    }
    if (cpuset != NULL) {
        names[fd_count] = "cpuset";
        fds[fd_count++] = (int)json_integer_value(cpuset);
    }
    json_object_set_new(order, "op", json_string("spawn"));
    r = tt_message_send(zygote->fd, order, fds, names, fd_count, err);
    if (r < 0)
        return r;
    r = tt_message_receive_within(
        zygote->fd, zygote->has_answered ? SPAWN_LIMIT_MS : FIRST_SPAWN_LIMIT_MS, &answer, err);
    if (r < 0)
        return r;
    zygote->has_answered = true;
    *ret = (pid_t)tt_message_int(&answer, "pid", 0);
    if (*ret <= 0) {
        struct tt_error told = {0};

        tt_message_to_error(json_object_get(answer.body, "error"), &told);
        r = tt_fail(err, told.code < 0 ? told.code : -EPROTO, "%s",
                    told.text[0] != '\0' ? told.text : "the zygote gave no process");
    }
    tt_message_fini(&answer);
    return r;
}

static int start_and_ask(struct zygote *zygote, json_t *order, int control,
                         const struct plugins *plugins, pid_t *ret, struct tt_error *err)
{
    int r = zygote->pidfd < 0 ? zygote_start(zygote, err) : 0;

    if (r < 0)
        return r;
    r = ask(zygote, order, control, plugins, ret, err);
    if (r == -EPIPE) { /* it died: a new one, once */
        zygote_reap(zygote);
        r = zygote_start(zygote, err);
        if (r == 0)
            r = ask(zygote, order, control, plugins, ret, err);
    }
    if (r == -EPIPE || r == -ETIMEDOUT) { /* out of step: the next spawn has another */
        zygote_reap(zygote);
        return tt_wrap(err, r, "'%s' does not answer", zygote->host);
    }
    return r;
}

static bool hear(struct child *child, const struct child_ops *ops, void *ctx)
{
    child->words = loop_add(child->loop, child->fd, EPOLLIN, on_words, child);
    if (child->words == NULL)
        return false;
    child->ops = ops;
    child->ctx = ctx;
    return true;
}

static int watch_child(struct child *child, struct tt_error *err)
{
    child->pidfd = pidfd_open(child->pid, 0);
    if (child->pidfd < 0)
        return tt_fail(err, -errno, "cannot watch process %d: %s", (int)child->pid,
                       strerror(errno));
    (void)fcntl(child->pidfd, F_SETFD, FD_CLOEXEC);
    (void)fcntl(child->fd, F_SETFL, O_NONBLOCK);
    child->end = loop_add(child->loop, child->pidfd, EPOLLIN, on_end, child);
    if (child->end != NULL &&
        (child->ops->on_message == NULL || hear(child, child->ops, child->ctx)))
        return 0;
    return tt_fail(err, -ENOMEM, "no memory to watch process %d", (int)child->pid);
}

int child_fork(struct zygote *zygote, json_t *order, const struct plugins *plugins,
               const struct child_ops *ops, void *ctx, struct child **ret, struct tt_error *err)
{
    struct child *child = calloc(1, sizeof(*child));
    int pair[2] = {-1, -1}, r;

    r = child == NULL ? tt_fail(err, -ENOMEM, "no memory for a process") : 0;
    if (r == 0)
        r = tt_message_pair(pair, err);
    if (r == 0)
        r = start_and_ask(zygote, order, pair[1], plugins, &child->pid, err);
    json_decref(order);
    if (pair[1] >= 0)
        (void)close(pair[1]);
    if (r < 0) {
        if (pair[0] >= 0)
            (void)close(pair[0]);
        free(child);
        return r;
    }
    child->loop = zygote->loop;
    child->fd = pair[0];
    child->ops = ops;
    child->ctx = ctx;
    r = watch_child(child, err);
    if (r < 0) {
        (void)kill(child->pid, SIGKILL); /* our own child, not reaped: the number is still its */
        (void)waitpid(child->pid, NULL, 0);
        loop_remove(child->loop, &child->words);
        loop_remove(child->loop, &child->end);
        (void)close(child->fd);
        if (child->pidfd >= 0)
            (void)close(child->pidfd);
        free(child);
        return r;
    }
    *ret = child;
    return 0;
}

/* Strangers' files go to the zygote with the order, so a process for them is forked. */
int child_spawn(struct zygote *zygote, json_t *order, const struct plugins *plugins,
                const struct child_ops *ops, void *ctx, struct child **ret, struct tt_error *err)
{
    struct child *spare = NULL;

    if (plugins == NULL || plugins->count == 0)
        spare = spares_take(zygote->spares, order);
    if (spare != NULL && !hear(spare, ops, ctx))
        child_abandon(&spare);
    if (spare == NULL)
        return child_fork(zygote, order, plugins, ops, ctx, ret, err);
    json_decref(order);
    *ret = spare;
    return 0;
}

struct child *child_waiting(struct zygote *zygote, const json_t *order, const struct child_ops *ops,
                            void *ctx)
{
    struct child *child = spares_take(zygote->spares, order);

    if (child != NULL) {
        child->ops = ops;
        child->ctx = ctx;
    }
    return child;
}

bool child_adopt(struct child *child, const struct child_ops *ops, void *ctx)
{
    return hear(child, ops, ctx);
}

int child_tell(struct child *child, const json_t *order)
{
    json_t *told = json_copy((json_t *)(uintptr_t)order);
    int r = told != NULL ? json_object_set_new(told, "op", json_string("spawn")) : -ENOMEM;

    return r == 0 ? tt_message_send_new(child->fd, told, NULL, NULL, 0, NULL) : -ENOMEM;
}

uint32_t zygote_generation(const struct zygote *zygote)
{
    return zygote->generation;
}

uint32_t zygote_spares(const struct zygote *zygote, uint64_t *ret_bytes)
{
    struct spares *spares = zygote != NULL ? zygote->spares : NULL;

    *ret_bytes = spares_bytes(spares);
    return spares_count(spares);
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

void child_hear(struct child *child)
{
    on_words(child, 0);
}

int child_send(struct child *child, json_t *body, const int *fds, const char *const *names,
               uint32_t fd_count, struct tt_error *err)
{
    return tt_message_send_new(child->fd, body, fds, names, fd_count, err);
}

void child_kill(struct child *child)
{
    (void)pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
}

void child_end(struct child **child)
{
    siginfo_t end = {0};

    if (*child == NULL)
        return;
    child_kill(*child);
    while (waitid(P_PIDFD, (id_t)(*child)->pidfd, &end, WEXITED) < 0 && errno == EINTR)
        continue;
    forget(*child);
    free(*child);
    *child = NULL;
}

void child_abandon(struct child **child)
{
    if (*child == NULL)
        return;
    child_kill(*child);
    (*child)->ops = NULL;
    *child = NULL;
}
