/* Components that break every rule of their contract: the engine keeps its own, and goes on. */
#include "graph.h"

enum { SEEDS = 60, HEADERS = 8 };

static struct graph g;
static uint64_t state;
static struct tt_frame headers[HEADERS]; /* of made frames: they outlive the calls */
static uint32_t last_handle, activations;

static uint64_t draw(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t pick(uint32_t count)
{
    return (uint32_t)(draw() >> 33) % count;
}

/* Mostly what an honest one would say, else something absurd. */
static int64_t twist(int64_t honest)
{
    static const int64_t absurd[] = {
        INT64_MIN,           INT64_MIN + 1,   -1,         0,   1 << 20,
        INT64_MAX - 1,       INT64_MAX,       UINT32_MAX, -77, (int64_t)1 << 60,
        -((int64_t)1 << 60), (int64_t)1 << 59};

    return pick(4) ? honest : absurd[pick(sizeof(absurd) / sizeof(*absurd))];
}

static uint32_t any_handle(const struct tt_call *call)
{
    switch (pick(5)) {
    case 0:
        return (uint32_t)draw();
    case 1:
        return pick(POOL_SLOTS); /* somebody's, of the own pool */
    case 2:
        return 4096 + pick(POOL_SLOTS); /* of the other */
    case 3:
        return last_handle;
    default:
        return call->in_count + call->out_count == 0
                   ? TT_NO_FRAME
                   : tt_call_in(call, pick(call->in_count + call->out_count))->handle;
    }
}

static void abuse_host(const struct tt_host *host, const struct tt_call *call)
{
    for (uint32_t n = pick(12); n > 0; n--) {
        struct tt_frame *header = &headers[pick(HEADERS)];

        switch (pick(6)) {
        case 0:
            if (host->frame_new(host->ctx, pick(4), header) == 0)
                last_handle = header->handle;
            header->bytes = (uint32_t)twist(8);
            header->index = twist(header->index);
            header->origin_ns = twist(header->origin_ns);
            header->duration_ns = twist(header->duration_ns);
            header->flags = (uint32_t)draw();
            break;
        case 1:
        case 2:
            (void)host->frame_emit(host->ctx, pick(4), any_handle(call));
            break;
        case 3:
            (void)host->frame_keep(host->ctx, any_handle(call));
            break;
        case 4:
            (void)host->frame_drop(host->ctx, any_handle(call));
            break;
        default:
            (void)host->note(host->ctx, (uint32_t)draw(), (int64_t)draw());
        }
    }
}

static void spoil(struct tt_frame *frame)
{
    if (frame->data && frame->capacity >= sizeof(int64_t) && pick(2))
        frame->bytes = (uint32_t)twist(8);
    frame->index = twist(frame->index);
    frame->origin_ns = twist(frame->origin_ns);
    frame->duration_ns = twist(frame->duration_ns);
    if (pick(4))
        return;
    frame->flags = (uint32_t)draw();
    frame->format_id = pick(3);
    frame->handle = (uint32_t)draw();
    frame->data = draw();
    frame->capacity = (uint32_t)draw();
    frame->valid_slices = (uint32_t)draw();
}

static int abuse(void *fake_, struct tt_call *call)
{
    static const int results[] = {TT_DONE, TT_DONE, TT_DONE,   TT_AGAIN, TT_AGAIN,
                                  -5,      2,       INT32_MIN, INT32_MAX};
    struct fake *fake = fake_;
    bool is_ending = call->in_count > 0 && (tt_call_in(call, 0)->flags & TT_END);

    fake->activations++;
    abuse_host(&fake->host, call);
    if (pick(8) == 0) /* the engine's word on another component: not its business */
        abuse_host(&g.fakes[pick(g.params.node_count)]->host, call);
    for (uint32_t n = 0; n < call->in_count + call->out_count; n++)
        spoil(tt_call_in(call, n));
    if (pick(6) == 0) {
        call->index = (int64_t)draw();
        call->media_ns = (int64_t)draw();
        call->level = call->stop = call->key_point = (uint32_t)draw();
    }
    return is_ending && pick(2) ? TT_DONE : results[pick(sizeof(results) / sizeof(*results))];
}

/* Every kind of node, all of them hostile but the sinks. */
static void make_hostile(void)
{
    static const enum fake_kind kinds[] = {FAKE_SOURCE,  FAKE_SOURCE,  FAKE_PASS,
                                           FAKE_LED,     FAKE_CLOCKED, FAKE_MAKER,
                                           FAKE_REORDER, FAKE_TWICE,   FAKE_WRITER};
    static const uint32_t policies[] = {TT_LATE_DROP, TT_LATE_REPEAT, TT_LATE_BLACK, TT_LATE_KEEP};

    for (uint32_t n = 0; n < sizeof(kinds) / sizeof(*kinds); n++) {
        uint32_t node = graph_node(&g, kinds[n]),
                 inputs = n < 2 ? 0 : 1 + (n == 3 || n == 4 || n == 8);

        g.components[node].process = abuse;
        g.nodes[node].budget_ns = pick(2) * MS;
        for (uint32_t port = 0; port < 2 * TT_PORTS_MAX; port++) {
            g.ports[node][port].hold_max = pick(3);
            g.ports[node][port].in_place_of = (int32_t)pick(3) - 1;
        }
        for (uint32_t port = 0; port < inputs; port++) {
            struct tt_flow_plan *flow = graph_flow(&g, pick(n), pick(2), node, port);

            flow->late_policy = policies[pick(4)];
            flow->depth = 1 + pick(3);
            graph_format(&g, g.params.flow_count - 1)->kind = 1 + pick(4);
            graph_format(&g, g.params.flow_count - 1)->reorder_frames = pick(2);
        }
    }
    for (uint32_t n = 0; n < 4; n++)
        graph_flow(&g, pick(8), pick(2), graph_node(&g, FAKE_SINK), 0);
}

static void run_seed(uint64_t seed)
{
    state = seed;
    last_handle = TT_NO_FRAME;
    graph_init(&g, seed);
    g.params.mode = pick(3) == 0 ? TT_MODE_ASAP : TT_MODE_LIVE;
    g.params.end_ns = 150 * MS;
    g.params.watchdog_ns = 1000 * MS;
    g.sim_params.record_slots = 1 << 17;
    if (pick(2))
        g.pools[0].classes[0].slot_count = g.pools[0].slot_count = 30 + pick(30);
    make_hostile();
    graph_open(&g);
    graph_begin(&g, 0);
    g.is_ring_left_full = true; /* lies about indices make more records than are worth keeping */
    graph_run(&g);
    for (uint32_t n = 0; n < g.params.node_count; n++)
        activations += g.fakes[n]->activations;
    graph_close(&g);
}

int main(int argc, char **argv)
{
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;

    for (uint64_t seed = first; seed < (argc > 1 ? first + 1 : first + SEEDS); seed++) {
        fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
    /* Many say End at once; the others must have had their chance. */
    CHECK(activations > 200 || argc > 1);
    return 0;
}
