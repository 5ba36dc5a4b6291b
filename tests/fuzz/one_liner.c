/* A service in one line, by anybody; what stands behind a NUL byte is set over it. */
#include "text.h"

static void set_over(const char *text, size_t bytes, const char *assignment)
{
    struct tt_service *service = NULL;
    struct tt_live_setting setting;
    struct tt_error err = {0};

    if (tt_service_parse_graph(text, bytes, &test_catalogue, &service, &err) < 0)
        return;
    err = (struct tt_error){0};
    if (tt_service_set_live(service, assignment, &test_catalogue, &setting, &err) < 0)
        CHECK(err.text[0] != 0);
    err = (struct tt_error){0};
    if (tt_service_set(service, assignment, &test_catalogue, &err) < 0)
        CHECK(err.text[0] != 0);
    free(tt_service_print(service));
    tt_service_close(&service);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const uint8_t *nul = bytes > 0 ? memchr(data, 0, bytes) : NULL;
    size_t text_bytes = nul ? (size_t)(nul - data) : bytes;
    struct tt_picture *picture = fuzz_text(tt_service_parse_graph, data, text_bytes);

    tt_picture_close(&picture);
    if (nul) {
        char *assignment = strndup((const char *)nul + 1, bytes - text_bytes - 1);

        CHECK(assignment != NULL);
        set_over((const char *)data, text_bytes, assignment);
        free(assignment);
    }
    return 0;
}
