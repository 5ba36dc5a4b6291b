/* What the run time and a sandboxed component hand each other in linear memory, beside the structs
 * of component.h that have one layout in both worlds: tt_call, tt_frame, tt_event, tt_format,
 * tt_setting, tt_rational, tt_shape (its blobs' `data` is an offset here) and tt_error.
 *
 * Every address is an offset in linear memory, 0 for none, little-endian; the host checks each
 * before it follows it, texts up to their NUL included. Included by the host and by the shim that
 * is compiled into each component. */
#ifndef TT_SANDBOX_RECORDS_H
#define TT_SANDBOX_RECORDS_H

#include <stdint.h>

#include "tactus/component.h"

enum {
    TT_WASM_RECORD_BYTES = 256 << 10, /* tt_module.record_bytes: call, frames, requests and all */
    TT_WASM_TEXT_MAX = 4096,          /* of a name, help or example */
    TT_WASM_PARAMS_MAX = 256,
    TT_WASM_ACCEPTS_MAX = 256
};

struct tt_wasm_pin {
    uint32_t name; /* a text */
    uint32_t port, is_connected;
};

struct tt_wasm_blob {
    uint32_t data, unused;
    uint64_t bytes;
};

/* TT_ENTRY_SHAPE, TT_ENTRY_INIT and TT_ENTRY_OPEN: struct tt_request, and where the answers go.
 * tt_request_at() is the shim's affair. */
struct tt_wasm_request {
    uint32_t size, in_count, out_count, level;
    uint32_t in;           /* in_count struct tt_format */
    uint32_t config;       /* in_count struct tt_wasm_blob */
    uint32_t pins;         /* in_count + out_count struct tt_wasm_pin */
    uint32_t params;       /* params_count struct tt_setting */
    uint32_t level_params; /* level_count times params_count of them */
    uint32_t params_count, level_count;
    uint32_t texts, texts_bytes;
    uint32_t shape; /* SHAPE: a zeroed struct tt_shape, filled */
    uint32_t error; /* SHAPE and INIT: a zeroed struct tt_error, filled on failure */
    uint32_t unused;
    /* INIT: of the shape; the shim allocates the state in linear memory, zeroed and 64-byte
     * aligned. OPEN: scratch likewise, kept when it is opened again. -ENOMEM: no room. */
    uint64_t state_bytes, scratch_bytes;
    struct tt_rational rate;
    int64_t resume_ns, is_live;
};

struct tt_wasm_port {
    uint32_t name, accepts; /* accept_count struct tt_format */
    uint32_t accept_count, is_output, hold_max, late_policies, is_leader, is_optional;
    uint32_t instances_max;
    int32_t in_place_of;
    uint32_t late_default;
};

struct tt_wasm_param {
    uint32_t name, unit, help, initial;
    uint32_t type, is_live;
    double min, max;
};

/* What TT_ENTRY_DESCRIBE gives: struct tt_component without its functions. */
struct tt_wasm_component {
    uint32_t abi, size; /* TT_ABI, sizeof(struct tt_wasm_component) */
    uint32_t flags, version;
    uint32_t name, help, example;
    uint32_t ports, params;
    uint32_t port_count, param_count, level_count;
    uint32_t functions; /* enum tt_wasm_function */
};

enum tt_wasm_function { /* which of its functions a component has */
                        TT_WASM_SHAPE = 1,
                        TT_WASM_INIT = 2,
                        TT_WASM_OPEN = 4,
                        TT_WASM_PROCESS = 8,
                        TT_WASM_CLOSE = 16,
                        TT_WASM_EDGE = 32 /* and so cannot be sandboxed */
};

_Static_assert(sizeof(struct tt_wasm_pin) == 12, "one layout in both worlds");
_Static_assert(sizeof(struct tt_wasm_blob) == sizeof(struct tt_blob), "one layout in both worlds");
_Static_assert(sizeof(struct tt_wasm_request) == 112, "one layout in both worlds");
_Static_assert(sizeof(struct tt_wasm_port) == 44, "one layout in both worlds");
_Static_assert(sizeof(struct tt_wasm_param) == 40, "one layout in both worlds");
_Static_assert(sizeof(struct tt_wasm_component) == 52, "one layout in both worlds");
_Static_assert(sizeof(struct tt_setting) == 40, "one layout in both worlds");
_Static_assert(sizeof(struct tt_frame) == 64, "one layout in both worlds");
_Static_assert(sizeof(struct tt_format) == 120, "one layout in both worlds");
_Static_assert(sizeof(struct tt_call) == 64, "one layout in both worlds");
_Static_assert(sizeof(struct tt_event) == 24, "one layout in both worlds");
_Static_assert(sizeof(struct tt_shape) == 4536, "one layout in both worlds");

#endif
