/* tactusd's side of the messages, as small as a test may be. */
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "platform/linux/port.h"

static struct {
    pid_t pid;
    int fd;
} zygote;

void driver_start(const char *host)
{
    char number[16];
    int pair[2];

    CHECK_INT(tt_message_pair(pair, NULL), 0);
    zygote.fd = pair[0];
    zygote.pid = fork();
    CHECK(zygote.pid >= 0);
    if (zygote.pid > 0) {
        (void)close(pair[1]);
        return;
    }
    (void)fcntl(pair[1], F_SETFD, 0);
    (void)snprintf(number, sizeof number, "%d", pair[1]);
    (void)execl(host, host, "--zygote", number, (char *)NULL);
    _exit(127);
}

pid_t driver_zygote(void)
{
    return zygote.pid;
}

void driver_stop(void)
{
    int status;

    (void)close(zygote.fd);
    CHECK_INT(waitpid(zygote.pid, &status, 0), zygote.pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
}

/* Sends an order as it stands; the other end of the child's control socket. */
static int send_order(json_t *order, struct tt_message *ret_answer)
{
    static const char *const name = "control";
    int pair[2];

    CHECK_INT(tt_message_pair(pair, NULL), 0);
    json_object_set_new(order, "op", json_string("spawn"));
    CHECK_INT(tt_message_send_new(zygote.fd, order, &pair[1], &name, 1, NULL), 0);
    (void)close(pair[1]);
    CHECK_INT(tt_message_receive_within(zygote.fd, 30000, ret_answer, NULL), 0);
    return pair[0];
}

void driver_refused(json_t *order)
{
    struct tt_message answer;

    (void)close(send_order(order, &answer));
    CHECK_INT(tt_message_int(&answer, "pid", -1), -1);
    CHECK(json_is_object(json_object_get(answer.body, "error")));
    tt_message_fini(&answer);
}

pid_t driver_spawn(json_t *order, int *ret_control)
{
    struct tt_message answer;
    pid_t pid;

    json_object_set_new(order, "uid", json_integer(geteuid()));
    json_object_set_new(order, "gid", json_integer(getegid()));
    *ret_control = send_order(order, &answer);
    pid = (pid_t)tt_message_int(&answer, "pid", -1);
    CHECK(pid > 0);
    tt_message_fini(&answer);
    return pid;
}

int64_t driver_look_s;

struct tt_picture *driver_shape(const char *graph, const char *base, json_t **ret_error)
{
    static const char *const name = "text";
    struct tt_picture *picture = NULL;
    struct tt_message answer;
    struct tt_error err = {0};
    struct child child = {.pid = -1};
    uint64_t bytes;
    char *text;
    int fd = tt_message_text_fd("text", graph, strlen(graph), NULL);

    CHECK(fd >= 0);
    child.pid = driver_spawn(json_pack("{ss}", "role", "shaper"), &child.control);
    CHECK_INT(
        tt_message_send_new(child.control,
                            json_pack("{ss ss ss}", "op", "shape", "form", "graph", "base", base),
                            &fd, &name, 1, NULL),
        0);
    (void)close(fd);
    driver_look_s = 0;
    for (;;) {
        CHECK_INT(tt_message_receive_within(child.control, 30000, &answer, NULL), 0);
        if (strcmp(tt_message_text(&answer, "event"), "looking") != 0)
            break;
        driver_look_s = tt_message_int(&answer, "within_s", 0);
        tt_message_fini(&answer);
    }
    if (ret_error)
        *ret_error = json_incref(json_object_get(answer.body, "error"));
    fd = tt_message_take(&answer, "picture");
    if (fd >= 0) {
        CHECK_INT(tt_message_read_fd(fd, 1 << 24, &text, &bytes, NULL), 0);
        if (tt_picture_parse(text, bytes, &picture, &err) < 0)
            fprintf(stderr, "%s\n", err.text);
        CHECK(picture != NULL);
        free(text);
        (void)close(fd);
    } else if (!ret_error)
        fprintf(stderr, "%s\n", json_dumps(answer.body, 0));
    tt_message_fini(&answer);
    (void)close(child.control);
    CHECK_INT(driver_reap(&child, 30000), picture ? 0 : 1);
    return picture;
}

static int make_memory(const char *name, uint64_t bytes)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0);
    CHECK_INT(ftruncate(fd, (off_t)bytes), 0);
    CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    return fd;
}

static void *map(int fd, uint64_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    CHECK(memory != MAP_FAILED);
    return memory;
}

