/* Services of a real tactusd: run, end, and be killed in every way. What was promised is accounted
 * for, nothing is left behind. argv: tactusd, tactus-host. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "ledger/ledger.h"
#include "node/daemon.h"

static struct test_daemon d;

#define CAMERA(kind)                                                                               \
    "\"form\":\"yaml\",\"base\":\"/tmp\",\"text\":\"tactus: 1\\nservice: life\\nrate: 50\\n"       \
    "components:\\n  cam: {kind: " kind ", params: {width: 320, height: 180}}\\n"                  \
    "  out: {kind: \\\"null\\\"}\\nflows: [cam ! out]\\n\""
#define SERVICE CAMERA("test.video")

static bool are_spares_counted; /* those that wait for a service, and who makes memory for one */

/* Processes whose parent is pid, but for the one that has lived longest: the zygote. */
static uint32_t children_of(pid_t parent, pid_t *ret, uint32_t max)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    char path[300], line[512];
    uint32_t count = 0;
    pid_t pid, of;
    FILE *file;
    char state;

    while ((entry = readdir(proc)) != NULL) {
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        file = fopen(path, "re");
        if (file == NULL)
            continue;
        if (fgets(line, sizeof(line), file) != NULL && strrchr(line, ')') != NULL &&
            sscanf(line, "%d", &pid) == 1 &&
            sscanf(strrchr(line, ')') + 1, " %c %d", &state, &of) == 2 && of == parent &&
            (are_spares_counted ||
             (strstr(line, "(tactus-spare)") == NULL && strstr(line, "(tactus-stoker)") == NULL)) &&
            count < max)
            ret[count++] = pid;
        (void)fclose(file);
    }
    (void)closedir(proc);
    return count;
}

static bool is_named(pid_t pid, const char *name)
{
    char path[64], text[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    file = fopen(path, "re");
    if (file == NULL)
        return false;
    if (fgets(text, sizeof(text), file) == NULL)
        text[0] = '\0';
    (void)fclose(file);
    return strncmp(text, name, strlen(name)) == 0;
}

static pid_t find_child(const char *name)
{
    pid_t pids[64];

    for (int tries = 0; tries < 3000; tries++) {
        uint32_t count = children_of(d.pid, pids, 64);

        for (uint32_t n = 0; n < count; n++)
            if (is_named(pids[n], name))
                return pids[n];
        daemon_sleep_ms(10);
    }
    return 0;
}

static void check_nothing_is_left(void)
{
    pid_t pids[64];
    uint32_t left = 0; /* spares for the next service may come right after that look */
    json_t *status = NULL;

    for (int n = 0; n < 3000; n++) {
        json_decref(status);
        status = daemon_status(&d);
        left = children_of(d.pid, pids, 64);
        if (json_array_size(json_object_get(status, "services")) == 0 &&
            daemon_number(status, "reserved_ppm") == 0 && left <= 1)
            break;
        daemon_sleep_ms(10);
    }
    CHECK_INT(json_array_size(json_object_get(status, "services")), 0);
    CHECK_INT(daemon_number(status, "reserved_ppm"), 0);
    CHECK(left <= 1);
    json_decref(status);
}

static struct tt_ledger *read_ledger(const json_t *report, char **ret_bytes)
{
    const char *path = json_string_value(json_object_get(report, "ledger"));
    struct tt_ledger *ledger = NULL;
    struct tt_error err = {0};
    struct stat about;
    int fd;

    CHECK(path != NULL);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0 && fstat(fd, &about) == 0);
    *ret_bytes = malloc((size_t)about.st_size);
    CHECK(read(fd, *ret_bytes, (size_t)about.st_size) == about.st_size);
    (void)close(fd);
    CHECK_INT(tt_ledger_read(*ret_bytes, (uint64_t)about.st_size, &ledger, &err), 0);
    if (ledger->verdict != TT_INTACT)
        fprintf(stderr, "%s\n", ledger->reason);
    return ledger;
}

static bool has_event(const struct tt_ledger *ledger, const char *name)
{
    bool is_found = false;

    for (uint32_t n = 0; n < ledger->span_count; n++) {
        json_t *event;

        if (ledger->spans[n].part != TT_PART_EVENT)
            continue;
        event = json_loadb((const char *)ledger->bytes + ledger->spans[n].offset,
                           ledger->spans[n].bytes, 0, NULL);
        is_found |= strcmp(json_string_value(json_object_get(event, "event")), name) == 0;
        json_decref(event);
    }
    return is_found;
}

