/* The control socket: who asks, what they ask, and the answers on their way out. */
#include "node/control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/may.h"
#include "node/move.h"
#include "node/profile_answer.h"
#include "node/service.h"
#include "node/set.h"
#include "platform/linux/message.h"
#include "tactus/client.h"

#define MILLI INT64_C(1000000)
#define ASK_LIMIT_NS (10000 * MILLI) /* from the connection to the request */
#define ACCEPT_AGAIN_NS (100 * MILLI)
#define FLOOD_TEXT                                                                                 \
    "you ask more than tactusd serves to one user; wait for its answers, then ask again"

enum {
    LINE_BYTES_MAX = 4 << 20,
    WAITING_BYTES_MAX = 8 << 20, /* of answers that a client has not read */
    FDS_MAX = 8,
    CLIENTS_MAX = 1024,
    CLIENTS_A_USER = 32, /* but root */
    READ_BYTES = 65536,
    READS_AT_ONCE = 16,
    WAITING_MAX = 512, /* connections that are not accepted yet */
    ACCEPTS_AT_ONCE = 32
};

struct control {
    struct node *node;
    int fd, lock_fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct loop_watch *watch;
    struct loop_timer accept_timer;
    uint32_t client_count;
};

struct client {
    struct client *next;
    struct control *control;
    struct service *service;
    struct ucred peer;
    uint64_t number;
    int fd;
    bool is_following;
    char follows[64]; /* a service's name; "": all of its user's */
    struct loop_watch *watch;
    char *in, *out;
    size_t in_bytes, in_capacity, out_bytes, out_capacity;
    int fds[FDS_MAX];
    char fd_names[FDS_MAX][TT_MESSAGE_NAME_BYTES];
    uint32_t fd_count;
    bool has_asked, is_done, is_dead;
    bool is_held;  /* by its user's quota: nothing of it is read */
    json_t *asked; /* to be served when it is held no more */
    struct loop_timer end_timer, ask_timer, hold_timer;
};

static void client_close(struct client *client)
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

static void fail(struct client *client, int exit_code, const char *text)
{
    struct tt_error err = {0};

    (void)tt_fail(&err, -EINVAL, "%s", text);
    client_error(client, &err, exit_code);
}

static void fail_unknown(struct client *client, const char *name, const char *rest)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "no service of yours called '%.60s' %s", name, rest);
    fail(client, 1, text);
}

static void answer_status(struct client *client)
{
    static const char *const classes[] = {"other", "fifo", "deadline"};
    struct node *node = client->control->node;
    uint64_t bytes = 0;
    uint32_t spares = zygote_spares(node->zygote, &bytes);

    client_event(client,
                 json_pack("{ss ss si si ss so so sI sI si si sI}", "event", "status", "version",
                           TT_VERSION, "protocol", TT_PROTOCOL, "pid", (int)getpid(), "class",
                           classes[node->machine.plan.right], "rights", may_print(), "services",
                           service_table(node, client->peer.uid), "reserved_ppm",
                           (json_int_t)books_ppm(&node->books, loop_now_ns()), "limit_ppm",
                           (json_int_t)node->machine.plan.limit_ppm, "cpus",
                           (int)node->machine.plan.cpus, "spares", (int)spares, "spares_bytes",
                           (json_int_t)bytes));
    client_done(client, 0);
}

static void answer_watch(struct client *client)
{
    struct node *node = client->control->node;

    client_event(client, json_pack("{ss sI sI sI si so}", "event", "watch", "now_ns",
                                   (json_int_t)loop_now_ns(), "reserved_ppm",
                                   (json_int_t)books_ppm(&node->books, loop_now_ns()), "limit_ppm",
                                   (json_int_t)node->machine.plan.limit_ppm, "cpus",
                                   (int)node->machine.plan.cpus, "services",
                                   service_watch(node, client->peer.uid)));
    client_done(client, 0);
}

static bool is_newer(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec > b->st_mtim.tv_sec
                                                  : a->st_mtim.tv_nsec > b->st_mtim.tv_nsec;
}

