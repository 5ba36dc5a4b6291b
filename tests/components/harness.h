/* One instance of a component under test, without an engine: a request is made from texts, buffers
 * have guard bytes around them, and every call is checked. */
#ifndef TT_TESTS_COMPONENTS_HARNESS_H
#define TT_TESTS_COMPONENTS_HARNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "tactus/error.h"
#include "tactus/format.h"

enum { HARNESS_NOTES_MAX = 64 };

struct harness_note {
    uint32_t id;
    int64_t value;
};

struct harness {
    const struct tt_component *component;
    struct tt_request request;
    struct tt_shape shape;
    struct tt_error error;
    struct tt_host host;
    uint8_t *state, *scratch;
    uint8_t *data[2 * TT_PORTS_MAX]; /* inputs, then outputs; guarded */
    uint32_t capacity[2 * TT_PORTS_MAX];
    struct tt_frame frames[2 * TT_PORTS_MAX]; /* what the last call gave back, likewise */
    struct tt_event events[8];
    uint32_t event_count; /* sent with the next call */
    uint32_t key_point, level;
    struct harness_note notes[HARNESS_NOTES_MAX]; /* of the last call */
    uint32_t note_count;
    uint64_t allocations; /* inside process(), by anybody, so far; 0 under a sanitizer */

    struct tt_setting settings[256]; /* of level 0, then of each other */
    struct tt_pin pins[2 * TT_PORTS_MAX];
    struct tt_format in[TT_PORTS_MAX];
    struct tt_blob config[TT_PORTS_MAX];
    char texts[4096];
};

struct harness_params {
    const struct tt_component *component;
    const char *settings;  /* "width=640 height=360 logo.x=12"; NULL: all initial */
    const char *levels[4]; /* of each degrading level from 1 on, likewise and as a whole */
    struct tt_format in[TT_PORTS_MAX];
    const char *names[TT_PORTS_MAX]; /* of inputs; NULL: "in0" ... */
    uint32_t ports[TT_PORTS_MAX];    /* the port of each input */
    uint32_t in_count, out_count;
    struct tt_rational rate;
    int64_t is_live;
};

/* Makes the request and asks for the shape; returns what shape() said, its sentence in error. */
int harness_shape(struct harness *harness, const struct harness_params *params);

/* harness_shape(), then init() and open() with buffers; ends the test when anything fails. */
void harness_open(struct harness *harness, const struct harness_params *params);

/* One call with inputs as they stand in frames[] (harness_input() prepares them) and fresh outputs.
 * Checks the guards, that no output is longer than its buffer, and that inputs were not changed but
 * in place. Returns what process() returned. */
int harness_call(struct harness *harness, int64_t index, int64_t media_ns, int64_t duration_ns);

/* Input for the next call: its buffer, filled by the test. bytes = all of it. */
struct tt_frame *harness_input(struct harness *harness, uint32_t input, int64_t index,
                               int64_t origin_ns, int64_t duration_ns);

/* The next call's input gives nothing, or End. */
void harness_no_input(struct harness *harness, uint32_t input, uint32_t flags);

struct tt_frame *harness_output(struct harness *harness, uint32_t output);

/* Moves the state's bytes elsewhere, overwrites the old ones and opens again: what a restore does
 * to a pure component. */
void harness_move_state(struct harness *harness);

/* Fills a buffer of raw video or audio with noise that depends on the seed alone. */
void harness_noise(uint8_t *data, uint32_t bytes, uint32_t seed);

void harness_close(struct harness *harness);

/* The component's table entry is complete: help, example, bounds, initials that parse. */
void harness_check_description(const struct tt_component *component);

#endif
