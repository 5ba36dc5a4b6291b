/* Entering a sandboxed module, and leaving it again whatever it does.
 *
 * A module that faults in its own slot, divides by zero, uses up the stack, asks for a trap or is
 * stopped from outside returns to its caller as an error; a fault of the host's own stays a crash,
 * handed to whoever handled the signal before. Signals: SIGSEGV, SIGBUS, SIGFPE, SIGILL. */
#ifndef TT_SANDBOX_TRAP_H
#define TT_SANDBOX_TRAP_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/module.h"
#include "tactus/error.h"

/* Beside the entries of a module: its start(). */
#define TT_TRAP_START TT_ENTRY_COUNT

struct tt_trap_scope { /* of one instance; borrowed */
    const struct tt_module *module;
    void *instance;
    const uint8_t *memory;
};

struct tt_trap_report {
    enum tt_trap trap;
    enum tt_entry entry;  /* what it was called for */
    const char *function; /* "": unknown */
    uint32_t function_number;
    uint64_t offset; /* TT_TRAP_BOUNDS: the address in linear memory that it wanted */
};

/* "is out of its memory", and so on. */
const char *tt_trap_words(enum tt_trap trap);
/* What process() returns for it: a negative errno. */
int tt_trap_errno(enum tt_trap trap);

/* The handlers of this process; again when somebody else took the signals since. */
int tt_trap_install(struct tt_error *err);

/* The calling thread: an alternate stack for handlers, and where its stack ends. Once; later calls
 * do nothing. Threads that did not call it are made ready at their first entry, which is no matter
 * for a frame's path. */
int tt_trap_thread(struct tt_error *err);

/* True: the module returned, *ret is its result. False: it trapped, *ret_report says how; its state
 * is in doubt and may only be discarded. */
bool tt_trap_run(const struct tt_trap_scope *scope, enum tt_entry entry, uint32_t record,
                 int32_t *ret, struct tt_trap_report *ret_report);

/* Host calls of the module that runs: nothing ends it between these two. begin() ends it itself
 * when the stack has no room for the host's code. */
void tt_trap_host_begin(void);
void tt_trap_host_end(void);

/* By the module's host, on its thread. */
void tt_trap_now(enum tt_trap trap) __attribute__((noreturn));

/* In a signal handler on the thread, with the third argument of the handler: ends the module that
 * runs and does not return. True: its host runs for it, and it ends at the end of that call; false:
 * none runs. */
bool tt_trap_stop(const void *context);

#endif
