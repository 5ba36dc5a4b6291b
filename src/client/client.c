/* One request to tactusd and the stream of its answers, as JSON lines. */
#include "tactus/client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "client/start.h"

enum {
    LINE_BYTES_MAX = 4 << 20, /* of an answer */
    FDS_MAX = 8,
    START_WAIT_S = 5
};

struct tt_client {
    int fd;
    char *buffer;
    size_t start, end, capacity; /* what was read and not given yet */
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* A connected socket, or negative errno. */
static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, r;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    do
        r = connect(fd, (struct sockaddr *)&address, sizeof(address));
    while (r < 0 && errno == EINTR);
    if (r < 0) {
        r = -errno;
        (void)close(fd);
        return r;
    }
    return fd;
}

static bool is_nobody_there(int r)
{
    return r == -ENOENT || r == -ECONNREFUSED || r == -ENOTDIR;
}

/* What it says until it serves or ends, whichever is first; no more than fits. */
static void read_words(int fd, int64_t until_ns, char *ret, size_t bytes)
{
    size_t length = 0;

    for (;;) {
        struct pollfd wanted = {.fd = fd, .events = POLLIN};
        int64_t left_ns = until_ns - now_ns();
        ssize_t got;

        if (left_ns <= 0 || length + 1 >= bytes)
            break;
        if (poll(&wanted, 1, (int)(left_ns / 1000000) + 1) <= 0)
            continue;
        got = read(fd, ret + length, bytes - 1 - length);
        if (got == 0 || (got < 0 && errno != EINTR))
            break;
        length += got > 0 ? (size_t)got : 0;
    }
    while (length > 0 && ret[length - 1] == '\n')
        length--;
    ret[length] = '\0';
}

/* The last thing that a tactusd says that cannot serve is why; NULL: it serves, or another does. */
static const char *find_failure(const char *words)
{
    const char *line = strrchr(words, '\n');
    const char *prefix = "tactusd: ";

    line = line != NULL ? line + 1 : words;
    if (strncmp(line, prefix, strlen(prefix)) != 0 || strstr(line, "another tactusd serves"))
        return NULL;
    return line + strlen(prefix);
}

static int wait_for(const char *path, int words_fd, struct tt_error *err)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    int64_t until_ns = now_ns() + START_WAIT_S * INT64_C(1000000000);
    char words[1024];
    const char *failure;
    int fd;

    read_words(words_fd, until_ns, words, sizeof(words));
    (void)close(words_fd);
    failure = find_failure(words);
    if (failure != NULL)
        return tt_fail(err, -EIO, "tactusd cannot start: %s", failure);
    for (;;) {
        fd = connect_to(path);
        if (fd >= 0 || !is_nobody_there(fd))
            return fd;
        if (now_ns() >= until_ns)
            return tt_fail(err, -ETIMEDOUT,
                           "tactusd was started but does not answer on '%s' within %d s; see "
                           "tactusd.log in its state folder, or run tactusd --foreground",
                           path, START_WAIT_S);
        (void)nanosleep(&pause, NULL);
    }
}

/* The socket that is meant, and a connection to it if somebody is there. A caller who names a
 * socket gets that one or nothing. */
static int find_daemon(const struct tt_client_params *params, char *path, uint32_t bytes)
{
    const char *named = params->socket != NULL ? params->socket : getenv("TACTUS_SOCKET");
    int r;

    if (named != NULL && named[0] != '\0') {
        if ((uint32_t)snprintf(path, bytes, "%s", named) >= bytes)
            return -ENAMETOOLONG;
        return connect_to(path);
    }
    r = connect_to("/run/tactus/control");
    if (r >= 0) {
        (void)snprintf(path, bytes, "/run/tactus/control");
        return r;
    }
    if (tt_client_own_socket(path, bytes) < 0)
        return -ENAMETOOLONG;
    return connect_to(path);
}

int tt_client_open(const struct tt_client_params *params, struct tt_client **ret,
                   struct tt_error *err)
{
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct tt_client *client;
    int fd = find_daemon(params, path, sizeof(path)), r;

    if (fd == -ENAMETOOLONG)
        return tt_fail(err, fd, "the socket's path is longer than %zu bytes", sizeof(path) - 1);
    if (is_nobody_there(fd) && params->is_start_wanted) {
        int words;

        r = tt_client_start(params->daemon, path, &words, err);
        if (r < 0)
            return r;
        fd = wait_for(path, words, err);
        if (fd == -ETIMEDOUT || fd == -EIO)
            return fd;
    }
    if (is_nobody_there(fd))
        return tt_fail(err, -ECONNREFUSED, "no tactusd answers on '%s'; start it with tactusd",
                       path);
    if (fd == -EACCES || fd == -EPERM)
        return tt_fail(err, -EACCES, "the tactusd on '%s' is not open to this user", path);
    if (fd < 0)
        return tt_fail(err, fd, "cannot reach tactusd on '%s': %s", path, strerror(-fd));
    client = calloc(1, sizeof(*client));
    if (client == NULL) {
        (void)close(fd);
        return tt_fail(err, -ENOMEM, "no memory for a connection to tactusd");
    }
    client->fd = fd;
    *ret = client;
    return 0;
}

