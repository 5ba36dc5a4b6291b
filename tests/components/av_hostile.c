/* Media that is damaged, absurd or not media: an error sentence or counted losses, never a crash,
 * a hang or memory without bound. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "av_chain.h"
#include "check.h"

enum { STEPS_MAX = 20000, CUTS = 20, FLIPPED = 200 };

struct play {
    int r; /* of probe or start */
    uint32_t pictures, quanta, failed;
    bool is_ended;
    int64_t index_last;
    int64_t read_notes[RIG_NOTES], decode_notes[RIG_NOTES];
    char sentence[TT_ERROR_TEXT_BYTES];
};

static char path[300];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", scratch_folder(), name);
    return path;
}

static uint8_t *load(const char *file, size_t *ret_bytes)
{
    FILE *stream = fopen(file, "rb");
    struct stat status;
    uint8_t *data;

    CHECK(stream != NULL);
    CHECK(fstat(fileno(stream), &status) == 0);
    *ret_bytes = (size_t)status.st_size;
    data = malloc(*ret_bytes + 1);
    CHECK(fread(data, 1, *ret_bytes, stream) == *ret_bytes);
    fclose(stream);
    return data;
}

static void save(const char *file, const void *data, size_t bytes)
{
    FILE *stream = fopen(file, "wb");

    CHECK(stream != NULL);
    CHECK(fwrite(data, 1, bytes, stream) == bytes);
    fclose(stream);
}

static void feed(struct rig *decode, const struct tt_frame *in, struct play *play)
{
    int r = rig_call(decode, in);

    for (uint32_t n = 0; n < 200; n++) {
        struct tt_frame *out = rig_out(decode, 0);

        play->failed += r < 0;
        if (r < 0)
            return;
        if (out->bytes > 0 && decode->shape.out[0].kind == TT_VIDEO) {
            CHECK(play->pictures == 0 || out->index > play->index_last);
            play->index_last = out->index;
            play->pictures++;
        } else if (out->bytes > 0) {
            play->quanta++;
        }
        if (r != TT_AGAIN)
            return;
        r = rig_call(decode, NULL);
    }
    CHECK(!"a decoder that comes to an end");
}

static int open_all(struct rig *read, struct rig *decode, const char *settings,
                    const char *const *outputs, uint32_t count)
{
    int r;

    rig_make(read, "av.read", settings);
    for (uint32_t n = 0; n < count; n++)
        rig_add_out(read, outputs[n],
                    strcmp(outputs[n], "video") == 0   ? 0
                    : strcmp(outputs[n], "audio") == 0 ? 1
                                                       : 2);
    r = rig_shape(read);
    for (uint32_t n = 0; n < count && r == 0; n++) {
        rig_make(&decode[n], "av.decode", "");
        rig_join(&decode[n], "in", 0, read, n);
        rig_add_out(&decode[n], "out", 1);
        r = rig_shape(&decode[n]);
        if (r == 0)
            r = rig_start(&decode[n]);
        if (r < 0)
            memcpy(&read->error, &decode[n].error, sizeof(read->error));
    }
    return r == 0 ? rig_start(read) : r;
}

/* Plays to the end, whatever it is. */
static void play_file(const char *settings, const char *const *outputs, uint32_t count,
                      struct play *ret)
{
    struct rig *read = calloc(1, sizeof(*read)), *decode = calloc(2, sizeof(*decode));

    memset(ret, 0, sizeof(*ret));
    ret->r = open_all(read, decode, settings, outputs, count);
    snprintf(ret->sentence, sizeof(ret->sentence), "%s", read->error.text);
    for (uint32_t step = 0; ret->r == 0 && !ret->is_ended && step < STEPS_MAX; step++) {
        int r = rig_call(read, NULL);

        CHECK(r == 0 || r < 0);
        ret->is_ended = r < 0 && r != -EAGAIN;
        for (uint32_t n = 0; n < count && r == 0; n++) {
            struct tt_frame *frame = rig_out(read, n);

            ret->is_ended = ret->is_ended || (frame->flags & TT_END);
            if (frame->bytes > 0)
                feed(&decode[n], frame, ret);
        }
    }
    for (uint32_t n = 0; n < count && ret->r == 0; n++)
        feed(&decode[n], &(struct tt_frame){.flags = TT_END}, ret);
    memcpy(ret->read_notes, read->notes, sizeof(ret->read_notes));
    memcpy(ret->decode_notes, decode[0].notes, sizeof(ret->decode_notes));
    rig_close(read);
    for (uint32_t n = 0; n < 2; n++)
        rig_close(&decode[n]);
    free(read);
    free(decode);
}

