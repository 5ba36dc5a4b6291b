/* A rival of the bench `grain`: Tactus's own sound components, each in a process of its own, quanta
 * of 10 ms through pipes. Talkers are released at phases of their own. It prints what all of them
 * used after the warm-up: hosts TALKERS SECONDS. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <time.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"
#include "components/harness.h"
#include "components/table.h"

enum { LENGTH = 5, TALKERS_MAX = 64, PERIOD_NS = 10000000, FRAME_MAX = 16384 };

struct parcel {
    int64_t index;
    uint32_t bytes, unused;
    uint8_t data[FRAME_MAX];
};

static const struct {
    const char *kind, *settings;
} stages[LENGTH] = {
    {"test.audio", NULL},     {"audio.gain", NULL}, {"audio.convert", "channels=1"},
    {"audio.loudness", NULL}, {"audio.gain", NULL},
};

static void prepare(struct harness *hosts)
{
    for (uint32_t n = 0; n < LENGTH; n++) {
        struct harness_params params = {.component = tt_component_find(stages[n].kind),
                                        .settings = stages[n].settings,
                                        .in_count = n > 0,
                                        .out_count = 1,
                                        .rate = {100, 1},
                                        .is_live = 1};

        CHECK(params.component != NULL);
        if (n > 0)
            params.in[0] = hosts[n - 1].shape.out[0];
        harness_open(&hosts[n], &params);
        CHECK(hosts[n].shape.bytes_max[0] <= FRAME_MAX);
    }
}

/* Without the harness's checks, as an engine would call it. */
static uint32_t call_bare(struct harness *host, const struct parcel *in, struct parcel *out)
{
    uint32_t ins = host->request.in_count;
    struct tt_frame frames[2] = {0};
    struct tt_call call = {.abi = TT_ABI,
                           .size = sizeof(call),
                           .index = in->index,
                           .media_ns = in->index * PERIOD_NS,
                           .in_count = ins,
                           .out_count = 1,
                           .frames = (tt_addr)(uintptr_t)frames};

    for (uint32_t n = 0; n < ins + 1; n++)
        frames[n] = (struct tt_frame){.data = (tt_addr)(uintptr_t)(n < ins ? in->data : out->data),
                                      .index = in->index,
                                      .origin_ns = in->index * PERIOD_NS,
                                      .duration_ns = PERIOD_NS,
                                      .bytes = n < ins ? in->bytes : 0,
                                      .capacity = n < ins ? in->bytes : host->shape.bytes_max[0],
                                      .handle = n};
    host->note_count = 0;
    CHECK(host->component->process(host->state, &call) >= 0);
    return frames[ins].bytes;
}

static bool move(int fd, void *data, size_t bytes, bool is_write)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t n = is_write ? write(fd, (uint8_t *)data + done, bytes - done)
                             : read(fd, (uint8_t *)data + done, bytes - done);

        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return true;
}

static void run(struct harness *host, int64_t first_ns, int in, int out)
{
    static _Alignas(64) struct parcel got, given;
    size_t head = offsetof(struct parcel, data);

    for (int64_t index = 0;; index++) {
        got.index = index;
        if (in < 0)
            bench_sleep_until(first_ns + index * PERIOD_NS);
        else if (!move(in, &got, head, false) || !move(in, got.data, got.bytes, false))
            return;
        given.index = got.index;
        given.bytes = call_bare(host, &got, &given);
        if (out >= 0 && !move(out, &given, head + given.bytes, true))
            return;
    }
}

static void start(struct harness *hosts, int64_t first_ns, pid_t *pids)
{
    int in = -1;

    for (int n = 0; n < LENGTH; n++) {
        int ends[2] = {-1, -1};

        CHECK(n == LENGTH - 1 || pipe(ends) == 0);
        pids[n] = fork();
        CHECK(pids[n] >= 0);
        if (pids[n] == 0) {
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (ends[0] >= 0)
                (void)close(ends[0]);
            run(&hosts[n], first_ns, in, ends[1]);
            _exit(0);
        }
        if (in >= 0)
            (void)close(in);
        if (ends[1] >= 0)
            (void)close(ends[1]);
        in = ends[0];
    }
}

static int64_t used_ns(const pid_t *pids, int count)
{
    int64_t sum_ns = 0;

    for (int n = 0; n < count; n++) {
        struct timespec spent;
        clockid_t clock;

        CHECK_INT(clock_getcpuclockid(pids[n], &clock), 0);
        CHECK_INT(clock_gettime(clock, &spent), 0);
        sum_ns += spent.tv_sec * INT64_C(1000000000) + spent.tv_nsec;
    }
    return sum_ns;
}

int main(int argc, char **argv)
{
    static struct harness hosts[LENGTH];
    pid_t pids[TALKERS_MAX * LENGTH];
    int talkers = argc == 3 ? atoi(argv[1]) : 0;
    int64_t begin_ns, early_ns;

    if (talkers < 1 || talkers > TALKERS_MAX) {
        (void)fprintf(stderr, "usage: hosts TALKERS SECONDS\n");
        return 2;
    }
    prepare(hosts);
    begin_ns = bench_now_ns() + 500000000;
    for (int n = 0; n < talkers; n++)
        start(hosts, begin_ns + n * (PERIOD_NS / talkers), pids + n * LENGTH);
    bench_sleep_until(begin_ns + 700000000);
    early_ns = used_ns(pids, talkers * LENGTH);
    begin_ns = bench_now_ns();
    bench_sleep_until(begin_ns + (int64_t)(atof(argv[2]) * 1e9));
    early_ns = used_ns(pids, talkers * LENGTH) - early_ns;
    (void)printf("{\"seconds\": %.6f, \"cpu_ns\": %lld}\n",
                 (double)(bench_now_ns() - begin_ns) / 1e9, (long long)early_ns);
    for (int n = 0; n < talkers * LENGTH; n++)
        (void)kill(pids[n], SIGKILL);
    while (wait(NULL) > 0)
        ;
    return 0;
}
