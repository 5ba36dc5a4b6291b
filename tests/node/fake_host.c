/* A tactus-host whose containers are hostile: what they do is the word in TACTUS_FAKE. Shapers and
 * edges are real ones, by the zygote in TACTUS_REAL_HOST. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/record.h"
#include "base/ring.h"
#include "check.h"
#include "platform/linux/message.h"

static void sleep_ms(int ms)
{
    const struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}

static bool is_wanted(const char *word)
{
    const char *wanted = getenv("TACTUS_FAKE");

    return wanted != NULL && strcmp(wanted, word) == 0;
}

/* The real child is the child of a real zygote's parent: of this process, which ends as it does. */
static void be_real(json_t *order, int control)
{
    static const char *const name = "control";
    const char *host = getenv("TACTUS_REAL_HOST");
    char number[16];
    int pair[2], status = 0;
    pid_t zygote, child;
    struct tt_message answer;

    CHECK_INT(tt_message_pair(pair, NULL), 0);
    zygote = fork();
    if (zygote == 0) {
        (void)fcntl(pair[1], F_SETFD, 0);
        (void)snprintf(number, sizeof(number), "%d", pair[1]);
        (void)execl(host, host, "--zygote", number, (char *)NULL);
        _exit(127);
    }
    (void)close(pair[1]);
    CHECK_INT(tt_message_send(pair[0], order, &control, &name, 1, NULL), 0);
    CHECK_INT(tt_message_receive(pair[0], &answer, NULL), 0);
    child = (pid_t)tt_message_int(&answer, "pid", 0);
    CHECK(child > 0);
    (void)close(control);
    CHECK(waitpid(child, &status, __WALL) == child);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void flood_costs(int control)
{
    static const char *const name = "costs";
    size_t bytes = 16 << 20;
    char *text = malloc(bytes);
    int fd;

    /* {"segments":[[1,1,...,1]]} */
    memset(text, '1', bytes);
    for (size_t n = 14; n < bytes - 4; n += 2)
        text[n] = ',';
    memcpy(text, "{\"segments\":[[", 14);
    text[14] = '1';
    text[15] = '1';
    memcpy(text + bytes - 3, "]]}", 3);
    fd = tt_message_text_fd("costs", text, bytes, NULL);
    CHECK(fd >= 0);
    while (tt_message_send_new(control, json_pack("{ss}", "event", "costs"), &fd, &name, 1, NULL) ==
           0)
        continue;
}

static void flood_notes(int control)
{
    char *text = malloc(50001);
    json_t *body;

    memset(text, 'x', 50000);
    text[50000] = '\0';
    body = json_pack("{ss ss}", "event", "note", "text", text);
    for (int n = 0; n < 400 && tt_message_send(control, body, NULL, NULL, 0, NULL) == 0; n++)
        sleep_ms(5);
}

static void send_huge_index(void *memory, uint32_t slots)
{
    struct tt_record record = {.kind = TT_RECORD_FRAME, .outcome = TT_ON_TIME, .index = 0};
    struct tt_ring ring;

    tt_ring_producer(&ring, memory, sizeof(record), slots);
    for (int n = 0; n < 50; n++) {
        CHECK(tt_ring_put(&ring, &record));
        record.index = n % 2 == 0 ? INT64_MAX : (INT64_C(1) << 50) - 1;
        sleep_ms(10);
    }
}

static void harm(int control, struct tt_message *setup)
{
    int fd = tt_message_take(setup, "records");
    off_t bytes = lseek(fd, 0, SEEK_END);
    void *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t slots = 1;

    CHECK(memory != MAP_FAILED);
    while (tt_ring_bytes(sizeof(struct tt_record), 2 * slots) <= (uint64_t)bytes)
        slots *= 2;
    if (is_wanted("costs"))
        flood_costs(control);
    else if (is_wanted("notes"))
        flood_notes(control);
    else if (is_wanted("index"))
        send_huge_index(memory, slots);
}

static void be_hostile(int control)
{
    struct tt_message setup, message;

    if (tt_message_receive(control, &setup, NULL) < 0)
        _exit(0);
    (void)tt_message_send_new(
        control, json_pack("{ss si}", "event", "ready", "tid", (int)syscall(SYS_gettid)), NULL,
        NULL, 0, NULL);
    do {
        if (tt_message_receive(control, &message, NULL) < 0)
            _exit(0);
    } while (strcmp(tt_message_text(&message, "op"), "go") != 0);
    harm(control, &setup);
    (void)tt_message_send_new(control, json_pack("{ss}", "event", "ended"), NULL, NULL, 0, NULL);
    _exit(0);
}

static pid_t start_child(struct tt_message *message)
{
    int control = tt_message_take(message, "control");
    pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);

    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (strcmp(tt_message_text(message, "role"), "container") == 0)
            be_hostile(control);
        else
            be_real(message->body, control);
    }
    (void)close(control);
    return pid;
}

int main(int argc, char **argv)
{
    struct tt_message message;
    int fd = argc == 3 ? atoi(argv[2]) : -1;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (tt_message_receive(fd, &message, NULL) == 0) {
        if (is_wanted("slow"))
            sleep_ms(100000);
        CHECK_INT(tt_message_send_new(fd, json_pack("{si}", "pid", (int)start_child(&message)),
                                      NULL, NULL, 0, NULL),
                  0);
        tt_message_fini(&message);
    }
    return 0;
}