static const char *const both[] = {"video", "audio"};

static void play_both(const char *file, struct play *ret)
{
    char settings[400];

    snprintf(settings, sizeof(settings), "url=%s", file);
    play_file(settings, both, 2, ret);
}

static void make(const char *name, const char *arguments)
{
    char file[300];

    snprintf(file, sizeof(file), "%s/%s", scratch_folder(), name);
    CHECK_INT(shell(NULL, 0,
                    "ffmpeg -v error -y -f lavfi -i testsrc2=s=160x96:r=25 -f lavfi -i "
                    "sine=440:r=48000 -t 2 -pix_fmt yuv420p -c:v libx264 -g 25 -c:a aac -b:a 64k "
                    "%s '%s'",
                    arguments, file),
              0);
}

static uint32_t random_next(uint32_t *seed)
{
    return *seed = *seed * 1664525u + 1013904223u;
}

static void whole(void)
{
    static const char *const names[] = {"a.mp4", "a.mkv", "a.ts"};

    for (int n = 0; n < 3; n++) {
        struct play play;

        make(names[n], "");
        play_both(in_folder(names[n]), &play);
        CHECK_INT(play.r, 0);
        CHECK_INT(play.pictures, 50);
        CHECK(play.quanta >= 93);
        CHECK_INT(play.failed, 0);
        CHECK(play.is_ended);
    }
}

static void cut_anywhere(void)
{
    static const char *const names[] = {"a.mp4", "a.mkv", "a.ts"};
    uint32_t seed = 7, played = 0, refused = 0;

    for (int name = 0; name < 3; name++) {
        size_t bytes;
        uint8_t *data = load(in_folder(names[name]), &bytes);
        char file[300];

        snprintf(file, sizeof(file), "%s/cut%s", scratch_folder(), strchr(names[name], '.'));
        for (int n = 0; n < CUTS; n++) {
            struct play play;

            save(file, data, random_next(&seed) % bytes);
            play_both(file, &play);
            CHECK(play.pictures <= 50);
            CHECK(play.r == 0 || play.sentence[0] != 0);
            CHECK(play.r != 0 || play.is_ended);
            played += play.pictures > 0;
            refused += play.r != 0;
        }
        free(data);
    }
    fprintf(stderr, "  %u played in part, %u refused\n", played, refused);
    CHECK(played > 0);
    CHECK(refused > 0);
}

static void bytes_flipped(void)
{
    static const char *const names[] = {"a.mp4", "a.mkv", "a.ts"};
    uint32_t seed = 11, played = 0, refused = 0, counted = 0;

    for (int n = 0; n < FLIPPED; n++) {
        size_t bytes;
        const char *name = names[n % 3];
        uint8_t *data = load(in_folder(name), &bytes);
        struct play play;
        char file[300];

        for (uint32_t flip = random_next(&seed) % 64 + 1; flip > 0; flip--)
            data[(random_next(&seed) >> 4) % bytes] ^= (uint8_t)(random_next(&seed) >> 16);
        snprintf(file, sizeof(file), "%s/flipped%s", scratch_folder(), strchr(name, '.'));
        save(file, data, bytes);
        play_both(file, &play);
        CHECK(play.r == 0 || play.sentence[0] != 0);
        CHECK(play.r != 0 || play.is_ended);
        played += play.pictures > 0;
        refused += play.r != 0;
        counted += play.failed > 0;
        free(data);
    }
    fprintf(stderr, "  %u played, %u refused, %u with counted failures\n", played, refused,
            counted);
    CHECK(played > FLIPPED / 4);
    CHECK(counted > 0);
}

