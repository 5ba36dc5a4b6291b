/* Pictures: formats, latencies, queues and segments of the examples; what cannot be is refused. */
#include "spec/picture.h"

#include <errno.h>

#include "catalogue.h"
#include "check.h"
#include "spec/ways.h"
#include "tactus/format.h"

static struct tt_picture *shape(const char *text, struct tt_error *err)
{
    struct tt_service *service = NULL;
    struct tt_picture *picture = NULL;

    *err = (struct tt_error){0};
    if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &service, err) == 0)
        (void)tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, err);
    tt_service_close(&service);
    return picture;
}

static struct tt_picture *shaped(const char *text)
{
    struct tt_error err;
    struct tt_picture *picture = shape(text, &err);

    if (!picture)
        fprintf(stderr, "%u:%u: %s\n", err.line, err.column, err.text);
    CHECK(picture);
    return picture;
}

static const struct tt_picture_component *find(const struct tt_picture *picture, const char *name)
{
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (strcmp(picture->components[n].name, name) == 0)
            return &picture->components[n];
    fprintf(stderr, "there is no '%s'\n", name);
    exit(1);
}

static const struct tt_picture_flow *flow_into(const struct tt_picture *picture, const char *name,
                                               uint32_t input)
{
    return &picture->flows[find(picture, name)->in[input].flow];
}

static void shapes_the_thumbnail(void)
{
    struct tt_picture *picture = shaped(test_thumbnail);

    CHECK_INT(picture->component_count, 3);
    CHECK_INT(picture->flow_count, 2);
    CHECK_INT(picture->is_live, 1);
    CHECK_INT(picture->rate.num, 50);
    CHECK_INT(picture->components[1].in_format[0].width, 1280);
    CHECK_INT(picture->flows[1].format.width, 640);
    CHECK_INT(picture->flows[1].bytes_max, 640 * 360 * 3 / 2);
    CHECK_INT(picture->flows[0].depth, 2);
    CHECK_INT(picture->segment_count, 1);
    CHECK_TEXT(picture->segments[0].name, "cam");
    CHECK_INT(picture->components[2].segment, 0);
    CHECK_INT(picture->components[2].sink, 0);
    CHECK_INT(picture->sink_count, 1);
    CHECK_INT(picture->components[2].deadline_ns, 40000000);
    CHECK_INT(picture->note_count, 0);
    tt_picture_close(&picture);
}

static void shapes_the_news(void)
{
    struct tt_picture *picture = shaped(test_news);
    const struct tt_picture_component *mix, *file, *live, *venc;
    char name[80];

    mix = find(picture, "mix");
    CHECK_INT(mix->in_count, 2);
    CHECK_TEXT(mix->in[1].name, "tone");
    CHECK_INT(mix->in[0].is_leader, 0);
    CHECK_INT(mix->rate.num / mix->rate.den, 100);
    CHECK_INT(mix->in_format[0].channels, 2);
    CHECK_INT(tt_format_samples(&mix->in_format[0]), 480);
    CHECK_INT(find(picture, "mix-main-resample")->is_inserted, 1);
    CHECK_INT(find(picture, "mix-main-convert")->is_inserted, 1);
    CHECK_INT(find(picture, "aenc-convert")->shape.out[0].rate.den, 1024);
    CHECK_INT(find(picture, "vdec")->structural_ns, 83333334);
    file = find(picture, "file");
    live = find(picture, "live");
    CHECK_INT(file->in_count, 2);
    CHECK_INT(file->deadline_ns, 300000000);
    CHECK_INT(live->deadline_ns, 500000000);
    CHECK_INT(file->path_structural_ns >= 83333334, 1);
    CHECK_INT(file->in[0].late_policy, TT_LATE_KEEP);
    CHECK_INT(live->in[1].late_policy, TT_LATE_DROP);
    CHECK_INT(picture->sink_count, 4);
    tt_picture_sink_name(picture, (uint32_t)live->sink + 1, name, sizeof(name));
    CHECK_TEXT(name, "live.audio");
    venc = find(picture, "venc");
    CHECK_INT(venc->shape.out[0].config_handle > 0, 1);
    CHECK_INT(venc->shape.config[0].bytes, 3);
    CHECK_INT(find(picture, "logo")->rate.num, 0);
    CHECK_INT(find(picture, "logo")->segment, find(picture, "over")->segment);
    CHECK_INT(find(picture, "over")->segment, find(picture, "clip")->segment);
    tt_picture_close(&picture);
}

