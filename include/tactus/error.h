/* An error that grows on its way up, as a sentence a user can act on. */
#ifndef TACTUS_ERROR_H
#define TACTUS_ERROR_H

#include <stdarg.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_ERROR_TEXT_BYTES 768

/* Where and what: filled by the caller's callees; zero it before use. line and column count from 1
 * and are 0 when the error has no place in a text. */
struct tt_error {
    int code; /* negative errno */
    uint32_t line, column;
    char token[64];     /* what was read there */
    char expected[160]; /* what would be accepted */
    char nearest[64];   /* the nearest known word, or "" */
    char text[TT_ERROR_TEXT_BYTES];
};

/* Writes the sentence and returns code. Knows %s %.*s %c %d %i %u %x %ld %lu %lld %llu %zu %% with
 * an optional width and 0 flag: base is freestanding. err may be NULL. */
int tt_fail(struct tt_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "what: " before the sentence that is there, and returns code. */
int tt_wrap(struct tt_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Always terminates; returns the length it wrote, which is below bytes. The same conversions. */
uint32_t tt_format_text(char *ret, uint32_t bytes, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint32_t tt_format_text_v(char *ret, uint32_t bytes, const char *format, va_list args);

#ifdef __cplusplus
}
#endif
#endif
