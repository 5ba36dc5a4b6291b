/* Services from YAML: the examples are understood, and what is wrong is named with its place. */
#include "catalogue.h"

#include <errno.h>

#include "check.h"

static struct tt_service *parse(const char *text)
{
    struct tt_service *service = NULL;
    struct tt_error err = {0};

    if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &service, &err) < 0) {
        fprintf(stderr, "%u:%u: %s\n", err.line, err.column, err.text);
        exit(1);
    }
    return service;
}

static void reads_the_thumbnail(void)
{
    struct tt_service *service = parse(test_thumbnail);

    CHECK_TEXT(service->name, "thumbnail");
    CHECK_INT(service->rate.num, 50);
    CHECK_INT(service->deadline_ns, 40000000);
    CHECK_INT(service->loss.den, 100);
    CHECK_INT(service->component_count, 3);
    CHECK_INT(service->flow_count, 2);
    CHECK_TEXT(service->components[2].kind, "null");
    CHECK_TEXT(service->components[0].params[1].name, "height");
    CHECK_INT(service->components[0].params[1].place.line, 7);
    CHECK_INT(service->flows[1].from, 1);
    CHECK_INT(service->flows[1].to, 2);
    tt_service_close(&service);
    CHECK(!service);
    tt_service_close(&service);
}

static void reads_the_news(void)
{
    struct tt_service *service = parse(test_news);
    const struct tt_spec_component *over, *live, *venc;

    CHECK_INT(service->component_count, 13);
    CHECK_INT(service->flow_count, 14);
    over = &service->components[5];
    venc = &service->components[6];
    live = &service->components[12];
    CHECK_INT(over->late_count, 3);
    CHECK_INT(over->late[2].policy, TT_LATE_DROP);
    CHECK_INT(over->param_count, 4);
    CHECK_TEXT(venc->degrade[1], "preset=ultrafast");
    CHECK_INT(live->deadline_ns, 500000000);
    CHECK_INT(live->loss.den, 0);
    CHECK_TEXT(service->flows[0].from_port, "video");
    CHECK_TEXT(service->flows[2].to_port, "main");
    tt_service_close(&service);
}

struct wrong {
    const char *text;
    uint32_t line, column;
    const char *token, *nearest, *sentence; /* NULL: not looked at */
};

#define HEAD "tactus: 1\ncomponents:\n  cam: {kind: test.video}\n  out: {kind: \"null\"}\n"

