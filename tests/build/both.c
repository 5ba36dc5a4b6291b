/* One source, built natively and for the sandbox, gives the same bytes: both SOURCE.c PLUGIN.so.
 * Pictures and sounds of random bits, parameters that change while it runs. */
#include <dlfcn.h>
#include <errno.h>

#include "boxed.h"
#include "scratch.h"
#include "spec/service.h"
#include "tactus/format.h"

enum { FRAMES = 48, POOL_BYTES = 4 << 20, AREA_BYTES = POOL_BYTES / 4, PARAMS_MAX = 8 };

static uint8_t *pool;
static uint64_t seed = 1;

struct noted {
    uint64_t sum;
    uint32_t count;
};

static int on_note(void *ctx, uint32_t id, int64_t value)
{
    struct noted *noted = ctx;

    noted->sum = noted->sum * 1099511628211u + (uint64_t)value + id;
    noted->count++;
    return 0;
}

static uint32_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

/* The sandboxed one. */
static const struct tt_component *load_sandboxed(const char *source)
{
    char package_path[PATH_MAX];
    struct tt_error err = {0};

    CHECK_INT(build_path(package_path, scratch, "both.tactus", &err), 0);
    boxed_build(source, package_path);
    return boxed_load(package_path);
}

struct run {
    const struct tt_component *component;
    struct tt_request request;
    struct tt_format in[2];
    struct tt_setting settings[PARAMS_MAX];
    struct tt_shape shape;
    struct noted noted;
    struct tt_host host;
    void *state, *scratch;
};

static struct tt_format format_of(const struct tt_port *port)
{
    struct tt_format format = port->accepts[0];

    format.size = sizeof(format);
    format.rate = (struct tt_rational){25, 1};
    if (format.kind == TT_VIDEO)
        (void)tt_format_video(&format, format.fourcc, 96, 54);
    else
        (void)tt_format_audio(&format, format.fourcc, 48000, 2, 480);
    return format;
}

static const char texts[] = "\0zwei";

static void fill_request(struct run *run)
{
    static const struct tt_blob configs[2];
    static const struct tt_pin pins[] = {{"a", 0, 1}, {"b", 1, 1}, {"c", 2, 1}};
    const struct tt_component *component = run->component;

    for (uint32_t n = 0; n < component->port_count - 1; n++)
        run->in[n] = format_of(&component->ports[n]);
    for (uint32_t n = 0; n < component->param_count; n++) {
        const struct tt_param *param = &component->params[n];
        struct tt_setting *setting = &run->settings[n];

        *setting = (struct tt_setting){.param = n, .input = TT_NO_PORT};
        setting->f = strtod(param->initial, NULL);
        setting->i = param->type == TT_PARAM_CHOICE ? 1
                     : param->type == TT_PARAM_BOOL ? 1
                                                    : (int64_t)setting->f;
        setting->text = param->type == TT_PARAM_TEXT;
    }
    run->request = (struct tt_request){.size = sizeof(run->request),
                                       .in_count = component->port_count - 1,
                                       .out_count = 1,
                                       .in = run->in,
                                       .config = configs,
                                       .pins = pins,
                                       .params = run->settings,
                                       .params_count = component->param_count,
                                       .texts = texts,
                                       .texts_bytes = sizeof(texts),
                                       .rate = {25, 1}};
}

static void begin(struct run *run, const struct tt_component *component)
{
    struct tt_error err = {0};

    run->component = component;
    fill_request(run);
    CHECK_INT(component->shape(&run->request, &run->shape, &err), 0);
    run->state = aligned_alloc(64, (run->shape.state_bytes + 127) / 64 * 64);
    memset(run->state, 0, run->shape.state_bytes);
    CHECK_INT(component->init(run->state, &run->request, &err), 0);
    run->host = (struct tt_host){
        .abi = TT_ABI, .size = sizeof(run->host), .ctx = &run->noted, .note = on_note};
    if (component->open)
        CHECK_INT(component->open(run->state, NULL, &run->host, &run->request), 0);
}

