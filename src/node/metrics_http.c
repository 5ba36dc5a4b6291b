/* A responder for GET /metrics: few connections, short requests, a limit of time, nothing kept.
 * Each connection is one request and one answer. */
#include "node/metrics_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIME_LIMIT_NS                                                                              \
    (INT64_C(5) * 1000000000) /* from the connection to the answer's last byte                     \
                               */
#define ACCEPT_AGAIN_NS (INT64_C(100) * 1000000)

enum { TALKS_MAX = 16, REQUEST_BYTES_MAX = 8192 };

struct talk {
    struct talk *next;
    struct metrics_http *http;
    int fd;
    struct loop_watch *watch;
    struct loop_timer limit_timer;
    char request[REQUEST_BYTES_MAX + 1], *answer;
    size_t request_bytes, answer_bytes, sent_bytes;
};

struct metrics_http {
    struct loop *loop;
    const struct metrics *metrics;
    metrics_collect_fn *collect;
    void *ctx;
    int fd;
    struct loop_watch *watch;
    struct loop_timer accept_timer;
    struct talk *talks;
    uint32_t talk_count;
};

static void talk_close(struct talk *talk)
{
    struct metrics_http *http = talk->http;
    struct talk **place = &http->talks;

    while (*place != talk)
        place = &(*place)->next;
    *place = talk->next;
    http->talk_count--;
    loop_remove(http->loop, &talk->watch);
    loop_clear(http->loop, &talk->limit_timer);
    (void)close(talk->fd);
    free(talk->answer);
    free(talk);
}

static void on_limit(void *ctx, uint32_t events)
{
    (void)events;
    talk_close(ctx);
}

/* Closed from the loop, never under the hands of its caller. */
static void talk_die(struct talk *talk)
{
    loop_remove(talk->http->loop, &talk->watch);
    loop_set(talk->http->loop, &talk->limit_timer, 0);
}

static void send_some(struct talk *talk)
{
    ssize_t sent;

    while (talk->sent_bytes < talk->answer_bytes) {
        sent = send(talk->fd, talk->answer + talk->sent_bytes,
                    talk->answer_bytes - talk->sent_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno == EAGAIN) {
            loop_change(talk->http->loop, talk->watch, EPOLLOUT);
            return;
        }
        if (sent <= 0)
            break;
        talk->sent_bytes += (size_t)sent;
    }
    talk_die(talk);
}

static void answer(struct talk *talk, const char *status, const char *type, const char *body,
                   size_t bytes, bool is_head)
{
    FILE *out = open_memstream(&talk->answer, &talk->answer_bytes);

    if (out == NULL) {
        talk_die(talk);
        return;
    }
    fprintf(out,
            "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n"
            "Cache-Control: no-store\r\n%s\r\n",
            status, type, bytes,
            status[0] == '4' && status[2] == '5' ? "Allow: GET, HEAD\r\n" : "");
    if (!is_head)
        (void)fwrite(body, 1, bytes, out);
    if (fclose(out) != 0)
        talk_die(talk);
    else
        send_some(talk);
}

static void refuse(struct talk *talk, const char *status, const char *words)
{
    answer(talk, status, "text/plain; charset=utf-8", words, strlen(words), false);
}

/* The value of a header without regard to case; "" when there is none. */
static const char *find_header(const char *request, const char *name)
{
    size_t length = strlen(name);

    for (const char *line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, length) == 0 && line[length] == ':')
            return line + length + 1;
    }
    return "";
}

static bool wants_open(const char *request)
{
    const char *accept = find_header(request, "Accept");
    const char *end = strstr(accept, "\r\n");
    const char *found = strstr(accept, "application/openmetrics-text");

    return found != NULL && (end == NULL || found < end);
}

static void answer_metrics(struct talk *talk, bool is_head)
{
    struct metrics_gauges gauges = {.version = "", .class = ""};
    bool is_open = wants_open(talk->request);
    char *body = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&body, &bytes);

    if (out == NULL) {
        talk_die(talk);
        return;
    }
    talk->http->collect(talk->http->ctx, &gauges);
    metrics_print(talk->http->metrics, &gauges, is_open, out);
    if (fclose(out) == 0)
        answer(talk, "200 OK",
               is_open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                       : "text/plain; version=0.0.4; charset=utf-8",
               body, bytes, is_head);
    else
        talk_die(talk);
    free(body);
}

