/* The request that a component's init() has in a build: one input and output of each port, formats
 * that it accepts, and every parameter as it is when nobody writes it. */
#ifndef TT_BUILD_FIRST_REQUEST_H
#define TT_BUILD_FIRST_REQUEST_H

#include <jansson.h>

#include "build/guest_memory.h"
#include "sandbox/records.h"
#include "tactus/component.h"

struct first_request {
    struct tt_wasm_request *record; /* in the guest's memory */
    struct tt_shape *shape;
    struct tt_error *error;
    uint32_t record_at;
};

/* Lays it into the records. -ENOENT: there is none, for a parameter must be given; the sentence
 * says which. *ret_json tells what it is. */
int first_request_lay(struct guest *guest, const struct tt_component *component,
                      struct first_request *ret, json_t **ret_json, struct tt_error *err);

#endif
