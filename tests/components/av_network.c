/* av.write where things go wrong outside: no viewer, a viewer that leaves, a full disk. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "av_chain.h"
#include "check.h"

#define SECOND INT64_C(1000000000)

enum { NOTE_NO_SPACE = 12, NOTE_DISCARDED = 13, NOTE_NO_VIEWER = 14, NOTE_RENAMED = 15 };

struct stream {
    struct rig encode, write;
    struct tt_format format;
    uint8_t *picture;
    int64_t index;
    int64_t step_ns_max; /* of the writer */
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static void stream_open(struct stream *stream, const char *settings, int64_t resume_ns)
{
    uint32_t bytes = tt_format_video(&stream->format, TT_I420, 320, 180);

    stream->format.rate = (struct tt_rational){50, 1};
    stream->picture = calloc(1, bytes);
    rig_make(&stream->encode, "av.encode",
             "codec=libx264 preset=ultrafast tune=zerolatency gop=10 bitrate=2M");
    rig_add_in(&stream->encode, "in", 0, &stream->format, NULL);
    rig_add_out(&stream->encode, "out", 1);
    rig_must_start(&stream->encode);
    rig_make(&stream->write, "av.write", settings);
    stream->write.request.resume_ns = resume_ns;
    rig_join(&stream->write, "video", 0, &stream->encode, 0);
    rig_must_start(&stream->write);
}

static void stream_step(struct stream *stream)
{
    uint32_t bytes = stream->format.plane_offset[2] + stream->format.stride[2] * 90;
    struct tt_frame in = {.data = (tt_addr)(uintptr_t)stream->picture,
                          .bytes = bytes,
                          .index = stream->index,
                          .origin_ns = stream->index * SECOND / 50};
    int64_t before_ns, took_ns;

    for (uint32_t n = 0; n < 320 * 180; n += 3)
        stream->picture[n] = (uint8_t)(n * (uint32_t)(stream->index % 97 + 1) >> 5);
    CHECK_INT(rig_call(&stream->encode, &in), 0);
    CHECK(rig_out(&stream->encode, 0)->bytes > 0);
    before_ns = now_ns();
    CHECK_INT(rig_call(&stream->write, rig_out(&stream->encode, 0)), 0);
    took_ns = now_ns() - before_ns;
    stream->step_ns_max = took_ns > stream->step_ns_max ? took_ns : stream->step_ns_max;
    stream->index++;
}

static void stream_close(struct stream *stream)
{
    struct tt_frame end = {.flags = TT_END};

    CHECK_INT(rig_call(&stream->write, &end), 0);
    rig_close(&stream->encode);
    rig_close(&stream->write);
    free(stream->picture);
}

static pid_t start_viewer(const char *url, const char *file, int seconds)
{
    pid_t child = fork();
    char length[16];

    CHECK(child >= 0);
    if (child != 0)
        return child;
    snprintf(length, sizeof(length), "%d", seconds);
    execlp("ffmpeg", "ffmpeg", "-v", "error", "-y", "-analyzeduration", "500000", "-i", url, "-t",
           length, "-c", "copy", file, (char *)NULL);
    _exit(127);
}

static long frames_in(const char *file)
{
    char text[64];

    if (shell(text, sizeof(text),
              "ffprobe -v error -count_frames -select_streams v -show_entries "
              "stream=nb_read_frames -of csv=p=0 '%s' 2>/dev/null | tr -d ,",
              file) != 0)
        return 0;
    return atol(text);
}

/* Feeds in real time until the child has ended, at most so long. */
static bool feed_until(struct stream *stream, pid_t child, int seconds)
{
    int64_t end_ns = now_ns() + seconds * SECOND;

    while (now_ns() < end_ns) {
        stream_step(stream);
        usleep(20000);
        if (waitpid(child, NULL, WNOHANG) == child)
            return true;
    }
    return false;
}

