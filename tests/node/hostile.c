/* Clients and children that want to harm tactusd: what they send is refused, bounded or ignored,
 * and everybody else is served. argv: tactusd, tactus-host, a tactus-host with hostile containers.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "node/daemon.h"

static struct test_daemon d;
static const char *fake_host;

#define SERVICE                                                                                    \
    "\"form\":\"yaml\",\"base\":\"/tmp\",\"text\":\"tactus: 1\\nservice: hostile\\nrate: 50\\n"    \
    "components:\\n  cam: {kind: test.video, params: {width: 320, height: 180}}\\n"                \
    "  out: {kind: \\\"null\\\"}\\nflows: [cam ! out]\\n\""

static void check_is_served(void)
{
    json_t *status = daemon_status(&d);

    CHECK(json_is_array(json_object_get(status, "services")));
    json_decref(status);
}

static void check_ledger_refused(int fd, const char *word)
{
    struct tt_client *client = daemon_connect(&d);
    struct tt_error err = {0};
    json_t *error;

    CHECK_INT(
        tt_client_send(client, "{\"op\":\"run\"," SERVICE ",\"fds\":[\"ledger\"]}", &fd, 1, &err),
        0);
    error = daemon_event(client, "error", 5000);
    CHECK(error != NULL);
    CHECK_INT(daemon_number(error, "exit"), 2);
    CHECK(strstr(json_string_value(json_object_get(error, "text")), word) != NULL);
    json_decref(error);
    tt_client_close(&client);
}

static void a_ledger_that_could_block_is_refused(void)
{
    int pair[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    int readable = open(d.path, O_RDONLY | O_CLOEXEC), place = open("/", O_PATH | O_CLOEXEC);

    CHECK_INT(pipe(pair), 0);
    check_ledger_refused(pair[1], "a regular file");
    check_ledger_refused(null, "a regular file");
    check_ledger_refused(place, "ledger");
    check_ledger_refused(readable, "not open for writing");
    check_is_served();
    (void)close(pair[0]);
    (void)close(pair[1]);
    (void)close(null);
    (void)close(readable);
    (void)close(place);
}

/* A container that does `what`, in a service that is asked for; its connection. */
static struct tt_client *run_hostile(const char *what)
{
    static const char request[] =
        "{\"op\":\"run\",\"profile\":false,\"best_effort\":true," SERVICE "}";

    CHECK_INT(setenv("TACTUS_FAKE", what, 1), 0);
    d.host = fake_host;
    daemon_folder(&d);
    daemon_start(&d);
    return daemon_ask(&d, request);
}

static void costs_without_end_hold_nobody_up(void)
{
    struct tt_client *client = run_hostile("costs");
    json_t *plan = daemon_event(client, "plan", 10000);
    double begun_s;

    CHECK(plan != NULL);
    json_decref(plan);
    daemon_sleep_ms(1000);
    begun_s = daemon_now_s();
    for (int n = 0; n < 5; n++)
        check_is_served();
    CHECK(daemon_now_s() - begun_s < 5); /* one message of them took longer */
    tt_client_close(&client);
    daemon_end(&d);
}

static void notes_without_end_are_cut_and_counted(void)
{
    struct tt_client *client = run_hostile("notes");
    uint32_t notes = 0;
    bool is_more_told = false;
    json_t *event;

    while ((event = daemon_event(client, NULL, 10000)) != NULL) {
        const char *kind = json_string_value(json_object_get(event, "event"));
        const char *text = json_string_value(json_object_get(event, "text"));
        bool is_last = strcmp(kind, "report") == 0 || strcmp(kind, "error") == 0;

        if (strcmp(kind, "note") == 0) {
            notes++;
            CHECK(strlen(text) < 1200);
            is_more_told |= strstr(text, "more notes") != NULL;
        }
        if (strcmp(kind, "report") == 0) {
            struct stat about;

            CHECK_INT(stat(json_string_value(json_object_get(event, "ledger")), &about), 0);
            CHECK(about.st_size < 1 << 20); /* 400 notes of 50 kB were said */
        }
        json_decref(event);
        if (is_last)
            break;
    }
    CHECK(notes > 10);
    CHECK(notes < 200);
    CHECK(is_more_told);
    tt_client_close(&client);
    daemon_end(&d);
}

static void numbers_that_overflow_are_refused(void)
{
    struct tt_client *client = run_hostile("index");
    json_t *report = daemon_event(client, "report", 10000);

    CHECK(report != NULL);
    json_decref(report);
    tt_client_close(&client);
    check_is_served();
    daemon_end(&d);
}

int main(int argc, char **argv)
{
    CHECK(argc >= 4);
    d.path = argv[1];
    d.host = argv[2];
    fake_host = argv[3];
    CHECK_INT(setenv("TACTUS_REAL_HOST", argv[2], 1), 0);
    daemon_folder(&d);
    daemon_start(&d);
    RUN(a_ledger_that_could_block_is_refused);
    daemon_end(&d);
    RUN(costs_without_end_hold_nobody_up);
    RUN(notes_without_end_are_cut_and_counted);
    RUN(numbers_that_overflow_are_refused);
    return 0;
}
