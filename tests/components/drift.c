/* Media with another clock's stamps for an hour of virtual time, either way: no click, no sample
 * lost, and a delay that stays what it was. What is not drift is told as what it is. */
#include <math.h>
#include <stdint.h>

#include "check.h"
#include "components/drift/clock.h"
#include "components/drift/pace.h"

#define SECOND INT64_C(1000000000)

/* The hour is of telephone sound, so that it lasts a second; the suite reads some of studio sound
 * too. */
enum { PERIOD = 50, PACKETS_A_SECOND = 50, SAMPLES_MAX = 960, HELD_NS = 300000000 };

static uint64_t chance_state = 1;

static uint32_t chance(uint32_t below)
{
    chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(chance_state >> 33) % below;
}

/* What a tone's own recursion does not explain. */
struct ear {
    double before, last, residue;
    int64_t heard;
};

static void hear(struct ear *ear, const float *sound, uint32_t count)
{
    const double twice_cosine = 2 * cos(2 * M_PI / PERIOD);

    for (uint32_t n = 0; n < count; n++, ear->heard++) {
        double rest = fabs(sound[n] + ear->before - twice_cosine * ear->last);

        if (ear->heard > 2000 && rest > ear->residue)
            ear->residue = rest;
        ear->before = ear->last;
        ear->last = sound[n];
    }
}

struct chain {
    struct drift_clock clock;
    struct drift_pace pace;
    struct drift_table table;
    float tone[PERIOD], line[SAMPLES_MAX + 4 * DRIFT_TAPS], sound[2 * SAMPLES_MAX];
    int64_t place; /* of the next sample that is heard, on our line */
    double off_max, slack_ns_least, slack_ns_most;
    struct ear ear;
};

struct sender {
    uint32_t rate, jitter_ns;
    double ppm;      /* faster than ours */
    int64_t tick_ns; /* its stamps are multiples */
};

static void chain_init(struct chain *chain, const struct sender *sender)
{
    *chain = (struct chain){.place = -1, .slack_ns_least = 1e18, .slack_ns_most = -1e18};
    drift_table_init(&chain->table);
    drift_pace_init(&chain->pace, &chain->table, chain->line, drift_pace_stride(SAMPLES_MAX), 1,
                    sender->rate);
    for (uint32_t n = 0; n < PERIOD; n++)
        chain->tone[n] = (float)(0.5 * sin(2 * M_PI * n / PERIOD));
    CHECK(drift_pace_stride(SAMPLES_MAX) <= sizeof(chain->line) / sizeof(float));
}

/* Packet `number` of the sender comes: its stamp is moved to our clock and its tone read on our
 * grid. */
static void take(struct chain *chain, const struct sender *sender, int64_t number)
{
    uint32_t count = sender->rate / PACKETS_A_SECOND, ready;
    int64_t stamp_ns = number * (SECOND / PACKETS_A_SECOND) / sender->tick_ns * sender->tick_ns;
    int64_t arrival_ns =
        (int64_t)((double)(number + 1) * (SECOND / PACKETS_A_SECOND) / (1 + sender->ppm * 1e-6)) +
        SECOND + chance(sender->jitter_ns);
    int64_t leapt_ns = drift_clock_heard(&chain->clock, stamp_ns, arrival_ns),
            origin_ns = drift_clock_map(&chain->clock, stamp_ns);
    double belongs = (double)origin_ns * sender->rate / 1e9, off;
    float *to = drift_pace_room(&chain->pace, 0), *heard = chain->sound;

    CHECK_INT(leapt_ns, 0);
    if (chain->place < 0)
        chain->place = (int64_t)(belongs + 0.5);
    off = belongs - (double)chain->place - drift_pace_held(&chain->pace);
    CHECK_INT(drift_pace_steer(&chain->pace, off, 1.0 / PACKETS_A_SECOND), 0);
    for (uint32_t n = 0; n < count; n++)
        to[n] = chain->tone[(number * count + n) % PERIOD];
    drift_pace_put(&chain->pace, count);
    ready = drift_pace_ready(&chain->pace);
    CHECK(ready > count - 3 * DRIFT_TAPS && ready <= 2 * SAMPLES_MAX);
    drift_pace_read(&chain->pace, &heard, ready);
    hear(&chain->ear, heard, ready);
    chain->place += ready;
    if (number < 120 * PACKETS_A_SECOND)
        return;
    chain->off_max = fmax(chain->off_max, fabs(off) / sender->rate);
    chain->slack_ns_least = fmin(chain->slack_ns_least, (double)(origin_ns + HELD_NS - arrival_ns));
    chain->slack_ns_most = fmax(chain->slack_ns_most, (double)(origin_ns + HELD_NS - arrival_ns));
}