static void an_input_says_its_late_policy(void)
{
    struct tt_picture *picture = shaped("tactus: 1\nservice: s\nrate: 25\ncomponents:\n"
                                        "  v: {kind: test.video}\n  a: {kind: test.audio}\n"
                                        "  ve: {kind: av.encode, params: {codec: libx264}}\n"
                                        "  ae: {kind: av.encode, params: {codec: aac}}\n"
                                        "  w: {kind: av.write, params: {url: x.mkv}}\n"
                                        "flows: [v ! ve ! w.video, a ! ae ! w.audio]\n");

    CHECK_INT(find(picture, "w")->in[0].late_policy, TT_LATE_KEEP);
    CHECK_INT(find(picture, "w")->in[1].late_policy, TT_LATE_DROP);
    tt_picture_close(&picture);
}

static const struct tt_picture_segment *segment_of(const struct tt_picture *picture,
                                                   const char *name)
{
    return &picture->segments[find(picture, name)->segment];
}

/* What is released by itself, and what runs at another rate than what feeds it. */
static void segments_run_at_one_rate(void)
{
    struct tt_picture *picture = shaped(test_news);

    CHECK_TEXT(segment_of(picture, "venc")->name, "clip.video");
    CHECK_INT(segment_of(picture, "venc")->rate.num / segment_of(picture, "venc")->rate.den, 24);
    CHECK_TEXT(segment_of(picture, "adec")->name, "clip.audio");
    CHECK_INT(segment_of(picture, "adec")->rate.num, 44100);
    CHECK_TEXT(segment_of(picture, "mix-main-convert")->name, "clip.audio");
    CHECK_TEXT(segment_of(picture, "mix")->name, "mix");
    CHECK_TEXT(segment_of(picture, "aenc-convert")->name, "mix");
    CHECK_TEXT(segment_of(picture, "aenc")->name, "aenc");
    CHECK_INT(segment_of(picture, "aenc")->rate.num, 48000);
    CHECK_INT(segment_of(picture, "aenc")->rate.den, 1024);
    CHECK_TEXT(segment_of(picture, "file")->name, "clip.video");
    for (uint32_t n = 0; n < picture->component_count; n++)
        CHECK_INT(picture->components[n].ratio_max, 1);
    tt_picture_close(&picture);
}

/* 24 a second and a deadline of 300 ms: 8 coded frames may be on their way without being late. */
static void coded_queues_hold_a_deadline(void)
{
    struct tt_picture *picture = shaped(test_news);

    CHECK_INT(flow_into(picture, "vdec", 0)->depth, 7 + 1 + 2);
    CHECK_INT(flow_into(picture, "live", 0)->depth, 12 + 1 + 2);
    CHECK_INT(flow_into(picture, "adec", 0)->depth, 12 + 1 + 2);
    /* The clock waits for the decoder's reordering: two frames more than usual. */
    CHECK_INT(flow_into(picture, "over", 2)->depth, 2 + 2 + 1);
    CHECK_INT(flow_into(picture, "scale", 0)->depth, 5);
    tt_picture_close(&picture);
}

static uint32_t raw_depth(const char *deadline, bool is_live)
{
    struct tt_picture *picture;
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};
    char text[512];
    uint32_t depth;

    (void)snprintf(text, sizeof(text),
                   "tactus: 1\nservice: s\nrate: 50\ndeadline: %s\ncomponents:\n"
                   "  c: {kind: test.video, params: {live: %s}}\n  n: {kind: null}\n"
                   "flows: [c ! n]\n",
                   deadline, is_live ? "true" : "false");
    picture = shaped(text);
    picture->components[1].flags |= TT_EDGE;
    CHECK_INT(tt_wiring_make(picture, &wiring, &err), 0);
    CHECK_INT(wiring->link_count, 1);
    depth = wiring->links[0].depth;
    tt_wiring_close(&wiring);
    tt_picture_close(&picture);
    return depth;
}

