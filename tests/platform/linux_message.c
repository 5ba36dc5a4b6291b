/* Messages with named descriptors: there and back, and what is refused. */
#include "platform/linux/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

static int pair[2];

static void begin(void)
{
    CHECK_INT(tt_message_pair(pair, NULL), 0);
}

static void end(void)
{
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void names_travel_with_descriptors(void)
{
    static const char *const names[] = {"picture", "pool:0"};
    struct tt_message message;
    char *text = NULL;
    uint64_t bytes = 0;
    int fds[2], open_fd;

    begin();
    fds[0] = tt_message_text_fd("one", "hello", 5, NULL);
    fds[1] = tt_message_text_fd("two", "there!", 6, NULL);
    CHECK(fds[0] >= 0 && fds[1] >= 0);
    CHECK_INT(tt_message_send_new(pair[0], json_pack("{ss si}", "op", "setup", "number", 7), fds,
                                  names, 2, NULL),
              0);
    CHECK_INT(tt_message_receive(pair[1], &message, NULL), 0);
    CHECK_TEXT(tt_message_text(&message, "op"), "setup");
    CHECK_INT(tt_message_int(&message, "number", -1), 7);
    CHECK_INT(tt_message_int(&message, "op", -1), -1);
    CHECK_INT(message.fd_count, 2);
    (void)close(fds[1]);
    fds[1] = tt_message_take(&message, "pool:0");
    CHECK(fds[1] >= 0);
    CHECK(fcntl(fds[1], F_GETFD) & FD_CLOEXEC);
    CHECK_INT(tt_message_take(&message, "pool:0"), -1);
    CHECK_INT(tt_message_take(&message, "pool:1"), -1);
    CHECK_INT(tt_message_read_fd(fds[1], 6, &text, &bytes, NULL), 0);
    CHECK_INT(bytes, 6);
    CHECK_TEXT(text, "there!");
    free(text);
    CHECK_INT(tt_message_read_fd(fds[1], 5, &text, &bytes, NULL), -E2BIG);
    CHECK_INT(tt_message_read_fd(pair[0], 6, &text, &bytes, NULL), -EPERM); /* could wait */
    open_fd = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(write(open_fd, "there!", 6) == 6);
    CHECK_INT(tt_message_read_fd(open_fd, 6, &text, &bytes, NULL), -EPERM); /* could change */
    (void)close(open_fd);
    tt_message_fini(&message);
    (void)close(fds[0]);
    (void)close(fds[1]);
    end();
}

static void many_descriptors_fit(void)
{
    const char *names[TT_MESSAGE_FDS_MAX + 1];
    int fds[TT_MESSAGE_FDS_MAX + 1];
    struct tt_message message;

    begin();
    for (uint32_t n = 0; n <= TT_MESSAGE_FDS_MAX; n++) {
        names[n] = "link:1";
        fds[n] = 2;
    }
    CHECK_INT(tt_message_send_new(pair[0], json_object(), fds, names, TT_MESSAGE_FDS_MAX + 1, NULL),
              -E2BIG);
    CHECK_INT(tt_message_send_new(pair[0], json_object(), fds, names, TT_MESSAGE_FDS_MAX, NULL), 0);
    CHECK_INT(tt_message_receive(pair[1], &message, NULL), 0);
    CHECK_INT(message.fd_count, TT_MESSAGE_FDS_MAX);
    tt_message_fini(&message);
    end();
}

static void send_raw(const char *text, size_t bytes)
{
    CHECK_INT(send(pair[0], text, bytes, 0), (ssize_t)bytes);
}

static void nonsense_is_refused_and_the_next_one_read(void)
{
    static const char *const bad[] = {"[]", "{", "nonsense", "{\"fds\":[\"a\"]}",
                                      "{\"a\":1,\"a\":2}"};
    struct tt_message message;
    struct tt_error err = {0};
    char *long_text = malloc(100000);

    begin();
    CHECK(long_text != NULL);
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) {
        send_raw(bad[n], strlen(bad[n]));
        CHECK_INT(tt_message_receive(pair[1], &message, &err), -EPROTO);
        CHECK(err.text[0] != 0);
    }
    memset(long_text, ' ', 100000);
    memcpy(long_text, "{}", 2);
    send_raw(long_text, 100000);
    CHECK_INT(tt_message_receive(pair[1], &message, &err), -EPROTO);
    free(long_text);
    send_raw("{}", 2);
    CHECK_INT(tt_message_receive(pair[1], &message, &err), 0);
    tt_message_fini(&message);
    end();
}

static void the_end_of_the_peer_is_told(void)
{
    struct tt_message message;

    begin();
    CHECK_INT(tt_message_receive_within(pair[1], 10, &message, NULL), -ETIMEDOUT);
    (void)close(pair[0]);
    CHECK_INT(tt_message_receive(pair[1], &message, NULL), -EPIPE);
    CHECK_INT(tt_message_send_new(pair[1], json_object(), NULL, NULL, 0, NULL), -EPIPE);
    (void)close(pair[1]);
}

/* It ends before it has read what it was sent last. */
static void last_words_are_heard(void)
{
    struct tt_message message;

    begin();
    CHECK_INT(tt_message_send_new(pair[1], json_pack("{ss}", "op", "go"), NULL, NULL, 0, NULL), 0);
    CHECK_INT(
        tt_message_send_new(pair[0], json_pack("{ss}", "event", "ended"), NULL, NULL, 0, NULL), 0);
    (void)close(pair[0]);
    CHECK_INT(tt_message_receive(pair[1], &message, NULL), 0);
    CHECK_TEXT(tt_message_text(&message, "event"), "ended");
    tt_message_fini(&message);
    CHECK_INT(tt_message_receive(pair[1], &message, NULL), -EPIPE);
    (void)close(pair[1]);
}

static void errors_travel_whole(void)
{
    struct tt_error err = {.code = -EINVAL, .line = 3, .column = 9}, got;
    json_t *object;

    (void)tt_format_text(err.text, sizeof err.text, "no \xff such thing");
    (void)tt_format_text(err.token, sizeof err.token, "widht");
    (void)tt_format_text(err.nearest, sizeof err.nearest, "width");
    object = tt_message_error(&err);
    CHECK(object != NULL);
    tt_message_to_error(object, &got);
    CHECK_INT(got.code, -EINVAL);
    CHECK_INT(got.line, 3);
    CHECK_INT(got.column, 9);
    CHECK_TEXT(got.text, "no ? such thing");
    CHECK_TEXT(got.token, "widht");
    CHECK_TEXT(got.nearest, "width");
    json_decref(object);
}

int main(void)
{
    RUN(names_travel_with_descriptors);
    RUN(many_descriptors_fit);
    RUN(nonsense_is_refused_and_the_next_one_read);
    RUN(the_end_of_the_peer_is_told);
    RUN(last_words_are_heard);
    RUN(errors_travel_whole);
    return 0;
}
