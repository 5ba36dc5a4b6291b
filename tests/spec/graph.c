/* The one-liner: it gives the same service as YAML, and its errors name the place. */
#include "catalogue.h"

#include <errno.h>

#include "check.h"
#include "tactus/format.h"

static struct tt_service *graph(const char *text)
{
    struct tt_service *service = NULL;
    struct tt_error err = {0};

    if (tt_service_parse_graph(text, strlen(text), &test_catalogue, &service, &err) < 0) {
        fprintf(stderr, "%u:%u: %s\n", err.line, err.column, err.text);
        exit(1);
    }
    return service;
}

static struct tt_service *yaml(const char *text)
{
    struct tt_service *service = NULL;
    struct tt_error err = {0};

    if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &service, &err) < 0) {
        fprintf(stderr, "%u:%u: %s\n%s", err.line, err.column, err.text, text);
        exit(1);
    }
    return service;
}

struct pair {
    const char *graph, *yaml;
};

#define HEAD "tactus: 1\nservice: service\n"

static const struct pair pairs[] = {
    {"test.video width=1280 height=720 rate=50 ! video.scale width=640 height=360 ! null",
     HEAD "rate: 50\ncomponents:\n"
          "  video: {kind: test.video, params: {width: 1280, height: 720}}\n"
          "  scale: {kind: video.scale, params: {height: 360, width: 640}}\n"
          "  \"null\": {kind: \"null\"}\nflows: [video ! scale ! null]\n"},
    {"deadline=40ms loss=0.1% service=x spare_containers=1 test.video name=cam ! null "
     "deadline=1.5s "
     "cam. ! null",
     "tactus: 1\nservice: x\ndeadline: 40ms\nloss: 1/1000\nspare_containers: 1\ncomponents:\n"
     "  cam: {kind: test.video}\n  'null': {kind: null, deadline: 1500ms}\n"
     "  null2: {kind: null}\nflows: [cam ! null, cam ! null2]\n"},
    {"av.read url=\"a b.mp4\" name=c  c.video ! av.decode ! null  c.audio ! av.decode ! null",
     HEAD "components: {c: {kind: av.read, params: {url: a b.mp4}}, decode: {kind: av.decode},\n"
          " decode2: {kind: av.decode}, 'null': {kind: null}, null2: {kind: null}}\n"
          "flows: [c.video ! decode ! null, c.audio ! decode2 ! null2]\n"},
    {"test.video ! video/x-raw, format=(string)yuv420p, width=1280,framerate=25/1 ! o.main\n"
     " text.clock format='%H %M' ! video.overlay name=o logo.x=9 late.logo=drop ! null\n"
     " image.read path=x ! o.logo",
     HEAD "components:\n  video: {kind: test.video}\n"
          "  clock: {kind: text.clock, params: {format: '%H %M'}}\n"
          "  o: {kind: video.overlay, params: {logo.x: 9}, late: {logo: drop}}\n"
          "  'null': {kind: null}\n  read: {kind: image.read, params: {path: x}}\n"
          "flows:\n- video ! video/x-raw,format=I420,width=1280,framerate=25 ! o.main\n"
          "- clock ! o ! null\n- read ! o.logo\n"},
    {"test.audio ! audio/x-raw,rate=48000,channels=2 ! audio.mix name=m ! null test.audio ! m.",
     HEAD "components: {audio: {kind: test.audio}, m: {kind: audio.mix}, 'null': {kind: null},\n"
          " audio2: {kind: test.audio}}\n"
          "flows: ['audio ! audio/x-raw,rate=48000,channels=2 ! m ! null', audio2 ! m]\n"},
    {"test.video ! video.scale width=64 height=64 overrun=skip degrade=method=point"
     " degrade=method=bilinear ! null loss=2%",
     HEAD
     "components:\n  video: {kind: test.video}\n  scale: {kind: video.scale, params: {width: 64,"
     " height: 64}, overrun: skip, degrade: [method=point, method=bilinear]}\n"
     "  'null': {kind: null, loss: 2%}\nflows: [video ! scale ! null]\n"},
};

