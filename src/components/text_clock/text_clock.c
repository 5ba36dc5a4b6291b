/* text.clock: the wall time as a picture just as big as its text. The glyphs were drawn when the
 * program was built, and are scaled to their size once, in init(). */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/lib/settings.h"
#include "components/text_clock/clock_text.h"
#include "tactus/error.h"
#include "tactus/format.h"

#include "glyphs.h"

enum { PARAM_FORMAT, PARAM_SIZE, PARAM_COLOR, PARAM_BACKGROUND, PARAM_LIVE, PARAM_COUNT };
enum { LETTERS_MAX = 512, FORMAT_BYTES = 128 };

/* Behind it: coverage of the glyphs that the format can need, in the order of `places`. */
struct clock_state {
    struct tt_format out;
    struct tt_rational rate;
    uint32_t bytes, cell_width, cell_height, pad;
    int64_t wall_ns;             /* of media time 0 */
    uint32_t shades[256];        /* pixel for each coverage */
    uint8_t places[ATLAS_COUNT]; /* 1 + the glyph's number, 0: not needed */
    char format[FORMAT_BYTES];
    uint8_t glyphs[];
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_RGBA}};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = accepts, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_FORMAT] = {.name = "format",
                      .help = "text with %H %M %S %Y %m %d %F %T, %f for the frame, %% for a %",
                      .initial = "%H:%M:%S",
                      .type = TT_PARAM_TEXT},
    [PARAM_SIZE] = {.name = "size",
                    .unit = "pixels",
                    .help = "size of the letters",
                    .initial = "48",
                    .type = TT_PARAM_INT,
                    .min = 8,
                    .max = LETTERS_MAX},
    [PARAM_COLOR] = {.name = "color",
                     .unit = "#rrggbb[aa]",
                     .help = "colour of the letters",
                     .initial = "#ffffff",
                     .type = TT_PARAM_TEXT},
    [PARAM_BACKGROUND] = {.name = "background",
                          .unit = "#rrggbb[aa]",
                          .help = "colour of the box behind them, or none",
                          .initial = "#00000080",
                          .type = TT_PARAM_TEXT},
    [PARAM_LIVE] = {.name = "live",
                    .help = "release each frame at its time; false: as fast as it is taken",
                    .initial = "true",
                    .type = TT_PARAM_BOOL},
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static uint32_t length_of(const char *text)
{
    uint32_t length = 0;

    while (text[length] != 0)
        length++;
    return length;
}

static bool is_same(const char *a, const char *b)
{
    return length_of(a) == length_of(b) && memcmp(a, b, length_of(a)) == 0;
}

/* "#rrggbb", "#rrggbbaa" or "none" to red, green, blue, alpha. */
static bool read_colour(const char *text, uint8_t ret[4])
{
    uint32_t digits = 0;

    memset(ret, 0, 4);
    if (is_same(text, "none"))
        return true;
    if (*text++ != '#')
        return false;
    for (; *text != 0 && digits < 8; text++, digits++) {
        int digit = hex_digit(*text);

        if (digit < 0)
            return false;
        ret[digits / 2] = (uint8_t)(ret[digits / 2] << 4 | digit);
    }
    if (digits == 6)
        ret[3] = 255;
    return *text == 0 && (digits == 6 || digits == 8);
}

struct plan {
    struct tt_format out;
    uint32_t bytes, cell_width, cell_height, pad, glyph_count;
    uint8_t places[ATLAS_COUNT];
};

/* Every letter of the format as it stands, all digits, and what dates and times put between. */
static void find_glyphs(const char *format, struct plan *plan)
{
    for (const char *from = "0123456789:-"; *from != 0; from++)
        plan->places[*from - ATLAS_FIRST] = (uint8_t)++plan->glyph_count;
    for (; *format != 0; format++)
        if (plan->places[*format - ATLAS_FIRST] == 0)
            plan->places[*format - ATLAS_FIRST] = (uint8_t)++plan->glyph_count;
}

