/* Media through the whole chain: pictures as they were, sound beside them, files that play. */
#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "av_chain.h"
#include "check.h"

/* The same encoder as Tactus and as ffmpeg names it. */
struct coder {
    const char *own, *reference;
};

static const struct coder fast = {
    "codec=libx264 preset=ultrafast tune=zerolatency bitrate=3M gop=25",
    "-c:v libx264 -preset ultrafast -tune zerolatency -b:v 3M -g 25 -threads 1"};
static const struct coder reordering = {"codec=libx264 preset=fast gop=25 bf=3",
                                        "-c:v libx264 -preset fast -g 25 -bf 3 -threads 1"};

static char source[256];

static void make_source(const char *name, const char *video, const char *audio)
{
    snprintf(source, sizeof(source), "%s/%s", scratch_folder(), name);
    CHECK_INT(shell(NULL, 0,
                    "ffmpeg -v error -y -f lavfi -i testsrc2=s=320x180:r=25 -f lavfi -i "
                    "sine=440:r=48000 -t 3 -pix_fmt yuv420p %s %s '%s'",
                    video, audio, source),
              0);
}

static double probe(const char *file, char stream, const char *what)
{
    char text[256];

    CHECK_INT(shell(text, sizeof(text),
                    "ffprobe -v error -select_streams %c -show_entries packet=%s -of csv=p=0 '%s' "
                    "| tr -d ' ,' | sort -g | %s -n 1",
                    stream, "pts_time", file, what),
              0);
    return atof(text);
}

static long decoded_frames(const char *file)
{
    char text[256];

    CHECK_INT(shell(text, sizeof(text),
                    "ffprobe -v error -count_frames -select_streams v -show_entries "
                    "stream=nb_read_frames -of csv=p=0 '%s' | tr -d ,",
                    file),
              0);
    return atol(text);
}

/* Where sound is heard first: without the priming that the player skips. */
static double first_sample(const char *file)
{
    char text[256];

    CHECK_INT(shell(text, sizeof(text),
                    "ffprobe -v error -select_streams a -show_entries frame=pts_time -of csv=p=0 "
                    "-read_intervals '%%+#1' '%s' | head -n 1 | tr -d ,",
                    file),
              0);
    return atof(text);
}

static double psnr(const char *a, const char *b)
{
    char text[256];

    CHECK_INT(
        shell(
            text, sizeof(text),
            "ffmpeg -nostats -i '%s' -i '%s' -lavfi "
            "'[0:v]settb=1/25,setpts=N[a];[1:v]settb=1/25,setpts=N[b];[a][b]psnr' -f null - 2>&1 | "
            "grep -o 'average:[0-9.inf]*' | cut -d: -f2",
            a, b),
        0);
    return strcmp(text, "inf") == 0 ? 100 : atof(text);
}

/* Quality against what ffmpeg itself makes of the same file with the same encoder. */
static void check_quality(const char *file, const struct coder *coder)
{
    char reference[300];
    double own, theirs;

    snprintf(reference, sizeof(reference), "%s/reference.mkv", scratch_folder());
    CHECK_INT(shell(NULL, 0, "ffmpeg -v error -y -i '%s' %s -an '%s'", source, coder->reference,
                    reference),
              0);
    own = psnr(file, source);
    theirs = psnr(reference, source);
    fprintf(stderr, "  psnr %.2f dB, ffmpeg's %.2f dB\n", own, theirs);
    CHECK(own > 28);
    CHECK(own > theirs - 0.5);
}

static void check_file(const char *file, const char *label)
{
    char text[512];
    double video_start = probe(file, 'v', "head"), audio_start = first_sample(file);
    double video_end = probe(file, 'v', "tail") + 0.04;
    double audio_end = probe(file, 'a', "tail") + 1024.0 / 48000;

    fprintf(stderr, "  %s: video %.3f to %.3f, audio %.3f to %.3f\n", label, video_start, video_end,
            audio_start, audio_end);
    CHECK_INT(shell(text, sizeof(text), "ffmpeg -v warning -i '%s' -f null - 2>&1", file), 0);
    CHECK_TEXT(text, "");
    CHECK_INT(decoded_frames(file), 75);
    CHECK(fabs(video_start - audio_start) < 0.020);
    CHECK(fabs(video_end - audio_end) < 0.020);
}