/* 50 a second: what may be on its way without being late, and two more, in a power of two. */
static void raw_links_hold_a_deadline(void)
{
    CHECK_INT(raw_depth("30ms", true), 4);
    CHECK_INT(raw_depth("100ms", true), 8);
    CHECK_INT(raw_depth("300ms", true), 32);
    CHECK_INT(raw_depth("20s", true), 64); /* 64 MiB of 720p, and not below 32 */
    CHECK_INT(raw_depth("20s", false), 4);
}

static void answers_requests(void)
{
    struct tt_picture *picture = shaped(test_news);
    struct tt_request_store store;
    struct tt_request request;
    uint32_t over = (uint32_t)(find(picture, "over") - picture->components);
    uint32_t venc = (uint32_t)(find(picture, "venc") - picture->components);

    tt_picture_request(picture, over, &store, &request);
    CHECK_INT(request.in_count, 3);
    CHECK_TEXT(request.pins[1].name, "logo");
    CHECK_INT(request.pins[3].is_connected, 1);
    CHECK_INT(tt_setting(&request, 0, 1)->i, 1100);
    CHECK_INT(tt_setting(&request, 0, 0)->i, 0);
    CHECK_INT(tt_setting(&request, 0, 0)->is_given, 0);
    tt_picture_request(picture, venc, &store, &request);
    CHECK_TEXT(tt_setting_text(&request, 0), "libx264");
    CHECK_INT(tt_setting_int(&request, 1), 3000000);
    CHECK_TEXT(tt_setting_text(&request, 3), "veryfast");
    CHECK_TEXT(tt_setting_text(&request, 4), "tune=zerolatency");
    tt_picture_request(picture, (uint32_t)(find(picture, "vdec") - picture->components), &store,
                       &request);
    CHECK_INT(request.config[0].bytes, 4);
    tt_picture_close(&picture);
}

static const char with_spares[] =
    "tactus: 1\nservice: spare\nrate: 50\ndeadline: 40ms\nspare_containers: 2\ncomponents:\n"
    "  cam: {kind: test.video}\n  scale: {kind: video.scale, params: {width: 64, height: 36}}\n"
    "  out: {kind: \"null\"}\nflows: [cam ! scale ! out]\n";

/* Packed, unpacked and printed it says the same; not all of it is no picture. */
static void packs(const struct tt_picture *picture, const char *text)
{
    struct tt_picture *again = NULL;
    struct tt_error err = {0};
    uint64_t bytes = 0;
    char *packed = tt_picture_pack(picture, &bytes), *printed;

    CHECK(packed);
    CHECK_INT(tt_picture_unpack(packed, bytes, &again, &err), 0);
    printed = tt_picture_print(again);
    CHECK_TEXT(printed, text);
    free(printed);
    tt_picture_close(&again);
    for (uint64_t part = 0; part < bytes; part += part < 64 ? 1 : 61)
        CHECK_INT(tt_picture_unpack(packed, part, &again, &err), -EINVAL);
    packed = realloc(packed, bytes + 1);
    CHECK(packed);
    packed[bytes] = 0;
    CHECK_INT(tt_picture_unpack(packed, bytes + 1, &again, &err), -EINVAL);
    free(packed);
}

static void prints_and_parses(void)
{
    static const char *const texts[] = {test_thumbnail, test_news, with_spares};

    for (size_t n = 0; n < 3; n++) {
        struct tt_picture *picture = shaped(texts[n]), *again = NULL;
        char *text = tt_picture_print(picture), *second;
        struct tt_error err = {0};
        int r;

        CHECK(text);
        r = tt_picture_parse(text, strlen(text), &again, &err);
        if (r < 0)
            fprintf(stderr, "%s\n", err.text);
        CHECK_INT(r, 0);
        second = tt_picture_print(again);
        CHECK_TEXT(second, text);
        packs(picture, text);
        free(text);
        free(second);
        tt_picture_close(&picture);
        tt_picture_close(&again);
    }
}

