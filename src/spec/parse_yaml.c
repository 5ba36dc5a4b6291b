/* A service from strict YAML. */
#include <errno.h>
#include <string.h>

#include "spec/build.h"
#include "spec/chain.h"
#include "spec/kinds.h"
#include "spec/yaml_tree.h"

struct parse {
    struct tt_service *service;
    const struct tt_catalogue *catalogue;
    struct tt_error *err;
};

static int want_scalar(struct parse *parse, const struct spec_node *node, const char *what)
{
    return spec_yaml_want(node, SPEC_SCALAR, what, parse->err);
}

static int read_params(struct parse *parse, struct tt_spec_component *component,
                       const struct tt_component *kind, const struct spec_node *map)
{
    int r = spec_yaml_want(map, SPEC_MAP, "`params`", parse->err);

    for (const struct spec_node *key = map->first; r == 0 && key; key = key->next->next) {
        const struct spec_node *value = key->next;

        r = want_scalar(parse, value, "a parameter's value");
        if (r == 0)
            r = spec_check_param(kind, component->name, key->text, value->text, key->place,
                                 value->place, parse->err);
        if (r == 0)
            r = spec_add_param(parse->service, component, key->text, value->text, key->place,
                               parse->err);
    }
    return r;
}

static int read_late(struct parse *parse, struct tt_spec_component *component,
                     const struct spec_node *map)
{
    int r = spec_yaml_want(map, SPEC_MAP, "`late`", parse->err);

    for (const struct spec_node *key = map->first; r == 0 && key; key = key->next->next) {
        struct tt_spec_late *late = &component->late[component->late_count];
        struct spec_words words = {0};

        r = want_scalar(parse, key->next, "a late policy");
        if (r < 0)
            return r;
        if (component->late_count == TT_PORTS_MAX || !spec_is_name(key->text, false)) {
            (void)spec_fail(parse->err, key->place, key->text, "'%s' has no such input",
                            component->name);
            return spec_expect_text(parse->err, "the names of its inputs, at most 16");
        }
        late->policy = spec_late_policy(key->next->text);
        late->place = key->place;
        (void)tt_format_text(late->input, TT_NAME_BYTES, "%s", key->text);
        if (late->policy == 0) {
            spec_late_words(UINT32_MAX, &words);
            (void)spec_fail(parse->err, key->next->place, key->next->text,
                            "'%s' has no such late policy", component->name);
            return spec_expect(parse->err, &words);
        }
        component->late_count++;
    }
    return r;
}

static int read_degrade(struct parse *parse, struct tt_spec_component *component,
                        const struct tt_component *kind, const struct spec_node *list)
{
    int r = spec_yaml_want(list, SPEC_LIST, "`degrade`", parse->err);

    for (const struct spec_node *item = list->first; r == 0 && item; item = item->next) {
        r = want_scalar(parse, item, "a degrading level");
        if (r == 0)
            r = spec_check_degrade(kind, component->name, item->text, item->place, parse->err);
        if (r == 0)
            r = spec_add_degrade(parse->service, component, item->text, parse->err);
    }
    return r;
}

/* The scalar of a key that may be missing: 1 with *ret, 0 without, -EINVAL when it is no scalar. */
static int get_scalar(struct parse *parse, const struct spec_node *map, const char *key,
                      const struct spec_node **ret)
{
    const struct spec_node *node = spec_yaml_get(map, key);
    char what[32];
    int r;

    if (!node)
        return 0;
    (void)tt_format_text(what, sizeof(what), "`%s`", key);
    r = want_scalar(parse, node, what);
    *ret = node;
    return r < 0 ? r : 1;
}

static int read_promise(struct parse *parse, const struct spec_node *map, int64_t *deadline_ns,
                        struct tt_rational *loss)
{
    const struct spec_node *node = NULL;
    int r = get_scalar(parse, map, "deadline", &node);

    if (r > 0)
        r = spec_read_deadline(node->text, node->place, deadline_ns, parse->err);
    if (r < 0)
        return r;
    r = get_scalar(parse, map, "loss", &node);
    if (r > 0)
        r = spec_read_loss(node->text, node->place, loss, parse->err);
    return r;
}

static int read_kind(struct parse *parse, const char *name, const struct spec_node *map,
                     struct tt_place place, const struct tt_component **ret)
{
    static const struct spec_words keys = {
        .word = {"kind", "params", "late", "degrade", "overrun", "grants", "deadline", "loss"},
        .count = 8};
    struct spec_words kinds = {0};
    const struct spec_node *node = NULL;
    int r = spec_yaml_want(map, SPEC_MAP, "a component", parse->err);

    if (r == 0)
        r = spec_yaml_check_keys(map, "a component", &keys, parse->err);
    if (r == 0)
        r = get_scalar(parse, map, "kind", &node);
    if (r > 0)
        return spec_find_kind(parse->catalogue, node->text, node->place, ret, parse->err);
    if (r < 0)
        return r;
    for (uint32_t n = 0; n < parse->catalogue->count; n++)
        spec_words_add(&kinds, parse->catalogue->components[n]->name);
    (void)spec_fail(parse->err, place, name, "the component '%s' has no `kind`", name);
    return spec_expect(parse->err, &kinds);
}

