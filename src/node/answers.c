/* What is asked at the control socket, and who answers it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/control_inside.h"
#include "node/may.h"
#include "node/move.h"
#include "node/profile_answer.h"
#include "node/service.h"
#include "node/set.h"
#include "tactus/client.h"

static void fail_unknown(struct client *client, const char *name, const char *rest)
{
    char text[256];

    (void)snprintf(text, sizeof(text), "no service of yours called '%.60s' %s", name, rest);
    client_fail(client, 1, text);
}

static void answer_status(struct client *client)
{
    static const char *const classes[] = {"other", "fifo", "deadline"};
    struct node *node = client->control->node;
    uint64_t bytes = 0;
    uint32_t spares = zygote_spares(node->zygote, &bytes);

    client_event(client,
                 json_pack("{ss ss si si ss so so sI sI si si si sI}", "event", "status", "version",
                           TT_VERSION, "protocol", TT_PROTOCOL, "pid", (int)getpid(), "class",
                           classes[node->machine.plan.right], "rights", may_print(), "services",
                           service_table(node, client->peer.uid), "reserved_ppm",
                           (json_int_t)books_ppm(&node->books, loop_now_ns()), "limit_ppm",
                           (json_int_t)machine_limit_ppm(&node->machine), "cpus",
                           (int)machine_cpus(&node->machine), "partitions",
                           (int)node->machine.partitions, "spares", (int)spares, "spares_bytes",
                           (json_int_t)bytes));
    client_done(client, 0);
}

static void answer_watch(struct client *client)
{
    struct node *node = client->control->node;

    client_event(client, json_pack("{ss sI sI sI si so}", "event", "watch", "now_ns",
                                   (json_int_t)loop_now_ns(), "reserved_ppm",
                                   (json_int_t)books_ppm(&node->books, loop_now_ns()), "limit_ppm",
                                   (json_int_t)machine_limit_ppm(&node->machine), "cpus",
                                   (int)machine_cpus(&node->machine), "services",
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
        client_fail(client, 3, "no service of yours has run here yet; try tactus run FILE");
        return;
    }
    client_event(client, json_pack("{ss ss}", "event", "last", "ledger", newest));
    client_done(client, 0);
}

static void stop_named(struct client *client, const json_t *request)
{
    const char *name = json_string_value(json_object_get(request, "name"));

    if (name == NULL)
        client_fail(client, 2, "\"stop\" wants the \"name\" of a service");
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
        client_fail(client, 2, "no service has a name that long");
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
    client_fail(client, 3,
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

void client_serve(struct client *client, const json_t *request)
{
    const char *op = json_string_value(json_object_get(request, "op"));
    struct node *node = client->control->node;

    if (!name_fds(client, request)) {
        client_fail(client, 2, "\"fds\" does not name the descriptors that came");
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
        client_fail(client, 3, "tactusd is ending; try again");
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
        client_fail(
            client, 2,
            "unknown operation; there are status, watch, shape, check, run, profile, profiles, "
            "forget, "
            "stop, set, move, logs, last");
    }
}
