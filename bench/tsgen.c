/* A camera for the benches: pictures at a steady pace on stdout, each painted with its number and
 * the instant at which it began to be written.
 *
 * Usage: tsgen [-p FIFO] [-l LOG] [-s] WIDTH HEIGHT RATE COUNT. A picture whose instant is past
 * when the one before it has been taken is left out and counted, as a camera would: what reads too
 * slowly loses pictures and is not given time. LOG gets `sent`, `dropped` and the longest write.
 * With -s several begin together: each says `ready` on stderr when its pictures are drawn, and is
 * told on stdin the instant of CLOCK_MONOTONIC, in ns, at which all begin. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "components/lib/timecode.h"

enum { PHASES = 32, STEP = 8 }; /* the pattern moves 8 pixels a picture and repeats after 256 */

struct generator {
    uint32_t width, height, count;
    int64_t period_ns, start_ns;
    size_t bytes;
    uint8_t *pictures[PHASES];
    uint64_t sent, dropped;
    int64_t write_ns_max;
};

static uint8_t wave(uint32_t at)
{
    at &= 255;
    return (uint8_t)(at < 128 ? at : 255 - at);
}

/* Something to code: slopes, and a texture that moves with them. */
static void draw(const struct generator *generator, uint8_t *picture, uint32_t phase)
{
    uint32_t width = generator->width, height = generator->height, shift = phase * STEP;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint32_t at = (x + shift) & 255, grain = (at * 2654435761u ^ y * 40503u) >> 13 & 7;

            picture[(size_t)y * width + x] = (uint8_t)(40 + wave(at) / 2 + wave(2 * y) / 2 + grain);
        }
    picture += (size_t)width * height;
    for (uint32_t plane = 0; plane < 2; plane++)
        for (uint32_t y = 0; y < height / 2; y++)
            for (uint32_t x = 0; x < width / 2; x++)
                *picture++ = (uint8_t)(96 + wave((plane ? 2 * y : 2 * x) + shift) / 2);
}

/* False when the reader has gone. */
static bool write_all(const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write(STDOUT_FILENO, data, bytes);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        bytes -= (size_t)done;
    }
    return true;
}

/* Drawing takes as long as it takes: an instant that was fixed before is past for some of them. */
static bool await_others(struct generator *generator)
{
    char line[32];

    fprintf(stderr, "ready\n");
    if (!fgets(line, sizeof(line), stdin))
        return false;
    generator->start_ns = atoll(line);
    return true;
}

static void run(struct generator *generator)
{
    struct tt_format format = bench_picture(generator->width, generator->height, generator->width);
    int64_t start_ns = bench_now_ns() + generator->period_ns;

    start_ns = generator->start_ns > start_ns ? generator->start_ns : start_ns;
    for (uint32_t index = 0; index < generator->count; index++) {
        uint8_t *picture = generator->pictures[index % PHASES];
        int64_t due_ns = start_ns + index * generator->period_ns, began_ns = bench_now_ns();
        struct component_timecode code = {.index = index};

        if (began_ns >= due_ns + generator->period_ns) {
            generator->dropped++;
            continue;
        }
        bench_sleep_until(due_ns);
        began_ns = bench_now_ns();
        code.media_us = began_ns / 1000;
        component_timecode_paint(&format, (uintptr_t)picture, &code);
        if (!write_all(picture, generator->bytes))
            return;
        generator->sent++;
        if (bench_now_ns() - began_ns > generator->write_ns_max)
            generator->write_ns_max = bench_now_ns() - began_ns;
    }
}

static int report(const struct generator *generator, const char *path)
{
    FILE *log = path ? fopen(path, "w") : NULL;

    if (path && !log)
        return 1;
    if (log)
        fprintf(log, "sent %llu\ndropped %llu\nwrite_ns_max %lld\n",
                (unsigned long long)generator->sent, (unsigned long long)generator->dropped,
                (long long)generator->write_ns_max);
    return log && fclose(log) != 0;
}

int main(int argc, char **argv)
{
    struct generator generator = {0};
    const char *log = NULL;
    int option, priority = 0;
    bool has_others = false;

    while ((option = getopt(argc, argv, "p:l:s")) != -1) {
        if (option == 'p')
            priority = atoi(optarg);
        else if (option == 'l')
            log = optarg;
        else if (option == 's')
            has_others = true;
        else
            return 2;
    }
    if (argc - optind != 4 || atoi(argv[optind + 2]) < 1) {
        fprintf(stderr, "usage: tsgen [-p FIFO] [-l LOG] [-s] WIDTH HEIGHT RATE COUNT\n");
        return 2;
    }
    generator.width = (uint32_t)atoi(argv[optind]);
    generator.height = (uint32_t)atoi(argv[optind + 1]);
    generator.period_ns = 1000000000 / atoi(argv[optind + 2]);
    generator.count = (uint32_t)atoi(argv[optind + 3]);
    generator.bytes = bench_picture_bytes(generator.width, generator.height);
    for (uint32_t n = 0; n < PHASES; n++) {
        generator.pictures[n] = malloc(generator.bytes);
        if (!generator.pictures[n])
            return 1;
        draw(&generator, generator.pictures[n], n);
    }
    (void)signal(SIGPIPE, SIG_IGN);
    bench_be_punctual(priority);
    if (has_others && !await_others(&generator))
        return 1;
    run(&generator);
    return report(&generator, log);
}
