/* The thread between a flow that must not wait and an address where nobody may be listening: it
 * calls again, at growing intervals, until somebody does. */
#include "components/av_write/network.h"

#include <errno.h>
#include <libavutil/mem.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    QUEUE = 256,
    QUEUE_BYTES_MAX = 8 << 20,
    RETRY_MIN_MS = 500,
    RETRY_MAX_MS = 8000,
    RETRY_LISTEN_MS = 200,
    LINGER_MS = 500,
    WRITE_MS = 3000,
    CALL_MS = 5000 /* to reach the peer; a listener waits as long as it takes */
};

struct waiting {
    AVPacket *packet;
    uint32_t stream;
};

struct network {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_stopping, is_connected; /* under the lock */
    struct network_news news;       /* under the lock */
    bool is_news, is_listener, is_lost;
    int64_t lost_ns;             /* since when */
    int64_t retry_ms;            /* until the next call */
    struct waiting queue[QUEUE]; /* under the lock */
    uint32_t first, count;
    uint64_t bytes;
    int64_t deadline_ns; /* atomic; when the thread's own call must give up, 0 never */
    char *url;
    const AVOutputFormat *format;
    AVDictionary *options;
    struct mux_stream streams[MUX_STREAMS];
    uint8_t *configs[MUX_STREAMS];
    struct mux mux; /* the thread's */
};

static void set_deadline(struct network *network, int64_t in_ms)
{
    int64_t deadline_ns = in_ms > 0 ? tt_av_now_ns() + in_ms * 1000000 : 0;

    __atomic_store_n(&network->deadline_ns, deadline_ns, __ATOMIC_RELAXED);
}

static bool is_stopping(struct network *network)
{
    bool is_asked_to;

    pthread_mutex_lock(&network->lock);
    is_asked_to = network->is_stopping;
    pthread_mutex_unlock(&network->lock);
    return is_asked_to;
}

static void empty_queue(struct network *network)
{
    while (network->count > 0) {
        av_packet_free(&network->queue[network->first].packet);
        network->first = (network->first + 1) % QUEUE;
        network->count--;
    }
    network->bytes = 0;
}

static void set_connected(struct network *network, bool is_connected)
{
    pthread_mutex_lock(&network->lock);
    network->is_connected = is_connected;
    empty_queue(network);
    pthread_mutex_unlock(&network->lock);
}

static void wait_ms(struct network *network, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&network->changed, &network->lock, &until);
}

/* The next packet, or false when the thread is to end and nothing waits. */
static bool take(struct network *network, struct waiting *ret)
{
    bool is_taken = false;

    pthread_mutex_lock(&network->lock);
    while (network->count == 0 && !network->is_stopping)
        wait_ms(network, 1000);
    if (network->count > 0) {
        *ret = network->queue[network->first];
        network->queue[network->first].packet = NULL;
        network->first = (network->first + 1) % QUEUE;
        network->count--;
        network->bytes -= (uint64_t)ret->packet->size;
        is_taken = true;
    }
    pthread_mutex_unlock(&network->lock);
    return is_taken;
}

/* Said once, until it is back. */
static void tell_lost(struct network *network, int error)
{
    if (network->is_listener || network->is_lost)
        return;
    network->is_lost = true;
    network->lost_ns = tt_av_now_ns();
    pthread_mutex_lock(&network->lock);
    network->news = (struct network_news){.lost_error = error};
    network->is_news = true;
    pthread_mutex_unlock(&network->lock);
}

static void tell_back(struct network *network)
{
    if (!network->is_lost)
        return;
    network->is_lost = false;
    pthread_mutex_lock(&network->lock);
    network->news.is_back = true;
    network->news.away_ns = tt_av_now_ns() - network->lost_ns;
    network->is_news = true;
    pthread_mutex_unlock(&network->lock);
}

static int write_until_gone(struct network *network)
{
    struct waiting one;

    while (take(network, &one)) {
        int r;

        if (!is_stopping(network))
            set_deadline(network, WRITE_MS);
        r = mux_put(&network->mux, one.stream, one.packet);
        av_packet_free(&one.packet);
        if (r < 0)
            return r;
        /* A peer that takes what it is given is one to call again soon. */
        network->retry_ms = network->is_listener ? RETRY_LISTEN_MS : RETRY_MIN_MS;
    }
    return 0;
}

static void wait_to_call(struct network *network)
{
    int64_t until_ns = tt_av_now_ns() + network->retry_ms * 1000000;

    pthread_mutex_lock(&network->lock);
    while (!network->is_stopping && tt_av_now_ns() < until_ns)
        wait_ms(network, (until_ns - tt_av_now_ns()) / 1000000 + 1);
    pthread_mutex_unlock(&network->lock);
    network->retry_ms *= network->is_listener ? 1 : 2;
    network->retry_ms = network->retry_ms < RETRY_MAX_MS ? network->retry_ms : RETRY_MAX_MS;
}

