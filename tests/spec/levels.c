/* Degrading levels: what each says, and which lists are refused. */
#include <errno.h>

#include "catalogue.h"
#include "check.h"
#include "spec/picture.h"

static int shape(const char *degrade, struct tt_picture **ret, struct tt_error *err)
{
    struct tt_service *service = NULL;
    char text[1024];
    int r;

    (void)snprintf(text, sizeof(text),
                   "tactus: 1\nservice: s\ncomponents:\n  c: {kind: test.video}\n"
                   "  s: {kind: video.scale, params: {width: 64, height: 64, method: bilinear}, "
                   "degrade: [method=point]}\n"
                   "  e: {kind: av.encode, params: {codec: libx264, preset: veryfast}%s%s}\n"
                   "  n: {kind: null}\nflows: [c ! s ! e ! n]\n",
                   degrade[0] ? ", degrade: " : "", degrade);
    *err = (struct tt_error){0};
    r = tt_service_parse_yaml(text, strlen(text), &test_catalogue, &service, err);
    if (r == 0)
        r = tt_picture_shape(service, &test_catalogue, test_probe, NULL, ret, err);
    tt_service_close(&service);
    return r;
}

static struct tt_request request_of(const struct tt_picture *picture, const char *name,
                                    struct tt_request_store *store)
{
    struct tt_request request = {0};

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (strcmp(picture->components[n].name, name) == 0)
            tt_picture_request(picture, n, store, &request);
    CHECK(request.size > 0);
    return request;
}

static void check_encoder(const struct tt_picture *picture)
{
    static const char *const presets[] = {"veryfast", "superfast", "ultrafast"};
    struct tt_request_store store;
    struct tt_request request = request_of(picture, "e", &store);

    CHECK_INT(request.level_count, 2);
    CHECK_INT(tt_picture_levels(picture), 2);
    for (uint32_t level = 0; level < 3; level++) {
        struct tt_request at = tt_request_at(&request, level);

        CHECK_TEXT(tt_setting_text(&at, 3), presets[level]);
        CHECK_TEXT(tt_setting_text(&at, 0), "libx264");
        CHECK_INT(at.level, level);
        CHECK_INT(at.level_count, 0);
    }
}

static void each_level_has_its_parameters(void)
{
    struct tt_picture *picture = NULL, *again = NULL;
    struct tt_error err;
    char *text;

    CHECK_INT(shape("[preset=superfast, preset=ultrafast]", &picture, &err), 0);
    check_encoder(picture);
    text = tt_picture_print(picture);
    CHECK(text);
    CHECK_INT(tt_picture_parse(text, strlen(text), &again, &err), 0);
    check_encoder(again);
    free(text);
    tt_picture_close(&again);
    tt_picture_close(&picture);
}

/* A worker's level is each component's, or its last. */
static void a_picture_at_a_level_is_that_level(void)
{
    static const char *const presets[] = {"veryfast", "superfast", "ultrafast"};
    static const int64_t methods[] = {1, 0, 0}; /* bilinear, point, point */
    struct tt_picture *picture = NULL, at;
    struct tt_request_store store;
    struct tt_error err;

    CHECK_INT(shape("[preset=superfast, preset=ultrafast]", &picture, &err), 0);
    for (uint32_t level = 0; level < 3; level++) {
        struct tt_request request;

        CHECK_INT(tt_picture_at_level(picture, level, &at), 0);
        request = request_of(&at, "e", &store);
        CHECK_TEXT(tt_setting_text(&request, 3), presets[level]);
        CHECK_INT(request.level_count, 0);
        request = request_of(&at, "s", &store);
        CHECK_INT(tt_setting_int(&request, 2), methods[level]);
        tt_picture_at_level_fini(&at);
    }
    tt_picture_close(&picture);
}

static void what_cannot_degrade_is_refused(void)
{
    static const struct {
        const char *degrade, *says;
    } bad[] = {
        {"[gop=10]", "'gop' of 'e' (av.encode) cannot differ between degrading levels"},
        {"[bframes=1]", "'bframes' of 'e' (av.encode) cannot differ between degrading levels"},
        {"[preset=fast, preset=faster, preset=veryfast]",
         "'e' (av.encode) has 3 degrading levels, and can have 2"},
        {"[preset=fast, preset=slow]",
         "level 2 of 'e' (av.encode), preset=slow, has another structural latency than level 0"},
    };

    for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
        struct tt_picture *picture = NULL;
        struct tt_error err;

        CHECK_INT(shape(bad[n].degrade, &picture, &err), -EINVAL);
        if (strncmp(err.text, bad[n].says, strlen(bad[n].says)) != 0)
            CHECK_TEXT(err.text, bad[n].says);
        CHECK(err.line > 0 && err.expected[0]);
    }
}

int main(void)
{
    RUN(each_level_has_its_parameters);
    RUN(a_picture_at_a_level_is_that_level);
    RUN(what_cannot_degrade_is_refused);
    return 0;
}
