/* What a pure component was called with is all that there is to know of a run: 10,000 calls of one
 * that hears itself (a filter in floating point) are recorded, and replayed in another process and
 * by the engine in virtual time. Each output and the state's sum are the same.
 * replay SOURCE.c; replay PACKAGE RECORDS: the other process. */
#include "boxed.h"
#include "core/graph.h"
#include "sandbox/carry.h"
#include "scratch.h"
#include "tactus/format.h"

#include <fcntl.h>
#include <sys/wait.h>

enum { CALLS = 10000, SAMPLES = 48, IN_BYTES = 2 * SAMPLES * 4, POOL_BYTES = 1 << 20 };

/* The call as it was made, without addresses, and what came of it. */
struct record {
    int64_t index, media_ns;
    uint32_t level, event_count;
    struct tt_event event;
    uint8_t in[IN_BYTES];
    int32_t result;
    uint32_t out_bytes;
    struct tt_sum out; /* of its bytes */
};

struct instance {
    const struct tt_component *component;
    struct tt_request request;
    struct tt_format in;
    struct tt_setting settings[8];
    struct tt_shape shape;
    struct tt_host host;
    void *state;
};

static uint8_t *pool;
static struct record *records;
static struct tt_sum last_sum;

static int on_note(void *ctx, uint32_t id, int64_t value)
{
    return 0;
}

static void begin(struct instance *instance, const struct tt_component *component)
{
    static const struct tt_pin pins[] = {{"in", 0, 1}, {"out", 1, 1}};
    static const struct tt_blob none[1];
    struct tt_error err = {0};

    instance->component = component;
    instance->in = component->ports[0].accepts[0];
    instance->in.size = sizeof(instance->in);
    instance->in.rate = (struct tt_rational){1000, 1};
    (void)tt_format_audio(&instance->in, TT_F32P, 48000, 2, SAMPLES);
    for (uint32_t n = 0; n < component->param_count; n++)
        instance->settings[n] = (struct tt_setting){
            .param = n, .input = TT_NO_PORT, .f = strtod(component->params[n].initial, NULL)};
    instance->request = (struct tt_request){.size = sizeof(instance->request),
                                            .in_count = 1,
                                            .out_count = 1,
                                            .in = &instance->in,
                                            .config = none,
                                            .pins = pins,
                                            .params = instance->settings,
                                            .params_count = component->param_count,
                                            .texts = "",
                                            .texts_bytes = 1,
                                            .rate = {1000, 1}};
    CHECK_INT(component->shape(&instance->request, &instance->shape, &err), 0);
    instance->state = aligned_alloc(64, (instance->shape.state_bytes + 127) / 64 * 64);
    memset(instance->state, 0, instance->shape.state_bytes);
    CHECK_INT(component->init(instance->state, &instance->request, &err), 0);
    instance->host =
        (struct tt_host){.abi = TT_ABI, .size = sizeof(instance->host), .note = on_note};
    CHECK_INT(component->open(instance->state, NULL, &instance->host, &instance->request), 0);
}

/* Makes the recorded call; the answer is in *ret. */
static void call(struct instance *instance, const struct record *record, struct record *ret)
{
    uint8_t *out = pool + POOL_BYTES / 2;
    struct tt_event event = record->event;
    struct tt_frame frames[2] = {{.data = (tt_addr)(uintptr_t)pool,
                                  .index = record->index,
                                  .bytes = IN_BYTES,
                                  .capacity = IN_BYTES,
                                  .handle = 1},
                                 {.data = (tt_addr)(uintptr_t)out,
                                  .index = record->index,
                                  .capacity = instance->shape.bytes_max[0],
                                  .handle = 2}};
    struct tt_call made = {.abi = TT_ABI,
                           .size = sizeof(made),
                           .index = record->index,
                           .media_ns = record->media_ns,
                           .level = record->level,
                           .event_count = record->event_count,
                           .in_count = 1,
                           .out_count = 1,
                           .events = (tt_addr)(uintptr_t)&event,
                           .frames = (tt_addr)(uintptr_t)frames};

    memcpy(pool, record->in, IN_BYTES);
    memset(out, 0, instance->shape.bytes_max[0]);
    ret->result = instance->component->process(instance->state, &made);
    ret->out_bytes = frames[1].bytes;
    ret->out = tt_sum_of_globals(out, frames[1].bytes);
}

static struct tt_sum sum_of(const struct instance *instance)
{
    return tt_carry_sum(tt_proxy_slot(instance->state));
}

static bool is_same(struct tt_sum a, struct tt_sum b)
{
    return a.low == b.low && a.high == b.high;
}

static void check_answer(const struct record *record, const struct record *answer)
{
    CHECK_INT(answer->result, record->result);
    CHECK_INT(answer->out_bytes, record->out_bytes);
    CHECK(is_same(answer->out, record->out));
}