static void not_media(void)
{
    static const struct {
        const char *name, *text;
    } files[] = {{"empty.mp4", ""}, {"words.txt", "These are words.\n"}, {"short.ts", "G"}};
    struct play play;
    uint8_t *zeros = calloc(1, 10 << 20);

    for (unsigned n = 0; n < sizeof(files) / sizeof(files[0]); n++) {
        save(in_folder(files[n].name), files[n].text, strlen(files[n].text));
        play_both(path, &play);
        fprintf(stderr, "  %s\n", play.sentence);
        CHECK(play.r < 0);
        CHECK(strstr(play.sentence, files[n].name) != NULL);
    }
    save(in_folder("zeros.mkv"), zeros, 10 << 20);
    free(zeros);
    play_both(path, &play);
    CHECK(play.r < 0);
    play_both("/nowhere/at.all", &play);
    CHECK_INT(play.r, -ENOENT);
    play_both("-", &play);
    CHECK_INT(play.r, -EINVAL);
}

static void sound_missing(void)
{
    static const char *const chosen[] = {"video0"}, *const bad[] = {"audio3"};
    char settings[400];
    struct play play;

    make("silent.mp4", "-an");
    play_both(in_folder("silent.mp4"), &play);
    CHECK_INT(play.r, -ENOENT);
    CHECK(strstr(play.sentence, "'audio'") != NULL);
    CHECK(strstr(play.sentence, "h264") != NULL);
    snprintf(settings, sizeof(settings), "url=%s", path);
    play_file(settings, chosen, 1, &play);
    CHECK_INT(play.r, 0);
    CHECK_INT(play.pictures, 50);
    play_file(settings, bad, 1, &play);
    CHECK_INT(play.r, -ENOENT);
}

static void claims_too_much(void)
{
    size_t bytes;
    struct play play;
    uint8_t *data;
    uint32_t changed = 0;

    /* The size in the track header and in the sample entry of an MP4 without a parsed stream. */
    make("claim.mp4", "-c:v mjpeg -pix_fmt yuvj420p");
    data = load(in_folder("claim.mp4"), &bytes);
    for (size_t n = 0; n + 36 < bytes; n++)
        if (memcmp(data + n, "mp4v", 4) == 0 || memcmp(data + n, "jpeg", 4) == 0) {
            data[n + 28] = 0x75, data[n + 29] = 0x30; /* 30000 */
            data[n + 30] = 0x75, data[n + 31] = 0x30;
            changed++;
        }
    save(path, data, bytes);
    free(data);
    play_both(path, &play);
    fprintf(stderr, "  %s\n", play.r ? play.sentence : "played at its true size");
    CHECK(changed > 0);
    CHECK(play.r < 0 || play.pictures <= 50);
}

/* A header without anything behind it, of 8K and of more than anybody takes. */
static void header_alone(void)
{
    static const char *const video[] = {"video"};
    static const char *const headers[] = {"YUV4MPEG2 W7680 H4320 F25:1 C420jpeg\nFRAME\nxyz",
                                          "YUV4MPEG2 W16000 H16000 F25:1 C420jpeg\nFRAME\nxyz",
                                          "YUV4MPEG2 W64 H64 F1000000:1 C420jpeg\nFRAME\nxyz"};

    for (int n = 0; n < 3; n++) {
        char settings[400];
        struct play play;

        save(in_folder("header.y4m"), headers[n], strlen(headers[n]));
        snprintf(settings, sizeof(settings), "url=%s", path);
        play_file(settings, video, 1, &play);
        fprintf(stderr, "  %s\n", play.r ? play.sentence : "no picture");
        CHECK_INT(play.pictures, 0);
        CHECK(n == 0 || play.r < 0);
    }
}

/* Two sizes one after the other in one elementary stream, then the first again. */
static void size_changes(void)
{
    static const char *const video[] = {"video"};
    char settings[400];
    struct play play;

    for (int n = 0; n < 2; n++)
        CHECK_INT(shell(NULL, 0,
                        "ffmpeg -v error -y -f lavfi -i testsrc2=s=%s:r=25 -t 1 -pix_fmt yuv420p "
                        "-c:v libx264 -g 25 -bf 0 -f h264 '%s/%c.264'",
                        n ? "128x64" : "160x96", scratch_folder(), 'x' + n),
                  0);
    CHECK_INT(shell(NULL, 0, "cd '%s' && cat x.264 y.264 x.264 > xyx.264", scratch_folder()), 0);
    snprintf(settings, sizeof(settings), "url=%s", in_folder("xyx.264"));
    play_file(settings, video, 1, &play);
    fprintf(stderr, "  %u pictures, %u failed, %lld of another size\n", play.pictures, play.failed,
            (long long)play.decode_notes[7]);
    CHECK_INT(play.r, 0);
    CHECK(play.pictures >= 48);
    CHECK(play.pictures <= 52);
    CHECK(play.decode_notes[7] >= 24);
}

