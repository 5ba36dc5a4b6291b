/* Formats negotiated in random graphs: each byte chooses a kind, a size, a rate, a filter or whom a
 * component listens to. What is shaped keeps every promise of a picture. */
#include "text.h"

enum { COMPONENTS = 12, TEXT_BYTES = 16384 };

struct writer {
    char text[TEXT_BYTES];
    size_t bytes;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *writer, const char *format,
                                                      ...)
{
    __builtin_va_list arguments;

    __builtin_va_start(arguments, format);
    writer->bytes += (size_t)vsnprintf(writer->text + writer->bytes, TEXT_BYTES - writer->bytes,
                                       format, arguments);
    __builtin_va_end(arguments);
    CHECK(writer->bytes < TEXT_BYTES);
}

static const char *const filters[] = {
    "video/x-raw,format=RGBA ! ",    "video/x-raw,width=64,height=48 ! ",
    "video/x-raw,framerate=25/1 ! ", "audio/x-raw,rate=44100 ! ",
    "audio/x-raw,channels=1 ! ",     "video/x-raw,format=NV12,width=128 ! ",
    "audio/x-raw,format=S16LE ! ",   "video/x-raw,framerate=30000/1001 ! ",
};

static void put_params(struct writer *writer, struct food *food, const char *kind)
{
    uint32_t size = 16 + 2 * eat_below(food, 64);

    if (strcmp(kind, "video.scale") == 0 || strcmp(kind, "test.video") == 0 ||
        strcmp(kind, "raw.read") == 0)
        put(writer, ", params: {width: %u, height: %u}", size, 16 + 2 * eat_below(food, 64));
    else if (strcmp(kind, "audio.mix") == 0 || strcmp(kind, "audio.convert") == 0)
        put(writer, ", params: {channels: %u, quantum: %u}", 1 + size % 8, size);
    else if (strcmp(kind, "video.convert") == 0)
        put(writer, ", params: {format: %s}", size % 4 ? "RGBA" : "I420");
    else if (strcmp(kind, "audio.resample") == 0)
        put(writer, ", params: {rate: %u}", 8000 + 100 * size);
    else if (strcmp(kind, "av.encode") == 0)
        put(writer, ", params: {codec: %s}", size % 4 ? "libx264" : "aac");
    else if (strcmp(kind, "image.read") == 0)
        put(writer, ", params: {path: x.png}");
    else if (strncmp(kind, "av.", 3) == 0 && strcmp(kind, "av.decode") != 0)
        put(writer, ", params: {url: x.mkv}");
    else if (strcmp(kind, "raw.write") == 0)
        put(writer, ", params: {url: x.raw}");
}

static void put_flow(struct writer *writer, struct food *food, uint32_t from, uint32_t to)
{
    uint32_t filter = eat_below(food, 32);

    put(writer, "  - \"c%u", from);
    switch (eat_below(food, 6)) {
    case 0:
        put(writer, ".video");
        break;
    case 1:
        put(writer, ".audio");
        break;
    default:
        break;
    }
    put(writer, " ! %sc%u", filter < sizeof(filters) / sizeof(*filters) ? filters[filter] : "", to);
    switch (eat_below(food, 8)) {
    case 0:
        put(writer, ".main");
        break;
    case 1:
        put(writer, ".a%u", eat_below(food, 4));
        break;
    default:
        break;
    }
    put(writer, "\"\n");
}

static void put_service(struct writer *writer, struct food *food)
{
    static const char *const rates[] = {"25", "50", "30000/1001", "24"};
    uint32_t count = 2 + eat_below(food, COMPONENTS - 1), rate = eat_below(food, 5);

    put(writer, "tactus: 1\nservice: s\n");
    if (rate < 4)
        put(writer, "rate: %s\n", rates[rate]);
    put(writer, "components:\n");
    for (uint32_t n = 0; n < count; n++) {
        const char *kind = test_catalogue.components[eat_below(food, test_catalogue.count)]->name;

        put(writer, "  c%u: {kind: \"%s\"", n, kind);
        put_params(writer, food, kind);
        put(writer, "}\n");
    }
    put(writer, "flows:\n");
    for (uint32_t n = 1; n < count; n++)
        for (uint32_t more = 1 + (eat_below(food, 4) == 0); more > 0; more--)
            put_flow(writer, food, eat_below(food, n), n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct writer writer;
    struct food food = {data, bytes};
    struct tt_picture *picture;

    writer.bytes = 0;
    put_service(&writer, &food);
    picture = fuzz_text(tt_service_parse_yaml, writer.text, writer.bytes);
    tt_picture_close(&picture);
    return 0;
}
