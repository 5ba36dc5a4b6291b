/* The client against a peer that we play: lines in pieces, descriptors, silence, lies, death. */
#include "tactus/client.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

static char folder[64], path[96];
static int listener;

static void listen_here(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(folder, sizeof(folder), "/tmp/tt-client-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/control", folder);
    memcpy(address.sun_path, path, strlen(path) + 1);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
    CHECK(listen(listener, 4) == 0);
}

static struct tt_client *open_pair(int *ret_peer)
{
    struct tt_client_params params = {.socket = path};
    struct tt_client *client;
    struct tt_error err = {0};

    CHECK_INT(tt_client_open(&params, &client, &err), 0);
    *ret_peer = accept(listener, NULL, NULL);
    CHECK(*ret_peer >= 0);
    return client;
}

static void a_line_in_pieces_comes_whole(void)
{
    struct tt_error err = {0};
    const char *line;
    int peer;
    struct tt_client *client = open_pair(&peer);

    CHECK(send(peer, "{\"a\"", 4, 0) == 4);
    CHECK_INT(tt_client_next(client, 20, &line, &err), -ETIMEDOUT);
    CHECK(send(peer, ":1}\n{\"b\":2}\n{", 14, 0) == 14);
    CHECK_INT(tt_client_next(client, 1000, &line, &err), 0);
    CHECK_TEXT(line, "{\"a\":1}");
    CHECK_INT(tt_client_next(client, 1000, &line, &err), 0);
    CHECK_TEXT(line, "{\"b\":2}");
    (void)close(peer);
    CHECK_INT(tt_client_next(client, 1000, &line, &err), -EPIPE);
    CHECK(strstr(err.text, "gone") != NULL);
    CHECK_INT(tt_client_send(client, "{}", NULL, 0, &err), -EPIPE);
    tt_client_close(&client);
    CHECK(client == NULL);
    tt_client_close(&client);
}

static void descriptors_travel_with_the_first_byte(void)
{
    union {
        char bytes[CMSG_SPACE(8 * sizeof(int))];
        struct cmsghdr align;
    } control;
    char text[64] = "";
    struct iovec part = {.iov_base = text, .iov_len = sizeof(text) - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct tt_error err = {0};
    int peer, ends[2], got[2], many[9] = {0};
    struct tt_client *client = open_pair(&peer);
    char byte = 0;

    CHECK(pipe(ends) == 0);
    CHECK_INT(tt_client_send(client, "{\"op\":\"x\"}", ends, 2, &err), 0);
    CHECK(recvmsg(peer, &message, 0) > 0);
    CHECK(strncmp(text, "{\"op\":\"x\"}", 10) == 0);
    CHECK_INT(CMSG_FIRSTHDR(&message)->cmsg_len, CMSG_LEN(2 * sizeof(int)));
    memcpy(got, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(got));
    CHECK(write(got[1], "!", 1) == 1 && read(ends[0], &byte, 1) == 1 && byte == '!');
    CHECK_INT(tt_client_send(client, "{}", many, 9, &err), -EINVAL);
    CHECK_INT(tt_client_send(client, "{}\n{}", NULL, 0, &err), -EINVAL);
    tt_client_close(&client);
    (void)close(peer);
}

static void *flood(void *argument)
{
    static char block[65536];
    int peer = *(int *)argument;

    memset(block, 'x', sizeof(block));
    for (int n = 0; n < 80; n++)
        if (send(peer, block, sizeof(block), MSG_NOSIGNAL) < 0)
            break;
    return NULL;
}

static void an_endless_line_is_refused(void)
{
    struct tt_error err = {0};
    const char *line;
    pthread_t thread;
    int peer;
    struct tt_client *client = open_pair(&peer);

    CHECK(pthread_create(&thread, NULL, flood, &peer) == 0);
    CHECK_INT(tt_client_next(client, 4000, &line, &err), -EPROTO);
    tt_client_close(&client);
    CHECK(pthread_join(thread, NULL) == 0);
    (void)close(peer);
}

static void nobody_there_is_said(void)
{
    struct tt_client_params params = {.socket = "/tmp/tt-client-nowhere/control"};
    struct tt_client *client = NULL;
    struct tt_error err = {0};
    char longer[300];

    CHECK_INT(tt_client_open(&params, &client, &err), -ECONNREFUSED);
    CHECK(strstr(err.text, "tt-client-nowhere") != NULL);
    params.is_start_wanted = 1;
    params.daemon = "/tmp/tt-client-nowhere/tactusd";
    CHECK_INT(tt_client_open(&params, &client, &err), -ENOENT);
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    params.socket = longer;
    CHECK_INT(tt_client_open(&params, &client, &err), -ENAMETOOLONG);
    CHECK(client == NULL);
}

int main(void)
{
    listen_here();
    RUN(a_line_in_pieces_comes_whole);
    RUN(descriptors_travel_with_the_first_byte);
    RUN(an_endless_line_is_refused);
    RUN(nobody_there_is_said);
    (void)unlink(path);
    (void)rmdir(folder);
    return 0;
}
