/* Reads a PNG once: one RGBA picture that stays valid, then End. */
#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tactus/error.h"
#include "tactus/format.h"

enum { PARAM_PATH, PARAM_COUNT };
enum { CHUNK_BYTES_MAX = 8 << 20, SIGNATURE_BYTES = 8 };

struct image_reader {
    struct tt_format format;
    uint8_t *pixels; /* with the format's stride */
    uint32_t bytes;
    bool is_sent;
};

/* What libpng needs between its calls; errors come back by longjmp with a sentence. */
struct decoding {
    FILE *file;
    png_structp png;
    png_infop info;
    png_bytepp rows;
    char text[128];
};

static const struct tt_format rgba = {
    .size = sizeof(struct tt_format), .kind = TT_VIDEO, .fourcc = TT_RGBA};

static const struct tt_port ports[] = {
    {.name = "out", .accepts = &rgba, .accept_count = 1, .is_output = 1, .in_place_of = -1},
};

static const struct tt_param params[PARAM_COUNT] = {
    {.name = "path", .help = "PNG file", .type = TT_PARAM_TEXT},
};

static void on_error(png_structp png, png_const_charp text)
{
    struct decoding *decoding = png_get_error_ptr(png);

    (void)tt_format_text(decoding->text, sizeof(decoding->text), "%s", text);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png, (void)text;
}

static void decoding_close(struct decoding *decoding)
{
    free(decoding->rows);
    png_destroy_read_struct(&decoding->png, &decoding->info, NULL);
    if (decoding->file)
        (void)fclose(decoding->file);
}

static int decoding_open(struct decoding *decoding, const char *path, struct tt_error *err)
{
    uint8_t signature[SIGNATURE_BYTES];

    decoding->file = fopen(path, "rbe");
    if (!decoding->file)
        return tt_fail(err, -errno, "image.read: cannot open '%s': %s", path, strerror(errno));
    if (fread(signature, 1, sizeof(signature), decoding->file) != sizeof(signature) ||
        png_sig_cmp(signature, 0, sizeof(signature)) != 0)
        return tt_fail(err, -EBADMSG, "image.read: '%s' is not a PNG file", path);
    decoding->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, decoding, on_error, on_warning);
    decoding->info = decoding->png ? png_create_info_struct(decoding->png) : NULL;
    if (!decoding->info)
        return tt_fail(err, -ENOMEM, "image.read: no memory for '%s'", path);
    png_set_user_limits(decoding->png, TT_SIZE_MAX, TT_SIZE_MAX);
    png_set_chunk_malloc_max(decoding->png, CHUNK_BYTES_MAX);
    png_set_chunk_cache_max(decoding->png, 64);
    return 0;
}

/* Reads up to the picture's size; sets libpng to give 8-bit RGBA with straight alpha. */
static int read_header(struct decoding *decoding, const char *path, struct tt_format *ret,
                       uint32_t *ret_bytes, struct tt_error *err)
{
    png_structp png = decoding->png;
    png_infop info = decoding->info;

    if (setjmp(png_jmpbuf(png)))
        return tt_fail(err, -EBADMSG, "image.read: '%s' is damaged or too large: %s", path,
                       decoding->text);
    png_init_io(png, decoding->file);
    png_set_sig_bytes(png, SIGNATURE_BYTES);
    png_read_info(png, info);
    png_set_scale_16(png);
    png_set_expand(png);
    png_set_gray_to_rgb(png);
    png_set_filler(png, 0xff, PNG_FILLER_AFTER);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);

    *ret_bytes = tt_format_video(ret, TT_RGBA, png_get_image_width(png, info),
                                 png_get_image_height(png, info));
    if (*ret_bytes == 0 || png_get_rowbytes(png, info) != (size_t)ret->width * 4)
        return tt_fail(err, -EBADMSG, "image.read: '%s' has a size or kind of pixels beyond %d",
                       path, TT_SIZE_MAX);
    ret->field_order = TT_PROGRESSIVE;
    ret->transfer = 13; /* sRGB, as PNG says */
    ret->primaries = 1;
    ret->range = 2;
    ret->rate = (struct tt_rational){0, 1};
    return 0;
}