static void wires_the_news(void)
{
    struct tt_picture *picture = shaped(test_news);
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};
    uint64_t bytes = 0;

    CHECK_INT(tt_wiring_make(picture, &wiring, &err), 0);
    CHECK_INT(wiring->process_count, 5); /* container, clip, logo, file, live */
    CHECK_INT(wiring->link_count, 2 + 1 + 2 + 2);
    for (uint32_t n = 0; n < wiring->process_count; n++) {
        const struct tt_wiring_process *process = &wiring->processes[n];

        bytes += process->pool.bytes;
        for (uint32_t m = 0; m < process->pool.class_count; m++) {
            CHECK_INT(process->pool.classes[m].slot_bytes % 4096, 0);
            CHECK_INT(process->pool.classes[m].offset % 4096, 0);
        }
        if (process->component < 0)
            continue;
        CHECK(picture->components[process->component].flags & TT_EDGE);
        CHECK_INT(process->pool.class_count > 0,
                  picture->components[process->component].out_count > 0);
    }
    CHECK_INT(bytes, wiring->pool_bytes);
    for (uint32_t n = 0; n < picture->component_count; n++)
        for (uint32_t pin = 0; pin < picture->components[n].out_count; pin++) {
            bool is_edge = picture->components[n].flags & TT_EDGE;
            uint32_t class = wiring->processes[0].class_of[n][pin];

            CHECK_INT(class == TT_NO_PORT, is_edge);
            if (!is_edge)
                CHECK(wiring->processes[0].pool.classes[class].slot_bytes >=
                      picture->components[n].shape.bytes_max[pin]);
        }
    tt_wiring_close(&wiring);
    tt_picture_close(&picture);
}

#define HEAD "tactus: 1\ncomponents:\n"

struct refusal {
    const char *text, *sentence;
    uint32_t line;
};

static const struct refusal refusals[] = {
    {HEAD "  a: {kind: video.convert}\n  b: {kind: video.convert}\n  n: {kind: null}\n"
          "flows: [a ! b, b ! a, b ! n]\n",
     "circle: a after b after a", 3},
    {HEAD "  c: {kind: test.video}\n  s: {kind: small}\nflows: [c ! s]\n", "64x64", 4},
    {HEAD "  c: {kind: av.read, params: {url: interlaced}}\n  d: {kind: av.decode}\n"
          "  n: {kind: null}\nflows: [c.video ! d ! n]\n",
     "interlaced", 4},
    {HEAD "  c: {kind: av.read, params: {url: missing.mp4}}\n  d: {kind: av.decode}\n"
          "  n: {kind: null}\nflows: [c.video ! d ! n]\n",
     "no such file", 3},
    {"rate: 50\n" HEAD "  c: {kind: av.read, params: {url: x}}\n  d: {kind: av.decode}\n"
     "  n: {kind: null}\nflows: [c.video ! d ! n]\n",
     "write rate: 24", 4},
    {HEAD "  c: {kind: test.video}\n  s: {kind: video.scale, params: {width: 64}}\n"
          "  n: {kind: null}\nflows: [c ! s ! n]\n",
     "needs the parameter 'height'", 4},
    {HEAD "  c: {kind: test.video}\n  o: {kind: video.overlay}\n  n: {kind: null}\n"
          "flows: [c ! o.logo, o ! n]\n",
     "nothing at its input 'main'", 4},
    {HEAD "  c: {kind: test.video, params: {width: 128}}\n  n: {kind: null}\n"
          "flows: ['c ! video/x-raw,width=64 ! n']\n",
     "and no conversion", 4},
};

static void refuses_what_cannot_be(void)
{
    for (size_t n = 0; n < sizeof(refusals) / sizeof(refusals[0]); n++) {
        struct tt_error err;

        CHECK(!shape(refusals[n].text, &err));
        fprintf(stderr, "  %u:%u: %s\n", err.line, err.column, err.text);
        CHECK(strstr(err.text, refusals[n].sentence));
        CHECK_INT(err.line, refusals[n].line);
    }
}

