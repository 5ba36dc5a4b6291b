/* One walk over a JSON object, or over a row of bytes, that writes it or reads it: what is printed
 * is what is parsed. */
#ifndef TT_SPEC_VISIT_H
#define TT_SPEC_VISIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "spec/arena.h"
#include "spec/pack.h"
#include "tactus/component.h"

struct visit {
    struct spec_arena *arena;
    bool is_reading;
    struct pack *pack; /* of bytes, in which members have no names; NULL: JSON */
    const char *bad;   /* the first member that was missing, of another type or out of bounds */
};

/* Whether a member that may be missing is there; writing says so. */
bool visit_has(struct visit *visit, json_t *object, const char *name, bool is_there);

/* Each visits one member. Reading checks the bounds; once something is bad nothing is changed. */
void visit_i64(struct visit *visit, json_t *object, const char *name, int64_t min, int64_t max,
               int64_t *value);
void visit_i32(struct visit *visit, json_t *object, const char *name, int32_t min, int32_t max,
               int32_t *value);
void visit_u32(struct visit *visit, json_t *object, const char *name, uint32_t max,
               uint32_t *value);
void visit_bits(struct visit *visit, json_t *object, const char *name, uint64_t *value);
void visit_bool(struct visit *visit, json_t *object, const char *name, bool *value);

/* Text in a fixed array. */
void visit_text(struct visit *visit, json_t *object, const char *name, char *value, uint32_t bytes);

/* Text of any length below 4096, in the arena. */
void visit_string(struct visit *visit, json_t *object, const char *name, char **value);
void visit_blob(struct visit *visit, json_t *object, const char *name, struct tt_blob *value);
void visit_rational(struct visit *visit, json_t *object, const char *name,
                    struct tt_rational *value);

/* A list; reading sets *count. NULL when it is bad. */
json_t *visit_list(struct visit *visit, json_t *object, const char *name, uint32_t max,
                   uint32_t *count);

/* A list's object; writing makes it. NULL when it is bad. */
json_t *visit_item(struct visit *visit, json_t *list, uint32_t place);

#endif
