/* skeleton: writes each picture's mean brightness beside its frame into the ledger. */
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { NOTE_BRIGHTNESS = 100 };

/* The host gives it zeroed; `host` is given anew by each open(). */
struct skeleton {
    struct tt_format format;
    uint32_t bytes; /* of a picture */
    const struct tt_host *host;
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .is_leader = 1,
     .in_place_of = -1},
};

/* Before anything runs: what memory it takes. */
static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->state_bytes = sizeof(struct skeleton);
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct skeleton *self = state;
    const struct tt_format *in = &request->in[0];

    self->format = *in;
    self->bytes = tt_format_video(&self->format, in->fourcc, in->width, in->height);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    struct skeleton *self = state;

    self->host = host;
    return 0;
}

/* Once a frame, on the reserved worker: no allocation, lock, file or endless loop in here. */
static int process(void *state, struct tt_call *call)
{
    struct skeleton *self = state;
    const struct tt_frame *in = tt_call_in(call, 0);
    const uint8_t *luma = tt_frame_data(in);
    uint64_t sum = 0;

    if (!luma || in->bytes < self->bytes)
        return TT_DONE;
    for (uint32_t y = 0; y < self->format.height; y++)
        for (uint32_t x = 0; x < self->format.width; x++)
            sum += luma[y * self->format.stride[0] + x];
    sum /= (uint64_t)self->format.width * self->format.height;
    (void)self->host->note(self->host->ctx, NOTE_BRIGHTNESS, (int64_t)sum);
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_plugin = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .version = 1,
    .name = "skeleton",
    .help = "writes each picture's mean brightness into the ledger",
    .example = "tactus run test.video ! ./libskeleton.so --for 2s",
    .ports = ports,
    .port_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