static void inserts_conversions(void)
{
    struct tt_picture *picture = shaped(HEAD "  c: {kind: test.video}\n  n: {kind: null}\n"
                                             "flows: ['c ! video/x-raw,format=NV12 ! n']\n");
    const struct tt_picture_component *convert = find(picture, "n-convert");

    CHECK_INT(picture->component_count, 3);
    CHECK_TEXT(convert->kind, "video.convert");
    CHECK_INT(convert->shape.out[0].fourcc, TT_NV12);
    CHECK_INT(picture->note_count, 1);
    CHECK(strstr(picture->notes[0], "inserted 'n-convert' (video.convert) before 'n'"));
    tt_picture_close(&picture);
}

/* What listens, or is sent to a port, is named with the command that shows it. */
static void notes_how_to_watch(void)
{
    static const struct {
        const char *url, *address; /* NULL: no note */
    } places[] = {{"srt://127.0.0.1:9710?mode=listener", "srt://127.0.0.1:9710"},
                  {"srt://:9710?latency=20&mode=listener", "srt://127.0.0.1:9710"},
                  {"srt://0.0.0.0:9710?mode=listener", "srt://127.0.0.1:9710"},
                  {"srt://[::1]:9710?mode=listener", "srt://[::1]:9710"},
                  {"udp://239.0.0.1:5004?ttl=1", "udp://239.0.0.1:5004"},
                  {"tcp://127.0.0.1:9000?listen=1", "tcp://127.0.0.1:9000"},
                  {"tcp://127.0.0.1:9000?listen=0", NULL},
                  {"srt://127.0.0.1:9710", NULL},
                  {"srt://127.0.0.1:9710?mode=listeners", NULL},
                  {"srt://a'b:9710?mode=listener", NULL},
                  {"out.mkv", NULL}};

    for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
        struct tt_picture *picture;
        char text[512], wanted[256];

        (void)snprintf(text, sizeof(text),
                       HEAD "  c: {kind: test.video}\n"
                            "  n: {kind: raw.write, params: {url: \"%s\"}}\n"
                            "flows: [c ! n]\n",
                       places[n].url);
        picture = shaped(text);
        CHECK_INT(picture->note_count, places[n].address != NULL);
        if (places[n].address) {
            (void)snprintf(wanted, sizeof(wanted), "watch: ffplay -fflags nobuffer '%s'",
                           places[n].address);
            CHECK_TEXT(picture->notes[0], wanted);
        }
        tt_picture_close(&picture);
    }
}

static bool has_note(const struct tt_picture *picture, const char *part)
{
    for (uint32_t n = 0; n < picture->note_count; n++)
        if (strstr(picture->notes[n], part))
            return true;
    return false;
}

/* What cannot be read faster than it happens is live, unless somebody wrote otherwise. */
static void infers_what_is_live(void)
{
    static const struct {
        const char *source;
        bool is_live, is_noted;
    } cases[] = {
        {"av.read, params: {url: \"srt://127.0.0.1:9000\"}", true, true},
        {"av.read, params: {url: \"rtmp://127.0.0.1/app/key\"}", true, true},
        {"av.read, params: {url: \"udp://127.0.0.1:9000\", live: true}", true, false},
        {"av.read, params: {url: \"udp://127.0.0.1:9000\", live: false}", false, false},
        {"av.read, params: {url: \"http://127.0.0.1/a.ts\"}", false, false},
        {"av.read, params: {url: udp.mp4}", false, false},
    };

    for (size_t n = 0; n < sizeof(cases) / sizeof(cases[0]); n++) {
        struct tt_picture *picture = NULL;
        char text[300];
        const struct tt_picture_component *source;

        snprintf(
            text, sizeof(text),
            "tactus: 1\nservice: x\ncomponents: {a: {kind: %s}, d: {kind: av.decode}, n: {kind: "
            "\"null\"}}\nflows: [a.video ! d ! n]\n",
            cases[n].source);
        picture = shaped(text);
        source = &picture->components[0];
        CHECK_INT(picture->is_live, cases[n].is_live);
        CHECK_INT(source->is_live, cases[n].is_live);
        for (uint32_t k = 0; k < source->setting_count; k++)
            if (source->settings[k].param == 1) /* live: the component is told as well */
                CHECK_INT(source->settings[k].i, cases[n].is_live);
        CHECK_INT(has_note(picture, "'a' is live"), cases[n].is_noted);
        tt_picture_close(&picture);
    }
}

