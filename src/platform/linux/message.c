/* JSON messages with descriptors over SOCK_SEQPACKET, and the memfds that longer texts travel in.
 */
#include "platform/linux/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int tt_message_pair(int ret[2], struct tt_error *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return tt_fail(err, -errno, "cannot make a socket pair: %s", strerror(errno));
    ret[0] = pair[0];
    ret[1] = pair[1];
    return 0;
}

static int name_descriptors(json_t *body, const char *const *names, uint32_t fd_count)
{
    json_t *array = json_array();

    for (uint32_t n = 0; n < fd_count; n++)
        json_array_append_new(array, json_string(names[n]));
    if (json_array_size(array) != fd_count) {
        json_decref(array);
        return -ENOMEM;
    }
    return json_object_set_new(body, "fds", array) < 0 ? -ENOMEM : 0;
}

static int send_text(int fd, const char *text, size_t bytes, const int *fds, uint32_t fd_count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * TT_MESSAGE_FDS_MAX)];
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)text, .iov_len = bytes};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t sent;

    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * fd_count);
    }
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        return errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

int tt_message_send(int fd, json_t *body, const int *fds, const char *const *names,
                    uint32_t fd_count, struct tt_error *err)
{
    char *text;
    size_t bytes;
    int r;

    if (fd_count > TT_MESSAGE_FDS_MAX)
        return tt_fail(err, -E2BIG, "a message carries at most %d descriptors, not %u",
                       TT_MESSAGE_FDS_MAX, fd_count);
    if (!json_is_object(body) || (fd_count > 0 && name_descriptors(body, names, fd_count) < 0))
        return tt_fail(err, -ENOMEM, "no memory for a message");
    text = json_dumps(body, JSON_COMPACT);
    if (!text)
        return tt_fail(err, -ENOMEM, "no memory for a message");
    bytes = strlen(text);
    if (bytes > TT_MESSAGE_BYTES_MAX)
        r = tt_fail(err, -E2BIG, "a message of %zu bytes is longer than %d", bytes,
                    TT_MESSAGE_BYTES_MAX);
    else {
        r = send_text(fd, text, bytes, fds, fd_count);
        if (r < 0)
            (void)tt_fail(err, r, "cannot send a message: %s", strerror(-r));
    }
    free(text);
    return r;
}

int tt_message_send_new(int fd, json_t *body, const int *fds, const char *const *names,
                        uint32_t fd_count, struct tt_error *err)
{
    int r = tt_message_send(fd, body, fds, names, fd_count, err);

    json_decref(body);
    return r;
}

static uint32_t keep_descriptors(struct msghdr *header, struct tt_message *ret)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        size_t count;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (count > TT_MESSAGE_FDS_MAX - ret->fd_count)
            count = TT_MESSAGE_FDS_MAX - ret->fd_count;
        memcpy(ret->fds + ret->fd_count, CMSG_DATA(c), count * sizeof(int));
        ret->fd_count += (uint32_t)count;
    }
    return ret->fd_count;
}

static int understand(struct tt_message *message, const char *text, size_t bytes,
                      struct tt_error *err)
{
    json_error_t where;
    const json_t *names;

    message->body = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(message->body))
        return tt_fail(err, -EPROTO, "a message that is no JSON object came");
    names = json_object_get(message->body, "fds");
    if (json_array_size(names) != message->fd_count)
        return tt_fail(err, -EPROTO, "a message names %zu descriptors and carries %u",
                       json_array_size(names), message->fd_count);
    for (uint32_t n = 0; n < message->fd_count; n++) {
        const char *name = json_string_value(json_array_get(names, n));

        if (!name || strlen(name) >= TT_MESSAGE_NAME_BYTES)
            return tt_fail(err, -EPROTO, "descriptor %u of a message has no usable name", n);
        memcpy(message->names[n], name, strlen(name) + 1);
    }
    return 0;
}

int tt_message_receive(int fd, struct tt_message *ret, struct tt_error *err)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int) * TT_MESSAGE_FDS_MAX)];
    } control;
    struct msghdr header = {.msg_iovlen = 1};
    struct iovec part;
    ssize_t got;
    int r;
    /* Not from the heap: for that much it would put all its small pieces together first. */
    char text[TT_MESSAGE_BYTES_MAX + 1];

    memset(ret, 0, sizeof *ret);
    part = (struct iovec){.iov_base = text, .iov_len = sizeof text};
    header.msg_iov = &part;
    header.msg_control = &control;
    header.msg_controllen = sizeof control;
    /* Who ends with a message unread resets the connection, once: his last words still lie there.
     */
    for (uint32_t resets = 0; resets < 2; resets += errno == ECONNRESET) {
        got = recvmsg(fd, &header, MSG_CMSG_CLOEXEC);
        if (got >= 0 || (errno != EINTR && errno != ECONNRESET))
            break;
    }
    if (got < 0 && errno != ECONNRESET)
        r = errno == EAGAIN ? -EAGAIN : tt_fail(err, -errno, "cannot receive: %s", strerror(errno));
    else if (got <= 0)
        r = tt_fail(err, -EPIPE, "the peer has closed the connection");
    else {
        (void)keep_descriptors(&header, ret);
        if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || got > TT_MESSAGE_BYTES_MAX)
            r = tt_fail(err, -EPROTO, "a message longer than %d bytes came", TT_MESSAGE_BYTES_MAX);
        else
            r = understand(ret, text, (size_t)got, err);
    }
    if (r < 0)
        tt_message_fini(ret);
    return r;
}