static void is_the_same_as_yaml(void)
{
    for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++) {
        struct tt_service *a = graph(pairs[n].graph), *b = yaml(pairs[n].yaml), *c;
        char *text = tt_service_print(a);

        CHECK(text);
        fprintf(stderr, "  %s\n", pairs[n].graph);
        CHECK(tt_service_equal(a, b));
        c = yaml(text);
        CHECK(tt_service_equal(a, c));
        CHECK(tt_service_equal(c, b));
        free(text);
        tt_service_close(&a);
        tt_service_close(&b);
        tt_service_close(&c);
    }
}

static void tells_services_apart(void)
{
    for (size_t n = 0; n < sizeof(pairs) / sizeof(pairs[0]); n++)
        for (size_t m = 0; m < n; m++) {
            struct tt_service *a = graph(pairs[n].graph), *b = yaml(pairs[m].yaml);

            CHECK(!tt_service_equal(a, b));
            tt_service_close(&a);
            tt_service_close(&b);
        }
}

static void understands_queues(void)
{
    struct tt_service *a = graph(
        "test.video ! queue max-size-buffers=2 ! video.scale width=64 height=64 ! queue ! null");
    struct tt_service *b = graph("test.video ! video.scale width=64 height=64 ! null");

    CHECK(tt_service_equal(a, b));
    CHECK_INT(a->note_count, 1);
    CHECK(strstr(a->notes[0], "`queue` does nothing here"));
    CHECK_INT(b->note_count, 0);
    tt_service_close(&a);
    tt_service_close(&b);
}

struct wrong {
    const char *text;
    uint32_t line, column;
    const char *token, *nearest, *sentence;
};

static const struct wrong wrongs[] = {
    {"", 1, 1, "", "", "no components"},
    {"test.vido ! null", 1, 1, "test.vido", "test.video", "unknown kind"},
    {"test.video ! nul", 1, 14, "nul", "null", "unknown kind"},
    {"test.video ! tee ! null", 1, 14, "tee", NULL, "no tee"},
    {"test.video !", 1, 12, "!", NULL, "ends in a component"},
    {"! null", 1, 1, "!", NULL, "nothing before"},
    {"test.video ! ! null", 1, 14, "!", NULL, "nothing before"},
    {"test.video wdth=9 ! null", 1, 12, "wdth", "width", "no parameter"},
    {"test.video width=9 ! null", 1, 18, "9", NULL, "from 16 to 8192"},
    {"test.video width=64\n width=64 ! null", 2, 2, "width", NULL, "twice"},
    {"rat=50 test.video ! null", 1, 1, "rat", "rate", "before any component"},
    {"rate=50 test.video rate=25 ! null", 1, 20, "25", NULL, "already"},
    {"test.video name=a ! null name=a", 1, 31, "a", NULL, "names a component already"},
    {"test.video name=a-b.c ! null", 1, 17, "a-b.c", NULL, "name of a component"},
    {"test.video name=\"x ! null", 1, 12, NULL, NULL, "quote"},
    {"test.video ! video/x-raw,widh=9 ! null", 1, 14, "widh", "width", "no field"},
    {"test.video ! text/x-raw ! null", 1, 14, "text/x-raw", NULL, "no filter"},
    {"test.video ! video/x-raw,width=64", 1, 14, NULL, NULL, "ends in a component"},
    {"test.video ! queue null", 1, 20, "null", NULL, "followed by '!'"},
    {"test.video name=a ! null b.x ! null", 1, 26, "b", NULL, "no component is named 'b'"},
    {"test.video ! video.scal ! null", 1, 14, "video.scal", "video.scale", "unknown kind"},
    {"test.video name=video ! video.scal ! null", 1, 25, "video.scal", "video.scale",
     "unknown kind"},
    {"test.video ! nul. ! null", 1, 14, "nul", "null", "no component"},
    {"test.video ! ./invert.c ! null", 1, 14, "./invert.c", NULL, "a component's source"},
    {"test.video ! invert.tactus ! null", 1, 14, "invert.tactus", NULL, "no path"},
    {"test.video !! null", 1, 12, "!!", NULL, "a space before and after"},
    {"test.video!null", 1, 1, "test.video!null", NULL, "a space before and after"},
    {"test.video name=a ! null a.out", 1, 26, "a.out", NULL, "joins this to anything"},
    {"test.video name=a ! null a.oot ! null", 1, 26, "oot", "out", "no output"},
    {"test.video ! null late.in=wait", 1, 27, "wait", NULL, "late policy"},
    {"test.video deadline=9ms ! null", 1, 1, "video", NULL, "is no sink"},
    {"av.read url=x ! av.decode ! null", 1, 1, "read", NULL, "read.video or read.audio"},
    {"test.video ! null \xff", 1, 19, NULL, NULL, "no text"},
    {"test.video name=\xc3\xa9 ! null", 1, 17, NULL, NULL, "name of a component"},
};

