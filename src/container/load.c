/* Loading what a service names by its path. */
#include "container/load.h"

#include <dlfcn.h>
#include <stddef.h>

#include "components/table.h"
#include "sandbox/proxy.h"

int tt_container_load(const char *kind, const char *path, struct tt_error *err)
{
    const struct tt_component *component = NULL;
    const struct tt_module *module = NULL;
    void *library;
    int r;

    if (tt_component_find(kind))
        return 0;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library)
        module = dlsym(library, TT_MODULE_SYMBOL);
    if (!module) { /* the loader's own words are told by this one */
        r = tt_component_load(kind, path, err);
        if (library)
            (void)dlclose(library);
        return r;
    }
    r = tt_proxy_open(kind, module, &component, err);
    return r == 0 ? tt_component_add(kind, component, err) : r;
}
