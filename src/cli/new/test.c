/* Runs skeleton without Tactus: one instance, three frames, what came out. A debugger works here:
 * gdb ./test-skeleton */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { WIDTH = 64, HEIGHT = 48, GREY = 100, FRAMES = 3 };

extern const struct tt_component tt_plugin;

static int64_t noted = -1;

static int note(void *ctx, uint32_t id, int64_t value)
{
    noted = value;
    return 0;
}

static void must(int is_true, const char *what)
{
    if (is_true)
        return;
    printf("failed: %s\n", what);
    exit(1);
}

/* Every parameter at its initial value, as a service that names none gives them. */
static void fill_settings(struct tt_setting *ret)
{
    for (uint32_t n = 0; n < tt_plugin.param_count; n++) {
        const char *initial = tt_plugin.params[n].initial;
        int64_t is_true = initial && strcmp(initial, "true") == 0;

        ret[n] = (struct tt_setting){.param = n,
                                     .input = TT_NO_PORT,
                                     .i = initial && !is_true ? atoll(initial) : is_true,
                                     .f = initial ? atof(initial) : 0};
    }
}

int main(void)
{
    static struct tt_shape shape;
    struct tt_format format = {.kind = TT_VIDEO, .rate = {25, 1}};
    uint32_t bytes = tt_format_video(&format, TT_I420, WIDTH, HEIGHT);
    struct tt_setting settings[32];
    struct tt_pin pins[] = {{"in", 0, 1}, {"out", 1, 1}};
    struct tt_host host = {.abi = TT_ABI, .size = sizeof(host), .note = note};
    struct tt_error err = {0};
    struct tt_frame frames[2] = {{0}};
    uint32_t in_count = !tt_plugin.ports[0].is_output, out_count = tt_plugin.port_count - in_count;
    struct tt_request request = {.size = sizeof(request),
                                 .in_count = in_count,
                                 .out_count = out_count,
                                 .in = &format,
                                 .pins = pins,
                                 .params = settings,
                                 .params_count = tt_plugin.param_count,
                                 .rate = {25, 1}};
    uint8_t *in = malloc(bytes), *out, first[FRAMES] = {0};
    void *state;

    fill_settings(settings);
    must(tt_plugin.shape(&request, &shape, &err) == 0, err.text);
    state = calloc(1, shape.state_bytes + 1);
    out = calloc(1, shape.bytes_max[0] + 1);
    must(in && out && state, "memory");
    must(tt_plugin.init(state, &request, &err) == 0, err.text);
    must(tt_plugin.open(state, NULL, &host, &request) == 0, "open");
    memset(in, GREY, bytes);
    for (int n = 0; n < FRAMES; n++) {
        struct tt_call call = {.abi = TT_ABI,
                               .size = sizeof(call),
                               .index = n,
                               .in_count = in_count,
                               .out_count = out_count,
                               .frames = (uintptr_t)frames};

        frames[0] = frames[1] = (struct tt_frame){0};
        frames[0] = (struct tt_frame){.data = (uintptr_t)in, .bytes = bytes};
        frames[in_count] =
            out_count ? (struct tt_frame){.data = (uintptr_t)out, .capacity = shape.bytes_max[0]}
                      : frames[in_count];
        must(tt_plugin.process(state, &call) >= 0, "process");
        must(!out_count || frames[in_count].bytes == shape.bytes_max[0], "a whole picture");
        first[n] = out[0];
    }
    tt_plugin.close(state);
    (void)first, (void)noted;
    /* CHECK */
    puts("skeleton: all as it should be");
    free(in);
    free(out);
    free(state);
    return 0;
}