static void on_request(struct talk *talk)
{
    char method[8] = "", target[64] = "", version[16] = "";
    int count = sscanf(talk->request, "%7[A-Z] %63[^ \r\n] %15[^ \r\n]", method, target, version);
    bool is_head = strcmp(method, "HEAD") == 0;
    size_t length = strcspn(target, "?");

    if (count != 3 || strncmp(version, "HTTP/1.", 7) != 0)
        refuse(talk, "400 Bad Request", "this is not HTTP/1.1\n");
    else if (strcmp(method, "GET") != 0 && !is_head)
        refuse(talk, "405 Method Not Allowed", "GET /metrics is all there is\n");
    else if (length != 8 || strncmp(target, "/metrics", 8) != 0)
        refuse(talk, "404 Not Found", "GET /metrics is all there is\n");
    else
        answer_metrics(talk, is_head);
}

static void on_readable(struct talk *talk)
{
    ssize_t got;

    for (;;) {
        got = recv(talk->fd, talk->request + talk->request_bytes,
                   REQUEST_BYTES_MAX - talk->request_bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            talk_die(talk);
            return;
        }
        /* A byte of 0 ends the text that is looked at. */
        talk->request_bytes += (size_t)got;
        talk->request[talk->request_bytes] = '\0';
        if (strstr(talk->request, "\r\n\r\n") != NULL) {
            on_request(talk);
            return;
        }
        if (talk->request_bytes == REQUEST_BYTES_MAX) {
            refuse(talk, "431 Request Header Fields Too Large", "a request has 8 KiB at most\n");
            return;
        }
    }
}

static void on_talk(void *ctx, uint32_t events)
{
    struct talk *talk = ctx;

    if (talk->answer != NULL)
        send_some(talk);
    else if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        on_readable(talk);
}

static void on_connection(void *ctx, uint32_t events);

static void on_accept_timer(void *ctx, uint32_t events)
{
    struct metrics_http *http = ctx;

    (void)events;
    http->watch = loop_add(http->loop, http->fd, EPOLLIN, on_connection, http);
    if (http->watch == NULL)
        loop_set(http->loop, &http->accept_timer, loop_now_ns() + ACCEPT_AGAIN_NS);
}

static void begin_talk(struct metrics_http *http, int fd)
{
    struct talk *talk = http->talk_count < TALKS_MAX ? calloc(1, sizeof(*talk)) : NULL;

    if (talk != NULL)
        talk->watch = loop_add(http->loop, fd, EPOLLIN, on_talk, talk);
    if (talk == NULL || talk->watch == NULL) {
        (void)close(fd);
        free(talk);
        return;
    }
    talk->http = http;
    talk->fd = fd;
    talk->limit_timer = (struct loop_timer){.fn = on_limit, .ctx = talk};
    loop_set(http->loop, &talk->limit_timer, loop_now_ns() + TIME_LIMIT_NS);
    talk->next = http->talks;
    http->talks = talk;
    http->talk_count++;
}

static void on_connection(void *ctx, uint32_t events)
{
    struct metrics_http *http = ctx;
    int fd = accept4(http->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0) {
        begin_talk(http, fd);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        /* Who waits keeps the socket readable: without a descriptor for him the loop would spin. */
        loop_remove(http->loop, &http->watch);
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

int metrics_http_open(struct loop *loop, const struct metrics *metrics, const char *place_text,
                      metrics_collect_fn *collect, void *ctx, struct metrics_http **ret,
                      struct tt_error *err)
{
    struct metrics_http *http = calloc(1, sizeof(*http));
    struct place place;
    int one = 1, r;

    if (http == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the metrics");
    *http = (struct metrics_http){
        .loop = loop, .metrics = metrics, .collect = collect, .ctx = ctx, .fd = -1};
    http->accept_timer = (struct loop_timer){.fn = on_accept_timer, .ctx = http};
    r = read_place(place_text, &place, err);
    if (r == 0)
        http->fd = socket(place.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (http->fd >= 0)
        (void)setsockopt(http->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (r == 0 && (http->fd < 0 || bind(http->fd, &place.any, place.bytes) < 0 ||
                   listen(http->fd, TALKS_MAX) < 0))
        r = tt_fail(err, errno == EADDRINUSE ? -EBUSY : -errno,
                    "cannot listen on '%s' for --metrics: %s", place_text, strerror(errno));
    if (r == 0)
        http->watch = loop_add(loop, http->fd, EPOLLIN, on_connection, http);
    if (r == 0 && http->watch == NULL)
        r = tt_fail(err, -ENOMEM, "no memory for the metrics");
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
    while (http->talks != NULL)
        talk_close(http->talks);
    loop_remove(http->loop, &http->watch);
    loop_clear(http->loop, &http->accept_timer);
    if (http->fd >= 0)
        (void)close(http->fd);
    free(http);
    *closed = NULL;
}
