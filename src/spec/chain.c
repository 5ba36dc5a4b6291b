/* A flow as a line: a.port ! b ! c.port. */
#include "spec/chain.h"

#include <errno.h>
#include <string.h>

#include "spec/kinds.h"

enum { WORD_BYTES = 512 };

struct chain {
    struct tt_service *service;
    const struct tt_catalogue *catalogue;
    struct tt_error *err;
    struct tt_place place;    /* of the word that is read */
    struct tt_spec_flow flow; /* being built: from, from_port and caps */
    bool has_from, has_link;
};

bool spec_is_output_only(const struct tt_component *kind, const char *port)
{
    uint32_t in = spec_port(kind, port, false), out = spec_port(kind, port, true);

    if (out == UINT32_MAX)
        return false;
    return in == UINT32_MAX ||
           (spec_is_template(&kind->ports[in]) && !spec_is_template(&kind->ports[out]));
}

static int expect_element(struct chain *chain, const char *token, const char *what)
{
    (void)spec_fail(chain->err, chain->place, token, "%s", what);
    return spec_expect_text(chain->err, "component.port ! component.port");
}

static int read_reference(struct chain *chain, const char *word, uint32_t *ret_component,
                          char ret_port[TT_NAME_BYTES])
{
    const char *dot = strchr(word, '.');
    size_t length = dot ? (size_t)(dot - word) : strlen(word);
    char name[TT_NAME_BYTES];

    if (length == 0 || length >= sizeof(name))
        return expect_element(chain, word, "a flow needs a component's name here");
    memcpy(name, word, length);
    name[length] = 0;
    *ret_component = spec_component(chain->service, name);
    if (*ret_component == TT_COMPONENTS_MAX)
        return spec_fail_component(chain->service, name, chain->place, chain->err);
    if (dot && !spec_is_name(dot + 1, false))
        return expect_element(chain, word, "a port's name follows the dot");
    (void)tt_format_text(ret_port, TT_NAME_BYTES, "%s", dot ? dot + 1 : "");
    return 0;
}

static int add_component(struct chain *chain, const char *word, bool is_last)
{
    const struct tt_component *kind;
    char port[TT_NAME_BYTES];
    uint32_t component = 0;
    bool is_output;
    int r = read_reference(chain, word, &component, port);

    if (r < 0)
        return r;
    kind = spec_kind(chain->catalogue, chain->service->components[component].kind);
    is_output = !chain->has_from || (!is_last && kind && spec_is_output_only(kind, port));
    if (chain->has_from) {
        chain->flow.to = component;
        chain->flow.to_place = chain->place;
        (void)tt_format_text(chain->flow.to_port, TT_NAME_BYTES, "%s", is_output ? "" : port);
        r = spec_add_flow(chain->service, &chain->flow, chain->err);
        if (r < 0)
            return r;
    }
    chain->flow = (struct tt_spec_flow){.from = component, .place = chain->place};
    (void)tt_format_text(chain->flow.from_port, TT_NAME_BYTES, "%s", is_output ? port : "");
    chain->has_from = true;
    chain->has_link = false;
    return 0;
}

static int add_word(struct chain *chain, const char *word, bool is_last)
{
    if (strcmp(word, "!") == 0) {
        if (!chain->has_from || chain->has_link)
            return expect_element(chain, "!", "a flow has a '!' with nothing before it");
        chain->has_link = true;
        return 0;
    }
    if (chain->has_from && !chain->has_link)
        return expect_element(chain, word, "two components of a flow need a '!' between them");
    if (!spec_is_caps(word))
        return add_component(chain, word, is_last);
    if (!chain->has_from || is_last || chain->flow.caps.kind != 0)
        return expect_element(chain, word, "a filter stands alone between two components");
    chain->has_link = false;
    chain->flow.place = chain->place;
    return spec_read_caps(word, chain->place, &chain->flow.caps, chain->err);
}

static uint32_t characters(const char *text, size_t bytes)
{
    uint32_t count = 0;

    for (size_t n = 0; n < bytes; n++)
        count += ((unsigned char)text[n] & 0xc0) != 0x80;
    return count;
}

int spec_read_chain(struct tt_service *service, const struct tt_catalogue *catalogue,
                    const char *text, struct tt_place place, struct tt_error *err)
{
    struct chain chain = {.service = service, .catalogue = catalogue, .err = err, .place = place};
    uint32_t flow_count = service->flow_count;
    char word[WORD_BYTES];

    for (const char *at = text + strspn(text, " \n\t"); *at != 0;) {
        size_t length = strcspn(at, " \n\t");
        int r;

        if (*at == '!')
            length = 1;
        else if (memchr(at, '!', length))
            length = (size_t)((const char *)memchr(at, '!', length) - at);
        chain.place.column = place.column + characters(text, (size_t)(at - text));
        if (length >= sizeof(word))
            return expect_element(&chain, at, "a word of a flow is too long");
        memcpy(word, at, length);
        word[length] = 0;
        at += length + strspn(at + length, " \n\t");
        r = add_word(&chain, word, *at == 0);
        if (r < 0)
            return r;
    }
    if (chain.has_link || service->flow_count == flow_count)
        return expect_element(&chain, text, "a flow joins two components with '!'");
    return 0;
}
