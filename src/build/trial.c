/* A module's first run, behind walls; what came of it leaves through a pipe. */
#include "build/trial.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/first_request.h"
#include "build/jail.h"
#include "sandbox/describe.h"
#include "sandbox/proxy.h"
#include "sandbox/request.h"
#include "snapshot/snapshot.h"
#include "spec/component_json.h"

enum { CPU_S = 10, WALL_S = 60, MESSAGE_BYTES_MAX = 300 << 20, WASM_PAGE_BYTES = 65536 };

enum message { MESSAGE_COMPONENT = 1, MESSAGE_FIRST, MESSAGE_START, MESSAGE_INIT, MESSAGE_ERROR };

struct head {
    uint32_t kind, bytes;
};

/* Of the child. */
static int out_fd;
static const struct tt_module *module;
static struct tt_space space;
static struct tt_slot *slot;

static int put_all(const void *data, uint64_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0) {
        ssize_t got = write(out_fd, at, bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        at += got;
        bytes -= (uint64_t)got;
    }
    return 0;
}

static void tell(enum message kind, const void *data, uint64_t bytes)
{
    struct head head = {.kind = kind, .bytes = (uint32_t)bytes};

    if (put_all(&head, sizeof(head)) < 0 || put_all(data, bytes) < 0)
        _exit(1);
}

static void give_up(const struct tt_error *err)
{
    tell(MESSAGE_ERROR, err, sizeof(*err));
    _exit(0);
}

static void send_json(enum message kind, json_t *json)
{
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;

    if (!text)
        _exit(1);
    tell(kind, text, strlen(text));
    free(text);
    json_decref(json);
}

struct growing {
    uint8_t *data;
    uint64_t bytes, room;
};

static int grow(void *ctx, const void *data, uint64_t bytes)
{
    struct growing *growing = ctx;

    if (bytes > growing->room - growing->bytes) {
        uint64_t room = 2 * (growing->room + bytes);
        uint8_t *more = realloc(growing->data, room);

        if (!more)
            return -ENOMEM;
        growing->data = more;
        growing->room = room;
    }
    memcpy(growing->data + growing->bytes, data, bytes);
    growing->bytes += bytes;
    return 0;
}

static void send_snapshot(enum message kind, const uint8_t wasm_hash[TT_HASH_BYTES])
{
    const uint32_t pages = (uint32_t)(slot->memory_bytes / TT_SNAPSHOT_PAGE_BYTES);
    struct tt_snapshot_head head = {.page_count = pages,
                                    .pages_max = module->pages_max *
                                                 (WASM_PAGE_BYTES / TT_SNAPSHOT_PAGE_BYTES),
                                    .globals_bytes = module->globals_bytes};
    struct growing growing = {0};
    struct tt_writer out = {.ctx = &growing, .put = grow};
    struct tt_sum *sums = calloc(head.pages_max, sizeof(*sums));
    struct tt_snapshot_writer *writer = calloc(1, sizeof(*writer));
    struct tt_snapshot_cut *cut = calloc(1, sizeof(*cut));
    int r;

    if (!sums || !writer || !cut || head.globals_bytes > TT_SNAPSHOT_GLOBALS_MAX)
        _exit(1);
    memcpy(head.module, wasm_hash, TT_HASH_BYTES);
    r = tt_snapshot_begin(writer, out, &head, sums);
    for (uint32_t n = 0; n < pages && r == 0; n++)
        r = tt_snapshot_page(writer, n, slot->memory + (uint64_t)n * TT_SNAPSHOT_PAGE_BYTES);
    cut->page_count = pages;
    module->globals_get(slot->instance, cut->globals);
    if (r == 0)
        r = tt_snapshot_cut(writer, cut);
    if (r < 0)
        _exit(1);
    tell(kind, growing.data, growing.bytes);
    free(growing.data);
    free(cut);
    free(writer);
    free(sums);
}

static void run_init(const struct tt_component *component, const uint8_t wasm_hash[TT_HASH_BYTES])
{
    static struct first_request first;
    static struct tt_shape shape;
    static uint8_t room[64 << 10];
    struct tt_answer_room answer = {.data = room, .bytes_max = sizeof(room)};
    struct tt_asked asked = {.request = &first.request};
    struct tt_error err = {0};
    json_t *json = NULL;
    int r;

    if (first_request_make(component, &first, &json, &err) < 0) {
        send_json(MESSAGE_FIRST, json_pack("{s:s}", "skipped", err.text));
        return;
    }
    r = tt_ask_shape(slot, &asked, &answer, &shape, &err);
    if (r < 0) {
        (void)tt_wrap(&err, r, "its shape()");
        give_up(&err);
    }
    asked.state_bytes = shape.state_bytes;
    asked.scratch_bytes = shape.scratch_bytes;
    r = tt_ask_init(slot, &asked, &err);
    if (r < 0) {
        (void)tt_wrap(&err, r, "its init()");
        give_up(&err);
    }
    (void)json_object_set_new(json, "state_bytes", json_integer((json_int_t)shape.state_bytes));
    send_json(MESSAGE_FIRST, json);
    /* What was asked is no part of the state. */
    memset(slot->memory + module->record_at, 0, module->record_bytes);
    send_snapshot(MESSAGE_INIT, wasm_hash);
}

/* What the object says of itself must be what was read in the module that it was made from. */
static bool is_as_read(const struct tt_wasm *wasm)
{
    return module->abi == TT_MODULE_ABI && module->size == sizeof(*module) &&
           module->pages == wasm->pages && module->pages_max == wasm->pages_max &&
           module->record_at == wasm->record_at;
}

