/* Components by path, where a service is looked at: the file is copied into sealed memory, so that
 * what was looked at is what runs, and loaded from there, after the last capability is gone. */
#include "host/plugin.h"

#include <elf.h>
#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/files.h"
#include "components/table.h"
#include "container/load.h"
#include "host/package.h"
#include "platform/linux/jail.h"
#include "platform/linux/message.h"
#include "spec/service.h"

enum { LOAD_S = 2 };

static struct host_plugin loaded[TT_PLUGINS_MAX];
static uint32_t loaded_count;

/* The last word when a stranger's code crashes or does not return: a handler can only send what is
 * ready. Nothing is sent before the first plug-in is loaded. */
static struct {
    void (*say)(const char *text, size_t bytes);
    char crash[640], hang[640];
} last_word;

static void on_crash(int signal_number)
{
    const char *text = signal_number == SIGALRM ? last_word.hang : last_word.crash;

    last_word.say(text, strlen(text));
    _exit(1);
}

static void word(char *ret, size_t bytes, const char *kind, const char *what)
{
    struct tt_error err = {0};
    json_t *object;
    char *text;

    (void)tt_fail(&err, -ENOEXEC, "%s %s", kind, what);
    err.code = -ENOEXEC;
    object = json_pack("{so}", "error", tt_message_error(&err));
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    (void)snprintf(ret, bytes, "%s", text ? text : "");
    free(text);
    json_decref(object);
}

static void watch(const char *kind)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS};
    struct sigaction action = {.sa_handler = on_crash};

    word(last_word.crash, sizeof last_word.crash, kind,
         "crashed when it was loaded or asked for its shape; run its own test under a debugger");
    word(last_word.hang, sizeof last_word.hang, kind, "does not return from its constructors");
    for (size_t n = 0; n < sizeof crashes / sizeof *crashes && last_word.say; n++)
        (void)sigaction(crashes[n], &action, NULL);
}

/* The loader's own words for these are about internals. */
static int check_elf(const uint8_t *data, uint64_t bytes, const char *kind, struct tt_error *err)
{
    Elf64_Ehdr head;

    if (bytes < sizeof head || memcmp(data, ELFMAG, SELFMAG) != 0)
        return tt_fail(err, -ENOEXEC, "%s is no shared object; build it with cc -shared -fPIC",
                       kind);
    memcpy(&head, data, sizeof head);
#ifdef __x86_64__
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != EM_X86_64)
        return tt_fail(err, -ENOEXEC, "%s was built for another kind of machine", kind);
#endif
    if (head.e_type != ET_DYN)
        return tt_fail(err, -ENOEXEC, "%s is no shared object; build it with cc -shared -fPIC",
                       kind);
    return 0;
}

/* A package's native code is hashed as it is, for what runs is that and nothing else of it. */
static int copy_object(const char *kind, uint8_t **ret, uint64_t *ret_bytes, struct tt_error *err)
{
    int fd = host_package_object(kind, err), r;

    if (fd < 0)
        return fd;
    r = build_fd_read(fd, kind, TT_JAIL_PLUGIN_BYTES_MAX, ret, ret_bytes, err);
    (void)close(fd);
    return r;
}

static int copy_file(const char *kind, struct host_plugin *ret, struct tt_error *err)
{
    unsigned char digest[32];
    uint64_t bytes = 0;
    uint8_t *data = NULL;
    int r = host_package_is(kind)
                ? copy_object(kind, &data, &bytes, err)
                : build_file_read(kind, TT_JAIL_PLUGIN_BYTES_MAX, &data, &bytes, err);

    if (r == 0)
        r = check_elf(data, bytes, kind, err);
    if (r == 0 && EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL) != 1)
        r = tt_fail(err, -ENOMEM, "no memory for the hash of %s", kind);
    if (r == 0)
        r = ret->fd = tt_message_text_fd("plugin", data, bytes, err);
    free(data);
    for (size_t n = 0; n < sizeof digest && r >= 0; n++)
        (void)snprintf(ret->hash + 2 * n, 3, "%02x", digest[n]);
    return r < 0 ? r : 0;
}

int host_plugin_copy(const char *kind, struct tt_error *err)
{
    struct host_plugin *plugin = &loaded[loaded_count];
    int r;

    if (strcmp(plugin->kind, kind) == 0)
        return 0;
    if (strlen(kind) >= sizeof plugin->kind)
        return tt_fail(err, -ENAMETOOLONG, "%s: a path has at most %zu letters here", kind,
                       sizeof plugin->kind - 1);
    r = copy_file(kind, plugin, err);
    if (r == 0)
        (void)snprintf(plugin->kind, sizeof plugin->kind, "%s", kind);
    return r;
}

int host_plugin_load(void *ctx, const char *kind, const struct tt_component **ret,
                     struct tt_error *err)
{
    struct sigaction action = {.sa_handler = on_crash}, before;
    struct host_plugin *plugin = &loaded[loaded_count];
    static const char *const name = "plugin";
    struct tt_jail jail = {
        .role = TT_JAIL_SHAPER, .plugins = &plugin->fd, .plugin_names = &name, .plugin_count = 1};
    int r;

    *ret = tt_component_find(kind);
    if (*ret)
        return 0;
    if (loaded_count == TT_PLUGINS_MAX)
        return tt_fail(err, -E2BIG, "a service has at most %d components of its own by path",
                       TT_PLUGINS_MAX);
    r = host_plugin_copy(kind, err);
    if (r < 0)
        return r;
    watch(kind);
    (void)sigaction(SIGALRM, last_word.say ? &action : NULL, &before);
    (void)alarm(LOAD_S);
    r = tt_jail_plugin(&jail, name, kind, tt_container_load, err);
    (void)alarm(0);
    (void)sigaction(SIGALRM, &before, NULL);
    if (r < 0) {
        (void)close(plugin->fd);
        plugin->kind[0] = 0;
        return r;
    }
    loaded_count++;
    *ret = tt_component_find(kind);
    return 0;
}

void host_plugin_say(void (*say)(const char *text, size_t bytes))
{
    last_word.say = say;
}

uint32_t host_plugins(const struct host_plugin **ret)
{
    *ret = loaded;
    return loaded_count;
}