/* One call on the inputs that lie in the pool; the output goes to its place there. */
static int call_one(struct run *run, int64_t index, uint32_t in_bytes, struct tt_frame *ret_out)
{
    struct tt_event event = {.kind = TT_EVENT_PARAM, .id = 0, .i = index, .f = (double)index / 17};
    uint32_t in_count = run->request.in_count;
    struct tt_frame frames[3];
    struct tt_call call = {.abi = TT_ABI,
                           .size = sizeof(call),
                           .index = index,
                           .in_count = in_count,
                           .out_count = 1,
                           .event_count = index % 5 == 4 && run->component->params[0].is_live,
                           .events = (tt_addr)(uintptr_t)&event,
                           .frames = (tt_addr)(uintptr_t)frames};
    int r;

    for (uint32_t n = 0; n < in_count; n++)
        frames[n] = (struct tt_frame){.data = (tt_addr)(uintptr_t)(pool + n * AREA_BYTES),
                                      .bytes = in_bytes,
                                      .capacity = in_bytes,
                                      .index = index,
                                      .handle = n + 1};
    frames[in_count] = (struct tt_frame){.data = (tt_addr)(uintptr_t)(pool + 3 * AREA_BYTES),
                                         .capacity = run->shape.bytes_max[0],
                                         .index = index,
                                         .handle = 9};
    r = run->component->process(run->state, &call);
    *ret_out = frames[in_count];
    return r;
}

static void fill_inputs(const struct run *run, uint32_t bytes)
{
    for (uint32_t n = 0; n < run->request.in_count; n++)
        for (uint32_t at = 0; at < bytes; at += 4) {
            float sample = (float)(next_random() % 65536) / 32768.0f - 1.0f;
            uint32_t bits = next_random() * 2 + next_random() % 2;

            memcpy(pool + n * AREA_BYTES + at,
                   run->in[n].kind == TT_AUDIO ? (const void *)&sample : (const void *)&bits, 4);
        }
}

static void compare(struct run *native, struct run *boxed)
{
    static uint8_t expected[AREA_BYTES];
    const uint32_t bytes = native->shape.bytes_max[0];
    uint64_t changed = 0;

    for (int64_t index = 0; index < FRAMES; index++) {
        struct tt_frame out[2];
        int r[2];

        fill_inputs(native, bytes);
        memset(pool + 3 * AREA_BYTES, 0x55, bytes);
        r[0] = call_one(native, index, bytes, &out[0]);
        memcpy(expected, pool + 3 * AREA_BYTES, bytes);
        memset(pool + 3 * AREA_BYTES, 0xaa, bytes);
        r[1] = call_one(boxed, index, bytes, &out[1]);
        CHECK_INT(r[1], r[0]);
        CHECK_INT(out[1].bytes, out[0].bytes);
        CHECK_INT(out[0].bytes, bytes);
        CHECK(memcmp(expected, pool + 3 * AREA_BYTES, bytes) == 0);
        changed += memcmp(expected, pool, bytes) != 0;
    }
    CHECK_INT(changed, FRAMES); /* they do something at all */
    CHECK_INT(boxed->noted.count, native->noted.count);
    CHECK(boxed->noted.sum == native->noted.sum);
}

int main(int argc, char **argv)
{
    static struct run native, boxed;
    const struct tt_component *plugin;
    void *library;

    CHECK_INT(argc, 3);
    scratch_open(true);
    pool = boxed_pool(POOL_BYTES);
    library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    plugin = library ? dlsym(library, TT_PLUGIN_SYMBOL) : NULL;
    if (!plugin)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin != NULL);
    begin(&native, plugin);
    begin(&boxed, load_sandboxed(argv[1]));
    CHECK_INT(boxed.shape.bytes_max[0], native.shape.bytes_max[0]);
    CHECK(memcmp(&boxed.shape.out[0], &native.shape.out[0], sizeof(struct tt_format)) == 0);
    compare(&native, &boxed);
    printf("%s: %d frames of %u bytes, the same natively and sandboxed\n", plugin->name, FRAMES,
           native.shape.bytes_max[0]);
    scratch_close();
    return 0;
}
