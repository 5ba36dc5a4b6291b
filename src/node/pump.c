/* Records from the rings of a service's processes: checked, joined, blamed, counted, written. */
#include "node/pump.h"

#include <stdlib.h>
#include <string.h>

#include "base/record.h"
#include "node/allowance.h"
#include "node/join.h"
#include "tactus/component.h"
#include "tactus/format.h"

#define SECOND INT64_C(1000000000)

/* No honest index or time comes near: what is calculated from them here stays within 64 bits. */
#define INDEX_MAX (INT64_C(1) << 50)
#define TIME_MAX (INT64_C(1) << 60)
#define RATE_DEN_MAX INT64_C(1000000000)
#define HOP_MAX_NS (INT64_C(60) * SECOND)

enum {
    SEGMENT_RECORDS = 4096,
    /* A ring holds half a second of what the picture's rates give (see wiring): four times that. */
    RINGS_A_SECOND = 8,
    GAP_SPARE_S = 3,        /* of indices, beyond the time that has gone by */
    ASAP_GAP_MAX = 1 << 16, /* indices: without a clock only the queues bound a gap */
};

struct pump_sink {
    int64_t last_index; /* the greatest that has a record, -1 */
    int64_t told_until; /* before this index a life that is over has told all */
    int64_t index_max;  /* beyond it a record is not believed */
    int64_t seen_ns;    /* when its last record came */
    struct tt_rational rate;
    uint16_t component;
    int64_t phase_ns;        /* of its origins, behind its indices */
    int64_t due_after_ns;    /* of its origin */
    enum tt_cause gap_cause; /* TT_CAUSE_NONE: no gap expected */
    uint16_t gap_component;
    uint32_t process;   /* the edge that it is in; 0: in none */
    uint32_t container; /* that says what reached it */
    bool has_ended;
};

struct batch {
    struct tt_record *records; /* SEGMENT_RECORDS */
    uint32_t count;
    enum tt_ledger_part part;
};

struct pump {
    struct pump_params params;
    struct pump_sink *sinks;
    struct allowance allowances[TT_PROCESSES_MAX]; /* of records */
    struct join *join;
    struct samples *samples[TT_PORTS_MAX + 1]; /* by degrading level */
    uint32_t level_count;                      /* beyond the best */
    struct pump_component *components;
    struct meter *meter; /* NULL: a profile run, or no metrics */
    struct batch frames, hops;
    int64_t written_ns;
    struct pump_counts counts;
};

static void write_batch(struct pump *pump, struct batch *batch)
{
    if (batch->count > 0 && pump->params.scribe != NULL)
        scribe_put(pump->params.scribe, batch->part, batch->records,
                   batch->count * sizeof(batch->records[0]));
    batch->count = 0;
}

static void put(struct pump *pump, struct batch *batch, const struct tt_record *record)
{
    batch->records[batch->count++] = *record;
    if (batch->count == SEGMENT_RECORDS)
        write_batch(pump, batch);
}

/* The engine's word for what was ours becomes the host's when the witness saw the host take at
 * least the lateness while the frame was on its way. */
static void ask_witness(struct pump *pump, struct tt_record *record)
{
    int64_t late_ns = -record->slack_ns, epoch_ns = pump->params.epoch_ns;

    if (record->outcome != TT_LATE_FRAME || late_ns <= 0)
        return;
    if (record->cause != TT_CAUSE_WORKER && record->cause != TT_CAUSE_BUDGET &&
        record->cause != TT_CAUSE_UNKNOWN)
        return;
    if (witness_taken_ns(pump->params.witness, epoch_ns + record->origin_ns,
                         epoch_ns + record->delivered_ns) >= late_ns)
        record->cause = TT_CAUSE_HOST;
}

