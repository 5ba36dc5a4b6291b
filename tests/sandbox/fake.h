/* A module that a test wrote in C instead of a translator: it obeys module.h and does what the
 * index of its call says. */
#ifndef TT_TESTS_SANDBOX_FAKE_H
#define TT_TESTS_SANDBOX_FAKE_H

#include "sandbox/module.h"

enum fake_deed {
    FAKE_COPY = 0, /* input 0 to output 0, each byte one more; counts */
    FAKE_READ_FAR,
    FAKE_WRITE_NEIGHBOUR, /* where the next slot's memory begins, as far as an address goes */
    FAKE_DIVIDE,
    FAKE_UNREACHABLE,
    FAKE_CALL,
    FAKE_RECURSE,
    FAKE_LOOP_MEMORY,
    FAKE_LOOP_REGISTER,
    FAKE_GROW,       /* media_ns pages */
    FAKE_WRITE_HOST, /* an address of the host's: not the slot's, so a bug of the host's */
    FAKE_MAKE,       /* frame_new on output 0, filled, emitted */
    FAKE_KEEP,
    FAKE_WRITE_INPUT,
    FAKE_TOUCH, /* media_ns bytes of its memory, a byte a page */
    FAKE_FLOAT, /* the rules of floating point, into key_point */
    FAKE_ILLEGAL,
    FAKE_LIE, /* says that its output is larger and elsewhere */
    FAKE_KERNEL,
    FAKE_NOTHING,
    FAKE_EVENTS /* how many it was told, into key_point */
};

enum { FAKE_PAGES = 4, FAKE_PAGES_MAX = 64, FAKE_RECORD_AT = 65536, FAKE_COUNT_AT = 1024 };

extern const struct tt_module fake_module;

/* The same with this much memory to begin with. */
struct tt_module fake_module_of(uint32_t pages);

#endif
