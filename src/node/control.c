/* The control socket's door: where tactusd listens, and who comes in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/control_inside.h"

#define ACCEPT_AGAIN_NS INT64_C(100000000)

enum {
    CLIENTS_MAX = 1024,
    CLIENTS_A_USER = 32, /* but root */
    WAITING_MAX = 512,   /* connections that are not accepted yet */
};

/* Said at once or not at all: who connects without end is not waited for. */
static void turn_away(int fd, const char *why)
{
    char words[256];
    int bytes = snprintf(words, sizeof(words),
                         "{\"event\":\"error\",\"code\":-11,\"text\":\"%s\",\"exit\":3}\n", why);

    (void)!send(fd, words, (size_t)bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* NULL: they may. */
static const char *why_not(const struct control *control, uid_t uid)
{
    uint32_t count = 0;

    if (quota_wait_ns(&control->node->quota, uid, loop_now_ns()) > QUOTA_WAIT_NS)
        return CLIENT_FLOOD_TEXT;
    for (const struct client *c = control->node->clients; c != NULL; c = c->next)
        count += c->peer.uid == uid;
    if (control->client_count < CLIENTS_MAX && (uid == 0 || count < CLIENTS_A_USER))
        return NULL;
    return "too many connections to tactusd are open; end a command that waits for it";
}

static void let_in(struct control *control, int fd)
{
    struct ucred peer;
    socklen_t bytes = sizeof(peer);
    const char *why = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) == 0
                          ? why_not(control, peer.uid)
                          : "tactusd cannot tell who asks";

    if (why == NULL) {
        quota_charge(&control->node->quota, peer.uid, QUOTA_CONNECTION_NS, loop_now_ns());
        if (client_begin(control, &peer, fd) == 0)
            return;
        why = "tactusd has no memory for another connection";
    }
    turn_away(fd, why);
    (void)close(fd);
}

static void on_connection(void *ctx, uint32_t events);

static void on_accept_timer(void *ctx, uint32_t events)
{
    struct control *control = ctx;

    (void)events;
    control->watch = loop_add(control->node->loop, control->fd, EPOLLIN, on_connection, control);
    if (control->watch == NULL)
        loop_set(control->node->loop, &control->accept_timer, loop_now_ns() + ACCEPT_AGAIN_NS);
}

/* One a turn: to be told that nobody else is there takes as long as to let somebody in. Who waits
 * at the socket keeps it readable: without a descriptor for him the loop would spin. */
static void on_connection(void *ctx, uint32_t events)
{
    struct control *control = ctx;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0)
        let_in(control, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        loop_remove(control->node->loop, &control->watch);
        loop_set(control->node->loop, &control->accept_timer, loop_now_ns() + ACCEPT_AGAIN_NS);
    }
}

/* Makes the socket's folder: nobody else may put a socket of that name there. */
static int make_folder(const char *path, struct tt_error *err)
{
    char folder[PATH_MAX];
    struct stat about;
    char *slash;

    (void)snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        return 0;
    *slash = '\0';
    if (mkdir(folder, geteuid() == 0 ? 0755 : 0700) < 0 && errno != EEXIST)
        return tt_fail(err, -errno, "cannot make '%s': %s", folder, strerror(errno));
    if (strncmp(folder, "/tmp/tactus-", 12) == 0 &&
        (lstat(folder, &about) < 0 || !S_ISDIR(about.st_mode) || about.st_uid != geteuid()))
        return tt_fail(err, -EPERM, "'%s' belongs to somebody else", folder);
    return 0;
}

/* The lock, not the socket file, says who serves: a dead tactusd leaves its socket behind. */
static int lock(struct control *control, struct tt_error *err)
{
    char path[sizeof(control->path) + 8];

    (void)snprintf(path, sizeof(path), "%s.lock", control->path);
    control->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (control->lock_fd < 0)
        return tt_fail(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    if (flock(control->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return tt_fail(err, -EADDRINUSE, "another tactusd serves '%s'", control->path);
    return 0;
}

static int listen_here(struct control *control, struct tt_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t mask = umask(geteuid() == 0 ? 0 : 077);
    int r = 0;

    memcpy(address.sun_path, control->path, strlen(control->path) + 1);
    (void)unlink(control->path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0 || bind(control->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(control->fd, WAITING_MAX) < 0)
        r = tt_fail(err, -errno, "cannot listen on '%s': %s", control->path, strerror(errno));
    (void)umask(mask);
    return r;
}

int control_open(struct node *node, const char *path, struct control **ret, struct tt_error *err)
{
    struct control *control = calloc(1, sizeof(*control));
    int r = 0;

    if (control == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the control socket");
    control->node = node;
    control->fd = control->lock_fd = -1;
    control->accept_timer = (struct loop_timer){.fn = on_accept_timer, .ctx = control};
    if (snprintf(control->path, sizeof(control->path), "%s", path) >= (int)sizeof(control->path))
        r = tt_fail(err, -ENAMETOOLONG, "the socket's path is too long: '%s'", path);
    if (r == 0)
        r = make_folder(path, err);
    if (r == 0)
        r = lock(control, err);
    if (r == 0)
        r = listen_here(control, err);
    if (r == 0)
        control->watch = loop_add(node->loop, control->fd, EPOLLIN, on_connection, control);
    if (r < 0) {
        control->path[0] = '\0'; /* it is not ours to remove */
        control_close(&control);
        return r;
    }
    *ret = control;
    return 0;
}

void control_close(struct control **closed)
{
    struct control *control = *closed;

    if (control == NULL)
        return;
    while (control->node->clients != NULL)
        client_close(control->node->clients);
    loop_remove(control->node->loop, &control->watch);
    loop_clear(control->node->loop, &control->accept_timer);
    if (control->path[0] != '\0')
        (void)unlink(control->path);
    if (control->fd >= 0)
        (void)close(control->fd);
    if (control->lock_fd >= 0)
        (void)close(control->lock_fd);
    free(control);
    *closed = NULL;
}
