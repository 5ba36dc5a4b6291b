/* blend: two pictures become one, by a weight for each pixel that moves with the index; memory of
 * its own by malloc(), calls through pointers, a note for each picture. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_CURVE, PARAM_TITLE, PARAM_COUNT };

struct blend {
    struct tt_format format;
    uint32_t bytes, curve, title_sum;
    uint16_t *weights; /* in the sandbox a pointer is a place in its memory, which is the state */
};

static const struct tt_host *world;

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "main",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "over",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_REPEAT | TT_LATE_DROP,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_CURVE] = {.name = "curve",
                     .unit = "line|square|steps",
                     .help = "of the weights",
                     .initial = "square",
                     .type = TT_PARAM_CHOICE},
    [PARAM_TITLE] = {.name = "title", .help = "mixed in", .initial = "zwei", .type = TT_PARAM_TEXT},
};

static uint32_t line(uint32_t n)
{
    return n;
}

static uint32_t square(uint32_t n)
{
    return n * n >> 8;
}

static uint32_t steps(uint32_t n)
{
    return n / 51 * 51;
}

static uint32_t (*const curves[])(uint32_t) = {line, square, steps};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    ret->want[1] = ret->out[0];
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "blend cannot take %ux%u", in->width, in->height);
    ret->state_bytes = sizeof(struct blend);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct blend *self = state;
    const char *title = tt_setting_text(request, PARAM_TITLE);

    self->format = request->in[0];
    self->bytes = tt_format_video(&self->format, self->format.fourcc, self->format.width,
                                  self->format.height);
    self->curve = (uint32_t)tt_setting_int(request, PARAM_CURVE);
    self->weights = malloc(self->bytes * sizeof(*self->weights));
    if (!self->weights)
        return tt_fail(err, -ENOMEM, "no memory for %u weights", self->bytes);
    for (uint32_t n = 0; n < self->bytes; n++)
        self->weights[n] = (uint16_t)curves[self->curve](n * 31 % 256);
    for (; *title; title++)
        self->title_sum = self->title_sum * 31 + (uint8_t)*title;
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    world = host;
    return 0;
}

static int process(void *state, struct tt_call *call)
{
    struct blend *self = state;
    const struct tt_frame *in = tt_call_in(call, 0), *over = tt_call_in(call, 1);
    struct tt_frame *out = tt_call_out(call, 0);
    const uint8_t *a = tt_frame_data(in), *b = tt_frame_data(over);
    uint8_t *to = tt_frame_data(out);
    uint32_t sum = self->title_sum;

    if (!a || !b || !to || in->bytes < self->bytes || over->bytes < self->bytes ||
        out->capacity < self->bytes)
        return TT_DONE;
    for (uint32_t n = 0; n < self->bytes; n++) {
        uint32_t weight = self->weights[(n + (uint32_t)call->index * 7) % self->bytes];

        to[n] = (uint8_t)((a[n] * weight + b[n] * (256 - weight)) >> 8);
        sum = (sum << 5 | sum >> 27) ^ to[n];
    }
    (void)world->note(world->ctx, 40, (int64_t)sum << 7);
    out->bytes = self->bytes;
    return TT_DONE;
}

static void close(void *state)
{
    struct blend *self = state;

    free(self->weights);
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "blend",
    .help = "two pictures become one",
    .ports = ports,
    .params = params,
    .port_count = 3,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
