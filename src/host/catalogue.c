/* All components as JSON: what `tactus inspect` prints. Field names are stable. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "components/table.h"
#include "host/host.h"
#include "host/plugin.h"
#include "platform/linux/message.h"
#include "spec/component_json.h"

static int print(json_t *components)
{
    json_t *all;
    int r;

    all = json_pack("{ss so}", "version", TT_VERSION, "components", components);
    r = all && json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) == 0 &&
                putchar('\n') != EOF && fflush(stdout) == 0
            ? 0
            : 3;
    json_decref(all);
    return r;
}

int host_catalogue(void)
{
    json_t *components = json_array();

    for (uint32_t n = 0; n < tt_component_count; n++)
        json_array_append_new(components, tt_component_json(tt_components[n]));
    return print(components);
}

static void say_last(const char *text, size_t bytes)
{
    (void)!write(STDOUT_FILENO, text, bytes);
}

/* Who looks at a stranger's file need not trust it. */
static int load_jailed(const char *path, const struct tt_component **ret, struct tt_error *err)
{
    struct tt_jail jail = {.role = TT_JAIL_SHAPER};
    int r = tt_kind_is_path(path) ? host_plugin_copy(path, err)
                                  : tt_fail(err, -EINVAL, "%s is no path of a shared object", path);

    if (geteuid() == 0)
        jail.uid = jail.gid = 65534;
    if (r == 0)
        r = tt_jail_enter(&jail, err);
    if (r == 0)
        r = tt_jail_close(&jail, err);
    return r == 0 ? host_plugin_load(NULL, path, ret, err) : r;
}

int host_catalogue_of(const char *path)
{
    const struct tt_component *component = NULL;
    json_t *components = json_array(), *error;
    struct tt_error err = {0};
    int r;

    host_plugin_say(say_last);
    r = load_jailed(path, &component, &err);
    if (r == 0) {
        json_array_append_new(components, tt_component_json(component));
        return print(components);
    }
    json_decref(components);
    error = json_pack("{so}", "error", tt_message_error(&err));
    (void)json_dumpf(error, stdout, JSON_COMPACT);
    (void)fflush(stdout);
    json_decref(error);
    return 1;
}
