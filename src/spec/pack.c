/* A row of bytes that is written or read number by number and text by text. */
#include "spec/pack.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 16 << 10 };

bool pack_put(struct pack *pack, const void *data, uint64_t bytes)
{
    uint64_t room = pack->room > 0 ? pack->room : FIRST_BYTES;
    char *moved;

    while (room - pack->count < bytes)
        room *= 2;
    if (room != pack->room) {
        moved = realloc(pack->bytes, room);
        if (!moved)
            return false;
        pack->bytes = moved;
        pack->room = room;
    }
    if (bytes > 0)
        memcpy(pack->bytes + pack->count, data, bytes);
    pack->count += bytes;
    return true;
}

bool pack_put_number(struct pack *pack, int64_t value)
{
    return pack_put(pack, &value, sizeof(value));
}

const char *pack_get(struct pack *pack, uint64_t bytes)
{
    const char *ret = pack->bytes;

    if (pack->count < bytes)
        return NULL;
    pack->bytes += bytes;
    pack->count -= bytes;
    return ret;
}

bool pack_get_number(struct pack *pack, int64_t *ret)
{
    const char *at = pack_get(pack, sizeof(*ret));

    if (at)
        memcpy(ret, at, sizeof(*ret));
    return at != NULL;
}