static void keep_frame(void *ctx, const struct tt_record *given)
{
    struct pump *pump = ctx;
    struct tt_record record = *given;
    bool is_end = record.kind == TT_RECORD_END;

    if (!is_end)
        ask_witness(pump, &record);
    if (pump->params.report != NULL)
        tt_report_add(pump->params.report, &record);
    if (is_end) {
        put(pump, &pump->frames, &record);
        return;
    }
    if (record.outcome != TT_ON_TIME)
        pump->components[record.component].misses++;
    meter_frame(pump->meter, &record);
    pump->counts.frames++;
    put(pump, &pump->frames, &record);
}

/* The engine that died cannot write what it lost; its successor begins after it. */
static void fill_gap(struct pump *pump, uint16_t number, int64_t until, int64_t now_ns)
{
    struct pump_sink *sink = &pump->sinks[number];
    struct tt_record lost = {.kind = TT_RECORD_FRAME,
                             .outcome = TT_LOST_FRAME,
                             .cause = (uint8_t)sink->gap_cause,
                             .sink = number,
                             .component = sink->gap_component};

    for (int64_t index = sink->last_index + 1; index < until; index++) {
        lost.index = index;
        lost.origin_ns = tt_index_ns(index, sink->rate) + sink->phase_ns;
        lost.due_ns = lost.origin_ns + sink->due_after_ns;
        join_frame(pump->join, &lost, now_ns);
        sink->last_index = index;
    }
    sink->gap_cause = TT_CAUSE_NONE;
}

/* Each lost index is a record: a process that lies about where it goes on must not fill the disk.
 */
static bool is_believable_gap(const struct pump *pump, const struct pump_sink *sink, int64_t until,
                              int64_t now_ns)
{
    int64_t gap_max = ASAP_GAP_MAX;

    if (sink->rate.num <= 0)
        return false;
    if (pump->params.picture->is_live)
        gap_max = tt_ns_index(now_ns - sink->seen_ns + GAP_SPARE_S * SECOND, sink->rate) + 1;
    return until - sink->last_index <= gap_max;
}

static void take_frame(struct pump *pump, const struct tt_record *record, int64_t now_ns)
{
    struct pump_sink *sink = &pump->sinks[record->sink];

    /* Who goes on where the sink that was behind stood comes to what the others have. */
    if (record->index < sink->told_until) {
        pump->counts.refused++;
        return;
    }
    if (sink->gap_cause != TT_CAUSE_NONE && record->index > sink->last_index + 1 &&
        is_believable_gap(pump, sink, record->index, now_ns))
        fill_gap(pump, record->sink, record->index, now_ns);
    sink->gap_cause = TT_CAUSE_NONE;
    sink->seen_ns = now_ns;
    if (record->index > sink->last_index)
        sink->last_index = record->index;
    join_frame(pump->join, record, now_ns);
}

/* A lie about one time must not make a sum overflow in a run's life. */
static int64_t limited(int64_t ns)
{
    return ns < 0 ? 0 : ns > HOP_MAX_NS ? HOP_MAX_NS : ns;
}

static void watch_hop(struct pump *pump, const struct tt_record *record)
{
    struct pump_component *component = &pump->components[record->component];
    int64_t waiting_ns = limited(record->delivered_ns - record->origin_ns);
    int64_t busy_ns =
        limited(record->slack_ns >= 0 ? record->slack_ns : record->sent_ns - record->delivered_ns);

    component->activations++;
    component->waiting_ns += waiting_ns;
    component->busy_ns += busy_ns;
    meter_hop(pump->meter, record->component, busy_ns);
    if (waiting_ns > component->waiting_peak_ns)
        component->waiting_peak_ns = waiting_ns;
    if (busy_ns > component->busy_peak_ns)
        component->busy_peak_ns = busy_ns;
}

static void end_second(struct pump *pump)
{
    for (uint32_t n = 0; n < pump->params.picture->component_count; n++) {
        struct pump_component *component = &pump->components[n];

        component->waiting_max_ns = component->waiting_peak_ns;
        component->busy_max_ns = component->busy_peak_ns;
        component->waiting_peak_ns = component->busy_peak_ns = 0;
    }
}

