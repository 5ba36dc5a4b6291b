/* video.mosaic: pictures side by side in one, each in its cell of a grid or at a place of its own.
 * Led by the service's clock: an input that is late or gone shows its last picture or a slate, and
 * never stops the others. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/frames.h"
#include "components/lib/saves.h"
#include "components/lib/settings.h"
#include "components/lib/yuv.h"
#include "components/video_mosaic/tile.h"
#include "tactus/error.h"

enum {
    PARAM_WIDTH,
    PARAM_HEIGHT,
    PARAM_COLUMNS,
    PARAM_GAP,
    PARAM_FIT,
    PARAM_METHOD,
    PARAM_BACKGROUND,
    PARAM_SLATE,
    PARAM_IN_X,
    PARAM_IN_Y,
    PARAM_IN_WIDTH,
    PARAM_IN_HEIGHT,
    PARAM_COUNT
};
enum { PORT_IN, PORT_OUT, PORT_COUNT };

static const zimg_resample_filter_e filters[] = {ZIMG_RESIZE_POINT, ZIMG_RESIZE_BILINEAR,
                                                 ZIMG_RESIZE_BICUBIC, ZIMG_RESIZE_LANCZOS};

struct mosaic_state {
    struct tt_format out;
    uint32_t bytes, in_count, bare_count, level_count;
    uint8_t background[3], slate[3];
    void *work; /* zimg's, for one call */
    struct tile tiles[TT_PORTS_MAX];
    struct mosaic_rect bare[MOSAIC_BARE_MAX];
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[PORT_COUNT] = {
    [PORT_IN] = {.name = "*",
                 .accepts = accepts,
                 .accept_count = 1,
                 .late_policies = TT_LATE_DROP | TT_LATE_REPEAT | TT_LATE_BLACK,
                 .late_default = TT_LATE_REPEAT,
                 .instances_max = TT_PORTS_MAX,
                 .in_place_of = -1},
    [PORT_OUT] =
        {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "width of the mosaic, even",
                     .initial = "1280",
                     .type = TT_PARAM_INT,
                     .min = 2,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "height of the mosaic, even",
                      .initial = "720",
                      .type = TT_PARAM_INT,
                      .min = 2,
                      .max = TT_SIZE_MAX},
    [PARAM_COLUMNS] = {.name = "columns",
                       .help = "of the grid; 0: as many as rows, or one more",
                       .initial = "0",
                       .type = TT_PARAM_INT,
                       .max = TT_PORTS_MAX},
    [PARAM_GAP] = {.name = "gap",
                   .unit = "pixels",
                   .help = "between the cells of the grid, even",
                   .initial = "0",
                   .type = TT_PARAM_INT,
                   .max = 1024},
    [PARAM_FIT] = {.name = "fit",
                   .unit = "fit|fill|stretch",
                   .help = "a picture of another shape than its place: bars, cut off, out of shape",
                   .initial = "fit",
                   .type = TT_PARAM_CHOICE},
    [PARAM_METHOD] = {.name = "method",
                      .unit = "point|bilinear|bicubic|lanczos",
                      .help = "scaling filter, from the fastest to the sharpest",
                      .initial = "bilinear",
                      .type = TT_PARAM_CHOICE,
                      .is_live = TT_PARAM_LEVEL},
    [PARAM_BACKGROUND] = {.name = "background",
                          .help = "colour where no picture is, as RRGGBB",
                          .initial = "101010",
                          .type = TT_PARAM_TEXT},
    [PARAM_SLATE] = {.name = "slate",
                     .help = "colour in place of an input that has no picture to show, as RRGGBB",
                     .initial = "303030",
                     .type = TT_PARAM_TEXT},
    [PARAM_IN_X] = {.name = "*.x",
                    .unit = "pixels",
                    .help = "left edge; an input with any of these is not in the grid; even",
                    .initial = "0",
                    .type = TT_PARAM_INT,
                    .max = TT_SIZE_MAX},
    [PARAM_IN_Y] = {.name = "*.y",
                    .unit = "pixels",
                    .help = "top edge, even",
                    .initial = "0",
                    .type = TT_PARAM_INT,
                    .max = TT_SIZE_MAX},
    [PARAM_IN_WIDTH] = {.name = "*.width",
                        .unit = "pixels",
                        .help = "width of its place, even; 0: the picture's own",
                        .initial = "0",
                        .type = TT_PARAM_INT,
                        .max = TT_SIZE_MAX},
    [PARAM_IN_HEIGHT] = {.name = "*.height",
                         .unit = "pixels",
                         .help = "height of its place, even; 0: the picture's own",
                         .initial = "0",
                         .type = TT_PARAM_INT,
                         .max = TT_SIZE_MAX},
};

