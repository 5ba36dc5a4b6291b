/* Small files of shared memory that are made while nobody waits for them: bells, rings, figures. */
#ifndef TT_NODE_KIT_H
#define TT_NODE_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/loop.h"

/* What is larger is not kept, nor are more than so many. */
enum { KIT_BYTES_MAX = 256 << 10, KIT_FILES_MAX = 16 };

struct kit;

/* Filled with the sizes that were wanted last, once it was left alone for a moment. NULL: no
 * memory; whoever finds none makes his own. */
struct kit *kit_open(struct loop *loop);
void kit_close(struct kit **kit);

struct kit_file {
    int fd;
    void *map; /* to read and to write */
};

/* One of just this size, all zero and there, sealed against another size; descriptor and map are
 * the caller's. What was given never comes back. False: there is none, or kit is NULL. */
bool kit_take(struct kit *kit, uint64_t bytes, struct kit_file *ret);

/* Sealed likewise; pages come as they are touched. */
int kit_make(const char *name, uint64_t bytes, struct kit_file *ret);

/* How many wait. */
uint32_t kit_count(const struct kit *kit);

#endif