static const struct wrong wrongs[] = {
    {"", 1, 1, "", "", "empty"},
    {"[a, b]", 1, 1, NULL, "", "a list"},
    {"tactus: 2\n", 1, 9, "2", "", "version"},
    {"service: x\n", 1, 1, NULL, NULL, "version"},
    {"tactus: 1\nrat: 50\n", 2, 1, "rat", "rate", "no key 'rat'"},
    {"tactus: 1\ntactus: 1\n", 2, 1, "tactus", NULL, "twice"},
    {"tactus: 1\nrate: 0\n", 2, 7, "0", NULL, "no rate"},
    {"tactus: 1\ndeadline: 40\n", 2, 11, "40", NULL, "no deadline"},
    {"tactus: 1\nloss: 100%\n", 2, 7, "100%", NULL, "no loss"},
    {"tactus: 1\nservice: a b\n", 2, 10, "a b", NULL, "no service's name"},
    {"tactus: !!int 1\n", 1, 9, NULL, NULL, "tags"},
    {"tactus: &a 1\n", 1, 9, NULL, NULL, "anchors"},
    {"tactus: *a\n", 1, 9, NULL, NULL, "aliases"},
    {"%YAML 1.1\n---\ntactus: 1\n", 1, 1, NULL, NULL, "directives"},
    {"tactus: 1\n---\ntactus: 1\n", 2, 1, NULL, NULL, NULL},
    {"tactus: [1\n", 2, 1, NULL, NULL, "an end to the [ that opens at 1:9"},
    {"tactus: [\n", 2, 1, NULL, NULL, "an end to each [ and {"},
    {"tactus: 1\n\tservice: x\n", 2, 1, NULL, NULL, "a tab cannot indent"},
    {"tactus: 1\n  service: x\n", 2, 10, NULL, NULL, "no YAML"},
    {"components:\n  a: 1\n   b: 2\n", 3, 5, NULL, NULL, "no YAML"},
    {"components:\n    a: {b: 1}\n  b: 2\n", 3, 3, NULL, NULL, "one indent"},
    {"tactus: \"1\\0\"\n", 1, 9, NULL, NULL, "NUL"},
    {"tactus: 1\n? [a]\n: b\n", 2, 3, NULL, NULL, "a key must be a word"},
    {"tactus: 1\ncomponents: {cam: {kind: test.vido}}\nflows: []\n", 2, 26, "test.vido",
     "test.video", "unknown kind"},
    {"tactus: 1\ncomponents: {cam: {kin: test.video}}\nflows: []\n", 2, 20, "kin", "kind", NULL},
    {"tactus: 1\ncomponents: {cam: {params: {}}}\nflows: []\n", 2, 14, "cam", NULL, "no `kind`"},
    {"tactus: 1\ncomponents: {a.b: {kind: test.video}}\nflows: []\n", 2, 14, "a.b", NULL,
     "no component's name"},
    {"tactus: 1\ncomponents: {cam: {kind: test.video, params: {widht: 4}}}\nflows: []\n", 2, 47,
     "widht", "width", "no parameter"},
    {"tactus: 1\ncomponents: {cam: {kind: test.video, params: {width: 4}}}\nflows: []\n", 2, 54,
     "4", NULL, "from 16 to 8192"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, params: {method: bilinaer}}}\nflows: []\n", 2,
     54, "bilinaer", "bilinear", "no value"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, overrun: halt}}\nflows: []\n", 2, 46, "halt",
     NULL, "overrun"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, grants: cal}}\nflows: []\n", 2, 45, "cal",
     "call", "no grant of frames"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, grants: call}}\nflows: []\n", 2, 45, "call",
     NULL, "no `grants`, or a package that tactus build made"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, degrade: [method]}}\nflows: []\n", 2, 47,
     "method", NULL, "assignment"},
    {"tactus: 1\ncomponents: {s: {kind: video.scale, late: {in: wait}}}\nflows: []\n", 2, 48,
     "wait", NULL, "late policy"},
    {HEAD, 1, 1, NULL, NULL, "no `flows`"},
    {HEAD "flows: [cam ! uot]\n", 5, 15, "uot", "out", "no component 'uot'"},
    {HEAD "flows: [cam.ot ! out]\n", 5, 9, "ot", "out", "no output 'ot'"},
    {HEAD "flows: [\"cam ! out.inn\"]\n", 5, 16, "inn", "in", "no input 'inn'"},
    {HEAD "flows: [cam out]\n", 5, 13, "out", NULL, "need a '!'"},
    {HEAD "flows: [cam ! ]\n", 5, 13, NULL, NULL, "joins two components"},
    {HEAD "flows: [cam ! out, cam ! out]\n", 5, 26, "out", NULL, "taken"},
    {HEAD "flows: [out ! cam]\n", 5, 15, NULL, NULL, "gives nothing"},
    {HEAD "  s: {kind: video.scale, late: {in: black}}\nflows: [cam ! s ! out]\n", 5, 33, "black",
     NULL, "cannot 'black'"},
    {HEAD "  s: {kind: video.scale, late: {inn: drop}}\nflows: [cam ! s ! out]\n", 5, 33, "inn",
     "in", "no connected input"},
    {HEAD "  s: {kind: null}\nflows: [cam ! out]\n", 5, 3, "s", NULL, "connected to nothing"},
    {"tactus: 1\ncomponents:\n  cam: {kind: test.video, deadline: 9ms}\n  out: {kind: 'null'}\n"
     "flows: [cam ! out]\n",
     3, 3, "cam", NULL, "is no sink"},
    {HEAD "flows: [cam ! video/x-raw,widht=9 ! out]\n", 5, 15, NULL, NULL, NULL},
    {HEAD "flows: ['cam ! video/x-raw,widht=9 ! out']\n", 5, 16, "widht", "width", "no field"},
    {"tactus: 1\ncomponents:\n  c: {kind: av.read, params: {url: x}}\n  d: {kind: av.decode}\n"
     "  n: {kind: null}\nflows: [c ! d ! n]\n",
     6, 9, "c", NULL, "several outputs of 'c' fit this flow; write c.video or c.audio"},
};

