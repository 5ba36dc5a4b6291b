/* Clients and children that want to harm tactusd: what they send is refused, bounded or ignored,
 * and everybody else is served. argv: tactusd, tactus-host. */
#include <fcntl.h>

#include "node/daemon.h"

static struct test_daemon d;

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

int main(int argc, char **argv)
{
    CHECK(argc >= 3);
    d.path = argv[1];
    d.host = argv[2];
    daemon_folder(&d);
    daemon_start(&d);
    RUN(a_ledger_that_could_block_is_refused);
    daemon_end(&d);
    return 0;
}
