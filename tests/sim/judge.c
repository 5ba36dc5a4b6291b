/* What must hold whatever the nemesis does. */
#include "judge.h"

#include <errno.h>

#include "check.h"
#include "tactus/format.h"

#define MS INT64_C(1000000)

/* A worker that fell behind by a gap or a fault gets its budget and no more to catch up. */
static const int64_t recovery_ns = 1500 * MS;

static bool is_within(const struct excuse *excuses, uint32_t count, int64_t from_ns,
                      int64_t until_ns)
{
    for (uint32_t n = 0; n < count; n++)
        if (excuses[n].from_ns <= until_ns && from_ns <= excuses[n].until_ns + recovery_ns)
            return true;
    return false;
}

static bool excuses(const struct excuse *excuse, uint32_t sink, int64_t due_ns)
{
    return excuse->from_ns <= due_ns && (excuse->spared >> sink & 1) == 0 &&
           (!excuse->is_brief || due_ns <= excuse->until_ns + recovery_ns);
}

/* Had it, or the host, a fault before this frame was due, however long ago? */
static bool is_excused(const struct service *service, const struct tt_record *record)
{
    int64_t due_ns = service->epoch_ns + record->due_ns;

    for (uint32_t n = 0; n < service->excuse_count; n++)
        if (excuses(&service->excuses[n], record->sink, due_ns))
            return true;
    for (uint32_t n = 0; n < service->node->gap_count; n++)
        if (service->node->gaps[n].from_ns <= due_ns)
            return true;
    return false;
}

/* Is that so long ago that it should have recovered? */
static bool is_recovered(const struct service *service, const struct tt_record *record)
{
    int64_t from_ns = service->epoch_ns + record->origin_ns;
    int64_t until_ns = service->epoch_ns + record->due_ns;

    return !is_within(service->excuses, service->excuse_count, from_ns, until_ns) &&
           !is_within(service->node->gaps, service->node->gap_count, from_ns, until_ns);
}

static const struct tt_picture_component *component_of(const struct service *service, uint32_t sink)
{
    for (uint32_t n = 0; n < service->made.picture.component_count; n++)
        if (service->made.components[n].sink == (int32_t)sink)
            return &service->made.components[n];
    CHECK(!"the sink is in the picture");
    return NULL;
}

/* A sink's records come from the container that it is in, or whose frames its edge takes. */
void judge_begin(struct service *service)
{
    for (uint32_t n = 0; n < service->made.picture.component_count; n++) {
        const struct tt_picture_component *component = &service->made.components[n];
        uint32_t home = service->wiring->process_of[n];

        if (component->sink < 0)
            continue;
        for (uint32_t l = 0; l < service->wiring->link_count; l++)
            if (service->wiring->links[l].to == service->wiring->process_of[n] &&
                service->wiring->links[l].component == n)
                home = service->wiring->links[l].from;
        CHECK(home < service->wiring->container_count);
        service->sinks[component->sink].container = home;
    }
}

static bool is_index_excused(const struct service *service,
                             const struct tt_picture_component *component, int64_t index)
{
    struct tt_record record = {.sink = (uint16_t)component->sink, .index = index};

    record.origin_ns = tt_index_ns(index, component->in_format[0].rate);
    record.due_ns = record.origin_ns + component->deadline_ns + component->path_structural_ns;
    return is_excused(service, &record);
}

/* What a restart leaves out has no record; its excuse came before its first index, or after that.
 */
static void judge_gap(struct service *service, const struct tt_picture_component *component,
                      int64_t from, int64_t until)
{
    if (from < until)
        service->stats.fell_out += (uint64_t)(until - from);
    if (!service->is_promised || from >= until || is_index_excused(service, component, from) ||
        is_index_excused(service, component, until - 1))
        return;
    fprintf(stderr, "service %u: indices %lld to %lld of sink %d fell out with a restart\n",
            service->number, (long long)from, (long long)until - 1, component->sink);
    CHECK(!"only what is excused falls out");
}

void judge_life_begins(struct service *service, uint32_t container, int64_t first_ns)
{
    for (uint32_t n = 0; n < service->made.picture.sink_count; n++) {
        const struct tt_picture_component *component = component_of(service, n);
        struct tt_rational rate = component->in_format[0].rate;
        int64_t first = first_ns > 0 ? tt_ns_index(first_ns - 1, rate) + 1 : 0;

        if (service->sinks[n].container != container)
            continue;
        /* A new life never speaks of what the one before has spoken of. */
        CHECK(first >= service->sinks[n].next_index);
        if (service->containers[container].lives > 1 && !service->sinks[n].has_ended)
            judge_gap(service, component, service->sinks[n].next_index, first);
        service->sinks[n] = (struct sink_check){.container = container, .next_index = first};
    }
}