static bool has_srt(void)
{
    return shell(NULL, 0, "ffmpeg -v error -protocols 2>/dev/null | grep -qw srt") == 0;
}

static void viewers_come_and_go(void)
{
    char write[200], read[200], file[300];
    int port = 10000 + getpid() % 20000;
    struct stream stream = {0};

    if (!has_srt()) {
        fprintf(stderr, "  not run: this ffmpeg has no SRT\n");
        return;
    }
    snprintf(write, sizeof(write), "url=srt://127.0.0.1:%d?mode=listener", port);
    snprintf(read, sizeof(read), "srt://127.0.0.1:%d?mode=caller", port);
    stream_open(&stream, write, 0);
    for (int n = 0; n < 25; n++) {
        stream_step(&stream);
        usleep(2000);
    }
    CHECK_INT(stream.write.notes[NOTE_NO_VIEWER], 25);
    for (int viewer = 0; viewer < 2; viewer++) {
        pid_t child;

        snprintf(file, sizeof(file), "%s/seen%d.mkv", scratch_folder(), viewer);
        child = start_viewer(read, file, 1);
        if (!feed_until(&stream, child, 20)) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
            CHECK(!"a viewer that saw a second");
        }
        fprintf(stderr, "  viewer %d saw %ld pictures\n", viewer, frames_in(file));
        CHECK(frames_in(file) >= 30);
    }
    fprintf(stderr, "  longest step %lld us\n", (long long)stream.step_ns_max / 1000);
    CHECK(stream.step_ns_max < SECOND / 4);
    stream_close(&stream);
}

static void nobody_listens(void)
{
    struct stream stream = {0};
    int64_t before_ns;

    stream_open(&stream, "url=srt://127.0.0.1:9?mode=caller", 0);
    for (int n = 0; n < 25; n++)
        stream_step(&stream);
    before_ns = now_ns();
    stream_close(&stream);
    CHECK(now_ns() - before_ns < 5 * SECOND);
    memset(&stream, 0, sizeof(stream));
    stream_open(&stream, "url=udp://127.0.0.1:9", 0);
    for (int n = 0; n < 25; n++)
        stream_step(&stream);
    stream_close(&stream);
}

/* The limit on a file's size stands for the disk's end: write() fails in the middle. */
static void disk_is_full(void)
{
    static const char *const extensions[] = {"mkv", "mp4", "ts"};
    struct rlimit before, small = {.rlim_cur = 500000};

    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    (void)signal(SIGXFSZ, SIG_IGN);
    for (int n = 0; n < 3; n++) {
        struct stream stream = {0};
        char settings[300], file[200];
        int64_t error, discarded;

        snprintf(file, sizeof(file), "%s/full.%s", scratch_folder(), extensions[n]);
        snprintf(settings, sizeof(settings), "url=%s", file);
        stream_open(&stream, settings, 0);
        CHECK_INT(setrlimit(RLIMIT_FSIZE, &small), 0);
        for (int step = 0; step < 200; step++)
            stream_step(&stream);
        error = stream.write.notes[NOTE_NO_SPACE];
        discarded = stream.write.notes[NOTE_DISCARDED];
        stream_close(&stream);
        CHECK_INT(setrlimit(RLIMIT_FSIZE, &before), 0);
        fprintf(stderr, "  %s: errno %lld, %lld discarded, %ld pictures play\n", extensions[n],
                (long long)error, (long long)discarded, frames_in(file));
        CHECK_INT(error, EFBIG);
        CHECK(discarded > 0);
        CHECK(frames_in(file) > 0);
        CHECK(frames_in(file) + discarded >= 140);
    }
}

