/* video.preview on an SDL of the test's own: what it shows, and what a closed window ends.
 * audio.play on the real SDL, whose "disk" driver writes what a speaker would play. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "tactus/component.h"
#include "tactus/error.h"
#include "tactus/format.h"

extern const struct tt_component tt_component_video_preview, tt_component_audio_play;

enum { WIDTH = 64, HEIGHT = 32, SAMPLES = 480, CHANNELS = 2, RATE = 48000, SOUNDS = 6 };
enum { NOTE_DISCARDED = 13 };
/* What the speaker plays in all: 60 ms of silence, then the sounds. */
enum { SILENT = RATE * 60 / 1000 * CHANNELS, PLAYED = SILENT + SOUNDS * SAMPLES * CHANNELS };

static int64_t note_of[64]; /* the last value of each id */
static int notes[64];

static int on_note(void *ctx, uint32_t id, int64_t value)
{
    if (id < 64) {
        note_of[id] = value;
        notes[id]++;
    }
    return 0;
}

static const struct tt_host host = {.abi = TT_ABI, .size = sizeof(host), .note = on_note};

/* Every parameter as a service that names none gives it; times and texts that matter are 0 and "".
 */
static uint32_t fill_settings(const struct tt_component *component, struct tt_setting *ret)
{
    for (uint32_t n = 0; n < component->param_count; n++)
        ret[n] = (struct tt_setting){
            .param = n,
            .input = TT_NO_PORT,
            .i = component->params[n].type == TT_PARAM_TIME ? 60 * INT64_C(1000000) : 0};
    return component->param_count;
}

static int begin(const struct tt_component *component, const struct tt_format *in, void **state,
                 struct tt_error *err)
{
    static struct tt_setting settings[16];
    static const struct tt_pin pin = {"in", 0, 1};
    static struct tt_shape shape;
    struct tt_request request = {.size = sizeof(request),
                                 .in_count = 1,
                                 .in = in,
                                 .pins = &pin,
                                 .params = settings,
                                 .params_count = fill_settings(component, settings),
                                 .texts = "",
                                 .texts_bytes = 1,
                                 .rate = {25, 1},
                                 .is_live = 1};
    int r = component->shape(&request, &shape, err);

    *state = calloc(1, shape.state_bytes);
    CHECK(*state != NULL);
    r = r == 0 ? component->init(*state, &request, err) : r;
    r = r == 0 ? component->open(*state, NULL, &host, &request) : r;
    if (r < 0) {
        component->close(*state);
        free(*state);
    }
    return r;
}

/* Bytes that are left of the frame: 0 when it was taken and not written. */
static uint32_t give(const struct tt_component *component, void *state, void *data, uint32_t bytes)
{
    struct tt_frame frame = {.data = (uintptr_t)data, .bytes = bytes, .capacity = bytes};
    struct tt_call call = {
        .abi = TT_ABI, .size = sizeof(call), .in_count = 1, .frames = (uintptr_t)&frame};

    CHECK(component->edge->step(state, &call) == TT_DONE);
    return frame.bytes;
}

static void *fake(const char *name)
{
    void *library = dlopen("libSDL2-2.0.so.0", RTLD_NOW | RTLD_NOLOAD);
    void *found = library ? dlsym(library, name) : NULL;

    CHECK(found != NULL);
    return found;
}

