/* What comes to the control socket: lines, pieces of lines and descriptors, by anybody who may
 * connect. A byte 1 ends a piece, a byte 2 sends a descriptor along with it, a byte 3 connects
 * anew. Services are not begun here: what would begin one looks at the request as that does, and
 * answers.
 */
#include "node/control.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz.h"
#include "node/may.h"
#include "node/profile_answer.h"
#include "node/service.h"
#include "node/set.h"

enum { TURNS_MAX = 64 };

static struct node node;
static struct control *control;
static char path[64];
static uint32_t asked;

void service_begin(struct node *of, struct client *client, enum service_goal goal,
                   const json_t *request)
{
    int fd = client_take_fd(client, "stdin");

    asked++;
    CHECK(of == &node);
    CHECK(json_is_object(request));
    if (fd >= 0)
        (void)close(fd);
    CHECK(client_find(&node, client_number(client)) == client);
    client_event(client, json_pack("{ss si}", "event", "progress", "goal", (int)goal));
    client_done(client, 0);
}

void set_begin(struct node *of, struct client *client, const json_t *request)
{
    struct tt_error err = {0};

    CHECK(json_is_object(request));
    (void)tt_fail(&err, -22, "%s", "nothing runs here");
    client_error(client, &err, 1);
}

void service_stop(struct service *service)
{
    CHECK(service != NULL);
}

void service_client_gone(struct service *service)
{
    CHECK(service != NULL);
}

uint32_t service_stop_named(struct node *of, uid_t uid, const char *name)
{
    return strlen(name) % 2;
}

struct service *service_find_named(const struct node *of, uint32_t uid, const char *name)
{
    return NULL;
}

json_t *service_table(const struct node *of, uid_t uid)
{
    return json_array();
}

json_t *service_watch(const struct node *of, uid_t uid)
{
    return json_array();
}

/* There are none. */
void profile_answer_list(struct node *of, struct client *client)
{
    client_done(client, 0);
}

void profile_answer_forget(struct node *of, struct client *client, const json_t *request)
{
    CHECK(json_is_object(request));
    client_done(client, 0);
}

json_t *may_print(void)
{
    return json_array();
}

static void start(void)
{
    struct tt_error err = {0};

    (void)snprintf(path, sizeof(path), "/tmp/tactus-fuzz-%d.control", (int)getpid());
    (void)snprintf(node.state, sizeof(node.state), "%s.state", path);
    CHECK_INT(loop_open(&node.loop, &err), 0);
    node.journal = journal_open(control_log, &node);
    CHECK(node.journal != NULL);
    journal_end(journal_begin(node.journal, "news", 0, 1));
    CHECK_INT(control_open(&node, path, &control, &err), 0);
}

static int connect_here(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    memcpy(address.sun_path, path, strlen(path) + 1);
    CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void send_piece(int fd, const uint8_t *data, size_t bytes, bool has_fd)
{
    static int null_fd = -1;
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } extra = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)data, .iov_len = bytes};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    struct cmsghdr *c;

    if (null_fd < 0)
        null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (has_fd) {
        header.msg_control = extra.bytes;
        header.msg_controllen = sizeof(extra.bytes);
        c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &null_fd, sizeof(int));
    }
    if (bytes > 0)
        (void)sendmsg(fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void nudge(void *ctx, uint32_t events)
{
    *(bool *)ctx = true;
}

/* Until nothing is left to do: a timer that was set before is served after what waits. */
static void settle(void)
{
    for (uint32_t n = 0; n < 3; n++) {
        bool is_done = false;
        struct loop_timer timer = {.fn = nudge, .ctx = &is_done};

        loop_set(node.loop, &timer, 0);
        for (uint32_t turn = 0; turn < TURNS_MAX && !is_done; turn++)
            loop_turn(node.loop);
        loop_clear(node.loop, &timer);
    }
}

/* Every answer is a JSON object on a line of its own. */
static void read_answers(int fd)
{
    static char answers[1 << 20];
    ssize_t got, count = 0;

    while ((got = recv(fd, answers + count, sizeof(answers) - (size_t)count, 0)) > 0)
        count += got;
    for (char *line = answers, *end;
         line < answers + count && (end = memchr(line, '\n', (size_t)(answers + count - line)));
         line = end + 1) {
        json_t *answer = json_loadb(line, (size_t)(end - line), 0, NULL);

        CHECK(json_is_object(answer));
        CHECK(json_object_get(answer, "event") != NULL);
        json_decref(answer);
    }
}

static void hang_up(int fd)
{
    read_answers(fd);
    (void)close(fd);
    settle();
    CHECK(node.clients == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const uint8_t *piece = data;
    int fd;

    if (control == NULL)
        start();
    fd = connect_here();
    for (size_t n = 0; n <= bytes; n++) {
        uint8_t mark = n < bytes ? data[n] : 1;

        if (mark == 0 || mark > 3)
            continue;
        send_piece(fd, piece, (size_t)(data + n - piece), mark == 2);
        settle();
        piece = data + n + 1;
        if (mark == 3) {
            hang_up(fd);
            fd = connect_here();
        }
    }
    hang_up(fd);
    return 0;
}
