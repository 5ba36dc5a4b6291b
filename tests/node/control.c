/* The control socket under clients that are slow, hostile or many, and tactusd's own comings and
 * goings. argv: tactusd. */
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "node/daemon.h"

static struct test_daemon d;

static int raw_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, d.socket, strlen(d.socket) + 1);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static void check_is_served(void)
{
    json_t *status = daemon_status(&d);

    CHECK(json_is_array(json_object_get(status, "rights")));
    CHECK_INT(daemon_number(status, "protocol"), TT_PROTOCOL);
    CHECK_INT(daemon_number(status, "reserved_ppm"), 0);
    CHECK_INT(daemon_number(status, "limit_ppm"), 900000 * daemon_number(status, "cpus"));
    json_decref(status);
}

static void check_refused(const char *request, int wanted_exit)
{
    struct tt_client *client = daemon_ask(&d, request);
    json_t *error = daemon_event(client, "error", 30000);
    struct tt_error err = {0};
    const char *line;

    CHECK(error != NULL);
    CHECK_INT(daemon_number(error, "exit"), wanted_exit);
    CHECK(json_string_length(json_object_get(error, "text")) > 0);
    json_decref(error);
    CHECK_INT(tt_client_next(client, 30000, &line, &err), -EPIPE); /* nothing follows an error */
    tt_client_close(&client);
}

static void nonsense_is_refused_with_words(void)
{
    check_refused("nonsense", 2);
    check_refused("[1]", 2);
    check_refused("{}", 2);
    check_refused("{\"op\":\"fly\"}", 2);
    check_refused("{\"op\":5}", 2);
    check_refused("{\"op\":\"status\",\"op\":\"last\"}", 2);
    check_refused("{\"op\":\"status\",\"fds\":[\"ledger\"]}", 2);
    check_refused("{\"op\":\"last\"}", 3);
    check_refused("{\"op\":\"stop\"}", 2);
    check_refused("{\"op\":\"stop\",\"name\":7}", 2);
    check_refused("{\"op\":\"stop\",\"name\":\"nobody\"}", 1);
    check_refused("{\"op\":\"set\"}", 2);
    check_refused("{\"op\":\"set\",\"name\":\"x\"}", 2);
    check_refused("{\"op\":\"set\",\"name\":\"x\",\"set\":\"a.b=1\",\"at\":-1}", 2);
    check_refused("{\"op\":\"set\",\"name\":\"x\",\"set\":\"a.b=1\",\"at\":1e6}", 2);
    check_refused("{\"op\":\"set\",\"name\":\"x\",\"set\":\"a.b=1\"}", 1);
    check_refused("{\"op\":\"logs\",\"name\":\"x\"}", 1);
    check_refused("{\"op\":\"status\",\"protocol\":99}", 3);
    check_refused("{\"op\":\"run\",\"text\":\"test.video ! null\"}", 2);
    check_refused("{\"op\":\"check\",\"form\":\"xml\",\"text\":\"test.video ! null\"}", 2);
    check_refused(
        "{\"op\":\"run\",\"form\":\"graph\",\"text\":\"test.video ! null\",\"for_ns\":-1}", 2);
    check_refused(
        "{\"op\":\"run\",\"form\":\"graph\",\"text\":\"test.video ! null\",\"for_ns\":1.5}", 2);
    check_refused(
        "{\"op\":\"run\",\"form\":\"graph\",\"text\":\"test.video ! null\",\"for_ns\":\"1s\"}", 2);
    check_is_served();
}

static void slow_and_silent_clients_hold_nobody_up(void)
{
    int fds[100],
        count = geteuid() == 0 ? 100 : 20; /* a user who is not root has a bounded share */

    for (int n = 0; n < count; n++) {
        fds[n] = raw_connect();
        CHECK(send(fds[n], "{\"op\":\"sta", 10, MSG_NOSIGNAL) == 10);
    }
    check_is_served();
    for (int n = 0; n < count; n++)
        (void)close(fds[n]);
    check_is_served();
}