static void a_service_runs_to_its_end(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE ",\"for_ns\":1500000000}");
    json_t *started = daemon_event(client, "started", 60000), *report, *done;
    struct tt_ledger *ledger;
    char *bytes;

    CHECK(started != NULL);
    CHECK(daemon_number(started, "first_frame_ns") > 0);
    json_decref(started);
    report = daemon_event(client, "report", 60000);
    CHECK(report != NULL);
    CHECK_INT(daemon_number(report, "frames"), 75);
    done = daemon_event(client, "done", 30000);
    CHECK(done != NULL);
    ledger = read_ledger(report, &bytes);
    CHECK_INT(ledger->verdict, TT_INTACT);
    CHECK(json_string_length(json_object_get(report, "ledger_head")) == 64);
    tt_ledger_close(&ledger);
    free(bytes);
    json_decref(report);
    json_decref(done);
    tt_client_close(&client);
    check_nothing_is_left();
}

static void a_check_answers_with_a_plan(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"check\"," SERVICE "}");
    json_t *plan = daemon_event(client, "plan", 60000);

    CHECK(plan != NULL);
    CHECK(json_is_true(json_object_get(plan, "admitted")));
    CHECK(json_is_array(json_object_get(plan, "terms")));
    json_decref(plan);
    tt_client_close(&client);
    check_nothing_is_left();
}

/* Nothing else would end it: it has no end of its own. */
static void a_gone_client_takes_its_service_along(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000);

    CHECK(started != NULL);
    json_decref(started);
    tt_client_close(&client);
    check_nothing_is_left();
}

/* Of the one service that runs. */
static long long came(void)
{
    json_t *status = daemon_status(&d);
    const json_t *service = json_array_get(json_object_get(status, "services"), 0);
    long long frames = daemon_number(service, "frames") - daemon_number(service, "lost");

    json_decref(status);
    return frames;
}

static void wait_until_came(long long frames)
{
    for (int n = 0; n < 3000 && came() < frames; n++)
        daemon_sleep_ms(10);
    CHECK(came() >= frames);
}

static pid_t find_other_child(const char *name, pid_t last)
{
    pid_t pid = 0;

    for (int tries = 0; tries < 3000 && ((pid = find_child(name)) == last || pid == 0); tries++)
        daemon_sleep_ms(10);
    CHECK(pid > 0 && pid != last);
    return pid;
}

/* Lost or not; one sink, from the first on. */
static void check_every_index_has_a_record(const struct tt_ledger *ledger)
{
    int64_t wanted = -1;

    for (uint32_t n = 0; n < ledger->span_count; n++) {
        struct tt_record record;

        if (ledger->spans[n].part != TT_PART_FRAMES)
            continue;
        for (uint64_t at = 0; at < ledger->spans[n].bytes; at += sizeof(record)) {
            memcpy(&record, ledger->bytes + ledger->spans[n].offset + at, sizeof(record));
            if (record.kind != TT_RECORD_FRAME)
                continue;
            CHECK_INT(record.index, wanted < 0 ? record.index : wanted);
            wanted = record.index + 1;
        }
    }
    CHECK(wanted > 0);
}

static void a_killed_container_comes_back(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000), *report;
    struct tt_ledger *ledger;
    struct tt_error err = {0};
    char *bytes;
    pid_t pid;

    CHECK(started != NULL);
    json_decref(started);
    wait_until_came(10);
    pid = find_child("tactus-contain");
    CHECK(pid > 0);
    CHECK(kill(pid, SIGKILL) == 0);
    (void)find_other_child("tactus-contain", pid);
    wait_until_came(came() + 25);
    CHECK_INT(tt_client_send(client, "{\"op\":\"stop\"}", NULL, 0, &err), 0);
    report = daemon_event(client, "report", 60000);
    CHECK(report != NULL);
    CHECK(daemon_number(report, "lost") > 0);
    ledger = read_ledger(report, &bytes);
    CHECK_INT(ledger->verdict, TT_INTACT);
    CHECK(has_event(ledger, "died"));
    CHECK(has_event(ledger, "restarted"));
    check_every_index_has_a_record(ledger);
    tt_ledger_close(&ledger);
    free(bytes);
    json_decref(report);
    tt_client_close(&client);
    check_nothing_is_left();
}

static void a_stop_ends_in_order(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000), *report;
    struct tt_error err = {0};

    CHECK(started != NULL);
    json_decref(started);
    CHECK_INT(tt_client_send(client, "{\"op\":\"stop\"}", NULL, 0, &err), 0);
    report = daemon_event(client, "report", 60000);
    CHECK(report != NULL);
    json_decref(report);
    tt_client_close(&client);
    check_nothing_is_left();
}

