/* raw.read and raw.write give every byte back in any portions; image.read takes PNGs as they come.
 */
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "av_chain.h"
#include "check.h"

enum { NOTE_FAILED = 12, NOTE_DISCARDED = 13, NOTE_SHORT = 16 };

static char path[300];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", scratch_folder(), name);
    return path;
}

static void save(const char *file, const void *data, size_t bytes)
{
    FILE *stream = fopen(file, "wb");

    CHECK(stream != NULL);
    CHECK(fwrite(data, 1, bytes, stream) == bytes);
    fclose(stream);
}

static uint8_t *noise(size_t bytes)
{
    uint8_t *data = malloc(bytes);
    uint32_t seed = 5;

    for (size_t n = 0; n < bytes; n++)
        data[n] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    return data;
}

/* Copies with raw.read and raw.write until End; returns the frames. */
static uint32_t copy(const char *read_settings, const char *write_settings, int64_t *ret_short)
{
    struct rig read = {0}, write = {0};
    struct tt_frame end = {.flags = TT_END};
    uint32_t frames = 0;

    rig_make(&read, "raw.read", read_settings);
    rig_add_out(&read, "out", 0);
    rig_must_start(&read);
    rig_make(&write, "raw.write", write_settings);
    rig_join(&write, "in", 0, &read, 0);
    rig_must_start(&write);
    for (;;) {
        struct tt_frame *frame = rig_out(&read, 0);

        CHECK_INT(rig_call(&read, NULL), 0);
        if (frame->flags & TT_END)
            break;
        CHECK(frame->bytes > 0);
        CHECK_INT(frame->index, frames);
        CHECK_INT(rig_call(&write, frame), 0);
        frames++;
    }
    CHECK_INT(rig_call(&write, &end), 0);
    *ret_short = read.notes[NOTE_SHORT];
    rig_close(&read);
    rig_close(&write);
    return frames;
}

static void all_formats_come_back(void)
{
    static const struct {
        const char *settings;
        size_t bytes; /* of a frame */
    } cases[] = {
        {"format=I420 width=70 height=34", 70 * 34 * 3 / 2},
        {"format=nv12 width=70 height=34", 70 * 34 * 3 / 2},
        {"format=RGBA width=33 height=7", 33 * 7 * 4},
        {"format=yuv420p width=128 height=64", 128 * 64 * 3 / 2},
        {"format=F32P channels=3 quantum=441", 3 * 441 * 4},
        {"format=s16le channels=2 quantum=480", 2 * 480 * 2},
        {"format=S16 channels=1 quantum=17 sample_rate=16000", 17 * 2},
    };

    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        uint8_t *data = noise(cases[n].bytes * 5 + 11);
        char read[400], write[400];
        int64_t rest;

        save(in_folder("in.raw"), data, cases[n].bytes * 5 + 11);
        snprintf(read, sizeof(read), "url=%s %s", path, cases[n].settings);
        snprintf(write, sizeof(write), "url=%s", in_folder("out.raw"));
        CHECK_INT(copy(read, write, &rest), 5);
        CHECK_INT(rest, 11);
        CHECK_INT(shell(NULL, 0, "head -c %zu '%s/in.raw' | cmp - '%s'", cases[n].bytes * 5,
                        scratch_folder(), path),
                  0);
        free(data);
    }
}

/* A writer that gives odd portions with pauses, through standard input and output. */
static void through_pipes(void)
{
    enum { FRAME = 64 * 32 * 3 / 2, FRAMES = 40 };
    uint8_t *data = noise(FRAME * FRAMES), *back = malloc(FRAME * FRAMES + 1);
    int in[2], out[2];
    size_t got = 0;
    ssize_t r;
    pid_t writer, tactus;

    CHECK(pipe(in) == 0);
    CHECK(pipe(out) == 0);
    writer = fork();
    if (writer == 0) {
        for (size_t at = 0, portion = 1; at < FRAME * FRAMES; at += portion, portion += 97) {
            portion = portion < FRAME * FRAMES - at ? portion : FRAME * FRAMES - at;
            CHECK(write(in[1], data + at, portion) == (ssize_t)portion);
            usleep(100);
        }
        _exit(0);
    }
    tactus = fork();
    if (tactus == 0) {
        int64_t rest;

        dup2(in[0], 0);
        dup2(out[1], 1);
        close(in[1]);
        close(out[0]);
        (void)fcntl(0, F_SETFL, O_NONBLOCK);
        CHECK_INT(copy("url=- width=64 height=32", "url=-", &rest), FRAMES);
        CHECK_INT(rest, 0);
        _exit(0);
    }
    close(in[0]);
    close(in[1]);
    close(out[1]);
    while ((r = read(out[0], back + got, FRAME * FRAMES + 1 - got)) > 0)
        got += (size_t)r;
    CHECK_INT(got, FRAME * FRAMES);
    CHECK(memcmp(data, back, got) == 0);
    for (int n = 0; n < 2; n++) {
        int status;

        CHECK(wait(&status) > 0);
        CHECK(WIFEXITED(status));
        CHECK_INT(WEXITSTATUS(status), 0);
    }
    close(out[0]);
    free(data);
    free(back);
}