/* The newest that this user owns; a link names a ledger that the user gave a place of its own. */
static void answer_last(struct client *client)
{
    char folder[PATH_MAX], path[PATH_MAX], newest[PATH_MAX] = "";
    struct stat about, best = {0};
    struct dirent *entry;
    ssize_t length;
    DIR *listing;

    (void)snprintf(folder, sizeof(folder), "%s/ledgers", client->control->node->state);
    listing = opendir(folder);
    while (listing != NULL && (entry = readdir(listing)) != NULL) {
        if (strstr(entry->d_name, ".ledger") == NULL ||
            fstatat(dirfd(listing), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
            about.st_uid != client->peer.uid || !is_newer(&about, &best))
            continue;
        length =
            snprintf(path, sizeof(path), "%.*s/%s", (int)(PATH_MAX - 300), folder, entry->d_name);
        if (S_ISLNK(about.st_mode)) {
            length = readlinkat(dirfd(listing), entry->d_name, path, sizeof(path) - 1);
            if (length <= 0)
                continue;
            path[length] = '\0';
        }
        best = about;
        memcpy(newest, path, sizeof(newest));
    }
    if (listing != NULL)
        (void)closedir(listing);
    if (newest[0] == '\0') {
        fail(client, 3, "no service of yours has run here yet; try tactus run FILE");
        return;
    }
    client_event(client, json_pack("{ss ss}", "event", "last", "ledger", newest));
    client_done(client, 0);
}

static void stop_named(struct client *client, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));

    if (name == NULL)
        fail(client, 2, "\"stop\" wants the \"name\" of a service");
    else if (service_stop_named(client->control->node, client->peer.uid, name) == 0)
        fail_unknown(client, name, "runs here; see tactus ps");
    else
        client_done(client, 0);
}

static void put_line(void *ctx, const struct journal_line *line)
{
    json_t *text = json_string(line->text);

    client_event(ctx, json_pack("{ss ss sI so}", "event", "log", "service", line->service, "at_ns",
                                (json_int_t)line->at_ns, "text",
                                text != NULL ? text : json_string("a line that is no UTF-8")));
}

void control_log(void *node_, const struct journal_line *line)
{
    const struct node *node = node_;

    for (struct client *c = node->clients; c != NULL; c = c->next)
        if (c->is_following && (c->peer.uid == 0 || c->peer.uid == line->uid) &&
            (c->follows[0] == '\0' || strcmp(c->follows, line->service) == 0))
            put_line(c, line);
}

void control_log_end(const struct node *node, uint32_t uid, const char *service)
{
    for (struct client *c = node->clients; c != NULL; c = c->next)
        if (c->is_following && (c->peer.uid == 0 || c->peer.uid == uid) &&
            strcmp(c->follows, service) == 0) {
            c->is_following = false;
            client_done(c, 0);
        }
}

static void answer_logs(struct client *client, const json_t *request)
{
    struct node *node = client->control->node;
    const char *name = json_string_value(json_object_get(request, "name"));
    bool is_followed = json_is_true(json_object_get(request, "follow"));

    if (name != NULL && strlen(name) >= sizeof(client->follows)) {
        fail(client, 2, "no service has a name that long");
        return;
    }
    if (journal_tell(node->journal, client->peer.uid, name, put_line, client) == 0 &&
        name != NULL) {
        fail_unknown(client, name,
                     "has run since tactusd started; what an older one did is in its ledger: "
                     "tactus explain");
        return;
    }
    /* Who follows a service that has ended has read it all. */
    if (!is_followed ||
        (name != NULL && service_find_named(node, client->peer.uid, name) == NULL)) {
        client_done(client, 0);
        return;
    }
    client->is_following = true;
    (void)snprintf(client->follows, sizeof(client->follows), "%s", name != NULL ? name : "");
}

static bool is_protocol_known(struct client *client, const json_t *request)
{
    const json_t *protocol = json_object_get(request, "protocol");

    if (protocol == NULL ||
        (json_is_integer(protocol) && json_integer_value(protocol) <= TT_PROTOCOL))
        return true;
    fail(client, 3,
         "this tactusd speaks an older protocol than the request wants; end it, and the "
         "next command starts the one beside it");
    return false;
}

static bool name_fds(struct client *client, const json_t *request)
{
    const json_t *names = json_object_get(request, "fds");

    if (json_array_size(names) != client->fd_count)
        return false;
    for (uint32_t n = 0; n < client->fd_count; n++) {
        const char *name = json_string_value(json_array_get(names, n));

        if (name == NULL || strlen(name) >= sizeof(client->fd_names[n]))
            return false;
        memcpy(client->fd_names[n], name, strlen(name) + 1);
    }
    return true;
}

/* Each starts a process that looks at a service. */
static bool is_costly(const char *op)
{
    return strcmp(op, "shape") == 0 || strcmp(op, "check") == 0 || strcmp(op, "run") == 0 ||
           strcmp(op, "profile") == 0 || strcmp(op, "set") == 0;
}

