/* A listener for the benches: writes down when each RTP packet (L16, stereo) came, and where in it
 * a click begins.
 *
 * Usage: rtpsink [-p FIFO] -o LOG PORT SECONDS. LOG gets a line a packet: arrival in ns, RTP time,
 * samples, and the sample at which a click begins, -1: none does. It is written at the end. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

enum { LOUD = 8000, QUIET_SAMPLES = 4800, PACKET_BYTES = 16384, ARRIVALS_MAX = 1 << 20 };

struct arrival {
    int64_t at_ns;
    uint32_t rtp_time;
    int32_t samples, click;
};

static struct arrival *arrivals;
static uint32_t arrival_count, quiet_samples;

/* A click is loud after a time of quiet. */
static int32_t find_click(const int16_t *samples, int32_t count)
{
    int32_t found = -1;

    for (int32_t n = 0; n < count; n++) {
        int value = (int16_t)ntohs((uint16_t)samples[2 * n]);

        if (value > LOUD && quiet_samples >= QUIET_SAMPLES && found < 0)
            found = n;
        quiet_samples = value > LOUD ? 0 : quiet_samples + 1;
    }
    return found;
}

static void take(const uint8_t *packet, ssize_t bytes)
{
    struct arrival *arrival = &arrivals[arrival_count];
    int16_t samples[PACKET_BYTES / 2];

    if (bytes <= 12 || arrival_count == ARRIVALS_MAX)
        return;
    arrival->at_ns = bench_now_ns();
    memcpy(&arrival->rtp_time, packet + 4, 4);
    arrival->rtp_time = ntohl(arrival->rtp_time);
    memcpy(samples, packet + 12, (size_t)bytes - 12);
    arrival->samples = (int32_t)((bytes - 12) / 4);
    arrival->click = find_click(samples, arrival->samples);
    arrival_count++;
}

static int save(const char *path)
{
    FILE *log = fopen(path, "w");

    for (uint32_t n = 0; log && n < arrival_count; n++)
        fprintf(log, "%lld %u %d %d\n", (long long)arrivals[n].at_ns, arrivals[n].rtp_time,
                arrivals[n].samples, arrivals[n].click);
    return !log || fclose(log) != 0;
}

int main(int argc, char **argv)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct timeval patience = {.tv_usec = 100000};
    static uint8_t packet[PACKET_BYTES];
    const char *path = NULL;
    int option, priority = 0, fd, bytes = 1 << 21;
    int64_t end_ns;

    while ((option = getopt(argc, argv, "p:o:")) != -1) {
        if (option == 'p')
            priority = atoi(optarg);
        else if (option == 'o')
            path = optarg;
    }
    if (!path || argc - optind != 2) {
        fprintf(stderr, "usage: rtpsink [-p FIFO] -o LOG PORT SECONDS\n");
        return 2;
    }
    arrivals = calloc(ARRIVALS_MAX, sizeof(*arrivals));
    here.sin_port = htons((uint16_t)atoi(argv[optind]));
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (!arrivals || fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0)
        return 1;
    bench_be_punctual(priority);
    end_ns = bench_now_ns() + atoi(argv[optind + 1]) * INT64_C(1000000000);
    while (bench_now_ns() < end_ns)
        take(packet, recv(fd, packet, sizeof(packet), 0));
    return save(path);
}
