/* What the catalogue knows: kinds, their ports and the names of their parameters. */
#include "spec/kinds.h"

#include <errno.h>
#include <string.h>

bool tt_kind_is_path(const char *kind)
{
    size_t length = strlen(kind);

    for (const char *c = kind; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    if (length <= 3 || length >= TT_KIND_BYTES || !strchr(kind, '/'))
        return false;
    return strcmp(kind + length - 3, ".so") == 0 ||
           (length > 7 && strcmp(kind + length - 7, ".tactus") == 0);
}

const struct tt_component *spec_kind(const struct tt_catalogue *catalogue, const char *name)
{
    const struct tt_component *loaded = NULL;

    for (uint32_t n = 0; n < catalogue->count; n++)
        if (strcmp(catalogue->components[n]->name, name) == 0)
            return catalogue->components[n];
    if (catalogue->load && tt_kind_is_path(name) &&
        catalogue->load(catalogue->ctx, name, &loaded, NULL) == 0)
        return loaded;
    return NULL;
}

int spec_find_kind(const struct tt_catalogue *catalogue, const char *name, struct tt_place place,
                   const struct tt_component **ret, struct tt_error *err)
{
    struct spec_words words = {0};
    char token[SPEC_TOKEN_BYTES];

    *ret = spec_kind(catalogue, name);
    if (*ret)
        return 0;
    spec_show(name, strlen(name), token);
    if (catalogue->load && tt_kind_is_path(name)) {
        struct tt_error why = {0};

        (void)catalogue->load(catalogue->ctx, name, ret, &why);
        return spec_fail(err, place, token, "%s", why.text);
    }
    for (uint32_t n = 0; n < catalogue->count; n++)
        spec_words_add(&words, catalogue->components[n]->name);
    (void)spec_fail(err, place, token, "unknown kind '%s'", token);
    return spec_expect(err, &words);
}

uint32_t spec_port(const struct tt_component *kind, const char *name, bool is_output)
{
    uint32_t template = UINT32_MAX;

    for (uint32_t n = 0; n < kind->port_count; n++) {
        const struct tt_port *port = &kind->ports[n];

        if ((port->is_output != 0) != is_output)
            continue;
        if (spec_is_template(port))
            template = template == UINT32_MAX ? n : template;
        else if (strcmp(port->name, name) == 0)
            return n;
    }
    return spec_is_name(name, false) ? template : UINT32_MAX;
}

int spec_fail_port(const struct tt_component *kind, const char *component, const char *name,
                   bool is_output, struct tt_place place, struct tt_error *err)
{
    const char *what = is_output ? "output" : "input";
    struct spec_words words = {0};
    char token[SPEC_TOKEN_BYTES];

    for (uint32_t n = 0; n < kind->port_count; n++)
        if ((kind->ports[n].is_output != 0) == is_output)
            spec_words_add(&words, kind->ports[n].name);
    spec_show(name, strlen(name), token);
    if (words.count == 0)
        (void)spec_fail(err, place, token, "'%s' (%s) has no %ss", component, kind->name, what);
    else
        (void)spec_fail(err, place, token, "'%s' (%s) has no %s '%s'", component, kind->name, what,
                        token);
    return spec_expect(err, &words);
}

uint32_t spec_port_media(const struct tt_port *port)
{
    uint32_t media = 0;

    for (uint32_t n = 0; n < port->accept_count; n++)
        media |= port->accepts[n].kind == 0 ? UINT32_MAX : 1u << (port->accepts[n].kind & 31);
    return port->accept_count == 0 ? UINT32_MAX : media;
}

static bool is_each(const struct tt_param *param)
{
    return param->name[0] == '*' && param->name[1] == '.';
}

int spec_find_param(const struct tt_component *kind, const char *name, struct spec_param_ref *ret)
{
    const char *dot = strchr(name, '.');

    *ret = (struct spec_param_ref){0};
    for (uint32_t n = 0; n < kind->param_count; n++) {
        const struct tt_param *param = &kind->params[n];

        ret->param = n;
        if (param->type != TT_PARAM_OPTIONS && !is_each(param) && strcmp(param->name, name) == 0)
            return 0;
        if (!is_each(param) || !dot || dot == name || dot - name >= TT_NAME_BYTES ||
            strcmp(param->name + 2, dot + 1) != 0)
            continue;
        memcpy(ret->input, name, (size_t)(dot - name));
        ret->input[dot - name] = 0;
        return 0;
    }
    ret->is_option = true;
    for (ret->param = 0; ret->param < kind->param_count; ret->param++)
        if (kind->params[ret->param].type == TT_PARAM_OPTIONS && name[0] != 0)
            return 0;
    return -EINVAL;
}

static const char *const late_words[] = {"drop", "repeat", "black", "silence", "keep"};

enum { LATE_COUNT = sizeof(late_words) / sizeof(late_words[0]) };

uint32_t spec_late_policy(const char *word)
{
    for (uint32_t n = 0; n < LATE_COUNT; n++)
        if (strcmp(late_words[n], word) == 0)
            return 1u << n;
    return 0;
}

const char *spec_late_word(uint32_t policy)
{
    for (uint32_t n = 0; n < LATE_COUNT; n++)
        if (policy == 1u << n)
            return late_words[n];
    return "?";
}

void spec_late_words(uint32_t policies, struct spec_words *words)
{
    for (uint32_t n = 0; n < LATE_COUNT; n++)
        if (policies & 1u << n)
            spec_words_add(words, late_words[n]);
}