static void a_broken_text_is_told(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," CAMERA("test.vido") "}");
    json_t *error = daemon_event(client, "error", 60000);

    CHECK(error != NULL);
    CHECK_INT(daemon_number(error, "exit"), 2);
    CHECK_TEXT(json_string_value(json_object_get(error, "nearest")), "test.video");
    json_decref(error);
    tt_client_close(&client);
    check_nothing_is_left();
}

/* A file that takes nothing, as on a full disk. */
static int full_file(void)
{
    int fd = memfd_create("full", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0);
    CHECK_INT(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE), 0);
    return fd;
}

static void a_full_disk_ends_the_ledger_not_the_service(void)
{
    struct tt_client *client = daemon_connect(&d);
    struct tt_error err = {0};
    json_t *note = NULL, *report;
    bool is_told = false;
    int full = full_file();

    CHECK_INT(tt_client_send(
                  client, "{\"op\":\"run\"," SERVICE ",\"for_ns\":1500000000,\"fds\":[\"ledger\"]}",
                  &full, 1, &err),
              0);
    (void)close(full);
    while (!is_told && (note = daemon_event(client, "note", 60000)) != NULL) {
        is_told = strstr(json_string_value(json_object_get(note, "text")), "ledger") != NULL;
        json_decref(note);
    }
    CHECK(is_told);
    report = daemon_event(client, "report", 60000);
    CHECK(report != NULL);
    CHECK_INT(daemon_number(report, "frames"), 75);
    json_decref(report);
    tt_client_close(&client);
    check_nothing_is_left();
}

static void a_detached_service_outlives_its_client(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE ",\"detach\":true}");
    json_t *done = daemon_event(client, "done", 60000);

    CHECK(done != NULL);
    json_decref(done);
    tt_client_close(&client);
    wait_until_came(came() + 25);
    client = daemon_ask(&d, "{\"op\":\"stop\",\"name\":\"life\"}");
    done = daemon_event(client, "done", 60000);
    CHECK(done != NULL);
    json_decref(done);
    tt_client_close(&client);
    check_nothing_is_left();
}

struct deadline { /* what sched_setattr(2) takes, of its first version */
    uint32_t bytes, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

static void *ask_kernel(void *ret_is_given)
{
    struct deadline asked = {.bytes = sizeof(asked),
                             .policy = 6, /* SCHED_DEADLINE */
                             .flags = 1,
                             .runtime_ns = 3000000,
                             .deadline_ns = 10000000,
                             .period_ns = 10000000};

    *(bool *)ret_is_given = syscall(SYS_sched_setattr, 0, &asked, 0) == 0;
    return NULL;
}

/* Has the kernel this much for a thread of ours? It ends at once and gives it back. */
static bool is_bandwidth_left(void)
{
    bool is_given = false;
    pthread_t thread;

    CHECK_INT(pthread_create(&thread, NULL, ask_kernel, &is_given), 0);
    CHECK_INT(pthread_join(thread, NULL), 0);
    return is_given;
}

/* The share of the one worker that lives, as its reservation is. */
static long long share_ppm(const json_t *watch)
{
    const json_t *service = json_array_get(json_object_get(watch, "services"), 0);
    const json_t *reservation = json_object_get(service, "reservation");
    long long budget_ns = daemon_number(reservation, "budget_ns");
    long long period_ns = daemon_number(reservation, "period_ns");

    return period_ns > 0 ? (budget_ns * 1000000 + period_ns - 1) / period_ns : 0;
}

/* What the books hold, once that is what the living worker has: a dead one's share stays in them
 * for a period, or for good if it leaks. Costs may change both at any time. */
static long long reserved_ppm(void)
{
    long long booked = -1, share = 0;

    for (int n = 0; n < 3000 && booked != share; n++) {
        struct tt_client *client = daemon_ask(&d, "{\"op\":\"watch\"}");
        json_t *watch = daemon_event(client, "watch", 30000);

        CHECK(watch != NULL);
        booked = daemon_number(watch, "reserved_ppm");
        share = share_ppm(watch);
        json_decref(watch);
        tt_client_close(&client);
        if (booked != share)
            daemon_sleep_ms(10);
    }
    CHECK_INT(booked, share);
    return booked;
}

/* Whether it could be judged. One without a reservation though there is room was unlucky with
 * others' once, not each time. */
static bool kill_in_turn(int rounds)
{
    int unlucky = 0;
    pid_t pid = 0;

    while (rounds > 0) {
        pid = find_other_child("tactus-contain", pid);
        wait_until_came(came() + 10);
        if (reserved_ppm() > 0)
            rounds--;
        else if (!is_bandwidth_left())
            return false;
        else
            CHECK(++unlucky < 3);
        if (rounds > 0)
            CHECK(kill(pid, SIGKILL) == 0);
    }
    return true;
}

/* Is it the class that reserves? */
static bool has_deadline(void)
{
    json_t *status = daemon_status(&d);
    bool is_held = strcmp(json_string_value(json_object_get(status, "class")), "deadline") == 0;

    json_decref(status);
    return is_held;
}

/* Bandwidth that leaks is gone for the whole machine until it restarts, so a few rounds of a small
 * reservation must leave all of it: each time the thread gets what the one before had. */
static void killed_workers_give_their_reservation_back(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000);

