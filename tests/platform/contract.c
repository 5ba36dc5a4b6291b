/* What every world that the engine may run in must do. */
#include "contract.h"

#include "check.h"

enum { MS = 1000000 };

struct fixture {
    const struct contract_factory *factory;
    struct contract_world world;
    const struct tt_port_ops *ops;
    void *to;
    uint32_t fired; /* atomic: on_budget may come beside the worker */
};

static void count_fired(void *argument)
{
    struct fixture *fixture = argument;

    __atomic_add_fetch(&fixture->fired, 1, __ATOMIC_RELAXED);
}

static void begin(struct fixture *fixture, const struct contract_factory *factory)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->factory = factory;
    factory->open(&fixture->world, 8, count_fired, fixture);
    fixture->ops = fixture->world.port.ops;
    fixture->to = fixture->world.port.world;
}

static void end(struct fixture *fixture)
{
    fixture->factory->close(&fixture->world);
}

static uint32_t fired(struct fixture *fixture)
{
    return __atomic_load_n(&fixture->fired, __ATOMIC_RELAXED);
}

static void time_never_goes_back(struct fixture *fixture)
{
    int64_t before = fixture->ops->now(fixture->to), cpu = fixture->ops->cpu_now(fixture->to);

    for (uint32_t n = 0; n < 10000; n++) {
        int64_t now = fixture->ops->now(fixture->to), cpu_now = fixture->ops->cpu_now(fixture->to);

        CHECK(now >= before);
        CHECK(cpu_now >= cpu);
        before = now;
        cpu = cpu_now;
    }
    fixture->factory->spend(&fixture->world, 5 * MS);
    CHECK(fixture->ops->now(fixture->to) >= before + 5 * MS);
    CHECK(fixture->ops->cpu_now(fixture->to) > cpu);
}

static void sleeping_costs_no_cpu(struct fixture *fixture)
{
    int64_t cpu = fixture->ops->cpu_now(fixture->to), now = fixture->ops->now(fixture->to);

    while (fixture->ops->now(fixture->to) < now + 50 * MS)
        (void)fixture->ops->wait(fixture->to, fixture->ops->bell(fixture->to), now + 50 * MS, true);
    CHECK(fixture->ops->cpu_now(fixture->to) - cpu < 25 * MS);
}

/* Spurious returns are allowed, early ends of the whole wait are not. */
static void wait_ends_at_its_time(struct fixture *fixture)
{
    int64_t now = fixture->ops->now(fixture->to), until = now + 20 * MS;
    uint32_t seen = fixture->ops->bell(fixture->to), rounds = 0;

    while (fixture->ops->now(fixture->to) < until) {
        CHECK(fixture->ops->wait(fixture->to, seen, until, true) == seen);
        CHECK(++rounds < 1000);
    }
    /* In the past: at once. */
    (void)fixture->ops->wait(fixture->to, seen, now, false);
}

static void wait_ends_when_rung(struct fixture *fixture)
{
    int64_t now = fixture->ops->now(fixture->to);
    uint32_t seen = fixture->ops->bell(fixture->to), got = seen;

    fixture->factory->ring_later(&fixture->world, 5 * MS);
    for (uint32_t rounds = 0; got == seen; rounds++) {
        got = fixture->ops->wait(fixture->to, seen, now + (int64_t)20000 * MS, true);
        CHECK(rounds < 1000);
    }
    CHECK(fixture->ops->now(fixture->to) < now + (int64_t)10000 * MS);
    CHECK(fixture->ops->bell(fixture->to) == got);
}

/* A ring between reading the count and sleeping must not be slept through. */
static void no_bell_is_lost(struct fixture *fixture)
{
    for (uint32_t n = 0; n < 100; n++) {
        int64_t now = fixture->ops->now(fixture->to);
        uint32_t seen = fixture->ops->bell(fixture->to);

        fixture->ops->ring(fixture->to, 0);
        CHECK(fixture->ops->wait(fixture->to, seen, now + (int64_t)20000 * MS, false) != seen);
        CHECK(fixture->ops->now(fixture->to) < now + (int64_t)10000 * MS);
    }
}

static void an_armed_time_fires_once(struct fixture *fixture)
{
    fixture->ops->arm(fixture->to, fixture->ops->now(fixture->to) + 2 * MS);
    CHECK_INT(fired(fixture), 0);
    for (uint32_t n = 0; n < 100 && fired(fixture) == 0; n++)
        fixture->factory->spend(&fixture->world, 10 * MS);
    CHECK_INT(fired(fixture), 1);
    fixture->factory->spend(&fixture->world, 30 * MS);
    CHECK_INT(fired(fixture), 1);
    fixture->ops->disarm(fixture->to);
}