/* In a process of its own, as somebody who is not root. The socket is opened to him first. */
static void a_user_holds_a_bounded_share_of_the_socket(void)
{
    char answer[256] = "";
    pid_t pid;

    CHECK_INT(chmod(d.folder, 0711), 0);
    pid = fork();
    if (pid == 0) {
        struct timeval limit = {.tv_sec = 30};
        int fd = -1;

        if (geteuid() == 0)
            CHECK_INT(setuid(65534), 0);
        for (int n = 0; n < 32; n++)
            CHECK(raw_connect() >= 0);
        fd = raw_connect();
        CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0);
        CHECK(recv(fd, answer, sizeof(answer) - 1, 0) > 0);
        CHECK(strstr(answer, "too many connections") != NULL);
        CHECK_INT(recv(fd, answer, sizeof(answer) - 1, 0), 0); /* and that is all */
        _exit(0);
    }
    CHECK_INT(daemon_wait(pid), 0);
    check_is_served();
}

/* Who waits at the door must not keep it awake when there is no chair left. */
static void without_descriptors_it_waits(void)
{
    struct rlimit few, before;
    struct timespec from, to;
    double used_s;
    clockid_t cpu;
    int fds[30];

    CHECK_INT(prlimit(d.pid, RLIMIT_NOFILE, NULL, &before), 0);
    few = (struct rlimit){24,
                          before.rlim_max}; /* what was lowered for good could not be given back */
    CHECK_INT(prlimit(d.pid, RLIMIT_NOFILE, &few, NULL), 0);
    for (int n = 0; n < 30; n++)
        fds[n] = raw_connect();
    daemon_sleep_ms(50);
    CHECK_INT(clock_getcpuclockid(d.pid, &cpu), 0);
    CHECK_INT(clock_gettime(cpu, &from), 0);
    daemon_sleep_ms(400);
    CHECK_INT(clock_gettime(cpu, &to), 0);
    used_s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    CHECK(used_s < 0.1); /* a loop that spins takes all of 0.4 s, or half of a busy CPU */
    for (int n = 0; n < 30; n++)
        (void)close(fds[n]);
    CHECK_INT(prlimit(d.pid, RLIMIT_NOFILE, &before, NULL), 0);
    check_is_served();
}

static void a_daemon_that_cannot_start_says_why(void)
{
    struct tt_client_params params = {.is_start_wanted = 1, .daemon = d.path};
    struct tt_client *client = NULL;
    struct tt_error err = {0};
    char socket[128], state[128], key[160];
    double begun_s = daemon_now_s();
    FILE *file;

    snprintf(socket, sizeof(socket), "%s/other", d.folder);
    params.socket = socket;
    CHECK_INT(setenv("TACTUS_STATE", "/proc/nowhere/state", 1), 0);
    CHECK_INT(tt_client_open(&params, &client, &err), -EIO);
    CHECK(strstr(err.text, "state folder '/proc/nowhere/state'") != NULL);
    CHECK(daemon_now_s() - begun_s < 4); /* it does not wait for who has gone */
    /* A key that is none is met after the log was opened. */
    snprintf(state, sizeof(state), "%s/broken", d.folder);
    snprintf(key, sizeof(key), "%s/node.key", state);
    CHECK_INT(mkdir(state, 0700), 0);
    file = fopen(key, "w");
    CHECK(file != NULL && fputs("short", file) >= 0 && fclose(file) == 0);
    CHECK_INT(setenv("TACTUS_STATE", state, 1), 0);
    CHECK_INT(tt_client_open(&params, &client, &err), -EIO);
    CHECK(strstr(err.text, "is no key") != NULL);
    CHECK_INT(setenv("TACTUS_STATE", d.state, 1), 0);
}

static void an_endless_request_is_cut_off(void)
{
    static char block[65536];
    struct timeval limit = {.tv_sec = 5};
    int fd = raw_connect(), sent = 0;

    memset(block, 'x', sizeof(block));
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
    while (sent < 200 && send(fd, block, sizeof(block), MSG_NOSIGNAL) > 0)
        sent++;
    CHECK(sent < 200); /* 12 MiB were not taken */
    check_is_served();
    (void)close(fd);
}

