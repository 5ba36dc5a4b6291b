/* Components that are not in the table: shared objects by anyone, known by the words that a service
 * uses for them (`./libmine.so`). One process runs one service, so none is ever unloaded. */
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "components/table.h"

/* A loaded one answers to the path as the service wrote it, so its description has that name. */
struct plugin {
    char kind[TT_PLUGIN_KIND_BYTES];
    struct tt_component component;
};

static struct plugin plugins[TT_PLUGINS_MAX];
static uint32_t plugin_count;

const struct tt_component *tt_component_find(const char *kind)
{
    for (uint32_t n = 0; n < tt_component_count; n++)
        if (strcmp(tt_components[n]->name, kind) == 0)
            return tt_components[n];
    for (uint32_t n = 0; n < plugin_count; n++)
        if (strcmp(plugins[n].kind, kind) == 0)
            return &plugins[n].component;
    return NULL;
}

static int check_ports(const struct tt_component *component, const char *kind, struct tt_error *err)
{
    uint32_t counts[2] = {0, 0};

    for (uint32_t n = 0; n < component->port_count; n++) {
        const struct tt_port *port = &component->ports[n];

        if (!port->name || (port->accept_count > 0 && !port->accepts))
            return tt_fail(err, -EINVAL, "%s: port %u has no name or no formats", kind, n);
        counts[port->is_output != 0]++;
        if (!port->is_output && port->late_policies == 0)
            return tt_fail(err, -EINVAL, "%s: the input '%s' has no late_policies", kind,
                           port->name);
    }
    if (counts[0] > TT_PORTS_MAX || counts[1] > TT_PORTS_MAX)
        return tt_fail(err, -EINVAL, "%s: more than %u inputs or outputs", kind, TT_PORTS_MAX);
    return 0;
}

/* What a host relies on. Pointers cannot be checked: who loads lives in a jail and may die. */
static int check(const struct tt_component *component, const char *kind, struct tt_error *err)
{
    const uint32_t params_max = 256;

    if (component->abi != TT_ABI)
        return tt_fail(err, -ENOEXEC,
                       "%s was built for component ABI %u and this is ABI %u: build it again with "
                       "these headers",
                       kind, component->abi, TT_ABI);
    if (component->size != sizeof(struct tt_component))
        return tt_fail(err, -ENOEXEC, "%s: tt_plugin.size is %u and should be %zu", kind,
                       component->size, sizeof(struct tt_component));
    if (!component->name || !component->help || !component->shape)
        return tt_fail(err, -EINVAL, "%s: tt_plugin has no name, help or shape()", kind);
    if ((component->flags & TT_EDGE) && (!component->edge || !component->edge->step))
        return tt_fail(err, -EINVAL, "%s: tt_plugin is TT_EDGE without an edge's step()", kind);
    if ((component->flags & TT_SAVES) &&
        (!(component->flags & TT_OPAQUE) || !component->save || !component->restore))
        return tt_fail(err, -EINVAL,
                       "%s: tt_plugin is TT_SAVES without TT_OPAQUE, save() and restore()", kind);
    if (component->flags & TT_DESKTOP)
        return tt_fail(err, -EINVAL, "%s: tt_plugin is TT_DESKTOP, which is not for plug-ins",
                       kind);
    if (!(component->flags & TT_EDGE) && !component->process)
        return tt_fail(err, -EINVAL, "%s: tt_plugin has no process()", kind);
    if (component->port_count == 0 || component->port_count > 2 * TT_PORTS_MAX || !component->ports)
        return tt_fail(err, -EINVAL, "%s: tt_plugin has no ports, or too many", kind);
    if (component->param_count > params_max || (component->param_count > 0 && !component->params))
        return tt_fail(err, -EINVAL, "%s: tt_plugin has no params, or too many", kind);
    for (uint32_t n = 0; n < component->param_count; n++)
        if (!component->params[n].name)
            return tt_fail(err, -EINVAL, "%s: parameter %u has no name", kind, n);
    return check_ports(component, kind, err);
}

/* The loader's sentence speaks of the descriptor by which it found the file. */
static const char *loader_says(const char *path)
{
    const char *words = dlerror();
    size_t length = strlen(path);

    if (!words)
        return "the loader does not say why";
    if (strncmp(words, path, length) == 0)
        words += length;
    return words + strspn(words, ": ");
}

int tt_component_add(const char *kind, const struct tt_component *component, struct tt_error *err)
{
    struct plugin *plugin = &plugins[plugin_count];

    if (plugin_count == TT_PLUGINS_MAX)
        return tt_fail(err, -E2BIG, "a service has at most %d components of its own by path",
                       TT_PLUGINS_MAX);
    if (strlen(kind) >= sizeof plugin->kind)
        return tt_fail(err, -ENAMETOOLONG, "%s: a path has at most %zu letters here", kind,
                       sizeof plugin->kind - 1);
    memcpy(plugin->kind, kind, strlen(kind) + 1);
    plugin->component = *component;
    plugin->component.name = plugin->kind;
    plugin_count++;
    return 0;
}

int tt_component_load(const char *kind, const char *path, struct tt_error *err)
{
    const struct tt_component *found;
    void *library;
    int r;

    if (tt_component_find(kind))
        return 0;
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return tt_fail(err, -ENOEXEC, "%s cannot be loaded: %s", kind, loader_says(path));
    found = dlsym(library, TT_PLUGIN_SYMBOL);
    if (!found)
        return tt_fail(err, -ENOEXEC,
                       "%s is no component: it exports no `const struct tt_component %s`", kind,
                       TT_PLUGIN_SYMBOL);
    r = check(found, kind, err);
    return r < 0 ? r : tt_component_add(kind, found, err);
}
