/* Errors: the formatter agrees with the C library's, sentences grow, nothing overflows. */
#include "tactus/error.h"

#include <inttypes.h>

#include "check.h"

#define SAME(...)                                                                                  \
    do {                                                                                           \
        char ours[64], theirs[64];                                                                 \
        (void)tt_format_text(ours, sizeof(ours), __VA_ARGS__);                                     \
        (void)snprintf(theirs, sizeof(theirs), __VA_ARGS__);                                       \
        CHECK_TEXT(ours, theirs);                                                                  \
    } while (0)

static void agrees_with_printf(void)
{
    SAME("%d %u %x", -12, 4000000000u, 0xbeefu);
    SAME("%" PRId64 " %" PRIu64, INT64_MIN, UINT64_MAX);
    SAME("%5d|%-5d|%05d", 42, 42, -42);
    SAME("%s|%8s|%-8s|%.2s|%.*s", "abc", "abc", "abc", "abc", 1, "abc");
    SAME("%c%% %zu", 'x', (size_t)77);
}

static void sentences_grow(void)
{
    struct tt_error err = {0};

    CHECK_INT(tt_fail(&err, -2, "open '%s': no such file", "x"), -2);
    CHECK_INT(tt_wrap(&err, -5, "cannot load"), -5);
    CHECK_TEXT(err.text, "cannot load: open 'x': no such file");
    CHECK_INT(err.code, -5);
    CHECK_INT(tt_fail(NULL, -7, "nobody listens"), -7);
}

static void long_texts_are_cut(void)
{
    struct tt_error err = {0};
    char big[4096];

    memset(big, 'a', sizeof(big) - 1);
    big[sizeof(big) - 1] = 0;
    (void)tt_fail(&err, -1, "%s", big);
    (void)tt_wrap(&err, -1, "%s", big);
    CHECK_INT(strlen(err.text), TT_ERROR_TEXT_BYTES - 1);
}

int main(void)
{
    RUN(agrees_with_printf);
    RUN(sentences_grow);
    RUN(long_texts_are_cut);
    return 0;
}
