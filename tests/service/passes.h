/* What a test's component has in common that passes pictures on, whatever else it does. */
#ifndef TT_TESTS_SERVICE_PASSES_H
#define TT_TESTS_SERVICE_PASSES_H

#include <string.h>
#include <tactus/component.h>
#include <tactus/error.h>
#include <tactus/format.h>

static const struct tt_format passes_accepts[] = {{.kind = TT_VIDEO}};

static const struct tt_port passes_ports[] = {
    {.name = "in",
     .accepts = passes_accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_REPEAT,
     .is_leader = 1,
     .in_place_of = -1},
    {.name = "out",
     .accepts = passes_accepts,
     .accept_count = 1,
     .is_output = 1,
     .in_place_of = -1},
};

static int passes_shape(const struct tt_request *request, uint64_t state_bytes,
                        struct tt_shape *ret, struct tt_error *err)
{
    const struct tt_format *in = &request->in[0];

    ret->out[0] = *in;
    ret->bytes_max[0] = tt_format_video(&ret->out[0], in->fourcc, in->width, in->height);
    ret->state_bytes = state_bytes;
    return ret->bytes_max[0] > 0 ? 0 : tt_fail(err, -1, "it takes raw pictures");
}

static int passes_open(void *state, void *scratch, const struct tt_host *host,
                       const struct tt_request *request)
{
    return 0;
}

static int passes_on(struct tt_call *call)
{
    const struct tt_frame *in = tt_call_in(call, 0);
    struct tt_frame *out = tt_call_out(call, 0);

    if (!tt_frame_data(in) || !tt_frame_data(out) || out->capacity < in->bytes)
        return TT_DONE;
    memcpy(tt_frame_data(out), tt_frame_data(in), in->bytes);
    out->bytes = in->bytes;
    return TT_DONE;
}

static void passes_close(void *state)
{
}

#endif
