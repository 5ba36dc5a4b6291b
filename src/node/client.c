/* One client of the control socket: its line in, its answers out, and how much of tactusd it may
 * take. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "node/control_inside.h"
#include "node/service.h"
#include "node/set.h"

#define MILLI INT64_C(1000000)
#define ASK_LIMIT_NS (10000 * MILLI) /* from the connection to the request */

enum {
    LINE_BYTES_MAX = 4 << 20,
    WAITING_BYTES_MAX = 8 << 20, /* of answers that a client has not read */
    READ_BYTES = 65536,
    READS_AT_ONCE = 16
};

void client_close(struct client *client)
{
    struct client **place = &client->control->node->clients;

    set_client_gone(client->control->node, client->number);
    while (*place != client)
        place = &(*place)->next;
    *place = client->next;
    loop_remove(client->control->node->loop, &client->watch);
    loop_clear(client->control->node->loop, &client->end_timer);
    loop_clear(client->control->node->loop, &client->ask_timer);
    loop_clear(client->control->node->loop, &client->hold_timer);
    json_decref(client->asked);
    (void)close(client->fd);
    for (uint32_t n = 0; n < client->fd_count; n++)
        if (client->fds[n] >= 0)
            (void)close(client->fds[n]);
    free(client->in);
    free(client->out);
    client->control->client_count--;
    client->control->node->busy_ns = loop_now_ns();
    free(client);
}

static void on_end_timer(void *ctx, uint32_t events)
{
    struct client *client = ctx;
    struct service *service = client->service;

    (void)events;
    client->service = NULL;
    client_close(client);
    if (service != NULL)
        service_client_gone(service);
}

/* Never closed under the hands of a caller: the loop does it next. */
static void client_die(struct client *client)
{
    if (client->is_dead)
        return;
    client->is_dead = true;
    loop_remove(client->control->node->loop, &client->watch);
    loop_set(client->control->node->loop, &client->end_timer, 0);
}

/* A place at the socket is for those who want something. */
static void on_ask_timer(void *ctx, uint32_t events)
{
    (void)events;
    client_die(ctx);
}

static void watch_for(struct client *client)
{
    loop_change(client->control->node->loop, client->watch,
                (client->is_held ? 0 : (uint32_t)EPOLLIN) |
                    (client->out_bytes > 0 ? (uint32_t)EPOLLOUT : 0));
}

static void flush(struct client *client)
{
    ssize_t sent;

    while (client->out_bytes > 0) {
        sent = send(client->fd, client->out, client->out_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent <= 0) {
            client_die(client);
            return;
        }
        client->out_bytes -= (size_t)sent;
        memmove(client->out, client->out + sent, client->out_bytes);
    }
    if (client->out_bytes == 0 && client->is_done)
        client_die(client);
    else
        watch_for(client);
}

static bool make_room(char **buffer, size_t *capacity, size_t wanted)
{
    size_t grown = *capacity > 0 ? *capacity : 4096;
    char *made;

    while (grown < wanted)
        grown *= 2;
    if (grown == *capacity)
        return true;
    made = realloc(*buffer, grown);
    if (made == NULL)
        return false;
    *buffer = made;
    *capacity = grown;
    return true;
}

void client_event(struct client *client, json_t *event)
{
    char *text = event != NULL ? json_dumps(event, JSON_COMPACT) : NULL;
    size_t bytes = text != NULL ? strlen(text) : 0;

    json_decref(event);
    if (text == NULL || client->is_dead || client->is_done) {
        free(text);
        return;
    }
    if (client->out_bytes + bytes + 1 > WAITING_BYTES_MAX ||
        !make_room(&client->out, &client->out_capacity, client->out_bytes + bytes + 1)) {
        free(text);
        client_die(client);
        return;
    }
    memcpy(client->out + client->out_bytes, text, bytes);
    client->out[client->out_bytes + bytes] = '\n';
    client->out_bytes += bytes + 1;
    free(text);
    flush(client);
}

