/* A viewer for the benches: reads pictures from stdin, and writes down for each the number and the
 * instant that are painted on it, and when its last byte had come.
 *
 * Usage: tssink [-p FIFO] -o FILE WIDTH HEIGHT [TILE_WIDTH TILE_HEIGHT]; the code is in the top
 * left corner of each tile of that size. FILE gets a line a picture: index, origin in us (both -1:
 * no code can be read), arrival in ns, of CLOCK_MONOTONIC; it is written at the end, so that
 * nothing waits. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "components/lib/timecode.h"

struct arrival {
    int64_t index, origin_us, at_ns;
};

static bool read_all(uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = read(STDIN_FILENO, data, bytes);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        bytes -= (size_t)done;
    }
    return true;
}

static int save(const char *path, const struct arrival *arrivals, size_t count)
{
    FILE *file = fopen(path, "w");

    if (!file)
        return 1;
    for (size_t n = 0; n < count; n++)
        fprintf(file, "%lld %lld %lld\n", (long long)arrivals[n].index,
                (long long)arrivals[n].origin_us, (long long)arrivals[n].at_ns);
    return fclose(file) != 0;
}

/* Number n has come when all tiles show it, or one behind it: the lowest number counts, and of
 * equal ones the oldest. The oldest of all would hide numbers where cameras do not begin together:
 * the last picture of one that has ended is older than what the others still show. */
static bool is_behind(const struct component_timecode *one, const struct arrival *other)
{
    return one->index < other->index ||
           (one->index == other->index && one->media_us < other->origin_us);
}

/* The code that is furthest behind; false when one cannot be read. */
static bool read_codes(const uint8_t *picture, const struct tt_format *tile, uint32_t width,
                       uint32_t height, struct arrival *ret)
{
    for (uint32_t y = 0; y + tile->height <= height; y += tile->height)
        for (uint32_t x = 0; x + tile->width <= width; x += tile->width) {
            const uint8_t *corner = picture + (size_t)y * width + x;
            struct component_timecode found;

            if (!component_timecode_read(tile, (uintptr_t)corner, &found)) {
                ret->index = ret->origin_us = -1;
                return false;
            }
            if (ret->origin_us >= 0 && !is_behind(&found, ret))
                continue;
            ret->index = found.index;
            ret->origin_us = found.media_us;
        }
    return true;
}

int main(int argc, char **argv)
{
    struct arrival *arrivals = NULL;
    size_t count = 0, room = 0, bytes;
    uint32_t width, height;
    const char *path = NULL;
    int option, priority = 0;
    struct tt_format tile;
    uint8_t *picture;

    while ((option = getopt(argc, argv, "p:o:")) != -1) {
        if (option == 'p')
            priority = atoi(optarg);
        else if (option == 'o')
            path = optarg;
    }
    if (!path || (argc - optind != 2 && argc - optind != 4)) {
        fprintf(stderr, "usage: tssink [-p FIFO] -o FILE WIDTH HEIGHT [TILE_WIDTH TILE_HEIGHT]\n");
        return 2;
    }
    width = (uint32_t)atoi(argv[optind]);
    height = (uint32_t)atoi(argv[optind + 1]);
    tile = bench_picture(width, height, width);
    if (argc - optind == 4) {
        tile.width = (uint32_t)atoi(argv[optind + 2]);
        tile.height = (uint32_t)atoi(argv[optind + 3]);
    }
    bytes = bench_picture_bytes(width, height);
    picture = malloc(bytes);
    bench_be_punctual(priority);
    while (picture && read_all(picture, bytes)) {
        struct arrival arrival = {-1, -1, bench_now_ns()};

        (void)read_codes(picture, &tile, width, height, &arrival);
        if (count == room) {
            room = room ? 2 * room : 65536;
            arrivals = realloc(arrivals, room * sizeof(*arrivals));
            if (!arrivals)
                return 1;
        }
        arrivals[count++] = arrival;
    }
    return save(path, arrivals, count);
}
