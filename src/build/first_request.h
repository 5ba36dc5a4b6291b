/* The request that a component's init() has in a build: one input and output of each port, formats
 * that it accepts, and every parameter as it is when nobody writes it. */
#ifndef TT_BUILD_FIRST_REQUEST_H
#define TT_BUILD_FIRST_REQUEST_H

#include <jansson.h>

#include "tactus/component.h"
#include "tactus/error.h"

enum { FIRST_PARAMS_MAX = 256, FIRST_TEXTS_BYTES = 64 << 10 };

struct first_request {
    struct tt_request request; /* into what follows, and into the component's description */
    struct tt_format in[TT_PORTS_MAX];
    struct tt_blob config[TT_PORTS_MAX];
    struct tt_pin pins[2 * TT_PORTS_MAX];
    struct tt_setting settings[FIRST_PARAMS_MAX];
    char texts[FIRST_TEXTS_BYTES];
};

/* -ENOENT: there is none, for a parameter must be given; the sentence says which. *ret_json tells
 * what it is. */
int first_request_make(const struct tt_component *component, struct first_request *ret,
                       json_t **ret_json, struct tt_error *err);

#endif
