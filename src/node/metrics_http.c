/* GET /metrics by libmicrohttpd on the node's own loop: it speaks HTTP; who may connect, how many
 * and for how long is decided here. Each connection is one request and one answer. */
#include "node/metrics_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define TALK_LIMIT_NS (5000 * MS) /* from the connection to the answer's last byte */
#define ACCEPT_AGAIN_NS (100 * MS)

/* The library keeps the request, and the head of the answer, in MEMORY_BYTES. */
enum { TALKS_MAX = 16, MEMORY_BYTES = 8192 };

struct talk {
    int fd; /* the library's; -1: nobody */
    int64_t limit_ns;
};

struct metrics_http {
    struct loop *loop;
    const struct metrics *metrics;
    metrics_collect_fn *collect;
    void *ctx;
    int fd;
    struct loop_watch *accept_watch, *talk_watch;
    struct loop_timer accept_timer, talk_timer;
    struct MHD_Daemon *library;
    struct talk talks[TALKS_MAX];
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct MHD_Response *response)
{
    enum MHD_Result result;

    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status)
{
    static char words[] = "GET /metrics is all there is\n";

    return answer(
        connection, status, "text/plain; charset=utf-8",
        MHD_create_response_from_buffer(sizeof(words) - 1, words, MHD_RESPMEM_PERSISTENT));
}

static enum MHD_Result answer_metrics(struct metrics_http *http, struct MHD_Connection *connection)
{
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
    bool is_open = accept != NULL && strstr(accept, "application/openmetrics-text") != NULL;
    struct metrics_gauges gauges = {.version = "", .class = ""};
    struct MHD_Response *response;
    char *body = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&body, &bytes);

    if (out == NULL)
        return MHD_NO;
    http->collect(http->ctx, &gauges);
    metrics_print(http->metrics, &gauges, is_open, out);
    if (fclose(out) != 0) {
        free(body);
        return MHD_NO;
    }
    response = MHD_create_response_from_buffer(bytes, body, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(body);
    return answer(connection, MHD_HTTP_OK,
                  is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                          : "text/plain; version=0.0.4; charset=utf-8",
                  response);
}

/* Answered at the request's head: a body that follows is not waited for. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **request)
{
    if (strncmp(version, "HTTP/1.", 7) != 0)
        return refuse(connection, MHD_HTTP_BAD_REQUEST);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED);
    if (strcmp(path, "/metrics") != 0)
        return refuse(connection, MHD_HTTP_NOT_FOUND);
    return answer_metrics(ctx, connection);
}

static void on_come_and_go(void *ctx, struct MHD_Connection *connection, void **kept,
                           enum MHD_ConnectionNotificationCode what)
{
    struct metrics_http *http = ctx;
    struct talk *talk = *kept;

    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (talk != NULL)
            talk->fd = -1;
        return;
    }
    for (uint32_t n = 0; n < TALKS_MAX; n++)
        if (http->talks[n].fd < 0) {
            *kept = &http->talks[n];
            http->talks[n] = (struct talk){
                .fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
                          ->connect_fd,
                .limit_ns = loop_now_ns() + TALK_LIMIT_NS,
            };
            return;
        }
}

/* When the library or the limit of a talk wants to be served next. */
static void set_talk_timer(struct metrics_http *http)
{
    int64_t at_ns = INT64_MAX;
    unsigned long long wait_ms;

    for (uint32_t n = 0; n < TALKS_MAX; n++)
        if (http->talks[n].fd >= 0 && http->talks[n].limit_ns < at_ns)
            at_ns = http->talks[n].limit_ns;
    if (MHD_get_timeout(http->library, &wait_ms) == MHD_YES) {
        int64_t wanted_ns = loop_now_ns() + (int64_t)wait_ms * MS;

        at_ns = wanted_ns < at_ns ? wanted_ns : at_ns;
    }
    if (at_ns == INT64_MAX)
        loop_clear(http->loop, &http->talk_timer);
    else
        loop_set(http->loop, &http->talk_timer, at_ns);
}

/* The library's own limit counts from the last byte: who sends one now and then would stay for
 * ever. A socket that is shut down it closes itself. */
static void on_talk(void *ctx, uint32_t events)
{
    struct metrics_http *http = ctx;
    int64_t now_ns = loop_now_ns();

    (void)events;
    for (uint32_t n = 0; n < TALKS_MAX; n++)
        if (http->talks[n].fd >= 0 && http->talks[n].limit_ns <= now_ns) {
            (void)shutdown(http->talks[n].fd, SHUT_RDWR);
            http->talks[n].limit_ns = now_ns + TALK_LIMIT_NS;
        }
    (void)MHD_run(http->library);
    set_talk_timer(http);
}

static void on_connection(void *ctx, uint32_t events);

static void on_accept_timer(void *ctx, uint32_t events)
{
    struct metrics_http *http = ctx;

    (void)events;
    http->accept_watch = loop_add(http->loop, http->fd, EPOLLIN, on_connection, http);
    if (http->accept_watch == NULL)
        loop_set(http->loop, &http->accept_timer, loop_now_ns() + ACCEPT_AGAIN_NS);
}

/* Accepted here: without a free descriptor the library would try again without a pause. */
static void on_connection(void *ctx, uint32_t events)
{
    struct metrics_http *http = ctx;
    struct sockaddr_storage from;
    socklen_t bytes = sizeof(from);
    int fd = accept4(http->fd, (struct sockaddr *)&from, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0) {
        (void)MHD_add_connection(http->library, fd, (struct sockaddr *)&from, bytes);
        on_talk(http, 0);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        loop_remove(http->loop, &http->accept_watch);
        loop_set(http->loop, &http->accept_timer, loop_now_ns() + ACCEPT_AGAIN_NS);
    }
}