static void test_preview(void)
{
    const struct tt_component *preview = &tt_component_video_preview;
    struct tt_format format = {.kind = TT_VIDEO, .rate = {25, 1}};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    uint8_t *picture = calloc(1, bytes);
    struct tt_error err = {0};
    void *state;

    CHECK(begin(preview, &format, &state, &err) == 0);
    CHECK(*(int *)fake("fake_windows") == 1 && *(int *)fake("fake_width") == WIDTH);
    for (int n = 1; n <= 5; n++) {
        memset(picture, n, bytes);
        CHECK(give(preview, state, picture, bytes) == bytes);
        CHECK(*(int *)fake("fake_presented") == n && *(uint8_t *)fake("fake_luma") == n);
    }
    CHECK(give(preview, state, picture, bytes / 2) == bytes / 2); /* a cut one is not read */
    CHECK(*(int *)fake("fake_presented") == 5);

    /* Closed: frames are taken, said to be not written, and nothing fails. */
    *(int *)fake("fake_close_at") = 5;
    for (int n = 0; n < 4; n++)
        CHECK(give(preview, state, picture, bytes) == 0);
    CHECK(*(int *)fake("fake_windows") == 0 && *(int *)fake("fake_presented") == 5);
    CHECK(notes[TT_NOTE_WRITE_FAILED] == 1 && note_of[TT_NOTE_WRITE_FAILED] == EPIPE);
    CHECK(note_of[NOTE_DISCARDED] == 4);
    preview->close(state);
    free(state);
    free(picture);
    CHECK(*(int *)fake("fake_windows") == 0);

    /* Without a screen it says so and what to do. */
    *(int *)fake("fake_has_screen") = 0;
    CHECK(begin(preview, &format, &state, &err) == -ENODEV);
    CHECK(strstr(err.text, "DISPLAY") != NULL);
    *(int *)fake("fake_has_screen") = 2; /* it draws into nothing, which nobody asked for */
    (void)unsetenv("SDL_VIDEODRIVER");
    CHECK(begin(preview, &format, &state, &err) == -ENODEV);
    *(int *)fake("fake_has_screen") = 0;
    CHECK(begin(&tt_component_audio_play,
                &(struct tt_format){
                    .kind = TT_AUDIO, .sample_rate = RATE, .channels = 1, .rate = {100, 1}},
                &state, &err) == -ENODEV);
    CHECK(strstr(err.text, "no sound") != NULL);
}

/* All samples come out in their order, behind the silence that the buffer begins with. */
static void check_sound(const char *path)
{
    FILE *file = fopen(path, "rb");
    float sample;
    size_t n = 0;

    CHECK(file != NULL);
    for (; n < PLAYED && fread(&sample, sizeof(sample), 1, file) == 1; n++) {
        size_t at = n - SILENT;

        if (n < SILENT)
            CHECK(sample == 0);
        else
            CHECK(sample == (at % CHANNELS ? -1.f : 1.f) * (float)(at / CHANNELS % 1000) / 1000);
    }
    CHECK(n == PLAYED);
    (void)fclose(file);
}

/* The speaker has taken all of it; it goes on with silence. */
static void wait_until_played(const char *path)
{
    struct stat seen = {0};

    for (int n = 0; n < 2000 && (size_t)seen.st_size < PLAYED * sizeof(float); n++) {
        (void)usleep(10000);
        CHECK(stat(path, &seen) == 0);
    }
}

static void play_some(void *state, const struct tt_format *format, float *sound, uint32_t bytes)
{
    for (uint32_t n = 0; n < SOUNDS * SAMPLES; n++) {
        uint32_t at = n % SAMPLES;

        tt_channel(format, (uintptr_t)sound, 0)[at] = (float)(n % 1000) / 1000;
        tt_channel(format, (uintptr_t)sound, 1)[at] = -(float)(n % 1000) / 1000;
        if (at == SAMPLES - 1)
            CHECK(give(&tt_component_audio_play, state, sound, bytes) == bytes);
    }
}

/* A speaker that takes 11 ms of sound in 100: the silence ahead lasts half a second, so that a busy
 * machine does not make it run dry, which would be heard as silence between the sounds. */
static int test_play(void)
{
    char path[] = "/tmp/tactus-play-XXXXXX";
    struct tt_format format = {.kind = TT_AUDIO};
    uint32_t bytes = tt_format_audio(&format, TT_F32P, RATE, CHANNELS, SAMPLES);
    float *sound = calloc(1, bytes);
    struct tt_error err = {0};
    int fd = mkstemp(path);
    void *state;

    CHECK(fd >= 0 && sound != NULL);
    (void)setenv("SDL_AUDIODRIVER", "disk", 1);
    (void)setenv("SDL_DISKAUDIOFILE", path, 1);
    (void)setenv("SDL_DISKAUDIODELAY", "100", 1);
    if (begin(&tt_component_audio_play, &format, &state, &err) < 0) {
        printf("skipped: %s\n", err.text);
        (void)unlink(path);
        return CHECK_SKIP;
    }
    play_some(state, &format, sound, bytes);
    wait_until_played(path);
    tt_component_audio_play.close(state);
    free(state);
    check_sound(path);
    (void)unlink(path);
    (void)close(fd);
    free(sound);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "play") == 0)
        return test_play();
    test_preview();
    return 0;
}