void driver_open(struct run *run, struct tt_picture *picture)
{
    uint64_t packed_bytes;
    char *packed = tt_picture_pack(picture, &packed_bytes);

    memset(run, 0, sizeof *run);
    run->picture = picture;
    run->end_ns = INT64_MAX;
    run->stdin_fd = run->stdout_fd = -1;
    CHECK(packed != NULL);
    CHECK_INT(tt_wiring_make(picture, &run->wiring, NULL), 0);
    run->picture_fd = tt_message_text_fd("picture", packed, packed_bytes, NULL);
    free(packed);
    run->bells = make_memory("bells", run->wiring->process_count * (uint64_t)TT_BELL_BYTES);
    run->stats = make_memory("stats", sizeof(struct tt_engine_stats));
    run->engine_stats = map(run->stats, sizeof(struct tt_engine_stats));
    for (uint32_t n = 0; n < run->wiring->process_count; n++) {
        const struct tt_wiring_process *process = &run->wiring->processes[n];
        uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), process->record_slots);

        run->pools[n] = process->pool.class_count ? make_memory("pool", process->pool.bytes) : -1;
        run->records[n] = make_memory("records", bytes);
        tt_ring_consumer(&run->rings[n], map(run->records[n], bytes), sizeof(struct tt_record),
                         process->record_slots);
    }
    for (uint32_t n = 0; n < run->wiring->link_count; n++)
        run->links[n] = make_memory("link", tt_link_bytes(run->wiring->links[n].depth));
}

struct gift {
    int fds[TT_MESSAGE_FDS_MAX];
    char texts[TT_MESSAGE_FDS_MAX][TT_MESSAGE_NAME_BYTES];
    const char *names[TT_MESSAGE_FDS_MAX];
    uint32_t count;
};

static void give(struct gift *gift, int fd, const char *name, int number)
{
    if (fd < 0)
        return;
    if (number < 0)
        (void)snprintf(gift->texts[gift->count], TT_MESSAGE_NAME_BYTES, "%s", name);
    else
        (void)snprintf(gift->texts[gift->count], TT_MESSAGE_NAME_BYTES, "%s:%d", name, number);
    gift->names[gift->count] = gift->texts[gift->count];
    gift->fds[gift->count++] = fd;
}

static void set_up(struct run *run, uint32_t number)
{
    struct gift gift = {.count = 0};
    json_t *body = json_pack("{ss si s{sI sb}}", "op", "setup", "number", (int)number, "plan",
                             "end_ns", run->end_ns, "is_profile", (int)run->is_profile);

    give(&gift, run->picture_fd, "picture", -1);
    give(&gift, run->bells, "bells", -1);
    give(&gift, run->records[number], "records", -1);
    if (number == 0)
        give(&gift, run->stats, "stats", -1);
    for (uint32_t n = 0; n < run->wiring->process_count; n++)
        give(&gift, run->pools[n], "pool", (int)n);
    for (uint32_t n = 0; n < run->wiring->link_count; n++)
        if (run->wiring->links[n].from == number || run->wiring->links[n].to == number)
            give(&gift, run->links[n], "link", (int)n);
    if (number != 0) {
        bool is_source =
            run->picture->components[run->wiring->processes[number].component].is_source;

        give(&gift, is_source ? run->stdin_fd : run->stdout_fd, is_source ? "stdin" : "stdout", -1);
    }
    CHECK_INT(tt_message_send_new(run->children[number].control, body, gift.fds, gift.names,
                                  gift.count, NULL),
              0);
}

static void take_costs(struct run *run, struct tt_message *message)
{
    int fd = tt_message_take(message, "costs");
    json_t *body = json_incref(message->body), *segment;
    size_t place;

    if (fd >= 0) {
        uint64_t bytes;
        char *text;

        CHECK_INT(tt_message_read_fd(fd, 1 << 24, &text, &bytes, NULL), 0);
        json_decref(body);
        body = json_loadb(text, bytes, 0, NULL);
        CHECK(body != NULL);
        free(text);
        (void)close(fd);
    }
    json_array_foreach(json_object_get(body, "segments"), place, segment)
    {
        CHECK(json_array_size(segment) <= 400);
        run->cost_samples += json_array_size(segment);
    }
    CHECK_INT(json_array_size(json_object_get(body, "components")), run->picture->component_count);
    json_decref(body);
}

static void listen(struct run *run, struct child *child)
{
    struct tt_message message;
    const char *event;
    int r = tt_message_receive(child->control, &message, NULL);

    if (r == -EPIPE) {
        (void)close(child->control);
        child->control = -1;
        return;
    }
    CHECK_INT(r, 0);
    event = tt_message_text(&message, "event");
    if (strcmp(event, "ready") == 0) {
        CHECK(tt_message_int(&message, "tid", 0) > 0);
        child->is_ready = true;
    } else if (strcmp(event, "primed") == 0) {
        CHECK(child->is_ready);
        child->is_primed = true;
    } else if (strcmp(event, "ended") == 0)
        child->has_ended = true;
    else if (strcmp(event, "error") == 0)
        (void)snprintf(child->error, sizeof child->error, "%s", tt_message_text(&message, "text"));
    else if (strcmp(event, "costs") == 0)
        take_costs(run, &message);
    else if (strcmp(event, "note") == 0)
        fprintf(stderr, "  note: %s\n", tt_message_text(&message, "text"));
    tt_message_fini(&message);
}

