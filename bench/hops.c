/* The engine with a chain of empty components, in a world of its own: the clock is a counter, so
 * that the same program executes the same instructions each time it runs. Without arguments it says
 * what built it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/ring.h"
#include "core/engine.h"
#include "tactus/format.h"

enum {
    LENGTH_MAX = TT_NODES_MAX - 2,
    NODES = TT_NODES_MAX,
    SLOTS = 64,
    SLOT_BYTES = 4096,
    RECORDS = 8192
};

static const struct tt_rational rate = {100, 1};
static struct tt_ring records;
static struct tt_engine_stats stats;
static int64_t clock_ns = INT64_C(1000000000);
static uint64_t processed;

static struct tt_component component[3]; /* a source, what is empty, a sink */
static struct tt_port ports[3][2];
static struct tt_node_plan nodes[NODES];
static struct tt_request requests[NODES];
static struct tt_pin pins[NODES][2];
static struct tt_shape shapes[NODES];
static struct tt_flow_plan flows[NODES];
static struct tt_format format;
static uint32_t class_of[NODES * TT_PORTS_MAX];

static int64_t now(void *world)
{
    (void)world;
    return clock_ns += 10;
}

static uint32_t wait_until(void *world, uint32_t seen, int64_t until_ns, bool is_for_room)
{
    (void)world;
    if (until_ns == INT64_MAX)
        abort();
    if (until_ns > clock_ns)
        clock_ns = until_ns;
    return seen;
}

static uint32_t bell(void *world)
{
    (void)world;
    return 0;
}

static void ring(void *world, uint32_t peer)
{
    (void)world, (void)peer;
}

static void arm(void *world, int64_t until_ns)
{
    (void)world, (void)until_ns;
}

static void disarm(void *world)
{
    (void)world;
}

static void *map(void *world, uint64_t bytes)
{
    void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);

    (void)world;
    return memory ? memset(memory, 0, bytes) : NULL;
}

/* As in a container; nobody reads, so the whole ring is taken as read when it is full. */
static bool record_out(void *world, const struct tt_record *record)
{
    (void)world;
    if (!tt_ring_put(&records, record)) {
        records.shared->read_count = records.count;
        return tt_ring_put(&records, record);
    }
    return true;
}

static void path(void *world, bool is_inside)
{
    (void)world, (void)is_inside;
}

static const struct tt_port_ops port_ops = {.now = now,
                                            .cpu_now = now,
                                            .wait = wait_until,
                                            .bell = bell,
                                            .ring = ring,
                                            .arm = arm,
                                            .disarm = disarm,
                                            .map = map,
                                            .record_out = record_out,
                                            .path = path};

static int open_empty(void *state, void *scratch, const struct tt_host *host,
                      const struct tt_request *request)
{
    (void)state, (void)scratch, (void)host, (void)request;
    return 0;
}

static int process_source(void *state, struct tt_call *call)
{
    (void)state;
    tt_call_out(call, 0)->bytes = 8;
    return TT_DONE;
}

static int process_empty(void *state, struct tt_call *call)
{
    (void)state;
    tt_call_out(call, 0)->bytes = tt_call_in(call, 0)->bytes;
    return TT_DONE;
}

static int process_sink(void *state, struct tt_call *call)
{
    (void)state, (void)call;
    processed++;
    return TT_DONE;
}

static void close_empty(void *state)
{
    (void)state;
}

static void lay_component(uint32_t kind, int (*process)(void *state, struct tt_call *call))
{
    for (uint32_t n = 0; n < 2; n++)
        ports[kind][n].in_place_of = -1;
    if (kind == 1) /* its input, of which the output is made in place */
        ports[kind][0].in_place_of = 0;
    component[kind] = (struct tt_component){.abi = TT_ABI,
                                            .size = sizeof(struct tt_component),
                                            .name = "empty",
                                            .ports = ports[kind],
                                            .port_count = 2,
                                            .open = open_empty,
                                            .process = process,
                                            .close = close_empty};
}