/* RRGGBB, with or without a # before it; false for anything else. */
static bool read_colour(const char *text, uint32_t *ret)
{
    char *end;

    text += text[0] == '#';
    if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6)
        return false;
    *ret = (uint32_t)strtoul(text, &end, 16);
    return true;
}

static int check_colour(const struct tt_request *request, uint32_t param, struct tt_error *err)
{
    uint32_t rgb;

    if (read_colour(tt_setting_text(request, param), &rgb))
        return 0;
    return tt_fail(err, -EINVAL,
                   "video.mosaic has no colour '%.20s': write %s as RRGGBB in hexadecimal, such as "
                   "102030",
                   tt_setting_text(request, param), params[param].name);
}

static void make_colour(const struct tt_request *request, uint32_t param,
                        const struct tt_format *format, uint8_t ret[3])
{
    struct component_to_yuv to;
    uint32_t rgb = 0;
    int32_t r, g, b;

    (void)read_colour(tt_setting_text(request, param), &rgb);
    r = (int32_t)(rgb >> 16);
    g = (int32_t)(rgb >> 8 & 255);
    b = (int32_t)(rgb & 255);
    component_to_yuv_init(&to, component_matrix(format), format->range);
    ret[0] = component_clamp(((to.y[0] * r + to.y[1] * g + to.y[2] * b + 8192) >> 14) + to.y_black);
    ret[1] = component_clamp(((to.u[0] * r + to.u[1] * g + to.u[2] * b + 8192) >> 14) + 128);
    ret[2] = component_clamp(((to.v[0] * r + to.v[1] * g + to.v[2] * b + 8192) >> 14) + 128);
}

static bool is_placed(const struct tt_request *request, uint32_t input)
{
    for (uint32_t param = PARAM_IN_X; param <= PARAM_IN_HEIGHT; param++) {
        const struct tt_setting *setting = tt_setting(request, param, input);

        if (setting != NULL && setting->is_given)
            return true;
    }
    return false;
}

static struct mosaic_rect own_place(const struct tt_request *request, uint32_t input)
{
    struct mosaic_rect ret = {
        .x = (uint32_t)component_int_of(request, PARAM_IN_X, input, 0),
        .y = (uint32_t)component_int_of(request, PARAM_IN_Y, input, 0),
        .width = (uint32_t)component_int_of(request, PARAM_IN_WIDTH, input, 0),
        .height = (uint32_t)component_int_of(request, PARAM_IN_HEIGHT, input, 0),
    };

    ret.width = ret.width == 0 ? request->in[input].width : ret.width;
    ret.height = ret.height == 0 ? request->in[input].height : ret.height;
    return ret;
}

static int check_place(const struct tt_request *request, uint32_t input,
                       const struct mosaic_rect *at, struct tt_error *err)
{
    const char *name = request->pins[input].name;
    uint32_t width = (uint32_t)tt_setting_int(request, PARAM_WIDTH);
    uint32_t height = (uint32_t)tt_setting_int(request, PARAM_HEIGHT);

    if (((at->x | at->y | at->width | at->height) & 1) != 0)
        return tt_fail(err, -EINVAL,
                       "video.mosaic cannot put '%s' at %u,%u with %ux%u pixels: make all four "
                       "numbers even",
                       name, at->x, at->y, at->width, at->height);
    if (at->x + at->width <= width && at->y + at->height <= height)
        return 0;
    return tt_fail(err, -EINVAL,
                   "video.mosaic has no room for '%s' at %u,%u with %ux%u pixels in a mosaic of "
                   "%ux%u: change %s.x, %s.y, %s.width or %s.height",
                   name, at->x, at->y, at->width, at->height, width, height, name, name, name,
                   name);
}

