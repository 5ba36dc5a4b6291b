/* Components by path, as the shaper and `inspect` load them. */
#ifndef TT_HOST_PLUGIN_H
#define TT_HOST_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "spec/service.h"
#include "tactus/component.h"
#include "tactus/error.h"

struct host_plugin {
    char kind[TT_KIND_BYTES];
    char hash[65]; /* SHA-256 of its bytes, in hex */
    int fd;        /* the bytes, sealed */
};

/* How a crash or a hang of a plug-in is told: an error message, from a signal handler. */
void host_plugin_say(void (*say)(const char *text, size_t bytes));

/* Reads the next one's file and loads nothing: for who may read it before the jail and not after.
 */
int host_plugin_copy(const char *kind, struct tt_error *err);

/* A catalogue's `load`. Relative paths start from the folder that the process is in. The jail must
 * have been entered: this runs the constructors of strangers, and gives up all capabilities. */
int host_plugin_load(void *ctx, const char *kind, const struct tt_component **ret,
                     struct tt_error *err);

/* All that were loaded; borrowed. */
uint32_t host_plugins(const struct host_plugin **ret);

#endif