static void names_what_is_wrong(void)
{
    for (size_t n = 0; n < sizeof(wrongs) / sizeof(wrongs[0]); n++) {
        const struct wrong *wrong = &wrongs[n];
        struct tt_service *service = NULL;
        struct tt_error err = {0};
        int r = tt_service_parse_yaml(wrong->text, strlen(wrong->text), &test_catalogue, &service,
                                      &err);

        fprintf(stderr, "  %u:%u: %s\n", err.line, err.column, err.text);
        CHECK_INT(r, -EINVAL);
        CHECK_INT(err.code, -EINVAL);
        CHECK(!service);
        CHECK_INT(err.line, wrong->line);
        CHECK_INT(err.column, wrong->column);
        CHECK(err.expected[0] != 0);
        if (wrong->token)
            CHECK_TEXT(err.token, wrong->token);
        if (wrong->nearest)
            CHECK_TEXT(err.nearest, wrong->nearest);
        if (wrong->sentence)
            CHECK(strstr(err.text, wrong->sentence));
    }
}

static void refuses_what_is_too_big(void)
{
    static const char *const units[] = {"[", "{a: ", "- ", "? ", "a: [", "!!x ", "\"", "&a ", "\t"};
    const uint32_t bytes = TT_SPEC_BYTES_MAX;
    char *text = malloc(10u << 20);
    struct tt_service *service = NULL;
    struct tt_error err = {0};

    CHECK(text);
    memset(text, 'a', 10u << 20);
    CHECK_INT(tt_service_parse_yaml(text, 10u << 20, &test_catalogue, &service, &err), -E2BIG);
    for (size_t unit = 0; unit < sizeof(units) / sizeof(units[0]); unit++) {
        size_t length = strlen(units[unit]);

        for (uint32_t n = 0; n + length <= bytes; n += (uint32_t)length)
            memcpy(text + n, units[unit], length);
        CHECK_INT(tt_service_parse_yaml(text, 10000 * length, &test_catalogue, &service, &err),
                  -EINVAL);
        CHECK(err.line > 0);
        CHECK_INT(
            tt_service_parse_yaml(text, bytes / length * length, &test_catalogue, &service, &err),
            -EINVAL);
        CHECK(err.line > 0);
    }
    free(text);
}

static void reads_units(void)
{
    static const char *const bad[] = {"",      "ms",  "40", "-1ms",
                                      "1.5ns", "1 s", "1M", "9999999999999s"};
    struct tt_rational rate;
    int64_t value;

    CHECK_INT(tt_parse_duration("1.5s", &value), 0);
    CHECK_INT(value, 1500000000);
    CHECK_INT(tt_parse_duration("0.25us", &value), 0);
    CHECK_INT(value, 250);
    CHECK_INT(tt_parse_duration("10m", &value), 0);
    CHECK_INT(value, 600000000000);
    CHECK_INT(tt_parse_duration("1.5h", &value), 0);
    CHECK_INT(value, 5400000000000);
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++)
        CHECK_INT(tt_parse_duration(bad[n], &value), -EINVAL);
    CHECK_INT(tt_parse_rational("60000/2002", &rate), 0);
    CHECK_INT(rate.num, 30000);
    CHECK_INT(rate.den, 1001);
    CHECK_INT(tt_parse_rational("29.97", &rate), 0);
    CHECK_INT(rate.num, 2997);
    CHECK_INT(tt_parse_rational("1/0", &rate), -EINVAL);
    CHECK_INT(tt_parse_rational("1/", &rate), -EINVAL);
    CHECK_INT(tt_parse_rational("2000000000", &rate), -EINVAL);
    CHECK_INT(tt_parse_fraction("0.5%", &rate), 0);
    CHECK_INT(rate.den, 200);
    CHECK_INT(tt_parse_fraction("101%", &rate), -EINVAL);
    CHECK_INT(tt_parse_bits("1.5M", &value), 0);
    CHECK_INT(value, 1500000);
    CHECK_INT(tt_parse_bits("128k", &value), 0);
    CHECK_INT(value, 128000);
    CHECK_INT(tt_parse_bits("3MB", &value), -EINVAL);
}