static void an_overrun_policy_is_carried(void)
{
    static const char *const names[] = {"skip", "stop", "throttle"};
    char text[512];

    for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
        struct tt_picture *picture;

        (void)snprintf(text, sizeof(text),
                       HEAD "  c: {kind: test.video}\n  n: {kind: null}\n  s: {kind: video.scale, "
                            "params: {width: 64, height: 64}, overrun: %s}\nflows: [c ! s ! n]\n",
                       names[n]);
        picture = shaped(text);
        CHECK(!has_note(picture, "does nothing yet"));
        for (uint32_t c = 0; c < picture->component_count; c++)
            CHECK_TEXT(picture->components[c].overrun,
                       strcmp(picture->components[c].name, "s") == 0 ? names[n] : "throttle");
        tt_picture_close(&picture);
    }
}

static uint32_t place_of(const struct tt_wiring *wiring, uint32_t container,
                         enum tt_wiring_role role, uint32_t component)
{
    const struct tt_wiring_process *process = &wiring->processes[container];

    for (uint32_t n = 0; n < process->place_count; n++)
        if (process->places[n].role == role && process->places[n].component == component)
            return n;
    return UINT32_MAX;
}

/* What may be on loan, and the frame that waits for that, has room in the pool that it lies in:
 * the queue's, and while frames are small some more. */
static void check_loans(const struct tt_wiring *wiring, const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < wiring->link_count; n++) {
        const struct tt_wiring_link *link = &wiring->links[n];
        const struct tt_wiring_process *writer = &wiring->processes[link->from];
        uint32_t class_ = writer->class_of[link->component][link->pin];

        CHECK(link->loan_max > picture->flows[link->flow].depth);
        CHECK(link->loan_max + 1 < writer->pool.classes[class_].slot_count);
    }
}

/* `scale` in another container than what feeds it and what it feeds: two links more, ends of which
 * stand in its place at home, and none of that carries anything when it is back. */
static void a_component_runs_elsewhere(void)
{
    static const char text[] =
        "tactus: 1\nservice: two\nrate: 50\ndeadline: 40ms\ncomponents:\n"
        "  cam: {kind: test.video}\n  scale: {kind: video.scale, params: {width: 64, "
        "height: 36}}\n  out: {kind: \"null\"}\n  tone: {kind: test.audio}\n"
        "  pcm: {kind: \"null\"}\nflows: [cam ! scale ! out, tone ! pcm]\n";
    struct tt_picture *picture = shaped(text);
    uint32_t cam = (uint32_t)(find(picture, "cam") - picture->components);
    uint32_t scale = (uint32_t)(find(picture, "scale") - picture->components);
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};
    uint32_t way, again;

    picture->components[find(picture, "tone") - picture->components].worker = 1;
    picture->components[find(picture, "pcm") - picture->components].worker = 1;
    CHECK_INT(tt_wiring_make(picture, &wiring, &err), 0);
    CHECK_INT(wiring->container_count, 2);
    CHECK_INT(wiring->link_count, 0);
    CHECK(tt_wiring_has_room(wiring, picture, scale, 1));
    CHECK_INT(tt_wiring_lead(wiring, picture, scale, 0, &way, &err), -EINVAL);
    CHECK_INT(tt_wiring_lead(wiring, picture, scale, 1, &way, &err), 0);
    CHECK_INT(wiring->link_count, 2);
    CHECK(!tt_wiring_is_used(wiring, 0));
    check_loans(wiring, picture);
    tt_wiring_settle(wiring, scale, 1);
    for (uint32_t n = 0; n < 2; n++)
        CHECK_INT(tt_wiring_places(wiring, picture, n, &err), 0);
    CHECK(tt_wiring_is_used(wiring, 0) && tt_wiring_is_used(wiring, 1));
    CHECK(tt_wiring_way_of(wiring, scale) == &wiring->ways[way]);
    CHECK_INT(place_of(wiring, 0, TT_PLACE_COMPONENT, scale), UINT32_MAX);
    CHECK(place_of(wiring, 0, TT_PLACE_OUTLET, cam) < place_of(wiring, 0, TT_PLACE_INLET, scale));
    CHECK(place_of(wiring, 1, TT_PLACE_INLET, cam) <
          place_of(wiring, 1, TT_PLACE_COMPONENT, scale));
    CHECK(place_of(wiring, 1, TT_PLACE_COMPONENT, scale) <
          place_of(wiring, 1, TT_PLACE_OUTLET, scale));
    /* What feeds it would cross by two links. */
    CHECK_INT(tt_wiring_may_lead(wiring, picture, cam, 1, &err), -EOPNOTSUPP);
    tt_wiring_settle(wiring, scale, 0);
    CHECK_INT(tt_wiring_lead(wiring, picture, scale, 1, &again, &err), 0);
    CHECK_INT(again, way);
    CHECK_INT(wiring->link_count, 2);
    tt_wiring_close(&wiring);
    tt_picture_close(&picture);
}

