/* How somebody looks at what a service sends: a sink that listens, or that sends to whom it may
 * concern, is named with the command that shows it. */
#include <errno.h>
#include <string.h>

#include "spec/picture_build.h"

enum { ADDRESS_BYTES = 160 };

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* Does the query of an address say so, among others? */
static bool has_option(const char *url, const char *option)
{
    const char *at = strchr(url, '?');
    uint64_t length = strlen(option);

    while (at) {
        at++;
        if (begins(at, option) && (at[length] == 0 || at[length] == '&'))
            return true;
        at = strchr(at, '&');
    }
    return false;
}

static bool is_watchable(const char *url)
{
    if (begins(url, "srt://"))
        return has_option(url, "mode=listener");
    if (begins(url, "tcp://"))
        return has_option(url, "listen=1") || has_option(url, "listen");
    return begins(url, "udp://");
}

/* The address as a viewer on this machine writes it: what listens on all addresses is asked at one,
 * and the options are the writer's alone. False when it cannot be shown between quotes. */
static bool viewer_address(const char *url, char ret[ADDRESS_BYTES])
{
    const char *host = strstr(url, "://") + 3;
    uint64_t length = strcspn(host, "?");
    const char *local = "";

    if (host[0] == ':') {
        local = "127.0.0.1";
    } else if (begins(host, "0.0.0.0:")) {
        local = "127.0.0.1";
        host += 7;
        length -= 7;
    }
    if (length == 0 || length + 32 > ADDRESS_BYTES)
        return false;
    for (uint64_t n = 0; n < length; n++)
        if (host[n] == '\'' || (unsigned char)host[n] <= ' ' || host[n] == 0x7f)
            return false;
    (void)tt_format_text(ret, ADDRESS_BYTES, "%.6s%s%.*s", url, local, (int)length, host);
    return true;
}

int spec_note_watch(struct tt_picture *picture, const struct tt_service *service,
                    const struct tt_component *const *kinds)
{
    char address[ADDRESS_BYTES];

    for (uint32_t n = 0; n < service->component_count; n++) {
        const struct tt_spec_component *component = &service->components[n];
        bool is_sink = (kinds[n]->flags & TT_EDGE) != 0;

        for (uint32_t p = 0; p < kinds[n]->port_count; p++)
            is_sink = is_sink && !kinds[n]->ports[p].is_output;
        for (uint32_t p = 0; is_sink && p < component->param_count; p++) {
            const struct tt_spec_param *param = &component->params[p];

            if (strcmp(param->name, "url") != 0 || !is_watchable(param->value) ||
                !viewer_address(param->value, address))
                continue;
            if (spec_picture_note(picture, "watch: ffplay -fflags nobuffer '%s'", address) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}
