/* A line from one clock to another, turned by a slow loop. */
#include "components/drift/clock.h"

#define SECOND_NS INT64_C(1000000000)

/* Packets further apart say nothing of each other: the loop waits until the windows are full. */
static const int64_t pause_ns = SECOND_NS;
static const int64_t settle_ns = DRIFT_WINDOWS * DRIFT_WINDOW_NS;
static const int64_t step_ns = SECOND_NS / 100;
static const int64_t leap_ns = SECOND_NS / 2; /* later by more is no drift */
static const int64_t skip_ns = SECOND_NS;

void drift_earliest_init(struct drift_earliest *earliest, int64_t now_ns)
{
    for (uint32_t n = 0; n < DRIFT_WINDOWS; n++)
        earliest->window_ns[n] = DRIFT_NEVER;
    earliest->began_ns = now_ns;
}

void drift_earliest_put(struct drift_earliest *earliest, int64_t offset_ns, int64_t arrival_ns)
{
    if (arrival_ns - earliest->began_ns >= DRIFT_WINDOW_NS) {
        earliest->at = (earliest->at + 1) % DRIFT_WINDOWS;
        earliest->window_ns[earliest->at] = DRIFT_NEVER;
        earliest->began_ns = arrival_ns;
    }
    if (offset_ns < earliest->window_ns[earliest->at])
        earliest->window_ns[earliest->at] = offset_ns;
}

int64_t drift_earliest_ns(const struct drift_earliest *earliest)
{
    int64_t least_ns = DRIFT_NEVER;

    for (uint32_t n = 0; n < DRIFT_WINDOWS; n++)
        if (earliest->window_ns[n] < least_ns)
            least_ns = earliest->window_ns[n];
    return least_ns;
}

int64_t drift_clock_map(const struct drift_clock *clock, int64_t stamp_ns)
{
    double off_ns = (double)(stamp_ns - clock->from_ns) * (clock->pace - 1);

    return clock->is_started ? clock->to_ns + (stamp_ns - clock->from_ns) + (int64_t)off_ns
                             : stamp_ns;
}

void drift_clock_rest(struct drift_clock *clock, int64_t now_ns)
{
    drift_earliest_init(&clock->earliest, now_ns);
    clock->settled_ns = clock->stepped_ns = clock->heard_ns = now_ns;
    clock->loop.is_started = 0;
    clock->pace = 1 + clock->loop.integral;
}

static void start(struct drift_clock *clock, int64_t stamp_ns, int64_t arrival_ns)
{
    clock->loop = (struct drift_loop){.sample_rate = (double)SECOND_NS};
    clock->from_ns = clock->to_ns = stamp_ns;
    clock->is_started = true;
    drift_clock_rest(clock, arrival_ns);
}

/* Our line bends at the newest stamp and nowhere else. */
static void move_on(struct drift_clock *clock, int64_t stamp_ns)
{
    if (stamp_ns <= clock->from_ns)
        return;
    clock->to_ns = drift_clock_map(clock, stamp_ns);
    clock->from_ns = stamp_ns;
}

/* Until it has settled the lead is the longest that anything came before its place. */
static void learn_lead(struct drift_clock *clock, int64_t lead_ns, bool is_first, bool is_last)
{
    if (is_first || is_last || lead_ns < clock->lead_ns)
        clock->lead_ns = lead_ns;
    clock->is_settled = is_last;
}

int64_t drift_clock_heard(struct drift_clock *clock, int64_t stamp_ns, int64_t arrival_ns)
{
    int64_t lead_ns, error_ns, since_ns;
    bool is_first = !clock->is_started, is_calm;

    if (is_first)
        start(clock, stamp_ns, arrival_ns);
    if (arrival_ns - clock->heard_ns > pause_ns)
        drift_clock_rest(clock, arrival_ns);
    clock->heard_ns = arrival_ns;
    move_on(clock, stamp_ns);
    drift_earliest_put(&clock->earliest, arrival_ns - stamp_ns, arrival_ns);
    lead_ns = drift_earliest_ns(&clock->earliest) + clock->from_ns - clock->to_ns;
    is_calm = arrival_ns - clock->settled_ns >= settle_ns;
    if (!clock->is_settled)
        learn_lead(clock, lead_ns, is_first, is_calm);
    since_ns = arrival_ns - clock->stepped_ns;
    if (!is_calm || since_ns < step_ns)
        return 0;
    clock->stepped_ns = arrival_ns;
    error_ns = lead_ns - clock->lead_ns;
    if (error_ns > leap_ns) {
        clock->to_ns += error_ns;
        drift_clock_rest(clock, arrival_ns);
        return error_ns;
    }
    clock->pace = drift_step(&clock->loop, (double)error_ns,
                             (double)(since_ns < SECOND_NS ? since_ns : SECOND_NS) / 1e9);
    return 0;
}

bool drift_clock_anchor(struct drift_clock *clock, int64_t arrival_ns, int64_t *ret_place_ns)
{
    if (!clock->is_started)
        return false;
    drift_clock_rest(clock, arrival_ns);
    clock->from_ns = clock->to_ns = arrival_ns - clock->lead_ns;
    *ret_place_ns = clock->to_ns;
    return true;
}

bool drift_clock_is_skip(const struct drift_clock *clock, int64_t ahead_ns, int64_t passed_ns)
{
    return clock->is_settled && ahead_ns > skip_ns && ahead_ns - passed_ns > skip_ns;
}