static int send_some(int fd, const char *data, size_t bytes, const int *fds, uint32_t fd_count)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *header;
    ssize_t sent;

    if (fd_count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fd_count * sizeof(int));
    }
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : (int)sent;
}

static int send_all(int fd, const char *data, size_t bytes, const int *fds, uint32_t fd_count)
{
    size_t done = 0;
    int sent;

    while (done < bytes) {
        sent = send_some(fd, data + done, bytes - done, done == 0 ? fds : NULL,
                         done == 0 ? fd_count : 0);
        if (sent < 0)
            return sent;
        done += (size_t)sent;
    }
    return 0;
}

int tt_client_send(struct tt_client *client, const char *json, const int *fds, uint32_t fd_count,
                   struct tt_error *err)
{
    size_t bytes = strlen(json);
    int r;

    if (fd_count > FDS_MAX)
        return tt_fail(err, -EINVAL, "a request carries at most %d descriptors, not %u", FDS_MAX,
                       fd_count);
    if (bytes >= LINE_BYTES_MAX || strchr(json, '\n') != NULL)
        return tt_fail(err, -EINVAL, "a request is one line below %d bytes", LINE_BYTES_MAX);
    r = bytes > 0 ? send_all(client->fd, json, bytes, fds, fd_count) : 0;
    if (r == 0)
        r = send_all(client->fd, "\n", 1, NULL, 0);
    if (r == -EPIPE || r == -ECONNRESET)
        return tt_fail(err, -EPIPE, "tactusd ended the connection");
    return r < 0 ? tt_fail(err, r, "cannot send to tactusd: %s", strerror(-r)) : 0;
}

/* Makes room behind what was read; false: a line is longer than allowed, or no memory. */
static bool make_room(struct tt_client *client)
{
    size_t held = client->end - client->start, wanted;
    char *grown;

    if (client->start > 0) {
        memmove(client->buffer, client->buffer + client->start, held);
        client->start = 0;
        client->end = held;
    }
    if (client->capacity - client->end >= 4096)
        return true;
    wanted = client->capacity == 0 ? 65536 : client->capacity * 2;
    if (wanted > 2 * (size_t)LINE_BYTES_MAX)
        return false;
    grown = realloc(client->buffer, wanted);
    if (grown == NULL)
        return false;
    client->buffer = grown;
    client->capacity = wanted;
    return true;
}

/* Reads what is there: 1 something came, 0 nothing yet, or negative errno. */
static int fill(struct tt_client *client, int timeout_ms, struct tt_error *err)
{
    struct pollfd wanted = {.fd = client->fd, .events = POLLIN};
    ssize_t got;
    int r = poll(&wanted, 1, timeout_ms);

    if (r < 0)
        return errno == EINTR ? 0 : tt_fail(err, -errno, "poll: %s", strerror(errno));
    if (r == 0)
        return 0;
    if (!make_room(client))
        return tt_fail(err, -EPROTO, "an answer of tactusd is longer than %d bytes",
                       LINE_BYTES_MAX);
    got = recv(client->fd, client->buffer + client->end, client->capacity - client->end,
               MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got == 0 || (got < 0 && errno == ECONNRESET))
        return tt_fail(err, -EPIPE,
                       "tactusd is gone: it ended or was killed, and its services with it");
    if (got < 0)
        return tt_fail(err, -errno, "cannot read from tactusd: %s", strerror(errno));
    client->end += (size_t)got;
    return 1;
}

int tt_client_next(struct tt_client *client, int timeout_ms, const char **ret, struct tt_error *err)
{
    int64_t until_ns = now_ns() + (int64_t)timeout_ms * 1000000;
    size_t looked = 0;
    char *line, *end;
    int r, left_ms;

    for (;;) {
        line = client->buffer + client->start;
        end = client->end - client->start > looked
                  ? memchr(line + looked, '\n', client->end - client->start - looked)
                  : NULL;
        if (end != NULL) {
            *end = '\0';
            client->start = (size_t)(end + 1 - client->buffer);
            *ret = line;
            return 0;
        }
        looked = client->end - client->start;
        if (looked >= LINE_BYTES_MAX)
            return tt_fail(err, -EPROTO, "an answer of tactusd is longer than %d bytes",
                           LINE_BYTES_MAX);
        left_ms = timeout_ms < 0 ? -1 : (int)((until_ns - now_ns() + 999999) / 1000000);
        if (timeout_ms >= 0 && left_ms < 0)
            left_ms = 0;
        r = fill(client, left_ms, err);
        if (r < 0)
            return r;
        if (r == 0 && timeout_ms >= 0 && now_ns() >= until_ns)
            return tt_fail(err, -ETIMEDOUT, "tactusd did not answer within %d ms", timeout_ms);
    }
}

int tt_client_fd(const struct tt_client *client)
{
    return client->fd;
}

void tt_client_close(struct tt_client **client)
{
    if (*client == NULL)
        return;
    (void)close((*client)->fd);
    free((*client)->buffer);
    free(*client);
    *client = NULL;
}