static void judge_frame(struct service *service, uint32_t container, const struct tt_record *record)
{
    struct sink_check *sink = &service->sinks[record->sink];
    const struct tt_picture_component *component = component_of(service, record->sink);

    CHECK_INT(sink->container, container);
    CHECK(!sink->has_ended);
    CHECK_INT(record->index, sink->next_index);
    CHECK_INT(record->origin_ns, tt_index_ns(record->index, component->in_format[0].rate));
    CHECK_INT(record->due_ns,
              record->origin_ns + component->deadline_ns + component->path_structural_ns);
    CHECK((record->cause != TT_CAUSE_NONE) == (record->outcome != TT_ON_TIME));
    sink->next_index++;
    service->stats.frames++;
    if (record->outcome != TT_LOST_FRAME) {
        CHECK_INT(record->slack_ns, record->due_ns - record->delivered_ns);
        CHECK((record->slack_ns < 0) == (record->outcome == TT_LATE_FRAME));
    }
    if (record->outcome == TT_ON_TIME)
        return;
    service->stats.late += record->outcome == TT_LATE_FRAME;
    service->stats.lost += record->outcome == TT_LOST_FRAME;
    if (service->node->is_verbose)
        printf("             service %u: index %lld of sink %u %s, slack %.3f ms, cause %u\n",
               service->number, (long long)record->index, record->sink,
               record->outcome == TT_LATE_FRAME ? "late" : "lost", (double)record->slack_ns / 1e6,
               record->cause);
    if (!service->is_promised)
        return;
    if (!is_excused(service, record)) {
        fprintf(stderr,
                "service %u: index %lld of sink %u is %s by %.3f ms, cause %u, and nothing of its "
                "own or the host's excuses it (due at %.3f ms)\n",
                service->number, (long long)record->index, record->sink,
                record->outcome == TT_LATE_FRAME ? "late" : "lost", (double)-record->slack_ns / 1e6,
                record->cause, (double)(service->epoch_ns + record->due_ns) / 1e6);
        CHECK(!"a promise is broken by its own service or the host alone");
    }
    service->stats.unrecovered += is_recovered(service, record);
}

void judge_records(struct service *service, uint32_t container)
{
    struct tt_world *world = service->containers[container].graph->world;
    struct tt_record record;

    while (tt_world_take_record(world, &record)) {
        service->stats.uses += record.kind == TT_RECORD_USE;
        service->stats.hand_offs +=
            record.kind == TT_RECORD_NOTE && record.due_ns == TT_NOTE_HANDOFF;
        if (service->node->is_verbose && getenv("HOPS") != NULL &&
            (record.kind == TT_RECORD_HOP || record.kind == TT_RECORD_USE))
            printf("             service %u: %s of %s, index %lld, ready %.3f, began %.3f, ended "
                   "%.3f ms, due %.3f\n",
                   service->number, record.kind == TT_RECORD_HOP ? "hop" : "late policy",
                   service->made.components[record.component].name, (long long)record.index,
                   (double)record.origin_ns / 1e6, (double)record.delivered_ns / 1e6,
                   (double)record.sent_ns / 1e6, (double)record.due_ns / 1e6);
        if (record.kind == TT_RECORD_LOST) {
            service->stats.lost_records += (uint64_t)record.value;
            CHECK(service->deaf_until_ns > 0); /* only when nobody took them */
        }
        if (record.kind == TT_RECORD_FRAME && service->stats.lost_records > 0 &&
            record.index > service->sinks[record.sink].next_index)
            service->sinks[record.sink].next_index = record.index;
        if (record.kind == TT_RECORD_FRAME)
            judge_frame(service, container, &record);
        if (record.kind == TT_RECORD_END) {
            if (service->stats.lost_records == 0)
                CHECK_INT(record.index, service->sinks[record.sink].next_index);
            CHECK(!service->sinks[record.sink].has_ended);
            service->sinks[record.sink].has_ended = true;
        }
    }
}

/* An engine that ended by itself gave every sink its End. */
void judge_life_over(struct service *service, uint32_t container)
{
    const struct tt_engine_stats *stats = &service->containers[container].graph->stats;

    judge_records(service, container);
    /* What found the ring full at the very end is counted, but has no record. */
    if (!stats->is_ended || stats->records_lost > 0)
        return;
    for (uint32_t n = 0; n < service->made.picture.sink_count; n++)
        CHECK(service->sinks[n].has_ended || service->sinks[n].container != container);
}

bool judge_is_through(const struct service *service, uint32_t container)
{
    const struct tt_wiring *wiring = service->wiring;
    bool has_sink = false;

    for (uint32_t n = 0; n < service->made.picture.sink_count; n++) {
        if (service->sinks[n].container != container)
            continue;
        if (!service->sinks[n].has_ended)
            return false;
        has_sink = true;
    }
    for (uint32_t n = 0; n < wiring->link_count; n++)
        if (wiring->links[n].from == container && wiring->links[n].to < wiring->container_count)
            return false;
    return has_sink && container < wiring->container_count;
}

/* Supervision's own words: what died or was stuck was the nemesis's doing, or followed from it. */
void judge_event(struct service *service, const struct supervise_action *action)
{
    if (strcmp(action->name, "died") == 0 || strcmp(action->name, "stuck") == 0)
        CHECK(service->excuse_count > 0 || service->node->gap_count > 0);
}

/* What the books have room for the kernel has, too: of a machine cut into partitions on the CPU
 * that the worker was planned for. */
void judge_reservation(const struct service *service, int r)
{
    CHECK_INT(r, -EPERM);
    CHECK(service->is_right_refused);
}

void judge_end(const struct service *service)
{
    if (!service->has_ended) {
        fprintf(stderr, "service %u has not ended: %s\n", service->number,
                supervise_state_name(service->supervise.state));
        CHECK(!"every service comes to its end");
    }
}
