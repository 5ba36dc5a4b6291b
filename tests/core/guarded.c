/* Under the guard (preloaded): a real graph does nothing forbidden on a frame's path, and a
 * component that does is caught. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "graph.h"

void tt_guard_path(bool is_inside) __attribute__((weak));

static struct graph g;
static volatile uint64_t paths;

static void path(void *world, bool is_inside)
{
    g.sim_path(world, is_inside);
    paths++;
    tt_guard_path(is_inside);
}

static void make_pass(void *argument)
{
    void *volatile memory = malloc(100);

    (void)argument;
    free(memory);
}

static void lock_in_pass(void *argument)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    (void)argument;
    (void)pthread_mutex_lock(&mutex);
    (void)pthread_mutex_unlock(&mutex);
}

static void print_in_pass(void *argument)
{
    (void)argument;
    (void)fprintf(stderr, "%d\n", 7);
}

static void write_in_pass(void *argument)
{
    (void)argument;
    (void)!write(2, "", 0);
}

static void sleep_in_pass(void *argument)
{
    (void)argument;
    (void)nanosleep(&(struct timespec){.tv_nsec = 1}, NULL);
}

/* A graph with all that the engine has: fan-out, joins, reordering, made frames, both ends of
 * links, late inputs, lost frames and failures. */
static void run(uint32_t mode, void (*hook)(void *argument))
{
    struct tt_link *ends[2];
    void *memory[2], *private[2];
    uint32_t a, b, inlet, led, clocked, codec, maker, sink, writer, outlet;

    for (uint32_t n = 0; n < 2; n++) {
        memory[n] = calloc(1, tt_link_bytes(16));
        private[n] = malloc(tt_link_end_bytes());
    }
    ends[0] = tt_link_reader(private[0], memory[0], 16);
    ends[1] = tt_link_writer(private[1], memory[1], 16);
    graph_init(&g, 3);
    g.params.mode = mode;
    g.params.end_ns = 300 * MS;
    g.sim_params.stall_one_in = 30;
    g.sim_params.stall_ns = 25 * MS;
    a = graph_node(&g, FAKE_SOURCE);
    b = graph_node(&g, FAKE_SOURCE);
    inlet = graph_end_of_link(&g, TT_NODE_INLET, ends[0], 1);
    led = graph_node(&g, FAKE_LED);
    clocked = graph_node(&g, FAKE_CLOCKED);
    codec = graph_node(&g, FAKE_REORDER);
    maker = graph_node(&g, FAKE_MAKER);
    sink = graph_node(&g, FAKE_SINK);
    writer = graph_node(&g, FAKE_WRITER);
    outlet = graph_end_of_link(&g, TT_NODE_OUTLET, ends[1], 2);
    graph_flow(&g, a, 0, led, 0)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, b, 0, led, 1)->late_policy = TT_LATE_DROP;
    graph_flow(&g, inlet, 0, clocked, 0)->late_policy = TT_LATE_SILENCE;
    graph_flow(&g, led, 0, clocked, 1)->late_policy = TT_LATE_REPEAT;
    graph_flow(&g, clocked, 0, codec, 0);
    graph_flow(&g, codec, 0, maker, 0);
    graph_flow(&g, maker, 0, sink, 0)->depth = 4;
    graph_format(&g, g.params.flow_count - 1)->rate = (struct tt_rational){200, 1};
    graph_flow(&g, led, 0, writer, 0);
    graph_flow(&g, a, 0, writer, 1);
    graph_flow(&g, clocked, 0, outlet, 0)->late_policy = TT_LATE_DROP;
    g.fakes[a]->skip_every = 5;
    g.fakes[led]->fail_at = 9;
    g.fakes[codec]->hook = hook;
    if (mode == TT_MODE_ASAP) /* nothing comes from, and nothing is taken by, the edges here */
        CHECK(tt_link_put(tt_link_writer(malloc(tt_link_end_bytes()), memory[0], 16),
                          &(struct tt_link_slot){.flags = TT_END, .slot = TT_NO_FRAME}));
    g.path = path;
    graph_open(&g);
    graph_begin(&g, 0);
    (void)graph_run_until(&g, 500 * MS);
    CHECK(g.fakes[codec]->activations > 0);
    (void)sink;
}

static bool is_caught(void (*hook)(void *argument))
{
    int status;
    pid_t pid = fork();

    CHECK(pid >= 0);
    if (pid == 0) {
        run(TT_MODE_LIVE, hook);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

int main(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    fprintf(stderr, "a sanitizer's own allocator cannot be preloaded over\n");
    return CHECK_SKIP;
#endif
    CHECK(tt_guard_path != NULL);
    run(TT_MODE_LIVE, NULL);
    CHECK(paths > 200);
    run(TT_MODE_ASAP, NULL);
    CHECK(is_caught(make_pass));
    CHECK(is_caught(lock_in_pass));
    CHECK(is_caught(print_in_pass));
    CHECK(is_caught(write_in_pass));
    CHECK(is_caught(sleep_in_pass));
    CHECK(!is_caught(NULL));
    return 0;
}
