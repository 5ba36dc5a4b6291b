/* Bytes as text, four letters for three (RFC 4648). */
#include "spec/base64.h"

#include <errno.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *spec_base64_print(struct spec_arena *arena, const void *data, uint64_t bytes)
{
    const uint8_t *in = data;
    char *text = spec_take(arena, (bytes + 2) / 3 * 4 + 1), *at = text;

    for (uint64_t n = 0; text && n < bytes; n += 3) {
        uint32_t left = bytes - n < 3 ? (uint32_t)(bytes - n) : 3;
        uint32_t bits = (uint32_t)in[n] << 16 | (left > 1 ? (uint32_t)in[n + 1] << 8 : 0) |
                        (left > 2 ? in[n + 2] : 0u);

        for (uint32_t part = 0; part < 4; part++)
            *at++ = part <= left ? letters[bits >> (18 - 6 * part) & 63] : '=';
    }
    return text;
}

static int value_of(char c)
{
    const char *at = c != 0 ? strchr(letters, c) : NULL;

    return at ? (int)(at - letters) : -1;
}

int spec_base64_parse(struct spec_arena *arena, const char *text, uint64_t length, void **ret,
                      uint64_t *ret_bytes)
{
    uint8_t *data = spec_take(arena, length / 4 * 3 + 1);
    uint64_t bytes = 0;

    if (!data)
        return -ENOMEM;
    if (length % 4 != 0)
        return -EINVAL;
    for (uint64_t n = 0; n < length; n += 4) {
        uint32_t bits = 0, count = 4;

        if (n + 4 == length)
            count -= (uint32_t)(text[n + 3] == '=') + (text[n + 3] == '=' && text[n + 2] == '=');
        for (uint32_t part = 0; part < 4; part++) {
            int value = part < count ? value_of(text[n + part]) : 0;

            if (value < 0)
                return -EINVAL;
            bits = bits << 6 | (uint32_t)value;
        }
        for (uint32_t part = 0; part + 1 < count; part++)
            data[bytes++] = (uint8_t)(bits >> (16 - 8 * part));
    }
    *ret = data;
    *ret_bytes = bytes;
    return 0;
}