void client_error(struct client *client, const struct tt_error *err, int exit_code)
{
    json_t *event = tt_message_error(err);

    if (event != NULL) {
        json_object_set_new(event, "event", json_string("error"));
        json_object_set_new(event, "exit", json_integer(exit_code));
    }
    client_event(client, event);
    client->is_done = true;
    if (!client->is_dead)
        flush(client);
}

void client_done(struct client *client, int exit_code)
{
    client_event(client, json_pack("{ss si}", "event", "done", "exit", exit_code));
    client->is_done = true;
    if (!client->is_dead)
        flush(client);
}

int client_take_fd(struct client *client, const char *name)
{
    for (uint32_t n = 0; n < client->fd_count; n++)
        if (client->fds[n] >= 0 && strcmp(client->fd_names[n], name) == 0) {
            int fd = client->fds[n];

            client->fds[n] = -1;
            return fd;
        }
    return -1;
}

uid_t client_uid(const struct client *client)
{
    return client->peer.uid;
}

gid_t client_gid(const struct client *client)
{
    return client->peer.gid;
}

uint64_t client_number(const struct client *client)
{
    return client->number;
}

struct client *client_find(const struct node *node, uint64_t number)
{
    for (struct client *c = node->clients; c != NULL; c = c->next)
        if (c->number == number)
            return c->is_dead ? NULL : c;
    return NULL;
}

void client_attach(struct client *client, struct service *service)
{
    client->service = service;
}

void client_fail(struct client *client, int exit_code, const char *text)
{
    struct tt_error err = {0};

    (void)tt_fail(&err, -EINVAL, "%s", text);
    client_error(client, &err, exit_code);
}

/* Each starts a process that looks at a service. */
static bool is_costly(const char *op)
{
    return strcmp(op, "shape") == 0 || strcmp(op, "check") == 0 || strcmp(op, "run") == 0 ||
           strcmp(op, "profile") == 0 || strcmp(op, "set") == 0;
}

static void on_hold_timer(void *ctx, uint32_t events)
{
    struct client *client = ctx;
    json_t *asked = client->asked;

    (void)events;
    client->is_held = false;
    client->asked = NULL;
    if (!client->is_dead)
        watch_for(client);
    if (!client->is_dead && asked != NULL)
        client_serve(client, asked);
    json_decref(asked);
}

/* Nothing of this client is read or served until its user's debts are paid. */
static void hold(struct client *client, int64_t wait_ns)
{
    client->is_held = true;
    watch_for(client);
    loop_set(client->control->node->loop, &client->hold_timer, loop_now_ns() + wait_ns);
}

static void refuse_flood(struct client *client)
{
    struct tt_error err = {0};

    (void)tt_fail(&err, -EAGAIN, "%s", CLIENT_FLOOD_TEXT);
    client_error(client, &err, 3);
}

static void on_request(struct client *client, json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    struct node *node = client->control->node;
    int64_t now_ns = loop_now_ns(), wait_ns = quota_wait_ns(&node->quota, client->peer.uid, now_ns);

    if (op == NULL) {
        client_fail(client, 2, "a request is a JSON object with \"op\"");
        return;
    }
    if (client->has_asked) { /* one request a connection */
        if (client->service != NULL && strcmp(op, "stop") == 0)
            service_stop(client->service);
        return;
    }
    client->has_asked = true;
    loop_clear(node->loop, &client->ask_timer);
    if (is_costly(op))
        quota_charge(&node->quota, client->peer.uid, QUOTA_PROCESS_NS, now_ns);
    if (wait_ns == 0 || strcmp(op, "stop") == 0) {
        client_serve(client, request);
    } else if (wait_ns > QUOTA_WAIT_NS) {
        refuse_flood(client);
    } else {
        client->asked = json_incref(request);
        hold(client, wait_ns);
    }
}

