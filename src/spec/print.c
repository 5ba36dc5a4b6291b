/* A service as canonical YAML that parses to the same service; and changes to one from outside. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spec/build.h"
#include "spec/chain.h"
#include "spec/kinds.h"

/* A scalar that YAML and a flow map's commas leave alone; everything else is quoted. */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no",
                                        "on",   "off",  "y",     "n"};

    for (size_t n = 0; n < sizeof(words) / sizeof(words[0]); n++)
        if (strcasecmp(text, words[n]) == 0)
            return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
    if (text[0] == 0 || text[0] == '-' || text[0] == '.')
        return false;
    for (const char *at = text; *at != 0; at++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./", *at))
            return false;
    return true;
}

/* What libyaml does not read as it stands, though it is text: C1 controls, line and paragraph
 * separators, the byte order mark, U+FFFE and U+FFFF. 0 for other characters. */
static uint32_t odd_character(const unsigned char *at, uint32_t *ret_bytes)
{
    uint32_t code = 0;

    *ret_bytes = 1;
    if (at[0] < 0x20 || at[0] == 0x7f)
        return at[0];
    if (at[0] == 0xc2 && at[1] < 0xa0) {
        *ret_bytes = 2;
        return at[1];
    }
    if ((at[0] & 0xf0) == 0xe0 && at[1] != 0 && at[2] != 0) {
        code = (at[0] & 0xfu) << 12 | (at[1] & 0x3fu) << 6 | (at[2] & 0x3fu);
        *ret_bytes = 3;
    }
    return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? code : 0;
}

static void put_scalar(FILE *out, const char *text)
{
    if (is_plain(text)) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != 0;) {
        uint32_t bytes, odd = odd_character(at, &bytes);

        if (odd != 0)
            (void)fprintf(out, "\\u%04x", odd);
        else if (*at == '"' || *at == '\\')
            (void)fprintf(out, "\\%c", *at);
        else
            (void)fwrite(at, 1, bytes, out);
        at += bytes;
    }
    (void)fputc('"', out);
}

static void put_duration(FILE *out, int64_t ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"s", 1000000000}, {"ms", 1000000}, {"us", 1000}, {"ns", 1}};
    size_t n = 0;

    while (ns % units[n].ns != 0)
        n++;
    (void)fprintf(out, "%lld%s", (long long)(ns / units[n].ns), units[n].name);
}

static void put_rational(FILE *out, struct tt_rational value)
{
    (void)fprintf(out, "%lld", (long long)value.num);
    if (value.den != 1)
        (void)fprintf(out, "/%lld", (long long)value.den);
}

static void put_loss(FILE *out, struct tt_rational loss)
{
    if (loss.num * 100 % loss.den == 0)
        (void)fprintf(out, "%lld%%", (long long)(loss.num * 100 / loss.den));
    else
        put_rational(out, loss);
}

static void put_params(FILE *out, const struct tt_spec_component *component)
{
    (void)fputs("    params:\n", out);
    for (uint32_t n = 0; n < component->param_count; n++) {
        (void)fputs("      ", out);
        put_scalar(out, component->params[n].name);
        (void)fputs(": ", out);
        put_scalar(out, component->params[n].value);
        (void)fputc('\n', out);
    }
}

static void put_component(FILE *out, const struct tt_spec_component *component)
{
    (void)fputs("  ", out);
    put_scalar(out, component->name);
    (void)fputs(":\n    kind: ", out);
    put_scalar(out, component->kind);
    (void)fputc('\n', out);
    if (component->param_count > 0)
        put_params(out, component);
    if (component->late_count > 0)
        (void)fputs("    late:\n", out);
    for (uint32_t n = 0; n < component->late_count; n++) {
        (void)fputs("      ", out);
        put_scalar(out, component->late[n].input);
        (void)fprintf(out, ": %s\n", spec_late_word(component->late[n].policy));
    }
    if (component->degrade_count > 0)
        (void)fputs("    degrade:\n", out);
    for (uint32_t n = 0; n < component->degrade_count; n++) {
        (void)fputs("      - ", out);
        put_scalar(out, component->degrade[n]);
        (void)fputc('\n', out);
    }
    if (component->overrun[0] != 0)
        (void)fprintf(out, "    overrun: %s\n", component->overrun);
    if (component->has_call_grants)
        (void)fputs("    grants: call\n", out);
    if (component->deadline_ns != 0) {
        (void)fputs("    deadline: ", out);
        put_duration(out, component->deadline_ns);
        (void)fputc('\n', out);
    }
    if (component->loss.den != 0) {
        (void)fputs("    loss: ", out);
        put_loss(out, component->loss);
        (void)fputc('\n', out);
    }
}

static void put_flow(FILE *out, const struct tt_service *service, const struct tt_spec_flow *flow)
{
    char caps[256];

    (void)fprintf(out, "  - \"%s%s%s ! ", service->components[flow->from].name,
                  flow->from_port[0] ? "." : "", flow->from_port);
    if (flow->caps.kind != 0) {
        spec_print_caps(&flow->caps, caps, sizeof(caps));
        (void)fprintf(out, "%s ! ", caps);
    }
    (void)fprintf(out, "%s%s%s\"\n", service->components[flow->to].name,
                  flow->to_port[0] ? "." : "", flow->to_port);
}

char *tt_service_print(const struct tt_service *service)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    if (!out)
        return NULL;
    (void)fputs("tactus: 1\nservice: ", out);
    put_scalar(out, service->name);
    if (service->rate.den != 0) {
        (void)fputs("\nrate: ", out);
        put_rational(out, service->rate);
    }
    (void)fputs("\ndeadline: ", out);
    put_duration(out, service->deadline_ns);
    (void)fputs("\nloss: ", out);
    put_loss(out, service->loss);
    if (service->spare_containers > 0)
        (void)fprintf(out, "\nspare_containers: %u", service->spare_containers);
    (void)fputs("\ncomponents:\n", out);
    for (uint32_t n = 0; n < service->component_count; n++)
        put_component(out, &service->components[n]);
    (void)fputs("flows:\n", out);
    for (uint32_t n = 0; n < service->flow_count; n++)
        put_flow(out, service, &service->flows[n]);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