static int make_plan(const struct tt_request *request, struct plan *ret, struct tt_error *err)
{
    const char *format = tt_setting_text(request, PARAM_FORMAT);
    uint32_t size = (uint32_t)tt_setting_int(request, PARAM_SIZE), at = 0;
    char text[CLOCK_TEXT_MAX];
    int length = clock_text(format, 0, component_rate(request), text, &at);

    memset(ret, 0, sizeof(*ret));
    if (length < 0 || length_of(format) >= FORMAT_BYTES)
        return tt_fail(err, -EINVAL,
                       "text.clock cannot show '%s' from its character %u on: use printable ASCII, "
                       "%%H %%M %%S %%Y %%m %%d %%F %%T %%f %%%%, up to %d characters",
                       format, at + 1, CLOCK_TEXT_MAX - 1);
    if (length == 0)
        return tt_fail(err, -EINVAL, "text.clock has nothing to show: give it a format");
    if (size < 8 || size > LETTERS_MAX)
        return tt_fail(err, -EINVAL, "text.clock draws letters of 8 to %d pixels, not %u: set size",
                       LETTERS_MAX, size);
    ret->cell_width = (ATLAS_WIDTH * size + ATLAS_PIXELS / 2) / ATLAS_PIXELS;
    ret->cell_height = (ATLAS_HEIGHT * size + ATLAS_PIXELS / 2) / ATLAS_PIXELS;
    ret->pad = size / 8;
    ret->bytes =
        tt_format_video(&ret->out, TT_RGBA, (uint32_t)length * ret->cell_width + 2 * ret->pad,
                        ret->cell_height + 2 * ret->pad);
    if (ret->bytes == 0)
        return tt_fail(err, -EINVAL,
                       "text.clock: '%s' in letters of %u pixels is wider than %d: set a smaller "
                       "size",
                       format, size, TT_SIZE_MAX);
    component_colour_bt709(&ret->out);
    ret->out.rate = component_rate(request);
    find_glyphs(format, ret);
    return 0;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    static const uint32_t colours[] = {PARAM_COLOR, PARAM_BACKGROUND};
    struct plan plan;
    uint8_t colour[4];
    int r = make_plan(request, &plan, err);

    if (r < 0)
        return r;
    for (uint32_t n = 0; n < 2; n++)
        if (!read_colour(tt_setting_text(request, colours[n]), colour))
            return tt_fail(err, -EINVAL,
                           "text.clock cannot read the colour '%s': write %s=#rrggbb, #rrggbbaa or "
                           "none",
                           tt_setting_text(request, colours[n]), params[colours[n]].name);
    ret->out[0] = plan.out;
    ret->bytes_max[0] = plan.bytes;
    ret->state_bytes = sizeof(struct clock_state) +
                       (uint64_t)plan.glyph_count * plan.cell_width * plan.cell_height;
    return 0;
}

/* The letter over the box, as one straight-alpha pixel for each coverage. */
static void make_shades(uint32_t shades[256], const uint8_t letter[4], const uint8_t box[4])
{
    for (uint32_t coverage = 0; coverage < 256; coverage++) {
        uint32_t over = coverage * letter[3], under = (255 * 255 - over) * box[3] / 255;
        uint32_t alpha = over + under, pixel = (alpha + 127) / 255 << 24;

        for (uint32_t n = 0; n < 3 && alpha > 0; n++)
            pixel |= ((letter[n] * over + box[n] * under + alpha / 2) / alpha) << (8 * n);
        shades[coverage] = pixel;
    }
}

/* The mean of the atlas under one pixel of the scaled glyph; edges count by their part. */
static uint8_t mean(const uint8_t *glyph, const struct clock_state *state, uint32_t x, uint32_t y)
{
    uint32_t width = state->cell_width, height = state->cell_height;
    uint64_t sum = 0;

    for (uint32_t row = y * ATLAS_HEIGHT / height; row * height < (y + 1) * ATLAS_HEIGHT; row++) {
        uint32_t top = row * height < y * ATLAS_HEIGHT ? y * ATLAS_HEIGHT : row * height;
        uint32_t end = (row + 1) * height;
        uint32_t line = 0;

        end = end > (y + 1) * ATLAS_HEIGHT ? (y + 1) * ATLAS_HEIGHT : end;
        for (uint32_t column = x * ATLAS_WIDTH / width; column * width < (x + 1) * ATLAS_WIDTH;
             column++) {
            uint32_t left = column * width < x * ATLAS_WIDTH ? x * ATLAS_WIDTH : column * width;
            uint32_t right = (column + 1) * width;

            right = right > (x + 1) * ATLAS_WIDTH ? (x + 1) * ATLAS_WIDTH : right;
            line += glyph[row * ATLAS_WIDTH + column] * (right - left);
        }
        sum += (uint64_t)line * (end - top);
    }
    return (uint8_t)((sum + ATLAS_WIDTH * ATLAS_HEIGHT / 2) / (ATLAS_WIDTH * ATLAS_HEIGHT));
}

