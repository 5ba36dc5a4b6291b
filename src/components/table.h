/* All components that this build has, one line each in table.c, and those that were loaded. */
#ifndef TT_COMPONENTS_TABLE_H
#define TT_COMPONENTS_TABLE_H

#include "tactus/component.h"
#include "tactus/error.h"

enum { TT_PLUGINS_MAX = 8, TT_PLUGIN_KIND_BYTES = 256 };

extern const struct tt_component *const tt_components[];
extern const uint32_t tt_component_count;

/* By kind, also one that was loaded; NULL when there is none. */
const struct tt_component *tt_component_find(const char *kind);

/* One more, by the words that a service uses for it; what it points to lives on. */
int tt_component_add(const char *kind, const struct tt_component *component, struct tt_error *err);

/* Runs the code of strangers: only in a jail, after its rights were dropped. `path` is where its
 * bytes are now, `kind` what the service calls it. Loading it again does nothing. 0; -ENOEXEC: no
 * shared object, no component or another ABI; -EINVAL: its description is wrong. */
int tt_component_load(const char *kind, const char *path, struct tt_error *err);

#endif