static void serve(struct client *client, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    struct node *node = client->control->node;

    if (!name_fds(client, request)) {
        fail(client, 2, "\"fds\" does not name the descriptors that came");
    } else if (!is_protocol_known(client, request)) {
        return;
    } else if (strcmp(op, "status") == 0) {
        answer_status(client);
    } else if (strcmp(op, "logs") == 0) {
        answer_logs(client, request);
    } else if (strcmp(op, "watch") == 0) {
        answer_watch(client);
    } else if (strcmp(op, "last") == 0) {
        answer_last(client);
    } else if (strcmp(op, "profiles") == 0) {
        profile_answer_list(node, client);
    } else if (strcmp(op, "forget") == 0) {
        profile_answer_forget(node, client, request);
    } else if (node->is_stopping) {
        fail(client, 3, "tactusd is ending; try again");
    } else if (strcmp(op, "shape") == 0) {
        service_begin(node, client, SERVICE_SHAPE, request);
    } else if (strcmp(op, "check") == 0) {
        service_begin(node, client, SERVICE_CHECK, request);
    } else if (strcmp(op, "run") == 0) {
        service_begin(node, client, SERVICE_RUN, request);
    } else if (strcmp(op, "profile") == 0) {
        service_begin(node, client, SERVICE_PROFILE, request);
    } else if (strcmp(op, "stop") == 0) {
        stop_named(client, request);
    } else if (strcmp(op, "set") == 0) {
        set_begin(node, client, request);
    } else if (strcmp(op, "move") == 0) {
        move_begin(node, client, request);
    } else {
        fail(client, 2,
             "unknown operation; there are status, watch, shape, check, run, profile, profiles, "
             "forget, "
             "stop, set, move, logs, last");
    }
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
        serve(client, asked);
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

    (void)tt_fail(&err, -EAGAIN, "%s", FLOOD_TEXT);
    client_error(client, &err, 3);
}

static void on_request(struct client *client, json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    struct node *node = client->control->node;
    int64_t now_ns = loop_now_ns(), wait_ns = quota_wait_ns(&node->quota, client->peer.uid, now_ns);

    if (op == NULL) {
        fail(client, 2, "a request is a JSON object with \"op\"");
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
        serve(client, request);
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
        fail(client, 2, "a request is one JSON object on a line");
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
        fail(client, 2, "a request is longer than 4 MiB");
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
        return FLOOD_TEXT;
    for (const struct client *c = control->node->clients; c != NULL; c = c->next)
        count += c->peer.uid == uid;
    if (control->client_count < CLIENTS_MAX && (uid == 0 || count < CLIENTS_A_USER))
        return NULL;
    return "too many connections to tactusd are open; end a command that waits for it";
}

static void begin_client(struct control *control, int fd)
{
    struct client *client = calloc(1, sizeof(*client));
    socklen_t bytes = sizeof(client->peer);
    const char *why = "tactusd has no memory for another connection";

    if (client != NULL && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &client->peer, &bytes) == 0)
        why = why_not(control, client->peer.uid);
    if (why != NULL) {
        turn_away(fd, why);
        free(client);
        (void)close(fd);
        return;
    }
    quota_charge(&control->node->quota, client->peer.uid, QUOTA_CONNECTION_NS, loop_now_ns());
    client->control = control;
    client->number = ++control->node->client_count;
    client->fd = fd;
    client->end_timer = (struct loop_timer){.fn = on_end_timer, .ctx = client};
    client->ask_timer = (struct loop_timer){.fn = on_ask_timer, .ctx = client};
    client->hold_timer = (struct loop_timer){.fn = on_hold_timer, .ctx = client};
    client->watch = loop_add(control->node->loop, fd, EPOLLIN, on_client, client);
    if (client->watch == NULL) {
        (void)close(fd);
        free(client);
        return;
    }
    loop_set(control->node->loop, &client->ask_timer, loop_now_ns() + ASK_LIMIT_NS);
    client->next = control->node->clients;
    control->node->clients = client;
    control->client_count++;
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

/* Who waits at the socket keeps it readable: without a descriptor for him the loop would spin. */
static void on_connection(void *ctx, uint32_t events)
{
    struct control *control = ctx;
    int fd = 0;

    (void)events;
    for (uint32_t n = 0; n < ACCEPTS_AT_ONCE && fd >= 0; n++) {
        fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0)
            begin_client(control, fd);
    }
    if (fd >= 0)
        return;
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
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