/* The place of every input. */
static int make_places(const struct tt_request *request, struct mosaic_rect *ret,
                       struct tt_error *err)
{
    struct mosaic_grid grid = {.width = (uint32_t)tt_setting_int(request, PARAM_WIDTH),
                               .height = (uint32_t)tt_setting_int(request, PARAM_HEIGHT),
                               .columns = (uint32_t)tt_setting_int(request, PARAM_COLUMNS),
                               .gap = (uint32_t)tt_setting_int(request, PARAM_GAP)};
    uint32_t place = 0;
    int r = 0;

    for (uint32_t n = 0; n < request->in_count; n++)
        grid.count += !is_placed(request, n);
    for (uint32_t n = 0; n < request->in_count && r == 0; n++) {
        if (is_placed(request, n)) {
            ret[n] = own_place(request, n);
            r = check_place(request, n, &ret[n], err);
            continue;
        }
        ret[n] = mosaic_cell(&grid, place++);
        if (ret[n].width < 2 || ret[n].height < 2)
            r = tt_fail(err, -EINVAL,
                        "video.mosaic has no room for %u pictures with gaps of %u in %ux%u: make "
                        "it larger, or the gap smaller",
                        grid.count, grid.gap, grid.width, grid.height);
    }
    return r;
}

/* The colour of the first input is the mosaic's; the others are converted. */
static uint32_t make_out(const struct tt_request *request, struct tt_format *ret)
{
    uint32_t width = (uint32_t)tt_setting_int(request, PARAM_WIDTH);
    uint32_t height = (uint32_t)tt_setting_int(request, PARAM_HEIGHT);

    *ret = request->in[0];
    ret->matrix = component_matrix(&request->in[0]);
    ret->range = ret->range == COLOUR_FULL ? COLOUR_FULL : COLOUR_LIMITED;
    ret->field_order = TT_PROGRESSIVE;
    ret->rate = component_rate(request);
    return tt_format_video(ret, TT_I420, width, height);
}

static int check_inputs(const struct tt_request *request, struct tt_shape *ret,
                        struct tt_error *err)
{
    if (request->in_count == 0 || request->in_count > TT_PORTS_MAX)
        return tt_fail(err, -EINVAL, "video.mosaic has %u pictures to show: connect 1 to %u inputs",
                       request->in_count, TT_PORTS_MAX);
    for (uint32_t n = 0; n < request->in_count; n++) {
        struct tt_format as_i420 = {0};

        if (tt_format_video(&as_i420, TT_I420, request->in[n].width, request->in[n].height) == 0)
            return tt_fail(err, -EINVAL,
                           "video.mosaic cannot use pictures of %ux%u at '%s', their sides must be "
                           "even and at most %d: scale them first",
                           request->in[n].width, request->in[n].height, request->pins[n].name,
                           TT_SIZE_MAX);
        ret->want[n] = (struct tt_format){.kind = TT_VIDEO, .fourcc = TT_I420};
        if (request->in[n].field_order > TT_PROGRESSIVE)
            return tt_fail(err, -EINVAL,
                           "video.mosaic cannot take interlaced pictures at '%s': deinterlace them "
                           "first",
                           request->pins[n].name);
    }
    return 0;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    struct mosaic_rect places[TT_PORTS_MAX];
    int r = check_inputs(request, ret, err);

    if (r == 0)
        r = check_colour(request, PARAM_BACKGROUND, err);
    if (r == 0)
        r = check_colour(request, PARAM_SLATE, err);
    if (r < 0)
        return r;
    ret->bytes_max[0] = make_out(request, &ret->out[0]);
    if (ret->bytes_max[0] == 0 || tt_setting_int(request, PARAM_GAP) % 2 != 0)
        return tt_fail(err, -EINVAL,
                       "video.mosaic cannot make %lldx%lld with gaps of %lld: make width, height "
                       "and gap even, the sides at most %d",
                       (long long)tt_setting_int(request, PARAM_WIDTH),
                       (long long)tt_setting_int(request, PARAM_HEIGHT),
                       (long long)tt_setting_int(request, PARAM_GAP), TT_SIZE_MAX);
    r = make_places(request, places, err);
    if (r < 0)
        return r;
    ret->clock_rate = ret->out[0].rate;
    ret->state_bytes = sizeof(struct mosaic_state);
    return 0;
}