static void take_hop(struct pump *pump, const struct tt_record *record)
{
    if (record->kind == TT_RECORD_HOP) {
        samples_add(pump_samples_at(pump, pump->components[record->component].degraded), record);
        watch_hop(pump, record);
    } else if (record->kind == TT_RECORD_NOTE && record->due_ns == TT_NOTE_LEVEL) {
        pump->components[record->component].has_level = true;
        pump->components[record->component].level_mdb = record->value;
    }
    pump->counts.hops++;
    put(pump, &pump->hops, record);
}

static void take_end(struct pump *pump, const struct tt_record *record, int64_t now_ns)
{
    struct pump_sink *sink = &pump->sinks[record->sink];

    if (sink->gap_cause != TT_CAUSE_NONE && is_believable_gap(pump, sink, record->index, now_ns))
        fill_gap(pump, record->sink, record->index, now_ns);
    sink->has_ended = true;
    join_frame(pump->join, record, now_ns);
}

static bool is_time(int64_t time_ns)
{
    return time_ns >= -TIME_MAX && time_ns <= TIME_MAX;
}

static bool is_sane(const struct pump *pump, const struct tt_record *record)
{
    const struct tt_picture *picture = pump->params.picture;
    bool has_sink = record->kind == TT_RECORD_FRAME || record->kind == TT_RECORD_SENT ||
                    record->kind == TT_RECORD_END;

    if (record->kind < TT_RECORD_FRAME || record->kind > TT_RECORD_FORMAT ||
        record->outcome > TT_LOST_FRAME || record->cause >= TT_CAUSE_COUNT || record->index < -1 ||
        record->index > INDEX_MAX)
        return false;
    if (has_sink && (record->sink >= picture->sink_count ||
                     record->index > pump->sinks[record->sink].index_max))
        return false;
    if (record->component >= picture->component_count && record->kind != TT_RECORD_LOST &&
        record->kind != TT_RECORD_SENT && record->kind != TT_RECORD_END)
        return false;
    /* The slack is the difference of two times. */
    return is_time(record->origin_ns) && is_time(record->delivered_ns) &&
           is_time(record->sent_ns) && is_time(record->slack_ns / 2);
}

/* An edge speaks of itself: what reached a sink is the container's to say. */
static bool is_its_own(const struct pump *pump, uint32_t process, const struct tt_record *record)
{
    const struct tt_wiring *wiring = pump->params.broker->wiring;
    int32_t component = wiring->processes[process].component;

    if (component < 0)
        return true;
    if (record->kind == TT_RECORD_SENT)
        return pump->sinks[record->sink].process == process;
    if (record->kind != TT_RECORD_NOTE && record->kind != TT_RECORD_LOST)
        return false;
    if (record->component == component)
        return true; /* or of another that shares the process */
    return wiring->process_of && record->component < pump->params.picture->component_count &&
           wiring->process_of[record->component] == process;
}

static void take_degrade(struct pump *pump, const struct tt_record *record)
{
    if (record->value < 0 ||
        record->value > pump->params.picture->components[record->component].level_count)
        return;
    if (record->value != pump->components[record->component].degraded)
        meter_step(pump->meter, record->component,
                   record->value > pump->components[record->component].degraded);
    pump->components[record->component].degraded = (uint32_t)record->value;
    if (pump->params.on_degrade != NULL)
        pump->params.on_degrade(pump->params.ctx, record->component, (uint32_t)record->value,
                                record->index);
}

/* The container that a component runs in. */
static bool is_home(const struct pump *pump, uint32_t process, uint32_t component)
{
    const struct tt_wiring *wiring = pump->params.broker->wiring;

    return tt_wiring_is_container(wiring, process) &&
           component < pump->params.picture->component_count &&
           (wiring->container_count == 1 || wiring->process_of[component] == process);
}