struct place {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
    socklen_t bytes;
};

static int read_place(const char *text, struct place *ret, struct tt_error *err)
{
    const char *colon = strrchr(text, ':'), *digits = colon != NULL ? colon + 1 : text;
    char address[64] = "127.0.0.1", *end;
    unsigned long port = strtoul(digits, &end, 10);
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;

    if (colon != NULL && text[0] == '[' && length >= 2 && text[length - 1] == ']') {
        text++;
        length -= 2;
    }
    if (colon != NULL)
        (void)snprintf(address, sizeof(address), "%.*s", (int)length, text);
    memset(ret, 0, sizeof(*ret));
    if (digits[0] < '0' || digits[0] > '9' || *end != '\0' || port > 65535) {
        /* told below */
    } else if (inet_pton(AF_INET, address, &ret->v4.sin_addr) == 1) {
        ret->v4.sin_family = AF_INET;
        ret->v4.sin_port = htons((uint16_t)port);
        ret->bytes = sizeof(ret->v4);
    } else if (inet_pton(AF_INET6, address, &ret->v6.sin6_addr) == 1) {
        ret->v6.sin6_family = AF_INET6;
        ret->v6.sin6_port = htons((uint16_t)port);
        ret->bytes = sizeof(ret->v6);
    }
    return ret->bytes > 0 ? 0
                          : tt_fail(err, -EINVAL,
                                    "--metrics wants an address and a port in numbers, such as "
                                    "127.0.0.1:9464 or [::1]:9464, not '%s'",
                                    text);
}

static bool is_loopback(const struct place *place)
{
    if (place->any.sa_family == AF_INET)
        return ntohl(place->v4.sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&place->v6.sin6_addr);
}

static void tell_place(int fd, struct place *place)
{
    char address[INET6_ADDRSTRLEN] = "";
    bool is_v4 = place->any.sa_family == AF_INET;

    (void)getsockname(fd, &place->any, &place->bytes);
    (void)inet_ntop(place->any.sa_family,
                    is_v4 ? (void *)&place->v4.sin_addr : (void *)&place->v6.sin6_addr, address,
                    sizeof(address));
    fprintf(stderr, "metrics at http://%s%s%s:%u/metrics%s\n", is_v4 ? "" : "[", address,
            is_v4 ? "" : "]", ntohs(is_v4 ? place->v4.sin_port : place->v6.sin6_port),
            is_loopback(place) ? "" : ": whoever reaches this address reads all services' names");
}

static int listen_at(struct metrics_http *http, const char *place_text, struct place *place,
                     struct tt_error *err)
{
    int one = 1, r = read_place(place_text, place, err);

    if (r < 0)
        return r;
    http->fd = socket(place->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (http->fd >= 0)
        (void)setsockopt(http->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (http->fd < 0 || bind(http->fd, &place->any, place->bytes) < 0 ||
        listen(http->fd, TALKS_MAX) < 0)
        return tt_fail(err, errno == EADDRINUSE ? -EBUSY : -errno,
                       "cannot listen on '%s' for --metrics: %s", place_text, strerror(errno));
    return 0;
}

/* Without a thread and without a socket to listen at: its epoll descriptor is watched by the loop.
 */
static int start_library(struct metrics_http *http, struct tt_error *err)
{
    const union MHD_DaemonInfo *info = NULL;

    http->library = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, on_request, http,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)TALKS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION, on_come_and_go, http,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
    if (http->library != NULL)
        info = MHD_get_daemon_info(http->library, MHD_DAEMON_INFO_EPOLL_FD);
    if (info != NULL)
        http->talk_watch = loop_add(http->loop, info->epoll_fd, EPOLLIN, on_talk, http);
    http->accept_watch = loop_add(http->loop, http->fd, EPOLLIN, on_connection, http);
    if (http->talk_watch == NULL || http->accept_watch == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the metrics");
    return 0;
}

int metrics_http_open(struct loop *loop, const struct metrics *metrics, const char *place_text,
                      metrics_collect_fn *collect, void *ctx, struct metrics_http **ret,
                      struct tt_error *err)
{
    struct metrics_http *http = calloc(1, sizeof(*http));
    struct place place;
    int r;

    if (http == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the metrics");
    *http = (struct metrics_http){
        .loop = loop, .metrics = metrics, .collect = collect, .ctx = ctx, .fd = -1};
    http->accept_timer = (struct loop_timer){.fn = on_accept_timer, .ctx = http};
    http->talk_timer = (struct loop_timer){.fn = on_talk, .ctx = http};
    for (uint32_t n = 0; n < TALKS_MAX; n++)
        http->talks[n].fd = -1;
    r = listen_at(http, place_text, &place, err);
    if (r == 0)
        r = start_library(http, err);
    if (r < 0) {
        metrics_http_close(&http);
        return r;
    }
    tell_place(http->fd, &place);
    *ret = http;
    return 0;
}

void metrics_http_close(struct metrics_http **closed)
{
    struct metrics_http *http = *closed;

    if (http == NULL)
        return;
    loop_remove(http->loop, &http->accept_watch);
    loop_remove(http->loop, &http->talk_watch);
    loop_clear(http->loop, &http->accept_timer);
    loop_clear(http->loop, &http->talk_timer);
    if (http->library != NULL)
        MHD_stop_daemon(http->library);
    if (http->fd >= 0)
        (void)close(http->fd);
    free(http);
    *closed = NULL;
}