static void scale_glyphs(struct clock_state *state)
{
    uint32_t bytes = state->cell_width * state->cell_height;

    for (uint32_t n = 0; n < ATLAS_COUNT; n++) {
        uint8_t *to = state->glyphs + (size_t)(state->places[n] - 1u) * bytes;

        for (uint32_t at = 0; state->places[n] != 0 && at < bytes; at++)
            to[at] = mean(atlas[n], state, at % state->cell_width, at / state->cell_width);
    }
}

static int init(void *state_, const struct tt_request *request, struct tt_error *err)
{
    struct clock_state *state = state_;
    const char *format = tt_setting_text(request, PARAM_FORMAT);
    uint8_t letter[4], box[4];
    struct plan plan;
    int r = make_plan(request, &plan, err);

    if (r < 0)
        return r;
    state->out = plan.out;
    state->bytes = plan.bytes;
    state->cell_width = plan.cell_width;
    state->cell_height = plan.cell_height;
    state->pad = plan.pad;
    state->rate = component_rate(request);
    memcpy(state->places, plan.places, sizeof(state->places));
    memcpy(state->format, format, length_of(format) + 1);
    (void)read_colour(tt_setting_text(request, PARAM_COLOR), letter);
    (void)read_colour(tt_setting_text(request, PARAM_BACKGROUND), box);
    make_shades(state->shades, letter, box);
    scale_glyphs(state);
    return 0;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    return 0;
}

static void fill(const struct clock_state *state, uint32_t *line, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        line[n] = state->shades[0];
}

/* One line of pixels through all letters. */
static void paint_line(const struct clock_state *state, const char *text, uint32_t length,
                       uint32_t row, uint32_t *line)
{
    uint32_t bytes = state->cell_width * state->cell_height;

    fill(state, line, state->pad);
    line += state->pad;
    for (uint32_t n = 0; n < length; n++, line += state->cell_width) {
        uint32_t place = state->places[(uint8_t)text[n] - ATLAS_FIRST];
        const uint8_t *from =
            state->glyphs + (size_t)(place - 1) * bytes + (size_t)row * state->cell_width;

        for (uint32_t x = 0; x < state->cell_width; x++)
            line[x] = state->shades[from[x]];
    }
    fill(state, line, state->pad);
}

static void paint(const struct clock_state *state, const char *text, uint32_t length, tt_addr data)
{
    for (uint32_t y = 0; y < state->out.height; y++) {
        uint32_t *line =
            (uint32_t *)(void *)(tt_plane(&state->out, data, 0) + (size_t)y * state->out.stride[0]);

        if (y < state->pad || y >= state->pad + state->cell_height)
            fill(state, line, state->out.width);
        else
            paint_line(state, text, length, y - state->pad, line);
    }
}

static int process(void *state_, struct tt_call *call)
{
    struct clock_state *state = state_;
    const struct tt_event *events = tt_call_events(call);
    struct tt_frame *out = tt_call_out(call, 0);
    char text[CLOCK_TEXT_MAX];
    uint32_t at;
    int length;

    for (uint32_t n = 0; n < call->event_count; n++)
        if (events[n].kind == TT_EVENT_WALL)
            state->wall_ns = events[n].i;
    call->key_point = 1;
    if (call->out_count == 0 || out->data == 0 || out->capacity < state->bytes)
        return -ENOBUFS;

    length = clock_text(state->format, state->wall_ns + call->media_ns, state->rate, text, &at);
    if (length < 0)
        return -EINVAL;
    paint(state, text, (uint32_t)length, out->data);
    out->bytes = state->bytes;
    out->flags |= TT_KEY;
    return TT_DONE;
}

static void close(void *state)
{
}

const struct tt_component tt_component_text_clock = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_PURE,
    .version = 1,
    .name = "text.clock",
    .help = "the running time of day as a picture, to lay over another",
    .example = "tactus run test.video width=640 height=360 ! video.overlay name=o clock.x=24 "
               "clock.y=48 ! null  text.clock format=%T size=32 ! o.clock --for 2s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .shape = shape,
    .init = init,
    .open = open,
    .process = process,
    .close = close,
};