/* The decoder alone, with what a hostile edge could give it. */
static void packets_from_hell(void)
{
    struct rig read = {0}, decode = {0};
    char settings[400];
    uint8_t noise[3000];
    uint32_t seed = 3;
    struct play play = {0};

    snprintf(settings, sizeof(settings), "url=%s", in_folder("a.mp4"));
    rig_make(&read, "av.read", settings);
    rig_add_out(&read, "video", 0);
    rig_must_start(&read);
    rig_make(&decode, "av.decode", "");
    rig_join(&decode, "in", 0, &read, 0);
    rig_add_out(&decode, "out", 1);
    rig_must_start(&decode);
    for (int n = 0; n < 400; n++) {
        struct tt_frame frame = {.data = (tt_addr)(uintptr_t)noise, .index = n};

        for (size_t at = 0; at < sizeof(noise); at++)
            noise[at] = (uint8_t)(random_next(&seed) >> 24);
        frame.bytes = random_next(&seed) % sizeof(noise);
        frame.origin_ns = (int64_t)(((uint64_t)random_next(&seed) << 32 | random_next(&seed)) >> 4);
        frame.flags = n % 7 == 0 ? TT_KEY : n % 31 == 0 ? TT_DISCONT : 0;
        feed(&decode, &frame, &play);
    }
    CHECK(play.failed > 0);
    CHECK_INT(play.pictures, 0);
    /* And then it still decodes. */
    for (int n = 0; n < 200; n++) {
        CHECK(rig_call(&read, NULL) == 0);
        if (n == 0)
            rig_out(&read, 0)->flags |= TT_DISCONT;
        if (rig_out(&read, 0)->bytes > 0)
            feed(&decode, rig_out(&read, 0), &play);
    }
    CHECK(play.pictures >= 45);
    rig_close(&read);
    rig_close(&decode);
}

/* Stamps of a transport stream, shifted for a second half that starts again at 0. */
static void stamps_go_back(void)
{
    struct play play;

    CHECK_INT(shell(NULL, 0, "cd '%s' && cat a.ts a.ts > aa.ts", scratch_folder()), 0);
    play_both(in_folder("aa.ts"), &play);
    fprintf(stderr, "  %u pictures, bad stamps %lld\n", play.pictures,
            (long long)play.read_notes[3]);
    CHECK_INT(play.r, 0);
    CHECK(play.pictures >= 97);
    CHECK(play.pictures <= 100);
    CHECK(play.read_notes[3] > 0);
    CHECK(play.is_ended);
}

static void loops_and_starts(void)
{
    char settings[400];
    struct play play;

    snprintf(settings, sizeof(settings), "url=%s loop=2", in_folder("a.mp4"));
    play_file(settings, both, 2, &play);
    CHECK_INT(play.pictures, 150);
    CHECK_INT(play.index_last, 149);
    CHECK(play.quanta >= 279);
    CHECK(play.quanta <= 284);
    CHECK_INT(play.read_notes[3], 0);
    snprintf(settings, sizeof(settings), "url=%s start=1500ms", in_folder("a.mp4"));
    play_file(settings, both, 2, &play);
    CHECK_INT(play.pictures, 25);
    CHECK_INT(play.index_last, 24);
    CHECK(play.quanta >= 46);
    CHECK(play.quanta <= 49);
}

int main(void)
{
    struct rlimit memory = {.rlim_cur = 2l << 30, .rlim_max = 2l << 30};

    if (!has_ffmpeg()) {
        fprintf(stderr, "skipped: ffmpeg and ffprobe are not installed\n");
        return CHECK_SKIP;
    }
    alarm(1000); /* where nobody else ends what hangs */
#ifndef __SANITIZE_ADDRESS__
    CHECK_INT(setrlimit(RLIMIT_DATA, &memory), 0);
#else
    (void)memory;
#endif
    RUN(whole);
    RUN(cut_anywhere);
    RUN(bytes_flipped);
    RUN(not_media);
    RUN(sound_missing);
    RUN(claims_too_much);
    RUN(header_alone);
    RUN(size_changes);
    RUN(packets_from_hell);
    RUN(stamps_go_back);
    RUN(loops_and_starts);
    return 0;
}
