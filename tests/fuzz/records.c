/* Records that processes write for tactusd, by processes that lie: in their records, in the counts
 * of their rings, and about when. */
#include "node/pump.h"

#include "base/record.h"
#include "fuzz.h"

#define SECOND INT64_C(1000000000)

enum { SLOTS = 64, PROCESSES = 3, COMPONENTS = 3, TURNS = 64 };

struct world {
    struct tt_picture_component components[COMPONENTS];
    struct tt_picture picture;
    struct tt_wiring wiring;
    struct broker broker;
    struct tt_ring ends[PROCESSES];
    struct tt_report *report;
    struct pump *pump;
    void *memory[PROCESSES];
};

static void make_rings(struct world *w)
{
    for (uint32_t n = 0; n < PROCESSES; n++) {
        uint64_t bytes = tt_ring_bytes(sizeof(struct tt_record), SLOTS);

        w->wiring.processes[n].record_slots = SLOTS;
        w->memory[n] = aligned_alloc(64, bytes);
        CHECK(w->memory[n] != NULL);
        memset(w->memory[n], 0, bytes);
        tt_ring_producer(&w->ends[n], w->memory[n], sizeof(struct tt_record), SLOTS);
        tt_ring_consumer(&w->broker.rings[n], w->memory[n], sizeof(struct tt_record), SLOTS);
    }
}

/* A source edge, a container with one component of its own, and a sink edge. */
static void start(struct world *w, bool is_live)
{
    static const char *const names[] = {"source", "middle", "sink"};

    memset(w, 0, sizeof(*w));
    w->components[0].sink = w->components[1].sink = -1;
    w->components[2].in_count = 1;
    w->components[2].rate = (struct tt_rational){50, 1};
    w->picture = (struct tt_picture){.components = w->components,
                                     .component_count = COMPONENTS,
                                     .sink_count = 1,
                                     .is_live = is_live};
    w->wiring.process_count = PROCESSES;
    w->wiring.processes[0].component = -1;
    w->wiring.processes[1].component = 0;
    w->wiring.processes[2].component = 2;
    w->broker.picture = &w->picture;
    w->broker.wiring = &w->wiring;
    make_rings(w);
    w->report = tt_report_open(&(struct tt_report_params){.service = "s",
                                                          .class = "best-effort",
                                                          .class_reason = "none",
                                                          .is_paced = is_live,
                                                          .deadline_ns = SECOND / 10,
                                                          .loss = 0.01,
                                                          .sinks = &names[2],
                                                          .sink_count = 1,
                                                          .components = names,
                                                          .component_count = COMPONENTS});
    w->pump = pump_open(&(struct pump_params){.broker = &w->broker,
                                              .picture = &w->picture,
                                              .report = w->report,
                                              .epoch_ns = 100 * SECOND});
    CHECK(w->report != NULL);
    CHECK(w->pump != NULL);
}

static void stop(struct world *w)
{
    char *text = tt_report_print(w->report, &(struct tt_report_extra){0});

    CHECK(text != NULL);
    free(text);
    pump_close(&w->pump);
    tt_report_close(&w->report);
    for (uint32_t n = 0; n < PROCESSES; n++)
        free(w->memory[n]);
}

static struct tt_record record_of(struct food *food, int64_t index)
{
    struct tt_record record = {.kind = (uint8_t)eat(food, 1),
                               .outcome = (uint8_t)eat(food, 1),
                               .cause = (uint8_t)eat(food, 1),
                               .flags = (uint8_t)eat(food, 1),
                               .sink = (uint16_t)eat(food, 1),
                               .component = (uint16_t)eat(food, 1)};

    record.index = eat_near(food, index);
    record.origin_ns = eat_near(food, index * SECOND / 50);
    record.due_ns = eat_near(food, record.origin_ns);
    record.delivered_ns = eat_near(food, record.origin_ns);
    record.sent_ns = eat_near(food, record.origin_ns);
    record.slack_ns = eat_near(food, 1000);
    record.value = eat_near(food, 1);
    return record;
}

static void act(struct world *w, struct food *food, int64_t *index, int64_t *now_ns)
{
    uint32_t process = eat_below(food, PROCESSES);
    struct tt_record record;

    switch (eat_below(food, 6)) {
    case 0: /* a lie about how much there is */
        w->ends[process].shared->write_count = eat(food, 8);
        break;
    case 1:
        pump_expect_gap(w->pump, process, (enum tt_cause)(1 + eat_below(food, TT_CAUSE_COUNT - 1)),
                        (int32_t)eat_below(food, COMPONENTS + 1) - 1, *now_ns);
        break;
    case 2:
        *now_ns += (int64_t)eat(food, 4);
        pump_poll(w->pump, *now_ns);
        break;
    default:
        record = record_of(food, (*index)++);
        (void)tt_ring_put(&w->ends[process], &record);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct world w;
    struct food food = {data, bytes};
    int64_t index = 0, now_ns = 100 * SECOND;
    struct pump_counts counts;

    start(&w, eat_below(&food, 2));
    for (uint32_t turn = 0; turn < TURNS && food.left > 0; turn++)
        act(&w, &food, &index, &now_ns);
    pump_poll(w.pump, now_ns);
    CHECK(pump_position_ns(w.pump) >= 0);
    pump_finish(w.pump, now_ns + SECOND, eat_near(&food, SECOND));
    counts = pump_counts(w.pump);
    for (uint32_t n = 0; n < COMPONENTS; n++)
        CHECK(pump_component(w.pump, n) != NULL);
    CHECK(counts.frames + counts.refused < (uint64_t)1 << 40);
    stop(&w);
    return 0;
}