static void run(const char *out, const char *video, const char *audio)
{
    char read[400], write[400];
    struct chain_result result;

    snprintf(read, sizeof(read), "url=%s", source);
    snprintf(write, sizeof(write), "url=%s", out);
    chain_run(
        &(struct chain_params){
            .read = read, .video_encode = video, .audio_encode = audio, .write = write},
        &result);
    CHECK_INT(result.picture_count, 75);
    /* Matroska made by ffmpeg starts with the sound's priming: its picture comes 21 ms later. */
    CHECK(result.first_picture_ns >= 0);
    CHECK(result.first_picture_ns <= 22000000);
    CHECK_INT(result.first_quantum_ns, 0);
    for (int part = 0; part < 4; part++)
        for (int id = 0; id < RIG_NOTES; id++)
            if (result.notes[part][id] != 0 && id != 11) {
                fprintf(stderr, "part %d note %d: %lld\n", part, id,
                        (long long)result.notes[part][id]);
                CHECK(!"no notes");
            }
}

static void through(const char *in, const char *in_video, const char *extension,
                    const struct coder *coder)
{
    char out[300];

    make_source(in, in_video, "-c:a aac -b:a 128k");
    snprintf(out, sizeof(out), "%s/out.%s", scratch_folder(), extension);
    run(out, coder->own, "codec=aac bitrate=128k");
    check_file(out, extension);
    check_quality(out, coder);
}

static void mp4_to_matroska(void)
{
    through("in.mp4", "-c:v libx264 -g 25 -bf 2", "mkv", &fast);
}

static void matroska_to_mp4(void)
{
    through("in.mkv", "-c:v libx264 -g 25 -bf 2", "mp4", &fast);
}

static void reordering_to_mp4(void)
{
    through("in.mp4", "-c:v libx264 -g 25 -bf 0", "mp4", &reordering);
}

static void reordering_to_matroska(void)
{
    through("in.ts", "-c:v libx264 -g 25 -bf 2", "mkv", &reordering);
}

static void mpeg4_to_ts(void)
{
    through("in.mov", "-c:v mpeg4 -q:v 2 -g 25", "ts", &fast);
}

/* Ten bits, chroma in 4:2:2, and sound that comes in packets of any size. */
static void deep_colour_and_pcm(void)
{
    char read[400], write[400], out[300];
    struct chain_result result;

    make_source("in.mkv", "-pix_fmt yuv422p10le -c:v ffv1 -g 1", "-c:a pcm_s16le");
    snprintf(out, sizeof(out), "%s/out.mkv", scratch_folder());
    snprintf(read, sizeof(read), "url=%s", source);
    snprintf(write, sizeof(write), "url=%s", out);
    chain_run(&(struct chain_params){.read = read,
                                     .video_encode = fast.own,
                                     .audio_encode = "codec=pcm_s16le",
                                     .write = write},
              &result);
    CHECK_INT(result.picture_count, 75);
    CHECK_INT(decoded_frames(out), 75);
    fprintf(stderr, "  psnr %.2f dB\n", psnr(out, source));
    CHECK(psnr(out, source) > 28);
    CHECK(fabs(probe(out, 'v', "head") - probe(out, 'a', "head")) < 0.020);
}

/* Of a file that is being written; what is there can be read by others as well. */
static void wait_for_frames(const char *path, long count)
{
    for (int n = 0; n < 300 && decoded_frames(path) < count; n++)
        usleep(100000);
}

static void killed_files_play(void)
{
    static const char *const extensions[] = {"mkv", "mp4"};
    char out[300], read[512], write[512];

    make_source("in.mp4", "-c:v libx264 -g 25", "-c:a aac");
    for (int n = 0; n < 2; n++) {
        pid_t child;
        int status;
        long frames;

        snprintf(out, sizeof(out), "%s/killed.%s", scratch_folder(), extensions[n]);
        snprintf(read, sizeof(read), "url=%s loop=true", source);
        snprintf(write, sizeof(write), "url=%s", out);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            struct chain_result result;

            chain_run(&(struct chain_params){.read = read,
                                             .video_encode = fast.own,
                                             .audio_encode = "codec=aac",
                                             .write = write,
                                             .pause_us = 2000},
                      &result);
            _exit(0);
        }
        wait_for_frames(out, 24);
        CHECK_INT(kill(child, SIGKILL), 0);
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFSIGNALED(status));
        frames = decoded_frames(out);
        fprintf(stderr, "  killed %s: %ld frames\n", extensions[n], frames);
        CHECK(frames >= 24);
    }
}

int main(void)
{
    if (!has_ffmpeg()) {
        fprintf(stderr, "skipped: ffmpeg and ffprobe are not installed\n");
        return CHECK_SKIP;
    }
    alarm(1000); /* where nobody else ends what hangs */
    RUN(mp4_to_matroska);
    RUN(matroska_to_mp4);
    RUN(reordering_to_mp4);
    RUN(reordering_to_matroska);
    RUN(mpeg4_to_ts);
    RUN(deep_colour_and_pcm);
    RUN(killed_files_play);
    return 0;
}