/* Nothing in a record is believed before it is looked at: a component that went wild shares memory
 * with the ring. */
static void take(struct pump *pump, uint32_t process, const struct tt_record *record,
                 int64_t now_ns)
{
    if (!is_sane(pump, record) || !is_its_own(pump, process, record)) {
        pump->counts.refused++;
        return;
    }
    switch (record->kind) {
    case TT_RECORD_FRAME:
        take_frame(pump, record, now_ns);
        break;
    case TT_RECORD_SENT:
        join_sent(pump->join, record);
        break;
    case TT_RECORD_END:
        take_end(pump, record, now_ns);
        break;
    case TT_RECORD_USE:
        if (pump->params.report != NULL)
            tt_report_add(pump->params.report, record);
        put(pump, &pump->frames, record);
        break;
    case TT_RECORD_NOTE:
        if (tt_wiring_is_container(pump->params.broker->wiring, process) &&
            record->due_ns == TT_NOTE_PARAM && pump->params.on_param != NULL)
            pump->params.on_param(pump->params.ctx, record->component, record->value,
                                  record->index);
        if (record->due_ns == TT_NOTE_DEGRADE && is_home(pump, process, record->component))
            take_degrade(pump, record);
        take_hop(pump, record);
        break;
    default:
        take_hop(pump, record);
        break;
    }
}

/* At most what its ring holds in a poll, and in a second what a service with a clock can mean. One
 * without runs as fast as it can: nothing says how fast that is. */
static void poll_ring(struct pump *pump, uint32_t process, int64_t now_ns)
{
    struct allowance *allowance = &pump->allowances[process];
    uint32_t slots = pump->params.broker->wiring->processes[process].record_slots;
    bool is_live = pump->params.picture->is_live;
    struct tt_record record;

    for (uint32_t n = 0; n < slots && tt_ring_get(&pump->params.broker->rings[process], &record);
         n++)
        if (!is_live || allowance_take(allowance, now_ns, (uint64_t)slots * RINGS_A_SECOND))
            take(pump, process, &record, now_ns);
        else
            pump->counts.refused++;
}

void pump_poll(struct pump *pump, int64_t now_ns)
{
    for (uint32_t n = 0; n < pump->params.broker->wiring->process_count; n++)
        poll_ring(pump, n, now_ns);
    join_settle(pump->join, now_ns, false);
    if (now_ns - pump->written_ns < SECOND)
        return;
    pump->written_ns = now_ns;
    end_second(pump);
    write_batch(pump, &pump->frames);
    write_batch(pump, &pump->hops);
}

void pump_expect_gap(struct pump *pump, uint32_t process, enum tt_cause cause, int32_t component,
                     int64_t now_ns)
{
    bool is_container = tt_wiring_is_container(pump->params.broker->wiring, process);

    pump_poll(pump, now_ns); /* what it still said came before the gap */
    for (uint32_t n = 0; n < pump->params.picture->sink_count; n++) {
        struct pump_sink *sink = &pump->sinks[n];

        if (sink->has_ended || (is_container ? sink->container : sink->process) != process)
            continue;
        sink->gap_cause = cause;
        if (is_container)
            sink->told_until = sink->last_index + 1;
        sink->gap_component = component < 0 ? sink->component : (uint16_t)component;
    }
}

bool pump_is_through(const struct pump *pump, uint32_t container)
{
    const struct tt_wiring *wiring = pump->params.broker->wiring;
    bool has_sink = false;

    for (uint32_t n = 0; n < pump->params.picture->sink_count; n++) {
        if (pump->sinks[n].container != container)
            continue;
        if (!pump->sinks[n].has_ended)
            return false;
        has_sink = true;
    }
    for (uint32_t n = 0; n < wiring->link_count; n++)
        if (wiring->links[n].from == container &&
            tt_wiring_is_container(wiring, wiring->links[n].to))
            return false;
    return has_sink;
}