static void reader_leaves(void)
{
    struct rig write = {0};
    struct tt_format format = {0};
    uint32_t bytes = tt_format_video(&format, TT_I420, 64, 32);
    struct tt_frame frame = {.bytes = bytes};
    int out[2], kept = dup(1);

    format.rate = (struct tt_rational){25, 1};
    CHECK(pipe(out) == 0);
    CHECK(dup2(out[1], 1) == 1);
    close(out[1]);
    close(out[0]);
    rig_make(&write, "raw.write", "url=-");
    rig_add_in(&write, "in", 0, &format, NULL);
    rig_must_start(&write);
    frame.data = (tt_addr)(uintptr_t)noise(bytes);
    for (int n = 0; n < 3; n++)
        CHECK_INT(rig_call(&write, &frame), 0);
    CHECK_INT(write.notes[NOTE_FAILED], EPIPE);
    CHECK_INT(write.notes[NOTE_DISCARDED], 3);
    rig_close(&write);
    free((void *)(uintptr_t)frame.data);
    CHECK(dup2(kept, 1) == 1);
}

static void raw_refusals(void)
{
    static const char *const cases[] = {"url=/nowhere/x width=64 height=32",
                                        "url=- width=63 height=32", "url=- width=9000 height=32",
                                        "url=-"};

    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct rig rig = {0};

        rig_make(&rig, "raw.read", cases[n]);
        rig_add_out(&rig, "out", 0);
        CHECK(rig_shape(&rig) < 0);
        fprintf(stderr, "  %s\n", rig.error.text);
        rig_close(&rig);
    }
}

static void make_png(const char *file, uint32_t width, uint32_t height, uint32_t format)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = format};
    uint8_t *data = noise((size_t)PNG_IMAGE_SIZE(image));

    CHECK(png_image_write_to_file(&image, file, 0, data, 0, NULL));
    free(data);
}

static uint32_t random_next(uint32_t *seed)
{
    return *seed = *seed * 1664525u + 1013904223u;
}

static int read_png(const char *file, struct rig *rig)
{
    char settings[400];
    int r;

    snprintf(settings, sizeof(settings), "path=%s", file);
    rig_make(rig, "image.read", settings);
    rig_add_out(rig, "out", 0);
    r = rig_shape(rig);
    return r == 0 ? rig_start(rig) : r;
}

static void pictures(void)
{
    static const uint32_t formats[] = {PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB,
                                       PNG_FORMAT_RGBA, PNG_FORMAT_LINEAR_RGB_ALPHA};

    for (unsigned n = 0; n < sizeof(formats) / sizeof(formats[0]); n++) {
        struct rig rig = {0};
        const uint8_t *row;
        uint8_t *own = noise(37 * 11 * 4);

        make_png(in_folder("a.png"), 37, 11, formats[n]);
        CHECK_INT(read_png(path, &rig), 0);
        CHECK_INT(rig.shape.out[0].rate.num, 0);
        CHECK_INT(rig.shape.out[0].width, 37);
        CHECK_INT(rig_call(&rig, NULL), 0);
        CHECK_INT(rig_out(&rig, 0)->bytes, rig.shape.bytes_max[0]);
        row = tt_plane(&rig.shape.out[0], rig_out(&rig, 0)->data, 0);
        if (formats[n] == PNG_FORMAT_RGBA)
            CHECK(memcmp(row, own, 37 * 4) == 0);
        if (formats[n] == PNG_FORMAT_GRAY)
            CHECK(row[4] == own[1] && row[5] == own[1] && row[6] == own[1] && row[7] == 255);
        CHECK_INT(rig_call(&rig, NULL), 0);
        CHECK(rig_out(&rig, 0)->flags & TT_END);
        CHECK_INT(rig_out(&rig, 0)->bytes, 0);
        free(own);
        rig_close(&rig);
    }
}

static void pictures_that_lie(void)
{
    static const uint8_t huge[4] = {0, 0, 0x75, 0x30};
    uint32_t seed = 9, refused = 0;
    uint8_t data[4096];
    size_t bytes;
    FILE *file;
    struct rig rig = {0};

    make_png(in_folder("a.png"), 20, 20, PNG_FORMAT_RGB);
    file = fopen(path, "rb");
    bytes = fread(data, 1, sizeof(data), file);
    fclose(file);
    CHECK(bytes > 100 && bytes < sizeof(data));
    for (int n = 0; n < 300; n++) {
        uint8_t bad[4096];
        size_t length = n % 3 == 0 ? (size_t)n * bytes / 300 : bytes;

        memcpy(bad, data, bytes);
        for (int flip = 0; n % 3 != 0 && flip < 3; flip++)
            bad[random_next(&seed) % bytes] ^= (uint8_t)(random_next(&seed) >> 13 | 1);
        if (n == 1)
            memcpy(bad + 16, huge, 4);
        save(in_folder("bad.png"), bad, length);
        memset(&rig, 0, sizeof(rig));
        if (read_png(path, &rig) < 0) {
            CHECK(strstr(rig.error.text, "bad.png") != NULL);
            refused++;
        }
        rig_close(&rig);
    }
    fprintf(stderr, "  %u of 300 refused\n", refused);
    CHECK(refused > 200);
    memset(&rig, 0, sizeof(rig));
    CHECK_INT(read_png("/nowhere.png", &rig), -ENOENT);
    rig_close(&rig);
}

int main(void)
{
    alarm(1000); /* where nobody else ends what hangs */
    RUN(all_formats_come_back);
    RUN(through_pipes);
    RUN(reader_leaves);
    RUN(raw_refusals);
    RUN(pictures);
    RUN(pictures_that_lie);
    return 0;
}
