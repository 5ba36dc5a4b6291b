/* A private tactusd in a folder of its own, for tests. */
#ifndef TT_TESTS_DAEMON_H
#define TT_TESTS_DAEMON_H

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "tactus/client.h"

struct test_daemon {
    char folder[64], socket[96], state[96];
    const char *path, *host; /* host NULL: whatever it finds */
    pid_t pid;
};

static inline double daemon_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void daemon_sleep_ms(int ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static inline void daemon_folder(struct test_daemon *d)
{
    snprintf(d->folder, sizeof(d->folder), "/tmp/tt-node-XXXXXX");
    CHECK(mkdtemp(d->folder) != NULL);
    snprintf(d->socket, sizeof(d->socket), "%s/control", d->folder);
    snprintf(d->state, sizeof(d->state), "%s/state", d->folder);
}

static pid_t daemons[16], daemons_owner; /* that this test started */
static uint32_t daemon_count;

/* A check that fails ends the test: a tactusd that goes on would hold its output open, for which
 * whoever runs the test waits. All that it started ends with it. */
static inline void daemon_kill_all(void)
{
    for (uint32_t n = 0; n < 16 && getpid() == daemons_owner; n++)
        if (daemons[n] > 0 && waitpid(daemons[n], NULL, WNOHANG) == 0) {
            (void)kill(daemons[n], SIGKILL);
            (void)waitpid(daemons[n], NULL, 0);
        }
}

static inline pid_t daemon_exec(const struct test_daemon *d, const char *idle_s)
{
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid > 0 && daemon_count == 0) {
        daemons_owner = getpid();
        CHECK(atexit(daemon_kill_all) == 0);
    }
    if (pid > 0)
        daemons[daemon_count++ % 16] = pid;
    if (pid == 0) {
        execl(d->path, "tactusd", "--foreground", "--socket", d->socket, "--state", d->state,
              idle_s != NULL ? "--idle-exit" : "--foreground",
              idle_s != NULL ? idle_s : "--foreground", d->host != NULL ? "--host" : "--foreground",
              d->host != NULL ? d->host : "--foreground", (char *)NULL);
        _exit(127);
    }
    return pid;
}

static inline struct tt_client *daemon_connect(const struct test_daemon *d)
{
    struct tt_client_params params = {.socket = d->socket};
    struct tt_client *client = NULL;
    struct tt_error err = {0};

    for (int n = 0; n < 3000 && client == NULL; n++)
        if (tt_client_open(&params, &client, &err) < 0)
            daemon_sleep_ms(10);
    if (client == NULL)
        fprintf(stderr, "%s\n", err.text);
    CHECK(client != NULL);
    return client;
}

static inline void daemon_start(struct test_daemon *d)
{
    struct tt_client *client;

    d->pid = daemon_exec(d, NULL);
    client = daemon_connect(d);
    tt_client_close(&client);
}

/* Its exit code, or 1000 + the signal. */
static inline int daemon_wait(pid_t pid)
{
    int status;

    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static inline void daemon_end(struct test_daemon *d)
{
    char command[128];

    CHECK(kill(d->pid, SIGTERM) == 0);
    CHECK_INT(daemon_wait(d->pid), 0);
    snprintf(command, sizeof(command), "rm -rf %s", d->folder);
    CHECK(system(command) == 0);
}

static inline struct tt_client *daemon_ask(const struct test_daemon *d, const char *request)
{
    struct tt_client *client = daemon_connect(d);
    struct tt_error err = {0};

    CHECK_INT(tt_client_send(client, request, NULL, 0, &err), 0);
    return client;
}

/* The next event of this kind (NULL: any), a new reference; what comes before it is dropped. NULL:
 * the connection or the time ended. */
static inline json_t *daemon_event(struct tt_client *client, const char *kind, int limit_ms)
{
    double until_s = daemon_now_s() + limit_ms / 1e3;
    struct tt_error err = {0};
    const char *line, *got;
    json_t *event;

    while (daemon_now_s() < until_s) {
        if (tt_client_next(client, (int)((until_s - daemon_now_s()) * 1e3) + 1, &line, &err) < 0)
            break;
        event = json_loads(line, 0, NULL);
        CHECK(json_is_object(event));
        got = json_string_value(json_object_get(event, "event"));
        CHECK(got != NULL);
        if (kind == NULL || strcmp(got, kind) == 0)
            return event;
        if (strcmp(got, "live") != 0)
            fprintf(stderr, "  %.300s\n", line);
        json_decref(event);
    }
    fprintf(stderr, "no '%s': %s\n", kind != NULL ? kind : "event", err.text);
    return NULL;
}

static inline long long daemon_number(const json_t *event, const char *key)
{
    return json_integer_value(json_object_get(event, key));
}

static inline json_t *daemon_status(const struct test_daemon *d)
{
    struct tt_client *client = daemon_ask(d, "{\"op\":\"status\"}");
    json_t *status = daemon_event(client, "status", 30000);

    CHECK(status != NULL);
    tt_client_close(&client);
    return status;
}

#endif