/* All that needs files or rights, before the walls; the module's own code runs behind them. */
static int prepare(const char *object, const struct tt_wasm *wasm, struct tt_error *err)
{
    void *library = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    struct tt_slot_params params = {.space = &space};
    int r;

    module = library ? dlsym(library, TT_MODULE_SYMBOL) : NULL;
    if (!module)
        return tt_fail(err, -ENOEXEC, "what was built cannot be loaded: %s", dlerror());
    if (!is_as_read(wasm))
        return tt_fail(err, -ENOEXEC, "what was built is not what was translated");
    params.instance_bytes = module->instance_bytes;
    r = tt_space_open(&space, 1, err);
    if (r == 0)
        r = tt_slot_new(&params, &slot, err);
    if (r == 0)
        r = tt_trap_install(err);
    if (r == 0)
        r = tt_trap_thread(err);
    return r == 0 ? tt_jail_compute(CPU_S, err) : r;
}

static void run_child(const char *object, const struct tt_wasm *wasm,
                      const uint8_t wasm_hash[TT_HASH_BYTES])
{
    struct tt_described described;
    struct tt_error err = {0};
    int32_t at = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(WALL_S);
    if (prepare(object, wasm, &err) < 0 || tt_slot_start(slot, module, 0, &err) < 0)
        give_up(&err);
    send_snapshot(MESSAGE_START, wasm_hash);
    if (!tt_slot_enter(slot, TT_ENTRY_DESCRIBE, 0, &at)) {
        tt_proxy_say(&slot->report, err.text, sizeof(err.text));
        give_up(&err);
    }
    if (tt_describe(slot->memory, slot->memory_bytes, (uint32_t)at, &described, &err) < 0)
        give_up(&err);
    send_json(MESSAGE_COMPONENT, tt_component_json(&described.component));
    run_init(&described.component, wasm_hash);
    _exit(0);
}

/* True when all of it came. */
static bool get_all(int fd, void *data, uint64_t bytes)
{
    uint8_t *at = data;

    while (bytes > 0) {
        ssize_t got = read(fd, at, bytes);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        bytes -= (uint64_t)got;
    }
    return true;
}

static int take_message(struct tt_trial *trial, enum message kind, uint8_t *data, uint64_t bytes,
                        struct tt_error *err)
{
    const struct tt_error *said = (const struct tt_error *)(const void *)data;

    if (kind == MESSAGE_ERROR && bytes == sizeof(*said))
        return tt_fail(err, said->code < 0 ? said->code : -EINVAL, "%.*s",
                       (int)sizeof(said->text) - 1, said->text);
    if (kind == MESSAGE_COMPONENT && !trial->component)
        trial->component = json_loadb((const char *)data, bytes, 0, NULL);
    else if (kind == MESSAGE_FIRST && !trial->first)
        trial->first = json_loadb((const char *)data, bytes, 0, NULL);
    else if (kind == MESSAGE_START && !trial->start) {
        trial->start = data;
        trial->start_bytes = bytes;
        return 1;
    } else if (kind == MESSAGE_INIT && !trial->init) {
        trial->init = data;
        trial->init_bytes = bytes;
        return 1;
    }
    return 0;
}

/* Until the child's end of the pipe closes. */
static int gather(int fd, struct tt_trial *trial, struct tt_error *err)
{
    struct head head;
    int r = 0;

    while (r == 0 && get_all(fd, &head, sizeof(head))) {
        uint8_t *data = head.bytes <= MESSAGE_BYTES_MAX ? malloc(head.bytes + 1) : NULL;

        if (!data || !get_all(fd, data, head.bytes)) {
            free(data);
            break;
        }
        r = take_message(trial, head.kind, data, head.bytes, err);
        if (r <= 0)
            free(data);
        r = r > 0 ? 0 : r;
    }
    return r;
}

static int explain_end(const struct tt_trial *trial, int status, struct tt_error *err)
{
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
        return tt_fail(err, -EINVAL, "its start or init() does not return");
    if (WIFSIGNALED(status))
        return tt_fail(err, -EINVAL, "its first run was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    if (!trial->component || !trial->first || !trial->start)
        return tt_fail(err, -EINVAL, "its first run ended too early");
    return 0;
}

int tt_trial_run(const char *object, const struct tt_wasm *wasm,
                 const uint8_t wasm_hash[TT_HASH_BYTES], struct tt_trial *ret, struct tt_error *err)
{
    struct tt_trial trial = {0};
    int fds[2], status = 0, r;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return tt_fail(err, -errno, "no pipe to the first run: %s", strerror(errno));
    json_object_seed(0); /* opens a file, which the child may not */
    pid = fork();
    if (pid == 0) {
        (void)close(fds[0]);
        out_fd = fds[1];
        run_child(object, wasm, wasm_hash);
    }
    (void)close(fds[1]);
    r = pid < 0 ? tt_fail(err, -errno, "cannot fork: %s", strerror(errno))
                : gather(fds[0], &trial, err);
    (void)close(fds[0]);
    if (pid > 0) {
        if (r < 0)
            (void)kill(pid, SIGKILL);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    if (r == 0)
        r = explain_end(&trial, status, err);
    if (r < 0)
        tt_trial_fini(&trial);
    else
        *ret = trial;
    return r;
}

void tt_trial_fini(struct tt_trial *trial)
{
    json_decref(trial->component);
    json_decref(trial->first);
    free(trial->start);
    free(trial->init);
    *trial = (struct tt_trial){0};
}