static void lay_node(uint32_t n, uint32_t count, int64_t budget_ns)
{
    bool is_source = n == 0, is_sink = n == count - 1;

    requests[n] = (struct tt_request){.size = sizeof(struct tt_request),
                                      .pins = pins[n],
                                      .in_count = !is_source,
                                      .out_count = !is_sink};
    for (uint32_t pin = 0; pin < 2; pin++)
        pins[n][pin] = (struct tt_pin){"pin", pin, 1};
    shapes[n].out_max[0] = 1;
    shapes[n].bytes_max[0] = 64;
    nodes[n] = (struct tt_node_plan){.name = "empty",
                                     .component = &component[is_source ? 0
                                                             : is_sink ? 2
                                                                       : 1],
                                     .request = &requests[n],
                                     .shape = &shapes[n],
                                     .rate = rate,
                                     .sink = is_sink ? 0 : -1,
                                     .deadline_ns = 20000000,
                                     .due_offset_ns = 20000000,
                                     .budget_ns = budget_ns,
                                     .ledger_component = n};
    if (!is_sink)
        flows[n] = (struct tt_flow_plan){.from_node = n,
                                         .to_node = n + 1,
                                         .depth = 2,
                                         .late_policy = TT_LATE_KEEP,
                                         .format = &format};
}

static void lay_out(struct tt_engine_params *params, uint32_t length, int64_t frames,
                    int64_t budget_ns)
{
    static struct tt_pool_view pool;

    format = (struct tt_format){.size = sizeof(format), .kind = TT_VIDEO, .rate = rate};
    lay_component(0, process_source);
    lay_component(1, process_empty);
    lay_component(2, process_sink);
    for (uint32_t n = 0; n < length + 2; n++)
        lay_node(n, length + 2, budget_ns);
    pool.class_count = 1;
    pool.classes[0] = (struct tt_pool_class){SLOT_BYTES, SLOTS, 0};
    pool.slot_count = SLOTS;
    pool.bytes = (uint64_t)SLOT_BYTES * SLOTS;
    pool.memory = map(NULL, pool.bytes);
    *params = (struct tt_engine_params){.nodes = nodes,
                                        .node_count = length + 2,
                                        .flows = flows,
                                        .flow_count = length + 1,
                                        .own = pool,
                                        .class_of = class_of,
                                        .pools = &pool,
                                        .pool_count = 1,
                                        .segment_count = 1,
                                        .mode = TT_MODE_LIVE,
                                        .rate = rate,
                                        .end_ns = tt_index_ns(frames, rate),
                                        .port = {&port_ops, NULL}};
}

/* Instructions are comparable only between programs that were built alike. */
static void print_build(void)
{
#ifdef __clang__
    const char *compiler = "";
#else
    const char *compiler = "gcc ";
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__OPTIMIZE__)
    const char *kind = "not optimized";
#else
    const char *kind = "optimized";
#endif
#ifdef __x86_64__
    const char *machine = "x86_64";
#else
    const char *machine = "other";
#endif
    printf("%s%s, %s, %s\n", compiler, __VERSION__, machine, kind);
}

int main(int argc, char **argv)
{
    long numbers[3] = {0}; /* length, frames, budget in ns */
    struct tt_engine_params params;
    struct tt_engine *engine;
    struct tt_error err = {0};

    if (argc == 1) {
        print_build();
        return 0;
    }
    for (int n = 1; n < argc && n <= 3; n++)
        numbers[n - 1] = strtol(argv[n], NULL, 10);
    if (numbers[0] < 1 || numbers[0] > LENGTH_MAX || numbers[1] < 1 || numbers[2] < 0) {
        (void)fprintf(stderr, "usage: hops [LENGTH FRAMES [BUDGET_NS]]\n");
        return 2;
    }
    tt_ring_producer(&records, map(NULL, tt_ring_bytes(sizeof(struct tt_record), RECORDS)),
                     sizeof(struct tt_record), RECORDS);
    lay_out(&params, (uint32_t)numbers[0], numbers[1], numbers[2]);
    if (tt_engine_open(&params, &stats, &engine, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    tt_engine_run(engine, clock_ns + 1000000, 0);
    tt_engine_close(&engine);
    return processed == (uint64_t)numbers[1] ? 0 : 1;
}
