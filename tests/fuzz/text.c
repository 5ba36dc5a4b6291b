/* A service's text through all that reads it, and what must be true of a picture. */
#include "text.h"

#include <errno.h>

#include "spec/wiring.h"
#include "tactus/format.h"

static void check_refusal(const struct tt_error *err, int r)
{
    CHECK_INT(err->code, r);
    CHECK(err->text[0] != 0);
}

static void print_and_parse(const struct tt_service *service)
{
    struct tt_service *again = NULL;
    struct tt_error err = {0};
    char *text = tt_service_print(service);

    CHECK(text != NULL);
    if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &again, &err) < 0) {
        fprintf(stderr, "%u:%u: %s\n%s", err.line, err.column, err.text, text);
        CHECK(!"what is printed can be parsed");
    }
    CHECK(tt_service_equal(service, again));
    tt_service_close(&again);
    free(text);
}

static bool is_accepted(const struct tt_component *kind, const struct tt_picture_pin *pin,
                        const struct tt_format *format)
{
    const struct tt_port *port = &kind->ports[pin->port];

    for (uint32_t n = 0; n < port->accept_count; n++)
        if (port->accepts[n].kind == format->kind &&
            (port->accepts[n].fourcc == 0 || port->accepts[n].fourcc == format->fourcc))
            return true;
    return port->accept_count == 0;
}

static void check_flow(const struct tt_picture *picture, const struct tt_picture_flow *flow)
{
    const struct tt_picture_component *to;

    CHECK(flow->from < flow->to); /* topological order */
    CHECK(flow->to < picture->component_count);
    to = &picture->components[flow->to];
    CHECK(flow->from_out < picture->components[flow->from].out_count);
    CHECK(flow->to_in < to->in_count);
    CHECK(to->in[flow->to_in].flow == (int32_t)(flow - picture->flows));
    CHECK(flow->depth >= 1);
    CHECK(flow->bytes_max > 0);
    CHECK(flow->format.kind != 0);
    CHECK(flow->format.rate.den > 0);
    CHECK(flow->format.rate.num >= 0);
    if (flow->format.kind == TT_VIDEO)
        CHECK(flow->format.width > 0 && flow->format.height > 0 && flow->format.fourcc != 0);
    if (flow->format.kind == TT_AUDIO)
        CHECK(flow->format.sample_rate > 0 && flow->format.channels > 0);
    for (uint32_t n = 0; n < test_catalogue.count; n++)
        if (strcmp(test_catalogue.components[n]->name, to->kind) == 0)
            CHECK(is_accepted(test_catalogue.components[n], &to->in[flow->to_in], &flow->format));
}

void fuzz_check_picture(const struct tt_picture *picture)
{
    uint32_t fed = 0;

    for (uint32_t n = 0; n < picture->flow_count; n++)
        check_flow(picture, &picture->flows[n]);
    for (uint32_t c = 0; c < picture->component_count; c++) {
        const struct tt_picture_component *component = &picture->components[c];
        struct tt_request_store store;
        struct tt_request request;

        for (uint32_t n = 0; n < component->in_count; n++)
            fed += component->in[n].flow >= 0;
        CHECK(component->is_sink == (component->sink >= 0));
        CHECK(component->segment < picture->segment_count);
        tt_picture_request(picture, c, &store, &request);
    }
    CHECK_INT(fed, picture->flow_count); /* each flow feeds one input */
}

/* As it travels to containers and edges. */
static void print_and_parse_picture(const struct tt_picture *picture)
{
    struct tt_picture *again = NULL;
    struct tt_error err = {0};
    char *text = tt_picture_print(picture), *second;

    CHECK(text != NULL);
    if (tt_picture_parse(text, strlen(text), &again, &err) < 0) {
        fprintf(stderr, "%s\n%s\n", err.text, text);
        CHECK(!"a picture that is printed can be parsed");
    }
    second = tt_picture_print(again);
    CHECK_TEXT(second, text);
    tt_picture_close(&again);
    free(text);
    free(second);
}

struct tt_picture *fuzz_text(fuzz_parse_fn *parse, const void *text, size_t bytes)
{
    struct tt_service *service = NULL;
    struct tt_picture *picture = NULL;
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};
    int r = parse(text, bytes, &test_catalogue, &service, &err);

    if (r < 0) {
        CHECK(service == NULL);
        check_refusal(&err, r);
        CHECK(err.line > 0);
        CHECK(err.column > 0);
        return NULL;
    }
    print_and_parse(service);
    r = tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err);
    tt_service_close(&service);
    if (r < 0) {
        check_refusal(&err, r);
        return NULL;
    }
    fuzz_check_picture(picture);
    print_and_parse_picture(picture);
    free(tt_picture_dot(picture));
    CHECK(tt_wiring_make(picture, &wiring, &err) == 0 || err.code == -E2BIG);
    tt_wiring_close(&wiring);
    return picture;
}
