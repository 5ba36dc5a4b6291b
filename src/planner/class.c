/* Which class a service gets, and the sentence that says what would change it. */
#include <stddef.h>

#include "planner/work.h"

const char *tt_class_name(enum tt_class class)
{
    switch (class) {
    case TT_CLASS_BEST_EFFORT:
        return "best-effort";
    case TT_CLASS_TARGETED:
        return "targeted";
    case TT_CLASS_BOUNDED:
        return "bounded";
    }
    return "best-effort";
}

const char *tt_band_name(enum tt_band band)
{
    static const char *const names[TT_BAND_COUNT] = {"audio", "video", "batch"};

    return band < TT_BAND_COUNT ? names[band] : "?";
}

bool work_is_all_known(const struct work *work, uint64_t *ret_samples, uint32_t *ret_segment)
{
    bool is_known = true;

    *ret_samples = UINT64_MAX;
    *ret_segment = 0;
    for (uint32_t n = 0; n < work->picture->segment_count; n++) {
        if (!work_is_lasting(work, n))
            continue;
        is_known &= work->segment[n].is_known;
        if (work->segment[n].n < *ret_samples) {
            *ret_samples = work->segment[n].n;
            *ret_segment = n;
        }
    }
    return is_known;
}

static const char *own_threads(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (picture->components[n].flags & TT_OWN_THREADS)
            return picture->components[n].name;
    return NULL;
}

/* The first reason why nothing is promised, with what would change it; "" when there is none. */
static void why_best_effort(const struct work *work, char *ret, uint32_t bytes)
{
    const struct tt_picture *picture = work->picture;
    const char *threads = own_threads(picture);
    uint64_t samples;
    uint32_t segment;
    bool is_known = work_is_all_known(work, &samples, &segment);

    ret[0] = 0;
    if (!picture->is_live)
        (void)tt_format_text(ret, bytes,
                             "no source is live, so frames have no instant to be late for; "
                             "`live: true` at a source gives them one");
    else if (picture->is_best_effort)
        (void)tt_format_text(ret, bytes,
                             "best effort was asked for; without --best-effort a promise is tried");
    else if (threads)
        (void)tt_format_text(
            ret, bytes,
            "`%.63s` starts threads of its own, which no reservation holds; one thread "
            "or slices would change that",
            threads);
    else if (work->machine->right == TT_RIGHT_FIFO)
        (void)tt_format_text(
            ret, bytes,
            "the worker runs under SCHED_FIFO, which reserves nothing: another FIFO "
            "thread can starve it; the right to SCHED_DEADLINE would change that");
    else if (work->machine->right != TT_RIGHT_DEADLINE)
        (void)tt_format_text(ret, bytes,
                             "no right to SCHED_DEADLINE here, so no CPU time can be "
                             "reserved; bare `tactus` shows how to get it");
    else if (work->needed == UINT64_MAX && samples != UINT64_MAX)
        (void)tt_format_text(ret, bytes,
                             "a loss of 0 cannot be promised from samples; a loss above 0, "
                             "or declared costs, would change that");
    else if (samples < work->needed || !is_known)
        (void)tt_format_text(
            ret, bytes,
            "learning %llu/%llu: so many activations of segment `%.40s` are measured "
            "of those that the loss asks for; a profile or a run adds more",
            (unsigned long long)samples, (unsigned long long)work->needed,
            picture->segments[segment].name);
}

static bool is_all_declared(const struct work *work)
{
    for (uint32_t n = 0; n < work->picture->component_count; n++)
        if (!work_is_edge(work, n) && !work_is_once(work, n) && !work->cost[n].is_declared)
            return false;
    return true;
}

void work_choose_class(struct work *work)
{
    struct tt_plan *plan = work->plan;
    const struct tt_machine *machine = work->machine;
    bool is_declared = is_all_declared(work);

    why_best_effort(work, plan->class_reason, sizeof(plan->class_reason));
    plan->class = plan->class_reason[0] ? TT_CLASS_BEST_EFFORT : TT_CLASS_TARGETED;
    if (plan->class == TT_CLASS_BEST_EFFORT)
        return;
    if (is_declared && machine->is_partitioned && !machine->is_virtual) {
        plan->class = TT_CLASS_BOUNDED;
        (void)tt_format_text(
            plan->class_reason, sizeof(plan->class_reason),
            "bounded, given wake-up <= %s, hand-off <= %s: every cost is a declared "
            "maximum and the CPU is exclusive",
            text_ms(machine->wake_ns).text, text_ms(machine->hop_ns).text);
        return;
    }
    (void)tt_format_text(plan->class_reason, sizeof(plan->class_reason),
                         "costs are known well enough for this loss; for a bound: %s%s%s",
                         is_declared ? "" : "declared maximum costs, ",
                         machine->is_partitioned ? "" : "an exclusive partition of a CPU, ",
                         machine->is_virtual ? "a machine without a hypervisor below" : "no more");
}