static void disarmed_never_fires(struct fixture *fixture)
{
    fixture->ops->arm(fixture->to, fixture->ops->now(fixture->to) + (int64_t)1000 * MS);
    fixture->ops->disarm(fixture->to);
    fixture->ops->disarm(fixture->to);
    fixture->factory->spend(&fixture->world, 30 * MS);
    CHECK_INT(fired(fixture), 0);
}

static void arming_again_replaces(struct fixture *fixture)
{
    int64_t now = fixture->ops->now(fixture->to);

    fixture->ops->arm(fixture->to, now + (int64_t)60000 * MS);
    fixture->ops->arm(fixture->to, now + 2 * MS);
    for (uint32_t n = 0; n < 100 && fired(fixture) == 0; n++)
        fixture->factory->spend(&fixture->world, 10 * MS);
    CHECK_INT(fired(fixture), 1);
    fixture->ops->disarm(fixture->to);
}

static void memory_is_zeroed_and_aligned(struct fixture *fixture)
{
    static const uint64_t sizes[] = {1, 64, 100, 4096, 1000000};

    for (uint32_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
        uint8_t *memory = fixture->ops->map(fixture->to, sizes[n]);

        CHECK(memory != NULL);
        CHECK((uintptr_t)memory % 64 == 0);
        for (uint64_t at = 0; at < sizes[n]; at++)
            CHECK(memory[at] == 0);
        memset(memory, 0xff, sizes[n]); /* so that an overlap with the next shows */
    }
    CHECK(fixture->ops->map(fixture->to, (uint64_t)1 << 62) == NULL);
}

static void records_keep_their_order(struct fixture *fixture)
{
    struct tt_record record = {.kind = TT_RECORD_HOP}, got;
    int64_t put = 0, taken = 0;

    for (uint32_t round = 0; round < 3; round++) {
        for (record.index = put; fixture->ops->record_out(fixture->to, &record); put++) {
            record.index = put + 1;
            CHECK(put < 1000);
        }
        CHECK_INT(put - taken, 8);
        while (fixture->factory->take_record(&fixture->world, &got)) {
            CHECK_INT(got.kind, TT_RECORD_HOP);
            CHECK_INT(got.index, taken);
            taken++;
        }
        CHECK_INT(taken, put);
    }
}

static void run_worker(void *argument)
{
    __atomic_store_n((uint32_t *)argument, 42, __ATOMIC_RELEASE);
}

static void a_worker_runs(struct fixture *fixture)
{
    static uint32_t word;

    __atomic_store_n(&word, 0, __ATOMIC_RELEASE);
    CHECK_INT(fixture->ops->spawn_worker(fixture->to, run_worker, &word), 0);
    fixture->factory->join_workers(&fixture->world);
    CHECK_INT(__atomic_load_n(&word, __ATOMIC_ACQUIRE), 42);
}

static void a_reservation_is_given_or_refused(struct fixture *fixture)
{
    CHECK(fixture->ops->set_reservation(fixture->to, 1 * MS, 10 * MS) <= 0);
    CHECK(fixture->ops->set_reservation(fixture->to, 20 * MS, 10 * MS) < 0);
}

static void the_path_may_be_told(struct fixture *fixture)
{
    for (uint32_t n = 0; n < 10; n++)
        fixture->ops->path(fixture->to, n % 2 == 0);
}

struct check {
    const char *name;
    void (*run)(struct fixture *fixture);
};

static const struct check checks[] = {
    {"time never goes back", time_never_goes_back},
    {"sleeping costs no cpu", sleeping_costs_no_cpu},
    {"wait ends at its time", wait_ends_at_its_time},
    {"wait ends when rung", wait_ends_when_rung},
    {"no bell is lost", no_bell_is_lost},
    {"an armed time fires once", an_armed_time_fires_once},
    {"disarmed never fires", disarmed_never_fires},
    {"arming again replaces", arming_again_replaces},
    {"memory is zeroed and aligned", memory_is_zeroed_and_aligned},
    {"records keep their order", records_keep_their_order},
    {"a worker runs", a_worker_runs},
    {"the path may be told", the_path_may_be_told},
    /* Last: a world may keep the reservation that it got. */
    {"a reservation is given or refused", a_reservation_is_given_or_refused},
};

void contract_run(const struct contract_factory *factory)
{
    for (uint32_t n = 0; n < sizeof(checks) / sizeof(checks[0]); n++) {
        struct fixture fixture;

        fprintf(stderr, "- %s: %s\n", factory->name, checks[n].name);
        begin(&fixture, factory);
        checks[n].run(&fixture);
        end(&fixture);
    }
}
