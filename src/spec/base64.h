/* Bytes as text, four letters for three (RFC 4648). */
#ifndef TT_SPEC_BASE64_H
#define TT_SPEC_BASE64_H

#include <stdint.h>

#include "spec/arena.h"

/* NULL: no memory. */
char *spec_base64_print(struct spec_arena *arena, const void *data, uint64_t bytes);

/* 0, -EINVAL for what is none, -ENOMEM. A NUL that is not counted follows the bytes. */
int spec_base64_parse(struct spec_arena *arena, const char *text, uint64_t length, void **ret,
                      uint64_t *ret_bytes);

#endif