static void nothing_is_overwritten(void)
{
    struct stream stream = {0};
    char settings[300], file[200], text[64];

    snprintf(file, sizeof(file), "%s/kept.mkv", scratch_folder());
    snprintf(settings, sizeof(settings), "url=%s", file);
    CHECK_INT(shell(NULL, 0, "echo precious > '%s'", file), 0);
    stream_open(&stream, settings, 5 * SECOND);
    CHECK_INT(stream.write.notes[NOTE_RENAMED], 1);
    for (int n = 0; n < 20; n++)
        stream_step(&stream);
    stream_close(&stream);
    CHECK_INT(shell(text, sizeof(text), "cat '%s'", file), 0);
    CHECK_TEXT(text, "precious");
    snprintf(file, sizeof(file), "%s/kept.1.mkv", scratch_folder());
    CHECK_INT(frames_in(file), 20);
}

static void refusals(void)
{
    static const struct {
        const char *kind, *settings, *said, *nearest;
    } cases[] = {
        {"av.encode", "codec=libx265x", "ffmpeg -encoders", "libx265"},
        {"av.encode", "codec=libx264 prset=fast", "ffmpeg -h encoder=libx264", "preset"},
        {"av.encode", "codec=libx264 preset=superfats", "it has ultrafast", "superfast"},
        {"av.encode", "codec=libx264 profile=mian", "it has baseline", "main"},
        {"av.encode", "codec=aac", "encodes no video; for that there are libx264", NULL},
        {"av.write", "url=/tmp/x.unknown", "container"},
        {"av.write", "url=/tmp/x.mkv format=nonsense", "nonsense"},
        {"av.write", "url=/tmp/x.mkv cluster_limit=3", "cluster_limit"},
        {"av.write", "url=/tmp/x.wav", "cannot hold"},
        {"av.write", "url=-", "raw.write"},
    };

    for (unsigned n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct rig rig = {0};
        struct tt_format format = {0};

        rig_make(&rig, cases[n].kind, cases[n].settings);
        tt_format_video(&format, TT_I420, 320, 180);
        format.rate = (struct tt_rational){25, 1};
        if (strcmp(cases[n].kind, "av.write") == 0)
            format = (struct tt_format){.size = sizeof(format),
                                        .kind = TT_CODED_VIDEO,
                                        .fourcc = TT_H264,
                                        .width = 320,
                                        .height = 180,
                                        .rate = {25, 1}};
        rig_add_in(&rig, "in", 0, &format, NULL);
        if (strcmp(cases[n].kind, "av.encode") == 0)
            rig_add_out(&rig, "out", 1);
        CHECK(rig_shape(&rig) < 0);
        fprintf(stderr, "  %s\n", rig.error.text);
        CHECK(strstr(rig.error.text, cases[n].said) != NULL);
        CHECK_TEXT(rig.error.nearest, cases[n].nearest ? cases[n].nearest : "");
        rig_close(&rig);
    }
}

static void keys_on_demand(void)
{
    struct stream stream = {0};
    char settings[300];

    snprintf(settings, sizeof(settings), "url=%s/keys.mkv", scratch_folder());
    stream_open(&stream, settings, 0);
    for (int n = 0; n < 9; n++) {
        if (n == 5) {
            stream.encode.event = (struct tt_event){.kind = TT_EVENT_KEY};
            stream.encode.is_event_sent = true;
        }
        stream_step(&stream);
        CHECK_INT((rig_out(&stream.encode, 0)->flags & TT_KEY) != 0, n == 0 || n == 5);
        CHECK_INT(rig_out(&stream.encode, 0)->index, n);
    }
    CHECK_INT(stream.encode.shape.latency_ns, 0);
    stream_close(&stream);
}

int main(void)
{
    if (!has_ffmpeg()) {
        fprintf(stderr, "skipped: ffmpeg and ffprobe are not installed\n");
        return CHECK_SKIP;
    }
    alarm(1000); /* where nobody else ends what hangs */
    RUN(refusals);
    RUN(keys_on_demand);
    RUN(nothing_is_overwritten);
    RUN(disk_is_full);
    RUN(nobody_listens);
    RUN(viewers_come_and_go);
    return 0;
}
