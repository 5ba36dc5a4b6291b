/* What texts of services mean, as shapers told: kept where the text alone decides it, so that who
 * asks again needs no process. */
#ifndef TT_NODE_SHAPES_H
#define TT_NODE_SHAPES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/loop.h"
#include "spec/picture.h"

enum { SHAPES_MAX = 32, SHAPES_KEY_BYTES_MAX = 64 << 10, SHAPES_TEXT_BYTES_MAX = 256 << 10 };

struct shapes;

/* Read only. Texts end with NUL. */
struct known_shape {
    char *key, *picture, *print, *dot;
    json_t *notes;
    bool is_given_once;
    /* shapes.c's: */
    struct tt_picture *ready; /* for the next who asks; NULL: none */
    uint32_t users;
    uint64_t used;
};

struct shapes *shapes_open(struct loop *loop); /* NULL: no memory; nothing is kept */
void shapes_close(struct shapes **shapes);

/* The caller gives it back by shapes_drop(). NULL: not known, or key is NULL. */
const struct known_shape *shapes_find(struct shapes *shapes, const char *key);
void shapes_drop(const struct known_shape **known);

/* The picture, the caller's: one that was read while nobody waited, or read now. */
int shapes_picture(struct shapes *shapes, const struct known_shape *known, struct tt_picture **ret,
                   struct tt_error *err);

/* Copies. The one that was used longest ago goes; what is too long is not kept. */
void shapes_keep(struct shapes *shapes, const struct known_shape *told);

#endif