static void close(void *state_)
{
    struct mosaic_state *state = state_;

    for (uint32_t n = TT_PORTS_MAX; n-- > 0;)
        tile_fini(&state->tiles[n]);
    free(state->work);
    memset(state, 0, sizeof(*state));
}

static int make_tiles(struct mosaic_state *state, const struct tt_request *request,
                      struct tt_error *err)
{
    struct mosaic_rect places[TT_PORTS_MAX], covered[TT_PORTS_MAX];
    struct tile_params each = {.others = state->tiles, .level_count = request->level_count + 1};
    size_t work_bytes = 0;
    int r = make_places(request, places, err);

    if (each.level_count > TILE_LEVELS)
        each.level_count = TILE_LEVELS;
    for (uint32_t level = 0; level < each.level_count; level++) {
        struct tt_request at = tt_request_at(request, level);

        each.filters[level] = filters[tt_setting_int(&at, PARAM_METHOD) & 3];
    }
    state->level_count = each.level_count;
    for (uint32_t n = 0; n < state->in_count && r == 0; n++) {
        struct tile *tile = state->tiles + n;

        tile->in = request->in[n];
        tile->at = mosaic_fit(&places[n], tile->in.width, tile->in.height,
                              (enum mosaic_fit)tt_setting_int(request, PARAM_FIT), &tile->shown);
        tile->made = state->out;
        tile->made.width = tile->at.width;
        tile->made.height = tile->at.height;
        covered[n] = tile->at;
        each.other_count = n;
        r = tile_init(tile, &each, &work_bytes, err);
    }
    if (r < 0)
        return r;
    state->bare_count =
        mosaic_bare(state->out.width, state->out.height, covered, state->in_count, state->bare);
    state->work = component_zimg_work(work_bytes);
    if (state->work == NULL)
        return tt_fail(err, -ENOMEM, "video.mosaic: no memory for zimg");
    return 0;
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct mosaic_state *state = state_;
    int r;

    state->in_count = request->in_count;
    state->bytes = make_out(request, &state->out);
    make_colour(request, PARAM_BACKGROUND, &state->out, state->background);
    make_colour(request, PARAM_SLATE, &state->out, state->slate);
    r = make_tiles(state, request, err);
    if (r < 0)
        close(state);
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static int process(void *state_, struct tt_call *call)
{
    struct mosaic_state *state = state_;
    struct tt_frame *out = tt_call_out(call, 0);
    uint32_t level = call->level < state->level_count ? call->level : state->level_count - 1;

    call->key_point = 1;
    if (call->in_count < state->in_count || call->out_count == 0)
        return TT_DONE;
    if (out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    for (uint32_t n = 0; n < state->bare_count; n++)
        tile_paint(&state->bare[n], state->background, &state->out, out->data);
    for (uint32_t n = 0; n < state->in_count; n++) {
        struct tile *tile = state->tiles + n;
        const struct tt_frame *in = tt_call_in(call, n);

        /* A picture that is none must not take the others with it. */
        if (!component_has_data(in) || component_is_cut(in, tile->in_bytes) ||
            tile_show(tile, in, level, state->work, &state->out, out->data) < 0)
            tile_paint(&tile->at, state->slate, &state->out, out->data);
        else
            out->flags |= in->flags & (uint32_t)(TT_REPEATED | TT_LATE);
    }
    out->flags |= TT_KEY;
    out->bytes = state->bytes;
    return TT_DONE;
}

const struct tt_component tt_component_video_mosaic = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    /* A picture that was scaled already is scaled again elsewhere: it is kept for speed alone. */
    .flags = TT_OPAQUE | TT_SAVES,
    .version = 1,
    .name = "video.mosaic",
    .help = "shows pictures side by side in one; who is late does not stop the others",
    .example = "tactus run test.video width=640 height=360 ! video.mosaic name=m width=640 "
               "height=360 gap=4 ! null  test.video width=640 height=360 pattern=ball ! m.b "
               "--for 2s",
    .ports = ports,
    .params = params,
    .port_count = PORT_COUNT,
    .param_count = PARAM_COUNT,
    .level_count = TILE_LEVELS,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
    .save = component_save_nothing,
    .restore = component_restore_nothing,
};