static void drifting(const struct sender *sender, int64_t seconds)
{
    static struct chain chain;
    double moved_ns;

    chain_init(&chain, sender);
    for (int64_t number = 0; number < seconds * PACKETS_A_SECOND; number++)
        take(&chain, sender, number);
    /* Jitter makes packets come late by itself; the rest is how far the delay moved. */
    moved_ns = chain.slack_ns_most - chain.slack_ns_least - sender->jitter_ns;
    fprintf(stderr,
            "  %u Hz, %+.0f ppm, %lld s: residue %.1f dB, delay within %.2f ms, places within %.3f "
            "ms, clock %+.1f ppm\n",
            sender->rate, sender->ppm, (long long)seconds, 20 * log10(chain.ear.residue / 0.5),
            moved_ns / 1e6, chain.off_max * 1e3, (double)drift_clock_ppb(&chain.clock) / 1e3);
    CHECK(chain.ear.residue < 2e-4);
    CHECK(moved_ns < 4e6);
    CHECK(chain.off_max < 0.002);
    CHECK(fabs((double)drift_clock_ppb(&chain.clock) / 1e3 - sender->ppm) < 60);
    CHECK(llabs(chain.ear.heard - (int64_t)((double)seconds * sender->rate /
                                            (1 + sender->ppm * 1e-6))) < sender->rate / 50);
}

/* The stamps of a file that we pace ourselves, or of a sender by our own clock: nothing is moved.
 */
static void same_clock(void)
{
    struct drift_clock clock = {0};
    int64_t off_ns = 0;

    for (int64_t n = 0; n < 60000; n++) {
        int64_t stamp_ns = n * 10000000, mapped_ns;

        (void)drift_clock_heard(&clock, stamp_ns, stamp_ns + 5 * SECOND);
        mapped_ns = drift_clock_map(&clock, stamp_ns);
        off_ns = llabs(mapped_ns - stamp_ns) > off_ns ? llabs(mapped_ns - stamp_ns) : off_ns;
    }
    CHECK(off_ns <= 1);
}

/* Held up for 3 s and then all at once: the delay is what it was. Later for good: our line leaps
 * once. */
static void held_up(void)
{
    struct drift_clock clock = {0};
    int64_t leaps = 0, leapt_ns = 0, lead_ns = 0;

    for (int64_t n = 0; n < 6000; n++) {
        int64_t stamp_ns = n * 10000000, arrival_ns = stamp_ns, by_ns;

        if (n >= 1000 && n < 1300)
            arrival_ns = 1300 * INT64_C(10000000);
        if (n >= 3000)
            arrival_ns += 2 * SECOND;
        by_ns = drift_clock_heard(&clock, stamp_ns, arrival_ns);
        leaps += by_ns != 0;
        leapt_ns += by_ns;
        lead_ns = drift_clock_map(&clock, stamp_ns) - arrival_ns;
        if (n == 2990)
            CHECK(leaps == 0 && llabs(lead_ns) < 100000);
        /* Stamps that go on 5 s later where 40 ms have passed; what was not there for 5 s is no
         * skip. */
        CHECK_INT(drift_clock_is_skip(&clock, 5 * SECOND, 40000000), n >= 200);
        CHECK(!drift_clock_is_skip(&clock, 5 * SECOND, 5 * SECOND));
    }
    CHECK_INT(leaps, 1);
    CHECK(llabs(leapt_ns - 2 * SECOND) < 1000000);
    CHECK(llabs(lead_ns) < 1000000);
}

/* Gone for 20 s, back with other stamps: as long before its time as it was, at the pace that it
 * had. */
static void away(void)
{
    struct drift_clock clock = {0};
    int64_t lead_before_ns = 0, place_ns;

    CHECK(!drift_clock_anchor(&clock, 0, &place_ns));
    for (int64_t n = 0; n < 30000; n++) {
        int64_t arrival_ns = (int64_t)((double)n * 10000000 / 1.0001);

        (void)drift_clock_heard(&clock, n * 10000000, arrival_ns);
        lead_before_ns = drift_clock_map(&clock, n * 10000000) - arrival_ns;
    }
    CHECK(llabs(drift_clock_ppb(&clock) - 100000) < 2000);
    CHECK(drift_clock_anchor(&clock, 320 * SECOND, &place_ns));
    CHECK(llabs(place_ns - 320 * SECOND - lead_before_ns) < 1000000);
    CHECK_INT(drift_clock_map(&clock, place_ns), place_ns);
    CHECK(llabs(drift_clock_map(&clock, place_ns + 100 * SECOND) - place_ns - 100 * SECOND +
                10000000) < 200000);
}

/* A packet that is lost, or said twice, is no drift. */
static void holes(void)
{
    static struct chain chain;
    struct sender sender = {.rate = 48000};

    chain_init(&chain, &sender);
    CHECK_INT(drift_pace_steer(&chain.pace, 200, 0.02), 0);
    CHECK_INT(drift_pace_steer(&chain.pace, 959.6, 0.02), 960);
    CHECK_INT(drift_pace_steer(&chain.pace, -1024, 0.02), -1024);
}

int main(int argc, char **argv)
{
    int64_t seconds = argc > 1 ? atoll(argv[1]) : CHECK_TURNS(3600);

    RUN(same_clock);
    RUN(held_up);
    RUN(away);
    RUN(holes);
    fprintf(stderr, "- drifting\n");
    for (int is_slow = 0; is_slow < 2; is_slow++) {
        double ppm = is_slow ? -200 : 200;

        /* MPEG-TS counts 90 kHz; nobody is coarser than FLV's milliseconds, but for these. */
        drifting(&(struct sender){.rate = 8000, .jitter_ns = 8000000, .ppm = ppm, .tick_ns = 11111},
                 seconds);
        drifting(
            &(struct sender){.rate = 48000, .jitter_ns = 20000000, .ppm = ppm, .tick_ns = 1500000},
            seconds / 12);
    }
    return 0;
}