static void on_line(struct client *client, const char *line, size_t bytes)
{
    json_error_t where;
    json_t *request = json_loadb(line, bytes, JSON_REJECT_DUPLICATES, &where);

    if (json_is_object(request))
        on_request(client, request);
    else
        client_fail(client, 2, "a request is one JSON object on a line");
    json_decref(request);
}

static void take_lines(struct client *client)
{
    char *end;
    size_t used = 0;

    while (!client->is_dead && !client->is_done && used < client->in_bytes &&
           (end = memchr(client->in + used, '\n', client->in_bytes - used)) != NULL) {
        size_t bytes = (size_t)(end - (client->in + used));

        on_line(client, client->in + used, bytes);
        used += bytes + 1;
    }
    client->in_bytes -= used;
    memmove(client->in, client->in + used, client->in_bytes);
    if (client->in_bytes >= LINE_BYTES_MAX)
        client_fail(client, 2, "a request is longer than 4 MiB");
}

static void keep_fds(struct client *client, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        size_t count;
        int fd;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t n = 0; n < count; n++) {
            memcpy(&fd, CMSG_DATA(c) + n * sizeof(int), sizeof(fd));
            if (client->fd_count < FDS_MAX)
                client->fds[client->fd_count++] = fd;
            else
                (void)close(fd);
        }
    }
}

static ssize_t read_some(struct client *client)
{
    union {
        char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = client->in + client->in_bytes, .iov_len = READ_BYTES};
    struct msghdr header = {.msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof(control.bytes)};
    ssize_t got = recvmsg(client->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (got > 0)
        keep_fds(client, &header);
    return got;
}

static void read_and_serve(struct client *client)
{
    ssize_t got;

    for (uint32_t n = 0; n < READS_AT_ONCE && !client->is_dead && !client->is_held; n++) {
        if (!make_room(&client->in, &client->in_capacity, client->in_bytes + READ_BYTES)) {
            client_die(client);
            return;
        }
        got = read_some(client);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            client_die(client);
            return;
        }
        client->in_bytes += (size_t)got;
        if (client->is_done)
            client->in_bytes = 0; /* it talks on after its answer */
        else
            take_lines(client);
    }
}

static void on_client(void *ctx, uint32_t events)
{
    struct client *client = ctx;
    struct quota *quota = &client->control->node->quota;
    uid_t uid = client->peer.uid;
    int64_t begun_ns = loop_now_ns(), now_ns, wait_ns;

    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && client->is_held) {
        client_die(client); /* its end would wake the loop until it is read */
        return;
    }
    if ((events & EPOLLOUT) != 0)
        flush(client);
    read_and_serve(client);
    now_ns = loop_now_ns();
    quota_charge(quota, uid, (now_ns - begun_ns) * QUOTA_LOOP, now_ns);
    wait_ns = quota_wait_ns(quota, uid, now_ns);
    if (wait_ns > 0 && !client->is_dead && !client->is_done && !client->is_held)
        hold(client, wait_ns);
}

int client_begin(struct control *control, const struct ucred *peer, int fd)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return -ENOMEM;
    client->control = control;
    client->peer = *peer;
    client->number = ++control->node->client_count;
    client->fd = fd;
    client->end_timer = (struct loop_timer){.fn = on_end_timer, .ctx = client};
    client->ask_timer = (struct loop_timer){.fn = on_ask_timer, .ctx = client};
    client->hold_timer = (struct loop_timer){.fn = on_hold_timer, .ctx = client};
    client->watch = loop_add(control->node->loop, fd, EPOLLIN, on_client, client);
    if (client->watch == NULL) {
        free(client);
        return -ENOMEM;
    }
    loop_set(control->node->loop, &client->ask_timer, loop_now_ns() + ASK_LIMIT_NS);
    client->next = control->node->clients;
    control->node->clients = client;
    control->client_count++;
    return 0;
}
