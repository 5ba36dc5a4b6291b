/* Packages that a service names: their native code, when its user's own `tactus build` made it, as
 * the plug-in that a container loads. */
#ifndef TT_HOST_PACKAGE_H
#define TT_HOST_PACKAGE_H

#include <stdbool.h>

#include "tactus/error.h"

/* By its name. */
bool host_package_is(const char *kind);

/* Looks into every package that the text could name, with the key, which is gone from this process
 * when this returns: before anything of a stranger's runs here. key_fd is closed; -1: no key. */
void host_packages_find(const char *text, int *key_fd);

/* What was found in it: the sealed native code in sealed memory, the caller's to close. Negative
 * errno: not a package, or none that was built here. */
int host_package_object(const char *kind, struct tt_error *err);

#endif