static void sets_keys_of_a_service(void)
{
    static const char *const bad[] = {
        "rate=0",      "deadline=5",         "loss=100%",          "without=cam",
        "without=out", "without=nobody",     "scale.loss=200%",    "scale.deadline=1s",
        "speed=1",     "spare_containers=5", "spare_containers=-1"};
    struct tt_service *a = parse(test_thumbnail), *b = parse(test_thumbnail);
    struct tt_error err = {0};

    CHECK_INT(tt_service_set(a, "rate=30000/1001", &test_catalogue, &err), 0);
    CHECK_INT(a->rate.num, 30000);
    CHECK_INT(tt_service_set(a, "deadline=1.5s", &test_catalogue, &err), 0);
    CHECK_INT(a->deadline_ns, 1500000000);
    CHECK_INT(tt_service_set(a, "loss=5%", &test_catalogue, &err), 0);
    CHECK_INT(a->loss.num * 20, a->loss.den);
    CHECK_INT(tt_service_set(a, "spare_containers=2", &test_catalogue, &err), 0);
    CHECK_INT(a->spare_containers, 2);
    CHECK(!tt_service_equal(a, b));
    CHECK_INT(tt_service_set(a, "out.deadline=90ms", &test_catalogue, &err), 0);
    CHECK_INT(a->components[2].deadline_ns, 90000000);
    CHECK_INT(tt_service_set(b, "without=scale", &test_catalogue, &err), 0);
    CHECK_INT(b->component_count, 2);
    CHECK_INT(b->flow_count, 1);
    CHECK_TEXT(b->components[b->flows[0].from].name, "cam");
    CHECK_TEXT(b->components[b->flows[0].to].name, "out");
    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct tt_service *c = parse(test_thumbnail);

        CHECK_INT(tt_service_set(c, bad[n], &test_catalogue, &err), -EINVAL);
        fprintf(stderr, "  %s\n", err.text);
        CHECK(strstr(err.text, "cannot set"));
        CHECK(err.expected[0] != 0);
        tt_service_close(&c);
    }
    tt_service_close(&a);
    tt_service_close(&b);
}

static bool is_scaler(const struct tt_component *component)
{
    return strcmp(component->name, "video.scale") == 0;
}

/* With a kind that is sandboxed: read in both spellings, printed, set, and taken into the picture.
 */
static void reads_grants(void)
{
    static const char graph[] = "test.video ! video.scale width=64 height=64 grants=call ! null";
    struct tt_catalogue catalogue = test_catalogue;
    struct tt_service *a = NULL, *b = NULL;
    struct tt_picture *picture = NULL;
    struct tt_error err;
    char *text;

    catalogue.is_sandboxed = is_scaler;
    CHECK_INT(tt_service_parse_graph(graph, sizeof graph - 1, &catalogue, &a, &err), 0);
    text = tt_service_print(a);
    CHECK(text && strstr(text, "    grants: call\n"));
    CHECK_INT(tt_service_parse_yaml(text, strlen(text), &catalogue, &b, &err), 0);
    CHECK(tt_service_equal(a, b));
    CHECK_INT(tt_picture_shape(b, &catalogue, test_probe, NULL, &picture, &err), 0);
    for (uint32_t n = 0; n < picture->component_count; n++)
        CHECK_INT(picture->components[n].has_call_grants,
                  strcmp(picture->components[n].name, "scale") == 0);
    CHECK_INT(tt_service_set(b, "scale.grants=service", &catalogue, &err), 0);
    CHECK(!tt_service_equal(a, b));
    CHECK_INT(tt_service_set(b, "video.grants=call", &catalogue, &err), -EINVAL);
    CHECK(strstr(err.text, "is not sandboxed"));
    free(text);
    tt_picture_close(&picture);
    tt_service_close(&a);
    tt_service_close(&b);
}

int main(void)
{
    RUN(reads_the_thumbnail);
    RUN(reads_the_news);
    RUN(names_what_is_wrong);
    RUN(refuses_what_is_too_big);
    RUN(reads_units);
    RUN(sets_keys_of_a_service);
    RUN(reads_grants);
    return 0;
}