static void names_what_is_wrong(void)
{
    for (size_t n = 0; n < sizeof(wrongs) / sizeof(wrongs[0]); n++) {
        const struct wrong *wrong = &wrongs[n];
        struct tt_service *service = NULL;
        struct tt_error err = {0};
        int r = tt_service_parse_graph(wrong->text, strlen(wrong->text), &test_catalogue, &service,
                                       &err);

        fprintf(stderr, "  %u:%u: %s\n", err.line, err.column, err.text);
        CHECK_INT(r, -EINVAL);
        CHECK_INT(err.line, wrong->line);
        CHECK_INT(err.column, wrong->column);
        CHECK(err.expected[0] != 0);
        CHECK(strstr(err.text, wrong->sentence));
        if (wrong->token)
            CHECK_TEXT(err.token, wrong->token);
        if (wrong->nearest)
            CHECK_TEXT(err.nearest, wrong->nearest);
    }
}

static void sets_parameters(void)
{
    static const char *const bad[] = {"scale",          "scale.width",    "x.width=64",
                                      "scale.widht=64", "scale.width=xx", ".width=64",
                                      "scale.=64"};
    struct tt_service *a = graph("test.video ! video.scale width=64 height=64 ! null");
    struct tt_service *b =
        graph("test.video ! video.scale width=128 height=64 method=point ! null");
    struct tt_error err = {0};

    CHECK_INT(tt_service_set(a, "scale.width=128", &test_catalogue, &err), 0);
    CHECK(!tt_service_equal(a, b));
    CHECK_INT(tt_service_set(a, "scale.method=point", &test_catalogue, &err), 0);
    CHECK(tt_service_equal(a, b));
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        CHECK_INT(tt_service_set(a, bad[n], &test_catalogue, &err), -EINVAL);
        fprintf(stderr, "  %s\n", err.text);
        CHECK(strstr(err.text, "cannot set"));
        CHECK(err.expected[0] != 0);
    }
    CHECK(tt_service_equal(a, b));
    tt_service_close(&a);
    tt_service_close(&b);
}

/* A gain may be nothing at all, which is the least that it knows; no other number may. */
static void gain_of_nothing(void)
{
    static const char *const bad[] = {"tone.level_db=inf", "tone.level_db=+inf",
                                      "tone.level_db=-infinity", "tone.level_db=-nan",
                                      "tone.frequency=-inf"};
    struct tt_service *service = graph("test.audio name=tone ! null");
    struct tt_picture *picture = NULL;
    struct tt_error err = {0};
    bool is_found = false;

    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
        CHECK_INT(tt_service_set(service, bad[n], &test_catalogue, &err), -EINVAL);
    CHECK_INT(tt_service_set(service, "tone.level_db=-inf", &test_catalogue, &err), 0);
    CHECK_INT(tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err), 0);
    for (uint32_t n = 0; n < picture->components[0].setting_count; n++)
        is_found = is_found || picture->components[0].settings[n].f == -120;
    CHECK(is_found);
    tt_picture_close(&picture);
    tt_service_close(&service);
}