static void serve_viewer(struct network *network)
{
    AVDictionary *options = NULL;
    int r;

    memset(&network->mux, 0, sizeof(network->mux));
    memcpy(network->mux.streams, network->streams, sizeof(network->streams));
    network->mux.interrupt =
        (AVIOInterruptCB){.callback = tt_av_is_overdue, .opaque = &network->deadline_ns};
    (void)av_dict_copy(&options, network->options, 0);
    if (!is_stopping(network))
        set_deadline(network, network->is_listener ? 0 : CALL_MS);
    r = mux_open(&network->mux, network->url, network->format, &options, NULL);
    av_dict_free(&options);
    if (r == 0 && !is_stopping(network)) {
        tell_back(network);
        set_connected(network, true);
        r = write_until_gone(network);
        set_connected(network, false);
    }
    if (!is_stopping(network))
        set_deadline(network, LINGER_MS);
    mux_close(&network->mux);
    if (r < 0)
        tell_lost(network, r);
    if (r < 0)
        wait_to_call(network);
}

static void *run(void *arg)
{
    struct network *network = arg;

    while (!is_stopping(network))
        serve_viewer(network);
    return NULL;
}

static int copy_params(struct network *network, const struct network_params *params)
{
    network->url = av_strdup(params->url);
    network->is_listener =
        strstr(params->url, "mode=listener") != NULL || strstr(params->url, "listen=1") != NULL;
    network->retry_ms = network->is_listener ? RETRY_LISTEN_MS : RETRY_MIN_MS;
    network->format = params->format;
    if (!network->url || av_dict_copy(&network->options, params->options, 0) < 0)
        return -ENOMEM;
    for (uint32_t n = 0; n < MUX_STREAMS; n++) {
        const struct mux_stream *from = &params->streams[n];
        struct mux_stream *to = &network->streams[n];

        to->is_used = from->is_used;
        to->format = from->format;
        if (from->config.bytes == 0)
            continue;
        network->configs[n] = av_memdup(from->config.data, from->config.bytes);
        if (!network->configs[n])
            return -ENOMEM;
        to->config = (struct tt_blob){.data = network->configs[n], .bytes = from->config.bytes};
    }
    return 0;
}

static void free_all(struct network *network)
{
    empty_queue(network);
    for (uint32_t n = 0; n < MUX_STREAMS; n++)
        av_freep(&network->configs[n]);
    av_dict_free(&network->options);
    av_freep(&network->url);
    pthread_cond_destroy(&network->changed);
    pthread_mutex_destroy(&network->lock);
    free(network);
}

int network_open(const struct network_params *params, struct network **ret, struct tt_error *err)
{
    struct network *network = calloc(1, sizeof(*network));
    pthread_condattr_t attributes;
    int r;

    if (!network)
        return tt_fail(err, -ENOMEM, "no memory for '%s'", params->url);
    (void)pthread_mutex_init(&network->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&network->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    r = copy_params(network, params);
    if (r == 0)
        r = -pthread_create(&network->thread, NULL, run, network);
    if (r < 0) {
        free_all(network);
        return tt_fail(err, r, "cannot start the thread that waits at '%s': %s", params->url,
                       strerror(-r));
    }
    *ret = network;
    return 0;
}

enum network_result network_put(struct network *network, uint32_t stream, const AVPacket *packet)
{
    enum network_result result = NETWORK_TAKEN;
    AVPacket *own;

    pthread_mutex_lock(&network->lock);
    if (!network->is_connected) {
        pthread_mutex_unlock(&network->lock);
        return NETWORK_NO_VIEWER;
    }
    if (network->count == QUEUE || network->bytes + (uint64_t)packet->size > QUEUE_BYTES_MAX) {
        /* Pictures that lean on dropped ones are worth nothing: all that waits goes. */
        empty_queue(network);
        result = NETWORK_OVERRUN;
    }
    own = av_packet_clone(packet);
    if (own) {
        network->queue[(network->first + network->count++) % QUEUE] =
            (struct waiting){.packet = own, .stream = stream};
        network->bytes += (uint64_t)own->size;
    }
    pthread_cond_signal(&network->changed);
    pthread_mutex_unlock(&network->lock);
    return result;
}

bool network_news(struct network *network, struct network_news *ret)
{
    bool is_news;

    pthread_mutex_lock(&network->lock);
    is_news = network->is_news;
    *ret = network->news;
    network->is_news = false;
    network->news = (struct network_news){0};
    pthread_mutex_unlock(&network->lock);
    return is_news;
}

void network_close(struct network **network)
{
    struct network *one = *network;

    if (!one)
        return;
    *network = NULL;
    pthread_mutex_lock(&one->lock);
    one->is_stopping = true;
    /* Waiting for a viewer ends now; a viewer gets what is on its way. */
    set_deadline(one, one->is_connected ? LINGER_MS : 1);
    pthread_cond_signal(&one->changed);
    pthread_mutex_unlock(&one->lock);
    pthread_join(one->thread, NULL);
    free_all(one);
}
