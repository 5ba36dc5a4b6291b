/* Talkers for the benches: N streams of RTP (L16, 48 kHz, stereo, 5 ms a packet) from one thread.
 *
 * Usage: rtpgen [-p FIFO] -o LOG COUNT PORT SECONDS; talker n sends to 127.0.0.1, port PORT + 2 n,
 * at n % 5 ms of each 5 ms. The first one clicks each quarter of a second, the others murmur below
 * it. LOG gets a line a click: its number, and when its packet was given to the kernel. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum {
    TALKERS_MAX = 256,
    SAMPLES = 240,
    CHANNELS = 2,
    GROUPS = 5,
    CLICK_EVERY = 50, /* packets */
    CLICK_SAMPLES = 24,
    CLICK_LEVEL = 20000,
    MURMUR_LEVEL = 16,
    CLICKS_MAX = 1 << 16
};

struct packet {
    uint8_t header[12];
    int16_t samples[SAMPLES * CHANNELS];
};

static struct packet murmur, click;
static struct packet packets[TALKERS_MAX];
static int64_t clicks_ns[CLICKS_MAX];
static uint32_t click_count;

static void fill(void)
{
    uint32_t seed = 1;

    for (uint32_t n = 0; n < SAMPLES * CHANNELS; n++) {
        seed = seed * 1664525 + 1013904223;
        murmur.samples[n] = (int16_t)htons((uint16_t)((int)(seed >> 27) - MURMUR_LEVEL));
        click.samples[n] = n < CLICK_SAMPLES * CHANNELS ? (int16_t)htons(CLICK_LEVEL) : 0;
    }
}

static void stamp(struct packet *packet, uint32_t talker, uint32_t number)
{
    uint16_t sequence = htons((uint16_t)number);
    uint32_t time = htonl(number * SAMPLES), source = htonl(1000 + talker);

    packet->header[0] = 0x80;
    packet->header[1] = 96;
    memcpy(packet->header + 2, &sequence, 2);
    memcpy(packet->header + 4, &time, 4);
    memcpy(packet->header + 8, &source, 4);
}

/* Talkers of one group, their packets of this number. */
static void send_group(const int *sockets, uint32_t count, uint32_t group, uint32_t number)
{
    for (uint32_t n = group; n < count; n += GROUPS) {
        bool is_click = n == 0 && number % CLICK_EVERY == 0;

        packets[n] = is_click ? click : murmur;
        if (n == 0 && !is_click)
            memset(packets[n].samples, 0, sizeof(packets[n].samples));
        stamp(&packets[n], n, number);
        if (is_click && click_count < CLICKS_MAX)
            clicks_ns[click_count++] = bench_now_ns();
        (void)send(sockets[n], &packets[n], sizeof(packets[n]), MSG_DONTWAIT);
    }
}

static int open_sockets(int *sockets, uint32_t count, uint32_t port)
{
    for (uint32_t n = 0; n < count; n++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)(port + 2 * n)),
                                 .sin_addr = {htonl(INADDR_LOOPBACK)}};

        sockets[n] = socket(AF_INET, SOCK_DGRAM, 0);
        if (sockets[n] < 0 || connect(sockets[n], (struct sockaddr *)&to, sizeof(to)) < 0)
            return -errno;
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint32_t count, port, seconds;
    int sockets[TALKERS_MAX];
    const char *path = NULL;
    int option, priority = 0;
    int64_t start_ns;
    FILE *log;

    while ((option = getopt(argc, argv, "p:o:")) != -1) {
        if (option == 'p')
            priority = atoi(optarg);
        else if (option == 'o')
            path = optarg;
    }
    if (!path || argc - optind != 3 || atoi(argv[optind]) > TALKERS_MAX) {
        fprintf(stderr, "usage: rtpgen [-p FIFO] -o LOG COUNT PORT SECONDS\n");
        return 2;
    }
    count = (uint32_t)atoi(argv[optind]);
    port = (uint32_t)atoi(argv[optind + 1]);
    seconds = (uint32_t)atoi(argv[optind + 2]);
    fill();
    if (open_sockets(sockets, count, port) < 0)
        return 1;
    bench_be_punctual(priority);
    start_ns = bench_now_ns() + 10000000;
    for (uint32_t number = 0; number < seconds * 200; number++)
        for (uint32_t group = 0; group < GROUPS && group < count; group++) {
            bench_sleep_until(start_ns + number * INT64_C(5000000) + group * INT64_C(1000000));
            send_group(sockets, count, group, number);
        }
    log = fopen(path, "w");
    for (uint32_t n = 0; log && n < click_count; n++)
        fprintf(log, "%u %lld\n", n, (long long)clicks_ns[n]);
    return !log || fclose(log) != 0;
}