static void sets_what_may_change(void)
{
    static const char *const bad[] = {"scale.width=64", "scale.methd=point", "scale.method=blurred",
                                      "x.method=point", "scale.deadline=1s", "null=1"};
    struct tt_service *a = graph("test.video ! video.scale width=64 height=64 ! null");
    struct tt_live_setting live = {.param = 99};
    struct tt_error err = {0};

    CHECK_INT(tt_service_set_live(a, "scale.method=lanczos", &test_catalogue, &live, &err), 0);
    CHECK_TEXT(live.component, "scale");
    CHECK_TEXT(live.name, "method");
    CHECK_TEXT(live.input, "");
    CHECK_INT(live.param, 2);
    CHECK_INT(live.i, 3);
    live.param = 99;
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        tt_service_close(&a);
        a = graph("test.video ! video.scale width=64 height=64 ! null");
        CHECK_INT(tt_service_set_live(a, bad[n], &test_catalogue, &live, &err), -EINVAL);
        fprintf(stderr, "  %s\n", err.text);
    }
    CHECK_INT(live.param, 99);
    tt_service_close(&a);
    a = graph("test.video ! video.scale width=64 height=64 ! null");
    (void)tt_service_set_live(a, bad[0], &test_catalogue, &live, &err);
    CHECK(strstr(err.text, "cannot change while the service runs") != NULL);
    CHECK(strstr(err.expected, "method") != NULL); /* what can */
    (void)tt_service_set_live(a, bad[1], &test_catalogue, &live, &err);
    CHECK_TEXT(err.nearest, "method");
    tt_service_close(&a);
}

static void a_sink_is_added(void)
{
    struct tt_service *a =
        graph("test.video ! video.scale width=64 height=64 deadline=20ms loss=2%");
    struct tt_service *b =
        graph("test.video ! video.scale width=64 height=64 ! null deadline=20ms loss=2%");
    struct tt_service *c = graph("test.video"), *d = graph("test.video ! null");

    CHECK(tt_service_equal(a, b));
    CHECK_INT(a->note_count, 1);
    CHECK(strstr(a->notes[0], "'scale.out' is connected to nothing: it ends in the `null` sink"));
    CHECK_INT(b->note_count, 0);
    CHECK(tt_service_equal(c, d));
    CHECK_INT(c->note_count, 1);
    tt_service_close(&a);
    tt_service_close(&b);
    tt_service_close(&c);
    tt_service_close(&d);
}

static void a_source_follows_its_filter(void)
{
    struct tt_service *a =
        graph("test.video height=90 ! video/x-raw,width=160,height=90,framerate=30/1 ! null");
    struct tt_service *b = graph("rate=30 test.video height=90 width=160 ! "
                                 "video/x-raw,width=160,height=90,framerate=30/1 ! null");
    struct tt_service *c = graph("test.video width=64 ! video/x-raw,width=32 ! null");
    struct tt_service *d = graph("test.video width=64 height=64 ! video.scale width=32 height=32 ! "
                                 "video/x-raw,width=16 ! null");

    CHECK(tt_service_equal(a, b));
    CHECK_INT(a->note_count, 1);
    CHECK(strstr(a->notes[0], "'video' follows the filter behind it: width=160 rate=30"));
    CHECK_INT(b->note_count, 0);
    CHECK_TEXT(c->components[0].params[0].value, "64"); /* what is written stands */
    CHECK_INT(c->note_count, 0);
    CHECK_INT(d->note_count, 0); /* scale is no source */
    tt_service_close(&a);
    tt_service_close(&b);
    tt_service_close(&c);
    tt_service_close(&d);
}

static void draws_it(void)
{
    struct tt_service *service = graph("test.video ! video.convert format=nv12 ! null");
    struct tt_picture *picture = NULL;
    struct tt_error err = {0};
    char *text;

    CHECK_INT(tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err), 0);
    CHECK_INT(picture->flows[1].format.fourcc, TT_NV12);
    text = tt_picture_dot(picture);
    CHECK(strstr(text, "\"video\" -> \"convert\""));
    free(text);
    tt_picture_close(&picture);
    tt_service_close(&service);
}

int main(void)
{
    RUN(is_the_same_as_yaml);
    RUN(tells_services_apart);
    RUN(understands_queues);
    RUN(names_what_is_wrong);
    RUN(sets_parameters);
    RUN(gain_of_nothing);
    RUN(sets_what_may_change);
    RUN(a_sink_is_added);
    RUN(a_source_follows_its_filter);
    RUN(draws_it);
    return 0;
}
