/* The engine beside other threads, as a container's worker is: one posts events, reads the stats
 * and takes the costs while it runs, and ends it. The thread sanitizer sees all of it. */
#include <pthread.h>
#include <time.h>

#include "graph.h"

static struct graph g;
static uint32_t bell; /* atomic */

static int64_t real_now(void *world)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
}

static uint32_t read_bell(void *world)
{
    return __atomic_load_n(&bell, __ATOMIC_ACQUIRE);
}

static uint32_t real_wait(void *world, uint32_t seen, int64_t until_ns, bool is_for_room)
{
    struct timespec nap = {.tv_nsec = 200000};

    if (read_bell(world) == seen && real_now(world) < until_ns)
        (void)nanosleep(&nap, NULL);
    return read_bell(world);
}

static void watch(void *world, int64_t until_ns)
{
}

static void unwatch(void *world)
{
}

static void *work(void *unused)
{
    tt_engine_run(g.engine, real_now(NULL), 0);
    return NULL;
}

/* A chain of 1,000 frames a second without an end. */
static void open_graph(void)
{
    uint32_t source, pass, sink;

    graph_init(&g, 1);
    g.params.rate = (struct tt_rational){1000, 1};
    g.params.end_ns = INT64_MAX;
    g.params.watchdog_ns = 1000 * MS;
    graph_chain(&g, FAKE_PASS, (uint32_t *[]){&source, &pass, &sink});
    graph_open(&g);
    /* The simulator is one thread's; its clock would not go on by itself either. */
    g.ops.now = g.ops.cpu_now = real_now;
    g.ops.wait = real_wait;
    g.ops.bell = read_bell;
    g.ops.arm = watch;
    g.ops.disarm = unwatch;
}

static void look(uint32_t *costs)
{
    const struct tt_engine_stats *stats = g.stats;
    uint32_t segment;
    int64_t cost_ns;

    while (tt_engine_segment_cost(g.engine, &segment, &cost_ns))
        *costs += cost_ns >= 0;
    (void)__atomic_load_n(&stats->stuck_since_ns, __ATOMIC_ACQUIRE);
    (void)__atomic_load_n(&stats->loops, __ATOMIC_RELAXED);
    (void)__atomic_load_n(&stats->nodes[1].activations, __ATOMIC_RELAXED);
    (void)__atomic_load_n(&stats->first_delivery_ns, __ATOMIC_ACQUIRE);
    tt_engine_on_budget(g.engine);
}

static void others_look_and_tell_while_it_runs(void)
{
    struct tt_event event = {.kind = TT_EVENT_PARAM, .id = 1};
    struct timespec nap = {.tv_nsec = 1000000};
    uint32_t costs = 0, posted = 0;
    pthread_t worker;

    open_graph();
    CHECK_INT(pthread_create(&worker, NULL, work, NULL), 0);
    for (uint32_t turn = 0; turn < 200 || costs == 0; turn++) {
        posted += tt_engine_post(g.engine, turn % 3, &event);
        __atomic_add_fetch(&bell, 1, __ATOMIC_RELEASE);
        look(&costs);
        (void)nanosleep(&nap, NULL);
        CHECK(turn < 60000);
    }
    tt_engine_stop(g.engine);
    tt_engine_stop(g.engine); /* whoever runs is asked to return at once */
    CHECK_INT(pthread_join(worker, NULL), 0);
    CHECK_INT(g.stats->is_ended, 1);
    CHECK(g.fakes[0]->params_seen + g.fakes[1]->params_seen + g.fakes[2]->params_seen > 0);
    CHECK(posted > 0);
    graph_close(&g);
}

int main(void)
{
    RUN(others_look_and_tell_while_it_runs);
    return 0;
}