int64_t pump_position_ns(const struct pump *pump)
{
    int64_t position_ns = INT64_MAX;

    for (uint32_t n = 0; n < pump->params.picture->sink_count; n++) {
        const struct pump_sink *sink = &pump->sinks[n];
        int64_t next_ns = tt_index_ns(sink->last_index + 1, sink->rate);

        if (sink->rate.num > 0 && !sink->has_ended && next_ns < position_ns)
            position_ns = next_ns;
    }
    return position_ns < INT64_MAX ? position_ns : 0;
}

void pump_event(struct pump *pump, const char *name, const char *process, const char *text,
                int64_t now_ns)
{
    json_t *gaps = json_array(), *event;

    pump_poll(pump, now_ns);
    write_batch(pump, &pump->frames);
    write_batch(pump, &pump->hops);
    for (uint32_t n = 0; n < pump->params.picture->sink_count; n++)
        if (pump->sinks[n].gap_cause != TT_CAUSE_NONE)
            json_array_append_new(gaps, json_pack("{si sI}", "sink", (int)n, "last_index",
                                                  (json_int_t)pump->sinks[n].last_index));
    event = json_pack("{sI ss ss* ss* so}", "at_ns", (json_int_t)(now_ns - pump->params.epoch_ns),
                      "event", name, "process", process, "text", text, "gaps", gaps);
    if (event != NULL && pump->params.scribe != NULL)
        scribe_put_json(pump->params.scribe, TT_PART_EVENT, event);
    pump->counts.events++;
    json_decref(event);
}

void pump_finish(struct pump *pump, int64_t now_ns, int64_t end_ns)
{
    pump_poll(pump, now_ns);
    for (uint32_t n = 0; n < pump->params.picture->sink_count; n++) {
        struct pump_sink *sink = &pump->sinks[n];
        int64_t until;

        if (sink->gap_cause == TT_CAUSE_NONE || sink->rate.num <= 0 || end_ns < 0)
            continue;
        until = tt_ns_index(end_ns, sink->rate);
        if (until > sink->last_index && is_believable_gap(pump, sink, until, now_ns))
            fill_gap(pump, (uint16_t)n, until, now_ns);
    }
    join_settle(pump->join, now_ns, true);
    write_batch(pump, &pump->frames);
    write_batch(pump, &pump->hops);
}

struct samples *pump_samples(struct pump *pump)
{
    return pump->samples[0];
}

struct samples *pump_samples_at(struct pump *pump, uint32_t level)
{
    return pump->samples[level < pump->level_count ? level : pump->level_count];
}

const struct pump_component *pump_component(const struct pump *pump, uint32_t component)
{
    return &pump->components[component];
}

void pump_begin_level(struct pump *pump, uint32_t component, uint32_t level)
{
    pump->components[component].degraded = level;
}

struct pump_counts pump_counts(const struct pump *pump)
{
    return pump->counts;
}

static uint32_t edge_of(const struct tt_wiring *wiring, uint32_t component)
{
    for (uint32_t n = 1; n < wiring->process_count; n++)
        if (wiring->processes[n].component == (int32_t)component)
            return n;
    return 0;
}

static uint32_t container_of(const struct pump *pump, uint32_t component, uint32_t pin)
{
    const struct tt_picture *picture = pump->params.picture;
    const uint32_t *process_of = pump->params.broker->wiring->process_of;
    int32_t flow = picture->components[component].in[pin].flow;

    if (process_of == NULL) /* one container alone */
        return 0;
    if ((picture->components[component].flags & TT_EDGE) == 0)
        return process_of[component];
    return tt_wiring_home(picture, process_of, picture->flows[flow].from,
                          picture->flows[flow].from_out);
}