/* Nothing is in a spare container at first; what moves there finds room in its pool, and its
 * neighbours' pools have more frames for the links that this takes. */
static void spare_containers_are_empty_and_have_room(void)
{
    struct tt_picture *picture = shaped(with_spares);
    uint32_t scale = (uint32_t)(find(picture, "scale") - picture->components);
    struct tt_wiring *wiring = NULL, *without = NULL;
    struct tt_error err = {0};
    uint32_t way;

    CHECK_INT(tt_wiring_make(picture, &wiring, &err), 0);
    picture->spare_containers = 0;
    CHECK_INT(tt_wiring_make(picture, &without, &err), 0);
    CHECK_INT(wiring->container_count, 3);
    CHECK(!tt_wiring_is_spare(wiring, 0) && tt_wiring_is_spare(wiring, 1) &&
          tt_wiring_is_spare(wiring, 2) && !tt_wiring_is_spare(without, 0));
    for (uint32_t n = 1; n < 3; n++) {
        CHECK_INT(wiring->processes[n].place_count, 0);
        CHECK(tt_wiring_has_room(wiring, picture, scale, n));
    }
    /* Two of a flow's ends may be in two of them: twice what one link and its reader hold. */
    for (uint32_t f = 0; f < picture->flow_count; f++)
        CHECK(wiring->processes[0].pool.slot_count >=
              without->processes[0].pool.slot_count +
                  2 * (2 * spec_way_depth(&picture->flows[f]) + picture->flows[f].depth));
    CHECK_INT(tt_wiring_may_lead(wiring, picture, scale, 2, &err), 0);
    CHECK_INT(tt_wiring_lead(wiring, picture, scale, 2, &way, &err), 0);
    check_loans(wiring, picture);
    /* Of large pictures too the link may lend what it and its reader hold beyond the queue. */
    for (uint32_t n = wiring->ways[way].first_link; n < wiring->link_count; n++) {
        const struct tt_picture_flow *flow = &picture->flows[wiring->links[n].flow];

        CHECK(wiring->links[n].loan_max >= 2 * spec_way_depth(flow) + 2 * flow->depth);
    }
    picture->spare_containers = TT_SPARE_CONTAINERS_MAX;
    picture->is_live = false; /* nothing moves there */
    tt_wiring_close(&without);
    CHECK_INT(tt_wiring_make(picture, &without, &err), 0);
    CHECK_INT(without->container_count, 1);
    tt_wiring_close(&without);
    picture->is_live = true;
    picture->components[scale].worker = TT_WORKERS_MAX - 1;
    CHECK_INT(tt_wiring_make(picture, &without, &err), -E2BIG);
    tt_wiring_close(&wiring);
    tt_picture_close(&picture);
}

int main(void)
{
    RUN(shapes_the_thumbnail);
    RUN(shapes_the_news);
    RUN(an_input_says_its_late_policy);
    RUN(segments_run_at_one_rate);
    RUN(coded_queues_hold_a_deadline);
    RUN(raw_links_hold_a_deadline);
    RUN(answers_requests);
    RUN(prints_and_parses);
    RUN(wires_the_news);
    RUN(refuses_what_cannot_be);
    RUN(inserts_conversions);
    RUN(notes_how_to_watch);
    RUN(infers_what_is_live);
    RUN(an_overrun_policy_is_carried);
    RUN(a_component_runs_elsewhere);
    RUN(spare_containers_are_empty_and_have_room);
    return 0;
}
