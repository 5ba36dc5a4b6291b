/* video.preview: a window that shows what passes. Closing it ends the showing and nothing else. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "components/lib/colour.h"
#include "components/sdl/sdl.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { PARAM_TITLE, PARAM_DISPLAY, PARAM_WIDTH, PARAM_HEIGHT, PARAM_COUNT };
enum { NOTE_DISCARDED = 13 /* value: frames taken but not shown */, EVENTS_MAX = 64 };

struct preview {
    const struct sdl *sdl;
    const struct tt_host *host;
    struct tt_format format;
    uint32_t bytes;
    void *window, *renderer, *texture;
    bool is_closed;
    int64_t discarded_count;
};

static const struct tt_format accepts[] = {{.kind = TT_VIDEO, .fourcc = TT_I420}};

static const struct tt_port ports[] = {
    {.name = "in",
     .accepts = accepts,
     .accept_count = 1,
     .late_policies = TT_LATE_DROP | TT_LATE_KEEP,
     .late_default = TT_LATE_DROP,
     .is_leader = 1,
     .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    [PARAM_TITLE] = {.name = "title",
                     .help = "what stands above the picture",
                     .initial = "Tactus",
                     .type = TT_PARAM_TEXT},
    [PARAM_DISPLAY] = {.name = "display",
                       .help = "X display, as :0; empty: that of tactusd's environment",
                       .initial = "",
                       .type = TT_PARAM_TEXT},
    [PARAM_WIDTH] = {.name = "width",
                     .unit = "pixels",
                     .help = "width of the window at first; 0: the picture's",
                     .initial = "0",
                     .type = TT_PARAM_INT,
                     .max = TT_SIZE_MAX},
    [PARAM_HEIGHT] = {.name = "height",
                      .unit = "pixels",
                      .help = "height of the window at first; 0: the picture's",
                      .initial = "0",
                      .type = TT_PARAM_INT,
                      .max = TT_SIZE_MAX},
};

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    ret->state_bytes = sizeof(struct preview);
    return 0;
}

/* Unknown colours are taken for what their size is used with. SDL knows no full range but BT.601's.
 */
static int yuv_mode(const struct tt_format *format)
{
    const uint32_t high = 576;

    if (format->range == COLOUR_FULL)
        return SDL_YUV_FULL;
    if (format->matrix == COLOUR_BT709 || (format->matrix == 0 && format->height > high))
        return SDL_YUV_BT709;
    return SDL_YUV_BT601;
}

/* Where nothing is, SDL draws for nobody without a word; that is right only for who asked for it.
 */
static bool is_unseen(const struct preview *preview)
{
    const char *driver = preview->sdl->video_driver();

    return !getenv("SDL_VIDEODRIVER") &&
           (!driver || strcmp(driver, "offscreen") == 0 || strcmp(driver, "dummy") == 0 ||
            strcmp(driver, "evdev") == 0);
}

static int fail(const struct preview *preview, const char *what, struct tt_error *err)
{
    return tt_fail(err, -ENODEV,
                   "video.preview: %s; is DISPLAY set where tactusd was started? (display=:0 "
                   "says it here)",
                   what);
}