static void set_rate(struct pump_sink *sink, struct tt_rational rate)
{
    int64_t last;

    sink->index_max = INDEX_MAX;
    if (rate.num <= 0 || rate.den <= 0 || rate.den > RATE_DEN_MAX)
        return;
    sink->rate = rate;
    last = tt_ns_index(TIME_MAX, rate) - 1;
    sink->index_max = last < INDEX_MAX ? last : INDEX_MAX;
}

static void describe_sinks(struct pump *pump, bool *is_edge)
{
    const struct tt_picture *picture = pump->params.picture;
    int64_t phase_of_ns[TT_PICTURE_COMPONENTS_MAX];

    (void)tt_plan_phases(pump->params.plan, picture, phase_of_ns);
    for (uint32_t c = 0; c < picture->component_count; c++) {
        const struct tt_picture_component *component = &picture->components[c];
        uint32_t sink = (uint32_t)component->sink;

        for (uint32_t n = 0; component->sink >= 0 && n < component->in_count; n++) {
            if (component->in[n].flow < 0)
                continue;
            if (sink >= picture->sink_count)
                return;
            pump->sinks[sink].component = (uint16_t)c;
            set_rate(&pump->sinks[sink], component->in_format[n].rate.num > 0
                                             ? component->in_format[n].rate
                                             : component->rate);
            pump->sinks[sink].seen_ns = pump->params.epoch_ns;
            pump->sinks[sink].phase_ns = phase_of_ns[c];
            pump->sinks[sink].due_after_ns = component->deadline_ns + component->path_structural_ns;
            pump->sinks[sink].process = edge_of(pump->params.broker->wiring, c);
            pump->sinks[sink].container = container_of(pump, c, n);
            pump->sinks[sink].last_index = -1;
            is_edge[sink] = pump->sinks[sink].process != 0;
            sink++;
        }
    }
}

static bool has_samples(const struct pump *pump)
{
    for (uint32_t n = 0; n <= pump->level_count; n++)
        if (pump->samples[n] == NULL)
            return false;
    return true;
}

struct pump *pump_open(const struct pump_params *params)
{
    struct pump *pump = calloc(1, sizeof(*pump));
    bool *is_edge = calloc(params->picture->sink_count + 1, sizeof(*is_edge));

    if (pump == NULL || is_edge == NULL) {
        free(pump);
        free(is_edge);
        return NULL;
    }
    pump->params = *params;
    pump->frames.part = TT_PART_FRAMES;
    pump->hops.part = TT_PART_HOPS;
    pump->frames.records = calloc(SEGMENT_RECORDS, sizeof(struct tt_record));
    pump->hops.records = calloc(SEGMENT_RECORDS, sizeof(struct tt_record));
    pump->sinks = calloc(params->picture->sink_count + 1, sizeof(*pump->sinks));
    pump->level_count = tt_picture_levels(params->picture);
    for (uint32_t n = 0; n <= pump->level_count; n++)
        pump->samples[n] = samples_open(params->picture);
    pump->components = calloc(params->picture->component_count + 1, sizeof(*pump->components));
    if (params->report != NULL)
        pump->meter = meter_open(params->metrics, params->picture);
    if (pump->sinks != NULL)
        describe_sinks(pump, is_edge);
    pump->join = join_open(params->picture->sink_count, is_edge, keep_frame, pump);
    free(is_edge);
    if (pump->frames.records == NULL || pump->hops.records == NULL || pump->sinks == NULL ||
        !has_samples(pump) || pump->components == NULL || pump->join == NULL)
        pump_close(&pump);
    return pump;
}

void pump_close(struct pump **closed)
{
    struct pump *pump = *closed;

    if (pump == NULL)
        return;
    join_close(&pump->join);
    for (uint32_t n = 0; n <= pump->level_count; n++)
        samples_close(&pump->samples[n]);
    meter_close(&pump->meter);
    free(pump->components);
    free(pump->frames.records);
    free(pump->hops.records);
    free(pump->sinks);
    free(pump);
    *closed = NULL;
}