static void descriptors_are_not_collected(void)
{
    int fd = raw_connect(), null = STDERR_FILENO;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (char[1]){' '}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    *header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(header), &null, sizeof(null));
    for (int n = 0; n < 50; n++)
        (void)sendmsg(fd, &message, MSG_NOSIGNAL);
    check_is_served();
    (void)close(fd);
}

static void a_second_daemon_leaves_the_first_alone(void)
{
    CHECK_INT(daemon_wait(daemon_exec(&d, NULL)), 0);
    check_is_served();
}

static void a_dead_daemon_leaves_no_trouble(void)
{
    CHECK(kill(d.pid, SIGKILL) == 0);
    CHECK_INT(daemon_wait(d.pid), 1000 + SIGKILL);
    daemon_start(&d);
    check_is_served();
}

struct start {
    pthread_t thread;
    int r;
    struct tt_client *client;
};

static void *open_one(void *argument)
{
    struct start *start = argument;
    struct tt_client_params params = {.socket = d.socket, .is_start_wanted = 1, .daemon = d.path};
    struct tt_error err = {0};

    start->r = tt_client_open(&params, &start->client, &err);
    if (start->r < 0)
        fprintf(stderr, "%s\n", err.text);
    return NULL;
}

static void many_starts_at_once_give_one_daemon(void)
{
    struct start starts[4] = {{0}};
    long long pid = 0;

    CHECK(kill(d.pid, SIGTERM) == 0);
    CHECK_INT(daemon_wait(d.pid), 0);
    CHECK(access(d.socket, F_OK) < 0); /* it took its socket along */
    CHECK(setenv("TACTUS_STATE", d.state, 1) == 0);
    for (int n = 0; n < 4; n++)
        CHECK(pthread_create(&starts[n].thread, NULL, open_one, &starts[n]) == 0);
    for (int n = 0; n < 4; n++) {
        json_t *status;

        CHECK(pthread_join(starts[n].thread, NULL) == 0);
        CHECK_INT(starts[n].r, 0);
        CHECK_INT(tt_client_send(starts[n].client, "{\"op\":\"status\"}", NULL, 0, NULL), 0);
        status = daemon_event(starts[n].client, "status", 30000);
        CHECK(status != NULL);
        CHECK(pid == 0 || pid == daemon_number(status, "pid"));
        pid = daemon_number(status, "pid");
        json_decref(status);
        tt_client_close(&starts[n].client);
    }
    CHECK(kill((pid_t)pid, SIGTERM) == 0); /* it is init's child, not ours */
    for (int n = 0; n < 3000 && access(d.socket, F_OK) == 0; n++)
        daemon_sleep_ms(10);
    CHECK(access(d.socket, F_OK) < 0);
}

static void an_idle_daemon_ends_by_itself(void)
{
    double begun_s = daemon_now_s();
    pid_t pid = daemon_exec(&d, "1");

    CHECK_INT(daemon_wait(pid), 0);
    CHECK(daemon_now_s() - begun_s >= 1);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 2);
    d.path = argv[1];
    daemon_folder(&d);
    daemon_start(&d);
    RUN(check_is_served);
    RUN(nonsense_is_refused_with_words);
    RUN(slow_and_silent_clients_hold_nobody_up);
    RUN(a_user_holds_a_bounded_share_of_the_socket);
    RUN(without_descriptors_it_waits);
    RUN(a_daemon_that_cannot_start_says_why);
    RUN(an_endless_request_is_cut_off);
    RUN(descriptors_are_not_collected);
    RUN(a_second_daemon_leaves_the_first_alone);
    RUN(a_dead_daemon_leaves_no_trouble);
    RUN(many_starts_at_once_give_one_daemon);
    RUN(an_idle_daemon_ends_by_itself);
    daemon_start(&d);
    daemon_end(&d);
    return 0;
}
