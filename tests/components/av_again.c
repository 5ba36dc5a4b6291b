/* A live input that went and is back is as long before its time as it was: the look at its streams
 * adds nothing. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "av_chain.h"
#include "check.h"

#define SECOND INT64_C(1000000000)

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec;
}

static volatile pid_t sending;

static void cut(int signal)
{
    (void)signal;
    if (sending > 0)
        (void)kill(sending, SIGKILL);
}

static void send_once(const char *url)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("ffmpeg", "ffmpeg", "-v", "quiet", "-nostdin", "-re", "-f", "lavfi", "-i",
           "testsrc2=s=160x90:r=25", "-c:v", "libx264", "-preset", "ultrafast", "-tune",
           "zerolatency", "-g", "10", "-f", "mpegts", "-flush_packets", "1", url, (char *)NULL);
    _exit(127);
}

/* Sends to whoever calls, and to the next when that one has gone or SIGUSR1 came. */
static pid_t start_sender(int port)
{
    char url[100];
    pid_t child = fork();

    CHECK(child >= 0);
    if (child > 0)
        return child;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGUSR1, cut);
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d?listen=1", port);
    for (;;) {
        sending = fork();
        if (sending == 0)
            send_once(url);
        while (waitpid(sending, NULL, 0) < 0 && errno == EINTR)
            continue;
        usleep(50000);
    }
}

/* Reads for so long; returns the most that a packet came before its time (by the reader's own
 * zero). */
static int64_t lead_ns(struct rig *read, int64_t for_ns)
{
    int64_t end_ns = now_ns() + for_ns, most_ns = INT64_MIN, count = 0;

    while (now_ns() < end_ns) {
        const struct tt_frame *frame = rig_out(read, 0);

        CHECK(rig_call(read, NULL) >= -EAGAIN);
        if (frame->bytes == 0)
            continue;
        count++;
        if (frame->origin_ns - now_ns() > most_ns)
            most_ns = frame->origin_ns - now_ns();
    }
    CHECK(count > 10);
    return most_ns;
}

static void await(struct rig *read, enum tt_note note, int64_t at_most_ns)
{
    int64_t end_ns = now_ns() + at_most_ns;

    while (read->notes[note] == 0 && now_ns() < end_ns)
        (void)rig_call(read, NULL);
    CHECK(read->notes[note] != 0);
}

/* The sender is called twice, to look and to read, and needs a while to be there again. */
static void open_read(struct rig *read, int port, int64_t resume_ns)
{
    char settings[200];

    snprintf(settings, sizeof(settings), "url=tcp://127.0.0.1:%d live=true", port);
    memset(read, 0, sizeof(*read));
    for (int tries = 0; tries < 100 && read->shape.state_bytes == 0; tries++) {
        usleep(50000);
        rig_make(read, "av.read", settings);
        rig_add_out(read, "video", 0);
        if (rig_shape(read) < 0)
            rig_close(read);
    }
    CHECK(read->shape.state_bytes > 0);
    read->request.resume_ns = resume_ns;
    for (int tries = 0; tries < 100 && !read->state; tries++) {
        usleep(50000);
        (void)rig_start(read);
    }
    CHECK(read->state != NULL);
}

/* A reader that begins in the middle goes on at the index that is on. */
static void resumed(int port)
{
    int64_t began_ns = now_ns(), index;
    struct rig read;

    open_read(&read, port, 60 * SECOND);
    while (rig_out(&read, 0)->bytes == 0 && now_ns() - began_ns < 20 * SECOND)
        (void)rig_call(&read, NULL);
    index = rig_out(&read, 0)->index;
    fprintf(stderr, "  after 60 s: index %lld\n", (long long)index);
    CHECK(index >= 60 * 25 && index <= 60 * 25 + (now_ns() - began_ns) / (SECOND / 25) + 1);
    rig_close(&read);
}

int main(void)
{
    int port = 10000 + getpid() % 20000;
    struct rig read;
    int64_t before_ns, after_ns;
    pid_t sender;

    if (!has_ffmpeg()) {
        fprintf(stderr, "skipped: ffmpeg and ffprobe are not installed\n");
        return CHECK_SKIP;
    }
    alarm(1000); /* where nobody else ends what hangs */
    sender = start_sender(port);
    open_read(&read, port, 0);
    before_ns = lead_ns(&read, 3 * SECOND / 2);
    kill(sender, SIGUSR1);
    await(&read, TT_NOTE_PEER_BACK, 40 * SECOND);
    after_ns = lead_ns(&read, SECOND);
    fprintf(stderr, "  %lld ms away; before its time by %+.0f ms more than before\n",
            (long long)read.notes[TT_NOTE_PEER_BACK], (double)(after_ns - before_ns) / 1e6);
    CHECK(llabs(after_ns - before_ns) < SECOND / 4);
    rig_close(&read);
    resumed(port);
    kill(sender, SIGKILL);
    waitpid(sender, NULL, 0);
    return 0;
}
