/* keeper: passes pictures on and keeps a large state, in which it writes and reads with every
 * frame; what it says of it would be another if any of it were lost. */
#include <errno.h>
#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

enum { PARAM_KIB, PARAM_PAGES, PARAM_COUNT };
enum { NOTE_COUNT = 1001, NOTE_SUM = 1002, PAGE_WORDS = 512 };

struct keeper {
    const struct tt_host *host;
    uint32_t bytes, pages, kib, unused;
    uint64_t count, sum;
    uint64_t words[]; /* kib of them */
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_KIB] = {.name = "kib",
                   .help = "of state",
                   .initial = "64",
                   .type = TT_PARAM_INT,
                   .min = 4,
                   .max = 65536},
    [PARAM_PAGES] = {.name = "pages",
                     .help = "of it that a frame writes to",
                     .initial = "2",
                     .type = TT_PARAM_INT,
                     .min = 1,
                     .max = 16384},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    if (ret->bytes_max[0] == 0)
        return tt_fail(err, -EINVAL, "keeper cannot take %ux%u", in->width, in->height);
    ret->state_bytes = sizeof(struct keeper) + (uint64_t)tt_setting_int(request, PARAM_KIB) * 1024;
    return 0;
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct keeper *self = state;
    const struct tt_format *in = &request->in[0];
    struct tt_format format = *in;

    self->bytes = tt_format_video(&format, in->fourcc, in->width, in->height);
    self->kib = (uint32_t)tt_setting_int(request, PARAM_KIB);
    self->pages = (uint32_t)tt_setting_int(request, PARAM_PAGES);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    ((struct keeper *)state)->host = host;
    return 0;
}

/* Pages are met in an order without a pattern, again and again. */
static void work(struct keeper *self)
{
    uint64_t pages = (uint64_t)self->kib / 4;

    for (uint32_t n = 0; n < self->pages; n++) {
        uint64_t turn = self->count * self->pages + n;
        uint64_t page = turn * 2654435761u % pages, word = turn % PAGE_WORDS;
        uint64_t *at = &self->words[page * PAGE_WORDS + word];

        self->sum = (self->sum ^ *at) * 0x9e3779b97f4a7c15u + turn;
        *at = self->sum;
    }
    self->count++;
}

static int process(void *state, struct tt_call *call)
{
    struct keeper *self = state;
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    if (in->data != 0 && out->data != 0 && in->bytes == self->bytes) {
        memcpy(tt_frame_data(out), tt_frame_data(in), self->bytes);
        out->bytes = self->bytes;
    }
    work(self);
    (void)self->host->note(self->host->ctx, NOTE_COUNT, (int64_t)self->count);
    (void)self->host->note(self->host->ctx, NOTE_SUM, (int64_t)(self->sum >> 1));
    return TT_DONE;
}

const struct tt_component tt_plugin = {.abi = TT_ABI,
                                       .size = sizeof(struct tt_component),
                                       .flags = TT_PURE,
                                       .version = 1,
                                       .name = "keeper",
                                       .help = "Passes pictures on and keeps a large state.",
                                       .example = "",
                                       .ports = ports,
                                       .params = params,
                                       .port_count = 2,
                                       .param_count = PARAM_COUNT,
                                       .shape = shape,
                                       .init = init,
                                       .open = open,
                                       .process = process};