static int read_component(struct parse *parse, const struct spec_node *key)
{
    const struct spec_node *map = key->next, *node;
    struct tt_spec_component *component;
    const struct tt_component *kind;
    int r;

    if (!spec_is_name(key->text, false)) {
        (void)spec_fail(parse->err, key->place, key->text, "this is no component's name");
        return spec_expect_text(parse->err, "up to 63 letters, digits, - and _");
    }
    r = read_kind(parse, key->text, map, key->place, &kind);
    if (r == 0)
        r = spec_add_component(parse->service, key->text, kind->name, key->place, &component,
                               parse->err);
    if (r == 0 && (node = spec_yaml_get(map, "params")) != NULL)
        r = read_params(parse, component, kind, node);
    if (r == 0 && (node = spec_yaml_get(map, "late")) != NULL)
        r = read_late(parse, component, node);
    if (r == 0 && (node = spec_yaml_get(map, "degrade")) != NULL)
        r = read_degrade(parse, component, kind, node);
    if (r < 0)
        return r;
    r = get_scalar(parse, map, "overrun", &node);
    if (r > 0)
        r = spec_read_overrun(node->text, node->place, component->overrun, parse->err);
    if (r >= 0)
        r = get_scalar(parse, map, "grants", &node);
    if (r > 0)
        r = spec_read_grants(node->text, node->place, parse->catalogue, component, parse->err);
    if (r < 0)
        return r;
    return read_promise(parse, map, &component->deadline_ns, &component->loss);
}

static int read_version(struct parse *parse, const struct spec_node *root)
{
    const struct spec_node *node = NULL;
    int r = get_scalar(parse, root, "tactus", &node);

    if (r < 0)
        return r;
    if (r > 0 && strcmp(node->text, "1") == 0)
        return 0;
    (void)spec_fail(parse->err, r > 0 ? node->place : root->place, r > 0 ? node->text : NULL,
                    r > 0 ? "this build reads version 1 of the service's text"
                          : "the service's text does not say its version");
    return spec_expect_text(parse->err, "tactus: 1");
}

static int read_head(struct parse *parse, const struct spec_node *root)
{
    static const struct spec_words keys = {.word = {"tactus", "service", "rate", "deadline", "loss",
                                                    "spare_containers", "components", "flows"},
                                           .count = 8};
    const struct spec_node *node = NULL;
    int r = spec_yaml_want(root, SPEC_MAP, "a service", parse->err);

    if (r == 0)
        r = spec_yaml_check_keys(root, "a service", &keys, parse->err);
    if (r == 0)
        r = read_version(parse, root);
    if (r == 0)
        r = get_scalar(parse, root, "service", &node);
    if (r > 0 && !spec_is_name(node->text, true)) {
        (void)spec_fail(parse->err, node->place, node->text, "this is no service's name");
        return spec_expect_text(parse->err, "up to 63 letters, digits, -, _ and .");
    }
    if (r > 0)
        (void)tt_format_text(parse->service->name, TT_NAME_BYTES, "%s", node->text);
    if (r >= 0)
        r = get_scalar(parse, root, "rate", &node);
    if (r > 0)
        r = spec_read_rate(node->text, node->place, &parse->service->rate, parse->err);
    if (r >= 0)
        r = get_scalar(parse, root, "spare_containers", &node);
    if (r > 0)
        r = spec_read_spares(node->text, node->place, &parse->service->spare_containers,
                             parse->err);
    if (r < 0)
        return r;
    return read_promise(parse, root, &parse->service->deadline_ns, &parse->service->loss);
}

static int fail_missing(struct parse *parse, const struct spec_node *root, const char *key,
                        const char *example)
{
    (void)spec_fail(parse->err, root->place, NULL, "the service has no `%s`", key);
    return spec_expect_text(parse->err, example);
}

static int read_root(struct parse *parse, const struct spec_node *root)
{
    const struct spec_node *components, *flows;
    int r = read_head(parse, root);

    if (r < 0)
        return r;
    components = spec_yaml_get(root, "components");
    flows = spec_yaml_get(root, "flows");
    if (!components)
        return fail_missing(parse, root, "components", "components: {cam: {kind: test.video}}");
    if (!flows)
        return fail_missing(parse, root, "flows", "flows: [cam ! out]");
    r = spec_yaml_want(components, SPEC_MAP, "`components`", parse->err);
    for (const struct spec_node *key = components->first; r == 0 && key; key = key->next->next)
        r = read_component(parse, key);
    if (r == 0)
        r = spec_yaml_want(flows, SPEC_LIST, "`flows`", parse->err);
    for (const struct spec_node *item = flows->first; r == 0 && item; item = item->next) {
        struct tt_place place = item->place;

        r = want_scalar(parse, item, "a flow");
        place.column += item->is_quoted;
        if (r == 0)
            r = spec_read_chain(parse->service, parse->catalogue, item->text, place, parse->err);
    }
    if (r == 0)
        r = spec_complete(parse->service, parse->catalogue, parse->err);
    return r < 0 ? r : spec_check(parse->service, parse->catalogue, parse->err);
}

int tt_service_parse_yaml(const char *text, uint64_t bytes, const struct tt_catalogue *catalogue,
                          struct tt_service **ret, struct tt_error *err)
{
    struct parse parse = {.catalogue = catalogue, .err = err};
    struct spec_arena arena = {0};
    const struct spec_node *root;
    int r;

    if (bytes > TT_SPEC_BYTES_MAX)
        return tt_fail(err, -E2BIG, "the service's text has %lu bytes: at most %d are read",
                       (unsigned long)bytes, TT_SPEC_BYTES_MAX);
    parse.service = spec_service_new();
    if (!parse.service)
        return tt_fail(err, -ENOMEM, "no memory for a service");
    r = spec_yaml_read(text, bytes, &arena, &root, err);
    if (r == 0)
        r = read_root(&parse, root);
    spec_arena_fini(&arena);
    if (r < 0)
        tt_service_close(&parse.service);
    else
        *ret = parse.service;
    return r;
}
