/* Components by path: native plug-ins and sandboxed modules, told apart by what they export. */
#ifndef TT_CONTAINER_LOAD_H
#define TT_CONTAINER_LOAD_H

#include "tactus/error.h"

/* As tt_component_load(), which it calls for what is no module: only in a jail, after all rights
 * were dropped. A module's code runs only in its slot. */
int tt_container_load(const char *kind, const char *path, struct tt_error *err);

#endif