static void listen_all(struct run *run, int timeout_ms)
{
    struct pollfd wanted[TT_PROCESSES_MAX];
    uint32_t count = run->wiring->process_count;

    for (uint32_t n = 0; n < count; n++)
        wanted[n] = (struct pollfd){.fd = run->children[n].control, .events = POLLIN};
    (void)poll(wanted, count, timeout_ms);
    for (uint32_t n = 0; n < count; n++)
        if (wanted[n].revents)
            listen(run, &run->children[n]);
}

static bool is_here(const struct run *run, uint32_t number)
{
    return !run->is_profile || number == 0 ||
           run->picture->components[run->wiring->processes[number].component].is_source;
}

static bool is_prepared(const struct run *run)
{
    for (uint32_t n = 0; n < run->wiring->process_count; n++) {
        int32_t place = run->wiring->processes[n].component;
        const struct child *child = &run->children[n];

        if (!is_here(run, n) || child->error[0] || child->control < 0)
            continue;
        if (!child->is_ready ||
            (place >= 0 && run->picture->components[place].is_source && !child->is_primed))
            return false;
    }
    return true;
}

/* What tactusd finds in the settings of an edge: texts that are paths. */
static json_t *paths_of(const struct tt_picture_component *component)
{
    json_t *paths = json_array();

    for (uint32_t n = 0; n < component->setting_count; n++)
        if (component->settings[n].text && component->texts[component->settings[n].text] == '/')
            json_array_append_new(paths,
                                  json_string(component->texts + component->settings[n].text));
    return paths;
}

void driver_begin(struct run *run)
{
    int64_t until_ns = tt_linux_now() + 30000000000;

    for (uint32_t n = 0; n < run->wiring->process_count; n++) {
        struct child *child = &run->children[n];
        int32_t place = run->wiring->processes[n].component;
        json_t *order = json_pack("{ss}", "role", n == 0 ? "container" : "edge");

        child->control = -1;
        if (!is_here(run, n)) {
            json_decref(order);
            continue;
        }
        if (place >= 0)
            json_object_set_new(order,
                                run->picture->components[place].is_source ? "files" : "writes",
                                paths_of(&run->picture->components[place]));
        child->pid = driver_spawn(order, &child->control);
        set_up(run, n);
    }
    while (!is_prepared(run)) {
        CHECK(tt_linux_now() < until_ns);
        listen_all(run, 100);
    }
}

void driver_go(struct run *run)
{
    run->epoch_ns = tt_linux_now() + 2000000;
    for (uint32_t n = 0; n < run->wiring->process_count; n++)
        if (run->children[n].control >= 0)
            (void)tt_message_send_new(run->children[n].control,
                                      json_pack("{ss sI sI}", "op", "go", "epoch_ns", run->epoch_ns,
                                                "first_ns", (json_int_t)0),
                                      NULL, NULL, 0, NULL);
}

void driver_say(struct run *run, uint32_t process, const char *op)
{
    if (run->children[process].control >= 0)
        (void)tt_message_send_new(run->children[process].control, json_pack("{ss}", "op", op), NULL,
                                  NULL, 0, NULL);
}

bool driver_wait(struct run *run, int timeout_ms)
{
    int64_t until_ns = tt_linux_now() + timeout_ms * (int64_t)1000000;

    while (tt_linux_now() < until_ns) {
        bool is_over = true;

        for (uint32_t n = 0; n < run->wiring->process_count; n++)
            is_over = is_over && (!is_here(run, n) || run->children[n].control < 0);
        if (is_over)
            return true;
        listen_all(run, 20);
    }
    return false;
}

bool driver_record(struct run *run, uint32_t process, struct tt_record *ret)
{
    return tt_ring_get(&run->rings[process], ret);
}

int driver_reap(struct child *child, int timeout_ms)
{
    struct timespec nap = {0, 1000000};
    int status = 0;

    for (int n = 0; n < timeout_ms; n++) {
        pid_t got = waitpid(child->pid, &status, WNOHANG);

        CHECK(got >= 0);
        if (got > 0)
            return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
        (void)nanosleep(&nap, NULL);
    }
    return -1000;
}

void driver_close(struct run *run)
{
    for (uint32_t n = 0; n < run->wiring->process_count; n++) {
        if (run->children[n].control >= 0)
            (void)close(run->children[n].control);
        if (run->pools[n] >= 0)
            (void)close(run->pools[n]);
        (void)close(run->records[n]);
    }
    for (uint32_t n = 0; n < run->wiring->link_count; n++)
        (void)close(run->links[n]);
    (void)close(run->bells);
    (void)close(run->stats);
    (void)close(run->picture_fd);
    tt_wiring_close(&run->wiring);
    tt_picture_close(&run->picture);
}