/* SDL draws by itself: a graphics driver is a large thing to let into a jail. */
static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    struct preview *preview = state;
    const struct tt_format *in = &request->in[0];
    const char *display = tt_setting_text(request, PARAM_DISPLAY);
    int width = (int)tt_setting_int(request, PARAM_WIDTH);
    int height = (int)tt_setting_int(request, PARAM_HEIGHT);
    int r = component_sdl_load(&preview->sdl, err);

    if (r < 0)
        return r;
    preview->format = *in;
    preview->bytes = tt_format_video(&preview->format, TT_I420, in->width, in->height);
    if (display[0])
        (void)setenv("DISPLAY", display, 1);
    (void)preview->sdl->set_hint("SDL_RENDER_DRIVER", "software");
    (void)preview->sdl->set_hint("SDL_FRAMEBUFFER_ACCELERATION", "0");
    (void)preview->sdl->set_hint("SDL_VIDEO_ALLOW_SCREENSAVER", "1");
    (void)preview->sdl->set_hint("SDL_NO_SIGNAL_HANDLERS", "1");
    preview->sdl->set_yuv_mode(yuv_mode(&preview->format));
    if (preview->sdl->init(SDL_INIT_VIDEO_BIT) < 0)
        return fail(preview, preview->sdl->get_error(), err);
    if (is_unseen(preview))
        return fail(preview, "there is no screen", err);
    preview->window = preview->sdl->create_window(
        tt_setting_text(request, PARAM_TITLE), SDL_POS_ANY, SDL_POS_ANY,
        width > 0 ? width : (int)in->width, height > 0 ? height : (int)in->height,
        SDL_WINDOW_RESIZABLE_BIT);
    if (!preview->window)
        return fail(preview, "no window could be opened", err);
    preview->renderer = preview->sdl->create_renderer(preview->window, -1, 0);
    if (!preview->renderer)
        return fail(preview, "nothing can be drawn into the window", err);
    (void)preview->sdl->set_logical_size(preview->renderer, (int)in->width, (int)in->height);
    preview->texture = preview->sdl->create_texture(
        preview->renderer, SDL_PIXELS_IYUV, SDL_TEXTURE_STREAMING, (int)in->width, (int)in->height);
    return preview->texture ? 0 : fail(preview, "no room for the picture", err);
}

static int start(void *state, void *scratch, const struct tt_host *host,
                 const struct tt_request *request)
{
    struct preview *preview = state;

    preview->host = host;
    return 0;
}

static void note(const struct preview *preview, uint32_t id, int64_t value)
{
    if (preview->host->note)
        (void)preview->host->note(preview->host->ctx, id, value);
}

/* Who closes the window has seen enough; the service goes on for the others. */
static void close_window(struct preview *preview)
{
    preview->sdl->destroy_window(preview->window); /* and what belongs to it */
    preview->window = preview->renderer = preview->texture = NULL;
    preview->is_closed = true;
    note(preview, TT_NOTE_WRITE_FAILED, EPIPE);
}

static void take_events(struct preview *preview)
{
    struct sdl_event event;

    for (int n = 0; n < EVENTS_MAX && preview->sdl->poll_event(&event); n++) {
        bool is_close =
            event.type == SDL_EVENT_WINDOW && event.window_event == SDL_WINDOW_EVENT_CLOSE;

        if (is_close || event.type == SDL_EVENT_QUIT) {
            close_window(preview);
            return;
        }
    }
}

static void show(struct preview *preview, const struct tt_frame *frame)
{
    const struct tt_format *format = &preview->format;

    (void)preview->sdl->update_yuv(preview->texture, NULL, tt_plane(format, frame->data, 0),
                                   (int)format->stride[0], tt_plane(format, frame->data, 1),
                                   (int)format->stride[1], tt_plane(format, frame->data, 2),
                                   (int)format->stride[2]);
    (void)preview->sdl->clear(preview->renderer);
    (void)preview->sdl->copy(preview->renderer, preview->texture, NULL, NULL);
    preview->sdl->present(preview->renderer);
}

/* What was taken but not shown is told by bytes = 0 on return. */
static int step(void *state, struct tt_call *call)
{
    struct preview *preview = state;
    struct tt_frame *frame = tt_call_in(call, 0);

    if (!preview->is_closed)
        take_events(preview);
    if (frame->data == 0 || frame->bytes < preview->bytes)
        return TT_DONE;
    if (preview->is_closed) {
        note(preview, NOTE_DISCARDED, ++preview->discarded_count);
        frame->bytes = 0;
        return TT_DONE;
    }
    show(preview, frame);
    return TT_DONE;
}

static void finish(void *state)
{
    struct preview *preview = state;

    if (preview->window)
        preview->sdl->destroy_window(preview->window);
    if (preview->sdl)
        preview->sdl->quit();
}

static const struct tt_edge edge = {.step = step};

const struct tt_component tt_component_video_preview = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE | TT_SEPARATE | TT_DESKTOP,
    .version = 1,
    .name = "video.preview",
    .help = "a window that shows what passes; closing it ends the showing and nothing else",
    .example = "tactus run test.video width=640 height=360 ! video.preview --for 5s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = start,
    .close = finish,
    .edge = &edge,
};