/* A parameter changes now and then; the inputs are noise. */
static void make_call(struct record *record, int64_t index)
{
    static uint64_t seed = 1;

    *record = (struct record){.index = index,
                              .media_ns = index * 1000000,
                              .event_count = index % 97 == 96,
                              .event = {.kind = TT_EVENT_PARAM, .f = (double)(index % 19) / 17}};
    for (uint32_t n = 0; n < IN_BYTES; n += 4) {
        float sample;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        sample = (float)(seed >> 40) / 8388608.0f - 1.0f;
        memcpy(record->in + n, &sample, 4);
    }
}

static void record_a_run(const struct tt_component *component)
{
    static struct instance instance;
    uint32_t changes = 0;

    begin(&instance, component);
    for (int64_t n = 0; n < CALLS; n++) {
        struct tt_sum before = n % 1000 == 0 ? sum_of(&instance) : last_sum;

        make_call(&records[n], n);
        call(&instance, &records[n], &records[n]);
        CHECK_INT(records[n].result, TT_DONE);
        if (n % 1000 == 0)
            changes += !is_same(before, sum_of(&instance));
    }
    CHECK_INT(changes, CALLS / 1000); /* it has a state at all */
    last_sum = sum_of(&instance);
}

/* The other process: it has the package and the records, and nothing else of this one. */
static int replay_here(const char *package_path, const char *records_path)
{
    static struct instance instance;
    struct record answer;
    FILE *file = fopen(records_path, "rb");

    CHECK(file != NULL && fread(records, sizeof(*records), CALLS, file) == CALLS);
    (void)fclose(file);
    begin(&instance, boxed_load(package_path));
    for (int64_t n = 0; n < CALLS; n++) {
        call(&instance, &records[n], &answer);
        check_answer(&records[n], &answer);
    }
    last_sum = sum_of(&instance);
    printf("%llx %llx\n", (unsigned long long)last_sum.low, (unsigned long long)last_sum.high);
    return 0;
}

static void another_process_comes_to_the_same(const char *package_path)
{
    char path[PATH_MAX], words[PATH_MAX * 3], said[64] = "", expected[64];
    struct tt_error err = {0};
    FILE *file;

    CHECK_INT(build_path(path, scratch, "records", &err), 0);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(records, sizeof(*records), CALLS, file) == CALLS);
    CHECK_INT(fclose(file), 0);
    (void)snprintf(words, sizeof(words), "/proc/%d/exe %s %s", (int)getpid(), package_path, path);
    file = popen(words, "r");
    CHECK(file != NULL && fgets(said, sizeof(said), file) != NULL);
    CHECK_INT(pclose(file), 0);
    (void)snprintf(expected, sizeof(expected), "%llx %llx\n", (unsigned long long)last_sum.low,
                   (unsigned long long)last_sum.high);
    CHECK_TEXT(said, expected);
}

static struct instance in_engine;
static int64_t engine_calls;

/* Stands in for the graph's middle: the engine says when and with which index, the records with
 * what. */
static int process_in_engine(void *state, struct tt_call *asked)
{
    const struct tt_frame *in = tt_call_in(asked, 0);
    struct tt_frame *out = tt_call_out(asked, 0);
    struct record answer;

    if (!in->data)
        return TT_DONE;
    CHECK_INT(asked->index, engine_calls);
    CHECK_INT(*(const int64_t *)tt_frame_data(in), asked->index);
    call(&in_engine, &records[asked->index], &answer);
    check_answer(&records[asked->index], &answer);
    engine_calls++;
    *(int64_t *)tt_frame_data(out) = asked->index;
    out->bytes = sizeof(int64_t);
    return TT_DONE;
}

static void the_simulator_comes_to_the_same(const struct tt_component *component)
{
    static struct graph g;

    begin(&in_engine, component);
    graph_init(&g, 1);
    g.params.rate = (struct tt_rational){1000, 1};
    g.params.end_ns = CALLS * INT64_C(1000000);
    (void)graph_node(&g, FAKE_SOURCE);
    (void)graph_node(&g, FAKE_PASS);
    (void)graph_node(&g, FAKE_SINK);
    (void)graph_flow(&g, 0, 0, 1, 0);
    (void)graph_flow(&g, 1, 0, 2, 0);
    graph_open(&g);
    g.components[1].process = process_in_engine;
    graph_begin(&g, 0);
    graph_run(&g);
    CHECK_INT(engine_calls, CALLS);
    CHECK(is_same(sum_of(&in_engine), last_sum));
    graph_close(&g);
}

int main(int argc, char **argv)
{
    const struct tt_component *component;
    char package_path[PATH_MAX];
    struct tt_error err = {0};

    records = calloc(CALLS, sizeof(*records));
    CHECK(records != NULL && argc >= 2);
    pool = boxed_pool(POOL_BYTES);
    if (argc == 3)
        return replay_here(argv[1], argv[2]);
    scratch_open(true);
    CHECK_INT(build_path(package_path, scratch, "boxed.tactus", &err), 0);
    boxed_build(argv[1], package_path);
    component = boxed_load(package_path);
    record_a_run(component);
    another_process_comes_to_the_same(package_path);
    the_simulator_comes_to_the_same(component);
    printf("%d calls: the same in another process and in virtual time\n", CALLS);
    scratch_close();
    return 0;
}
