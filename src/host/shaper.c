/* The shaper: a service's text comes in, its picture goes out. It parses what strangers wrote and
 * lets media libraries look at what strangers recorded, so it lives behind walls, reads only, and
 * for a few seconds. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "components/table.h"
#include "host/host.h"
#include "host/package.h"
#include "host/plugin.h"
#include "platform/linux/message.h"
#include "platform/linux/seat.h"
#include "platform/linux/stamp.h"
#include "sandbox/proxy.h"
#include "spec/picture.h"

enum { PROBE_S = 5, PROBE_S_MAX = 61 };

/* The answer if a probe does not return: a handler can only send what is ready. */
static struct {
    int control;
    char text[512];
} too_late;

static void on_alarm(int signal_number)
{
    (void)send(too_late.control, too_late.text, strlen(too_late.text), MSG_NOSIGNAL);
    _exit(1);
}

/* Names of components are letters, digits and little else, but this is JSON in a handler's hand. */
static void prepare_too_late(const char *kind, int within_s)
{
    char plain[64];
    size_t count = 0;

    for (const char *c = kind; *c && count + 1 < sizeof plain; c++)
        if (*c > ' ' && *c != '"' && *c != '\\' && *c < 0x7f)
            plain[count++] = *c;
    plain[count] = 0;
    (void)snprintf(
        too_late.text, sizeof too_late.text,
        "{\"error\":{\"code\":%d,\"text\":\"%s: nothing came from its input within %d s, "
        "so it is not known what it gives\",\"line\":0,\"column\":0,\"token\":\"\","
        "\"expected\":\"\",\"nearest\":\"\"}}",
        -ETIMEDOUT, plain, within_s);
}

/* A component whose parameter `probe` says how long it may look has that, and a second to answer.
 */
static int look_s(const struct tt_component *component, const struct tt_request *request)
{
    int64_t longest_s = PROBE_S;

    for (uint32_t n = 0; n < component->param_count; n++)
        if (component->params[n].type == TT_PARAM_TIME &&
            strcmp(component->params[n].name, "probe") == 0 &&
            tt_setting_int(request, n) / INT64_C(1000000000) >= longest_s)
            longest_s = tt_setting_int(request, n) / INT64_C(1000000000) + 1;
    return longest_s < PROBE_S_MAX ? (int)longest_s : PROBE_S_MAX;
}

static bool has_looked; /* at an input: the answer is no longer the text's alone */

static int probe(void *ctx, const struct tt_component *component, const struct tt_request *request,
                 struct tt_shape *ret, struct tt_error *err)
{
    int within_s = look_s(component, request), r;

    if (!component->edge || !component->edge->probe)
        return tt_fail(err, -ENOTSUP, "%s cannot be looked at", component->name);
    has_looked = true;
    prepare_too_late(component->name, within_s);
    /* tactusd, which waits for the whole, knows no components. */
    r = tt_message_send_new(too_late.control,
                            json_pack("{ss si}", "event", "looking", "within_s", within_s), NULL,
                            NULL, 0, err);
    if (r < 0)
        return r;
    (void)alarm((unsigned)within_s);
    r = component->edge->probe(request, ret, err);
    (void)alarm(0);
    if (r < 0 && err && err->text[0] == 0)
        (void)tt_fail(err, r, "%s: %s", component->name, strerror(-r));
    return r;
}

#define DEADLINE_NS_MAX INT64_C(3600000000000) /* as in the text of a service */

