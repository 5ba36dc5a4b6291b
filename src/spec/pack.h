/* A row of bytes that is written or read number by number and text by text: for processes of one
 * program, where names and decimal digits would cost a start more than what they say is worth. */
#ifndef TT_SPEC_PACK_H
#define TT_SPEC_PACK_H

#include <stdbool.h>
#include <stdint.h>

struct pack {
    char *bytes;
    uint64_t count, room; /* room: of what is being written */
};

/* Writing; false: no memory. The bytes are malloc'ed and the caller's. */
bool pack_put(struct pack *pack, const void *data, uint64_t bytes);
bool pack_put_number(struct pack *pack, int64_t value);

/* Reading, from the front; false or NULL: there is not as much. A pointer into the bytes. */
const char *pack_get(struct pack *pack, uint64_t bytes);
bool pack_get_number(struct pack *pack, int64_t *ret);

#endif