    CHECK(started != NULL);
    json_decref(started);
    if (has_deadline() && !kill_in_turn(4))
        fprintf(stderr, "  skipped: other processes hold the bandwidth that the kernel gives\n");
    tt_client_close(&client);
    check_nothing_is_left();
}

static void an_ending_daemon_ends_its_services(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000), *report;
    struct tt_ledger *ledger;
    char *bytes;

    CHECK(started != NULL);
    json_decref(started);
    CHECK(kill(d.pid, SIGTERM) == 0);
    report = daemon_event(client, "report", 60000);
    CHECK(report != NULL);
    ledger = read_ledger(report, &bytes);
    CHECK_INT(ledger->verdict, TT_INTACT);
    tt_ledger_close(&ledger);
    free(bytes);
    json_decref(report);
    CHECK_INT(daemon_wait(d.pid), 0);
    tt_client_close(&client);
    daemon_start(&d);
}

static void a_killed_zygote_is_replaced(void)
{
    pid_t pid;

    daemon_sleep_ms(1100); /* one that dies at once is not replaced at once */
    pid = find_child("tactus-host");
    CHECK(pid > 0);
    CHECK(kill(pid, SIGKILL) == 0);
    a_service_runs_to_its_end();
}

/* Must be last: nobody is left to ask. */
static void a_killed_daemon_takes_everything_along(void)
{
    struct tt_client *client = daemon_ask(&d, "{\"op\":\"run\"," SERVICE "}");
    json_t *started = daemon_event(client, "started", 60000);
    pid_t pids[64];
    uint32_t count, alive = 1;

    CHECK(started != NULL);
    json_decref(started);
    count = children_of(d.pid, pids, 64);
    CHECK(count >= 2);
    are_spares_counted = true;
    for (int n = 0; n < 3000 && children_of(d.pid, pids, 64) < count + 3; n++)
        daemon_sleep_ms(10);
    count = children_of(d.pid, pids, 64);
    CHECK(find_child("tactus-spare") > 0);
    CHECK(kill(d.pid, SIGKILL) == 0);
    CHECK_INT(daemon_wait(d.pid), 1000 + SIGKILL);
    for (int n = 0; n < 3000 && alive > 0; n++) {
        alive = 0;
        for (uint32_t m = 0; m < count; m++)
            alive += is_named(pids[m], "tactus");
        daemon_sleep_ms(10);
    }
    CHECK_INT(alive, 0);
    are_spares_counted = false;
    CHECK(daemon_event(client, "done", 1000) == NULL);
    tt_client_close(&client);
    daemon_start(&d);
    a_service_runs_to_its_end();
}

int main(int argc, char **argv)
{
    CHECK(argc >= 3);
    if (access(argv[2], X_OK) < 0) {
        fprintf(stderr, "there is no tactus-host yet\n");
        return CHECK_SKIP;
    }
    d.path = argv[1];
    d.host = argv[2];
    daemon_folder(&d);
    daemon_start(&d);
    RUN(a_check_answers_with_a_plan);
    RUN(a_service_runs_to_its_end);
    RUN(a_broken_text_is_told);
    RUN(a_stop_ends_in_order);
    RUN(a_gone_client_takes_its_service_along);
    RUN(a_killed_container_comes_back);
    RUN(a_full_disk_ends_the_ledger_not_the_service);
    RUN(a_detached_service_outlives_its_client);
    RUN(killed_workers_give_their_reservation_back);
    RUN(an_ending_daemon_ends_its_services);
    RUN(a_killed_zygote_is_replaced);
    RUN(a_killed_daemon_takes_everything_along);
    daemon_end(&d);
    return 0;
}