int tt_message_receive_within(int fd, int timeout_ms, struct tt_message *ret, struct tt_error *err)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int r;

    memset(ret, 0, sizeof *ret);
    do
        r = poll(&wanted, 1, timeout_ms);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return tt_fail(err, -errno, "cannot wait for a message: %s", strerror(errno));
    if (r == 0)
        return tt_fail(err, -ETIMEDOUT, "no message within %d ms", timeout_ms);
    return tt_message_receive(fd, ret, err);
}

int tt_message_take(struct tt_message *message, const char *name)
{
    for (uint32_t n = 0; n < message->fd_count; n++) {
        int fd = message->fds[n];

        if (fd < 0 || strcmp(message->names[n], name) != 0)
            continue;
        message->fds[n] = -1;
        return fd;
    }
    return -1;
}

const char *tt_message_text(const struct tt_message *message, const char *key)
{
    const char *text = json_string_value(json_object_get(message->body, key));

    return text ? text : "";
}

int64_t tt_message_int(const struct tt_message *message, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(message->body, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

void tt_message_close_fds(struct tt_message *message)
{
    for (uint32_t n = 0; n < message->fd_count; n++)
        if (message->fds[n] >= 0)
            (void)close(message->fds[n]);
    message->fd_count = 0;
}

void tt_message_fini(struct tt_message *message)
{
    tt_message_close_fds(message);
    json_decref(message->body);
    message->body = NULL;
}

static int write_all(int fd, const char *data, uint64_t bytes)
{
    uint64_t done = 0;

    while (done < bytes) {
        ssize_t wrote = write(fd, data + done, bytes - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return wrote < 0 ? -errno : -EIO;
        done += (uint64_t)wrote;
    }
    return 0;
}

int tt_message_text_fd(const char *name, const void *data, uint64_t bytes, struct tt_error *err)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int r;

    if (fd < 0)
        return tt_fail(err, -errno, "cannot make a memory file for '%s': %s", name,
                       strerror(errno));
    r = write_all(fd, data, bytes);
    if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
        r = -errno;
    if (r == 0)
        return fd;
    (void)close(fd);
    return tt_fail(err, r, "cannot fill the memory file for '%s': %s", name, strerror(-r));
}

int tt_message_read_fd(int fd, uint64_t bytes_max, char **ret, uint64_t *ret_bytes,
                       struct tt_error *err)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_WRITE;
    struct stat about;
    uint64_t bytes, done = 0;
    char *text;
    int seals = fcntl(fd, F_GET_SEALS);

    /* A file of another kind could keep a read waiting, or change under it. */
    if (seals < 0 || (seals & wanted) != wanted)
        return tt_fail(err, -EPERM, "a text came that is no sealed memory file");
    if (fstat(fd, &about) < 0)
        return tt_fail(err, -errno, "cannot read a text: %s", strerror(errno));
    if (about.st_size < 0 || (uint64_t)about.st_size > bytes_max)
        return tt_fail(err, -E2BIG, "a text of %lld bytes is longer than %llu",
                       (long long)about.st_size, (unsigned long long)bytes_max);
    bytes = (uint64_t)about.st_size;
    text = malloc(bytes + 1);
    if (!text)
        return tt_fail(err, -ENOMEM, "no memory for a text");
    while (done < bytes) {
        ssize_t got = pread(fd, text + done, bytes - done, (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            int r = got < 0 ? -errno : -EIO;

            free(text);
            return tt_fail(err, r, "cannot read a text: %s", strerror(-r));
        }
        done += (uint64_t)got;
    }
    text[bytes] = 0;
    *ret = text;
    *ret_bytes = bytes;
    return 0;
}

/* The fixed fields may hold bytes of a user's broken text; jansson takes valid UTF-8 only. */
static json_t *honest_string(const char *text)
{
    char plain[TT_ERROR_TEXT_BYTES];
    json_t *string = json_string(text);

    if (string)
        return string;
    (void)tt_format_text(plain, sizeof plain, "%s", text);
    for (char *c = plain; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return json_string(plain);
}

json_t *tt_message_error(const struct tt_error *err)
{
    return json_pack("{si so si si so so so}", "code", err->code, "text", honest_string(err->text),
                     "line", (int)err->line, "column", (int)err->column, "token",
                     honest_string(err->token), "expected", honest_string(err->expected), "nearest",
                     honest_string(err->nearest));
}

static void copy_text(const json_t *object, const char *key, char *ret, uint32_t bytes)
{
    const char *text = json_string_value(json_object_get(object, key));

    (void)tt_format_text(ret, bytes, "%s", text ? text : "");
}

void tt_message_to_error(const json_t *object, struct tt_error *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->code = (int)json_integer_value(json_object_get(object, "code"));
    ret->line = (uint32_t)json_integer_value(json_object_get(object, "line"));
    ret->column = (uint32_t)json_integer_value(json_object_get(object, "column"));
    copy_text(object, "text", ret->text, sizeof ret->text);
    copy_text(object, "token", ret->token, sizeof ret->token);
    copy_text(object, "expected", ret->expected, sizeof ret->expected);
    copy_text(object, "nearest", ret->nearest, sizeof ret->nearest);
}