static int read_rows(struct decoding *decoding, const char *path, struct image_reader *reader,
                     struct tt_error *err)
{
    decoding->rows = calloc(reader->format.height, sizeof(*decoding->rows));
    reader->pixels = calloc(1, reader->bytes);
    if (!decoding->rows || !reader->pixels)
        return tt_fail(err, -ENOMEM, "image.read: no memory for the %ux%u pixels of '%s'",
                       reader->format.width, reader->format.height, path);
    for (uint32_t y = 0; y < reader->format.height; y++)
        decoding->rows[y] = reader->pixels + (size_t)y * reader->format.stride[0];
    if (setjmp(png_jmpbuf(decoding->png)))
        return tt_fail(err, -EBADMSG, "image.read: '%s' is damaged: %s", path, decoding->text);
    png_read_image(decoding->png, decoding->rows);
    return 0;
}

static int probe(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    const char *path = tt_setting_text(request, PARAM_PATH);
    struct decoding decoding = {0};
    int r = decoding_open(&decoding, path, err);

    if (r == 0)
        r = read_header(&decoding, path, &ret->out[0], &ret->bytes_max[0], err);
    decoding_close(&decoding);
    ret->out_max[0] = 1;
    ret->state_bytes = sizeof(struct image_reader);
    return r;
}

static int shape(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err)
{
    (void)ret;
    return tt_fail(err, -ENOTSUP, "image.read: the size of '%s' is known only by looking at it",
                   tt_setting_text(request, PARAM_PATH));
}

static int init(void *state, const struct tt_request *request, struct tt_error *err)
{
    const char *path = tt_setting_text(request, PARAM_PATH);
    struct image_reader *reader = state;
    struct decoding decoding = {0};
    int r = decoding_open(&decoding, path, err);

    if (r == 0)
        r = read_header(&decoding, path, &reader->format, &reader->bytes, err);
    if (r == 0)
        r = read_rows(&decoding, path, reader, err);
    decoding_close(&decoding);
    if (r < 0) {
        free(reader->pixels);
        reader->pixels = NULL;
    }
    return r;
}

static int open(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request)
{
    (void)state, (void)scratch, (void)host, (void)request;
    return 0;
}

static int step(void *state, struct tt_call *call)
{
    struct image_reader *reader = state;
    struct tt_frame *frame = tt_call_out(call, 0);

    frame->bytes = 0;
    if (reader->is_sent) {
        frame->flags = TT_END;
        return TT_DONE;
    }
    if (frame->capacity < reader->bytes || frame->data == 0)
        return -ENOBUFS;
    memcpy(tt_frame_data(frame), reader->pixels, reader->bytes);
    frame->bytes = reader->bytes;
    frame->index = 0;
    frame->origin_ns = 0;
    frame->duration_ns = 0;
    frame->flags = TT_KEY;
    reader->is_sent = true;
    return TT_DONE;
}

static void finish(void *state)
{
    struct image_reader *reader = state;

    free(reader->pixels);
    reader->pixels = NULL;
}

static const struct tt_edge edge = {.probe = probe, .step = step};

const struct tt_component tt_component_image_read = {
    .abi = TT_ABI,
    .size = sizeof(struct tt_component),
    .flags = TT_EDGE,
    .version = 1,
    .name = "image.read",
    .help = "reads a PNG picture once; it stays valid for as long as the service runs",
    .example = "tactus run image.read path=logo.png ! null --for 1s",
    .ports = ports,
    .params = params,
    .port_count = 1,
    .param_count = PARAM_COUNT,
    .level_count = 1,
    .shape = shape,
    .init = init,
    .open = open,
    .close = finish,
    .edge = &edge,
};