static int override(struct tt_service *service, const struct tt_message *order,
                    const struct tt_catalogue *catalogue, struct tt_error *err)
{
    const json_t *sets = json_object_get(order->body, "sets");
    const char *name = tt_message_text(order, "name");
    const char *deadline = tt_message_text(order, "deadline");
    const char *loss = tt_message_text(order, "loss");
    const char *rate = tt_message_text(order, "rate");

    if (strlen(name) >= sizeof service->name)
        return tt_fail(err, -EINVAL, "a service's name has at most %zu letters",
                       sizeof service->name - 1);
    if (name[0])
        (void)tt_format_text(service->name, sizeof service->name, "%s", name);
    if (deadline[0] && (tt_parse_duration(deadline, &service->deadline_ns) < 0 ||
                        service->deadline_ns <= 0 || service->deadline_ns > DEADLINE_NS_MAX))
        return tt_fail(err, -EINVAL,
                       "'%s' is no deadline; write a time up to 3600s: 500us, 40ms, 1.5s",
                       deadline);
    if (loss[0] && (tt_parse_fraction(loss, &service->loss) < 0 || service->loss.num <= 0 ||
                    service->loss.num >= service->loss.den))
        return tt_fail(err, -EINVAL,
                       "'%s' is no loss bound; write a part above 0 and below 1: 1%%, 0.01, 1/100",
                       loss);
    if (rate[0] && (tt_parse_rational(rate, &service->rate) < 0 || service->rate.num <= 0))
        return tt_fail(err, -EINVAL, "'%s' is no rate; say 50 or 30000/1001", rate);
    if (json_is_true(json_object_get(order->body, "best_effort")))
        service->is_best_effort = true;
    for (size_t n = 0; n < json_array_size(sets); n++) {
        const char *assignment = json_string_value(json_array_get(sets, n));
        int r = assignment ? tt_service_set(service, assignment, catalogue, err) : 0;

        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_relative_place(const struct tt_spec_param *param)
{
    const char *value = param->value;
    size_t scheme =
        strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (strcmp(param->name, "url") != 0 && strcmp(param->name, "path") != 0)
        return false;
    return value[0] != 0 && value[0] != '/' && strcmp(value, "-") != 0 && value[scheme] != ':';
}

/* Relative paths start from the text's folder, but edges have another one: they get whole paths.
 * What is printed for the user was made before and stays as he wrote it. */
static int complete_paths(struct tt_service *service, const char *base,
                          const struct tt_catalogue *catalogue, struct tt_error *err)
{
    char assignment[8192];

    for (uint32_t n = 0; n < service->component_count && base[0]; n++) {
        const struct tt_spec_component *one = &service->components[n];
        const struct tt_component *component = tt_component_find(one->kind);

        if (!component || !(component->flags & TT_EDGE))
            continue;
        for (uint32_t p = 0; p < one->param_count; p++) {
            int length, r;

            if (!is_relative_place(&one->params[p]))
                continue;
            length = snprintf(assignment, sizeof assignment, "%s.%s=%s/%s", one->name,
                              one->params[p].name, base, one->params[p].value);
            if (length < 0 || (size_t)length >= sizeof assignment)
                return tt_fail(err, -ENAMETOOLONG, "the path of '%s' is too long", one->name);
            r = tt_service_set(service, assignment, catalogue, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* Streams, devices and addresses give what they have once: a profile run must not take it away.
 * Asked here, with the rights of who named the place. */
static bool is_given_once(const char *place)
{
    const char *scheme = strstr(place, "://");
    struct stat found;

    if (strncmp(place, "file:", 5) == 0)
        place += 5;
    else if (scheme || strcmp(place, "-") == 0)
        return true;
    return stat(place, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode);
}

static bool has_input_given_once(const struct tt_picture *picture)
{
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        for (uint32_t m = 0; component->is_source && m < component->setting_count; m++) {
            uint32_t text = component->settings[m].text;

            if (text != 0 && text < component->texts_bytes &&
                is_given_once(component->texts + text))
                return true;
        }
    }
    return false;
}

/* The same text means the same to the same user at any time: no input was looked at, no stranger's
 * code loaded, and no edge has a place but the command's own stdin and stdout. */
static bool is_pure(const struct tt_picture *picture)
{
    const struct host_plugin *plugins;

    if (has_looked || host_plugins(&plugins) > 0)
        return false;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        for (uint32_t m = 0; (component->flags & TT_EDGE) && m < component->setting_count; m++) {
            uint32_t text = component->settings[m].text;

            if (text != 0 && text < component->texts_bytes && component->texts[text] != 0 &&
                strcmp(component->texts + text, "-") != 0)
                return false;
        }
    }
    return true;
}

static void add_notes(json_t *array, char *const *notes, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        bool is_known = false;

        for (size_t i = 0; i < json_array_size(array); i++)
            is_known =
                is_known || strcmp(json_string_value(json_array_get(array, i)), notes[n]) == 0;
        if (!is_known)
            json_array_append_new(array, json_string(notes[n]));
    }
}

struct answer {
    struct tt_service *service;
    struct tt_picture *picture;
    char *print, *dot, *picture_text;
};

static int send_answer(int control, const struct answer *answer, struct tt_error *err)
{
    const char *names[3 + TT_PLUGINS_MAX] = {"picture", "print", "dot"};
    const char *texts[] = {answer->picture_text, answer->print, answer->dot};
    json_t *notes = json_array();
    bool is_once = has_input_given_once(answer->picture);
    char plugin_names[TT_PLUGINS_MAX][TT_MESSAGE_NAME_BYTES];
    const struct host_plugin *plugins;
    uint32_t plugin_count = host_plugins(&plugins);
    int fds[3 + TT_PLUGINS_MAX];
    int r = 0;

    add_notes(notes, answer->service->notes, answer->service->note_count);
    add_notes(notes, answer->picture->notes, answer->picture->note_count);
    for (int n = 0; n < 3 && r >= 0; n++) {
        if (!texts[n])
            return tt_fail(err, -ENOMEM, "no memory for the %s of the service", names[n]);
        fds[n] = r = tt_message_text_fd(names[n], texts[n], strlen(texts[n]), err);
    }
    if (r < 0)
        return r;
    for (uint32_t n = 0; n < plugin_count; n++) {
        tt_plugin_fd_name(plugins[n].hash, plugin_names[n]);
        names[3 + n] = plugin_names[n];
        fds[3 + n] = plugins[n].fd;
    }
    return tt_message_send_new(control,
                               json_pack("{sb so sb sb}", "ok", 1, "notes", notes, "given_once",
                                         is_once, "is_pure", is_pure(answer->picture)),
                               fds, names, 3 + plugin_count, err);
}

/* What a service's text and its changes say. */
struct words {
    const char *base, *text;
    const json_t *sets;
};

/* Every path that begins with / or ../ and that a text could mean, up to the quote that it began
 * with or to what ends a word; one too many grants what its author wrote. */
static uint32_t list_paths(char *text, const char **ret, uint32_t count, uint32_t max)
{
    for (char *at = text; (at = strchr(at, '/')) != NULL && count < max;) {
        bool is_quoted = at > text && (at[-1] == '"' || at[-1] == '\'');
        const char quote[] = {is_quoted ? at[-1] : ' ', 0};
        size_t length = strcspn(at, is_quoted ? quote : " \t\r\n,}]\"'!?");
        bool is_last = at[length] == 0;
        char *start = at;

        while (start > text && start[-1] == '.')
            start--;
        if (start == text || is_quoted || strchr(" \t\n=:\"'[{", start[-1]))
            ret[count++] = start;
        at[length] = 0;
        at += length + !is_last;
    }
    return count;
}

/* Before a stranger's code runs here, the process keeps of its user's files just those that the
 * service speaks of, and its folder: looking at sources needs no more. */
static int narrow(const struct words *words, struct tt_error *err)
{
    const char *files[64] = {words->base[0] ? words->base : ".", "/proc/self"};
    struct tt_jail jail = {.files = files, .has_network = true};
    uint32_t count = 2;

    for (size_t n = 0; n <= json_array_size(words->sets); n++) {
        const char *text =
            n == 0 ? words->text : json_string_value(json_array_get(words->sets, n - 1));
        char *copy = text ? strdup(text) : NULL; /* lives as long as this process: seconds */

        count = copy ? list_paths(copy, files, count, 64) : count;
    }
    jail.file_count = count;
    return tt_jail_narrow(&jail, err);
}

static int load(void *ctx, const char *kind, const struct tt_component **ret, struct tt_error *err)
{
    static bool is_narrow;
    int r = is_narrow || tt_component_find(kind) ? 0 : host_plugin_copy(kind, err);

    if (r == 0 && !is_narrow) {
        r = narrow(ctx, err);
        is_narrow = r == 0;
    }
    return r == 0 ? host_plugin_load(NULL, kind, ret, err) : r;
}

/* What was looked at is what runs. */
static void name_plugins(struct tt_picture *picture)
{
    const struct host_plugin *plugins;
    uint32_t count = host_plugins(&plugins);

    for (uint32_t n = 0; n < picture->component_count; n++)
        for (uint32_t p = 0; p < count; p++)
            if (strcmp(plugins[p].kind, picture->components[n].kind) == 0)
                memcpy(picture->components[n].plugin, plugins[p].hash, sizeof plugins[p].hash);
}

static int shape(const struct tt_message *order, const char *text, uint64_t bytes,
                 struct answer *ret, struct tt_error *err)
{
    const char *base = tt_message_text(order, "base");
    struct words words = {base, text, json_object_get(order->body, "sets")};
    struct tt_catalogue catalogue = {tt_components, tt_component_count, load, &words, tt_proxy_is};
    bool is_graph = strcmp(tt_message_text(order, "form"), "graph") == 0;
    int r;

    if (base[0] && chdir(base) < 0)
        return tt_fail(err, -errno, "cannot enter the folder '%s': %s", base, strerror(errno));
    r = is_graph ? tt_service_parse_graph(text, bytes, &catalogue, &ret->service, err)
                 : tt_service_parse_yaml(text, bytes, &catalogue, &ret->service, err);
    if (r == 0)
        r = override(ret->service, order, &catalogue, err);
    if (r < 0)
        return r;
    ret->print = tt_service_print(ret->service);
    r = complete_paths(ret->service, base, &catalogue, err);
    if (r == 0)
        r = tt_picture_shape(ret->service, &catalogue, probe, NULL, &ret->picture, err);
    if (r < 0)
        return r;
    name_plugins(ret->picture);
    ret->picture_text = tt_picture_print(ret->picture);
    ret->dot = tt_picture_dot(ret->picture);
    return 0;
}

/* What a running service is to have changed, from the words of its user. */
static int read_setting(int control, const struct tt_message *order, const char *text,
                        uint64_t bytes, struct tt_error *err)
{
    const char *base = tt_message_text(order, "base");
    struct words words = {base, text, NULL};
    struct tt_catalogue catalogue = {tt_components, tt_component_count, load, &words, tt_proxy_is};
    struct tt_service *service;
    struct tt_live_setting live;
    int r;

    if (base[0] && chdir(base) < 0)
        return tt_fail(err, -errno, "cannot enter the folder '%s': %s", base, strerror(errno));
    r = tt_service_parse_yaml(text, bytes, &catalogue, &service, err);
    if (r == 0)
        r = tt_service_set_live(service, tt_message_text(order, "set"), &catalogue, &live, err);
    if (r < 0)
        return r;
    return tt_message_send_new(control,
                               json_pack("{sb s{ss ss ss si sI sf}}", "ok", 1, "setting",
                                         "component", live.component, "name", live.name, "input",
                                         live.input, "param", (int)live.param, "i",
                                         (json_int_t)live.i, "f", live.f),
                               NULL, NULL, 0, err);
}

/* With the user's key, and before anything of a stranger's: relative names start from the service's
 * folder. A folder that cannot be entered is told by those who need it. */
static void find_packages(struct tt_message *order, const char *text)
{
    const char *base = tt_message_text(order, "base");
    int key_fd = tt_message_take(order, "build-key");

    (void)!(base[0] && chdir(base) < 0);
    host_packages_find(text, &key_fd);
}

static int answer_order(int control, struct tt_message *order, struct tt_error *err)
{
    bool is_setting = strcmp(tt_message_text(order, "op"), "setting") == 0;
    int fd = tt_message_take(order, "text");
    struct answer answer = {NULL};
    uint64_t bytes = 0;
    char *text = NULL;
    int r;

    if ((!is_setting && strcmp(tt_message_text(order, "op"), "shape") != 0) || fd < 0)
        return tt_fail(err, -EPROTO, "expected the operation 'shape' with a text");
    r = tt_message_read_fd(fd, TT_SPEC_BYTES_MAX, &text, &bytes, err);
    if (r == 0)
        find_packages(order, text);
    if (r == -E2BIG)
        return tt_fail(err, r, "the service's text is longer than %d bytes", TT_SPEC_BYTES_MAX);
    if (r == 0 && is_setting)
        return read_setting(control, order, text, bytes, err);
    if (r == 0)
        r = shape(order, text, bytes, &answer, err);
    tt_stamp("shaper shaped");
    return r == 0 ? send_answer(control, &answer, err) : r;
}

static void say_last(const char *text, size_t bytes)
{
    (void)send(too_late.control, text, bytes, MSG_NOSIGNAL);
}

void host_shaper(int control, const struct tt_jail *jail)
{
    struct sigaction action = {.sa_handler = on_alarm};
    struct tt_message order;
    struct tt_error err = {0};
    int r = tt_jail_close(jail, &err);

    tt_stamp("shaper filtered");
    too_late.control = control;
    host_plugin_say(say_last);
    (void)sigaction(SIGALRM, &action, NULL);
    if (r == 0)
        r = tt_message_receive(control, &order, &err);
    (void)prctl(PR_SET_NAME, "tactus-shaper", 0, 0, 0);
    if (r == 0)
        r = answer_order(control, &order, &err);
    if (r < 0) {
        err.code = r;
        (void)tt_message_send_new(control, json_pack("{so}", "error", tt_message_error(&err)), NULL,
                                  NULL, 0, NULL);
    }
    _exit(r < 0);
}
