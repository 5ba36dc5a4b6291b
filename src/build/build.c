/* The steps from a source to a package. */
#include "build/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "build/files.h"
#include "build/native.h"
#include "build/tools.h"
#include "build/trial.h"
#include "build/wasm.h"

struct build {
    const struct tt_build_request *request;
    struct tt_build_report *report;
    struct tt_workshop workshop;
    uint8_t *data; /* the module's bytes */
    uint64_t bytes;
    uint8_t hash[TT_HASH_BYTES];
    struct tt_wasm wasm;
    struct tt_native native;
    struct tt_package package; /* when that is the source */
    struct tt_trial trial;
    struct tt_error *err;
};

const char *tt_build_step_words(enum tt_build_step step)
{
    static const char *const words[TT_STEP_COUNT] = {
        [TT_STEP_COMPILE] = "compile", [TT_STEP_CHECK] = "check", [TT_STEP_NATIVE] = "native",
        [TT_STEP_TRY] = "try",         [TT_STEP_WRITE] = "write",
    };

    return step < TT_STEP_COUNT ? words[step] : "";
}

/* A package's WebAssembly in place of a source's: whoever made it, it is checked like any other. */
static int take_package(struct build *build)
{
    const struct tt_bytes *wasm = &build->package.parts[TT_PART_WASM];
    int r = tt_package_load(build->request->source, &build->package, build->err);

    if (r < 0)
        return r;
    build->data = malloc(wasm->bytes);
    if (!build->data)
        return tt_fail(build->err, -ENOMEM, "no memory for %s", build->request->source);
    memcpy(build->data, wasm->data, wasm->bytes);
    build->bytes = wasm->bytes;
    return 0;
}

static int compile(struct build *build)
{
    int r;

    if (tt_package_is(build->request->source))
        return take_package(build);
    r = tt_compile_wasm(&build->workshop, build->request->source, &build->report->says, build->err);
    if (r == 0 && build->workshop.warnings)
        build->report->says = strdup(build->workshop.warnings);
    return r;
}

static int check(struct build *build)
{
    char path[PATH_MAX];
    int r = build_path(path, build->workshop.folder, "component.wasm", build->err);

    if (r == 0 && !build->data)
        r = build_file_read(path, TT_WASM_BYTES_MAX, &build->data, &build->bytes, build->err);
    if (r == 0)
        r = tt_hash(build->data, build->bytes, build->hash, build->err);
    if (r == 0)
        r = tt_wasm_read(build->data, build->bytes, &build->wasm, build->err);
    return r < 0 ? tt_wrap(build->err, r, "%s", build->request->source) : 0;
}

static int make_native(struct build *build)
{
    int r = build->package.manifest ? tt_native_of(&build->workshop, &build->package, &build->wasm,
                                                   &build->native, build->err)
                                    : tt_native_make(&build->workshop, &build->wasm, build->hash,
                                                     &build->native, build->err);

    build->report->is_cached = r == 0 && build->native.origin != TT_NATIVE_BUILT;
    return r;
}

static int try_it(struct build *build)
{
    char path[PATH_MAX];
    int r = build_path(path, build->workshop.folder, "module.so", build->err);

    if (r == 0)
        r = build_file_write(path, build->native.object, build->native.bytes, 0700, build->err);
    if (r == 0)
        r = tt_trial_run(path, &build->wasm, build->hash, &build->trial, build->err);
    return r < 0 ? tt_wrap(build->err, r, "%s", build->request->source) : 0;
}

static const char *source_flags(const struct build *build)
{
    const char *flags = json_string_value(json_object_get(build->package.manifest, "source_flags"));

    return !build->package.manifest ? tt_source_flags() : flags ? flags : "";
}

static json_t *make_manifest(const struct build *build)
{
    const struct tt_wasm *wasm = &build->wasm;
    json_t *component = build->trial.component;

    return json_pack(
        "{s:i, s:O, s:O, s:s, s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:{s:i, s:i, s:i, s:i}}",
        "tactus_package", 1, "name", json_object_get(component, "name"), "version",
        json_object_get(component, "version"), "entry", "tactus_enter", "translator",
        build->native.translator, "compiler", build->native.compiler, "flags", build->native.flags,
        "source_flags", source_flags(build), "machine", tt_native_machine(), "component", component,
        "init", build->trial.first, "limits", "pages", (int)wasm->pages, "pages_max",
        (int)wasm->pages_max, "stack_bytes", TT_STACK_BYTES, "functions",
        (int)wasm->function_count);
}

static int write_package(struct build *build)
{
    const struct tt_bytes parts[TT_PART_COUNT] = {
        [TT_PART_WASM] = {build->data, build->bytes},
        [TT_PART_NATIVE] = {build->native.object, build->native.bytes},
        [TT_PART_SEAL] = {build->native.seal, sizeof(build->native.seal)},
        [TT_PART_START] = {build->trial.start, build->trial.start_bytes},
        [TT_PART_INIT] = {build->trial.init, build->trial.init_bytes},
    };
    struct stat about;
    int r;

    build->report->manifest = make_manifest(build);
    if (!build->report->manifest)
        return tt_fail(build->err, -ENOMEM, "no memory for a manifest");
    for (int part = 0; part < TT_PART_COUNT; part++)
        build->report->part_bytes[part] = parts[part].bytes;
    r = tt_package_write(build->request->output, parts, build->report->manifest, build->err);
    if (r == 0 && stat(build->request->output, &about) == 0)
        build->report->bytes = (uint64_t)about.st_size;
    return r;
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int run_steps(struct build *build)
{
    static int (*const steps[TT_STEP_COUNT])(struct build *) = {
        [TT_STEP_COMPILE] = compile,     [TT_STEP_CHECK] = check,
        [TT_STEP_NATIVE] = make_native,  [TT_STEP_TRY] = try_it,
        [TT_STEP_WRITE] = write_package,
    };
    int r = 0;

    for (int step = 0; step < TT_STEP_COUNT && r == 0; step++) {
        int64_t begin_ns = now_ns();

        if (build->request->step)
            build->request->step(build->request->ctx, (enum tt_build_step)step);
        r = steps[step](build);
        build->report->step_ns[step] = now_ns() - begin_ns;
    }
    return r;
}

int tt_build(const struct tt_build_request *request, struct tt_build_report *ret,
             struct tt_error *err)
{
    struct build build = {.request = request, .report = ret, .err = err};
    int r;

    *ret = (struct tt_build_report){0};
    r = tt_workshop_open(&build.workshop, err);
    if (r < 0)
        return r;
    r = run_steps(&build);
    ret->walls = build.workshop.walls;
    if (request->is_kept)
        memcpy(ret->folder, build.workshop.folder, sizeof(ret->folder));
    tt_trial_fini(&build.trial);
    tt_native_fini(&build.native);
    if (build.wasm.functions)
        tt_wasm_fini(&build.wasm);
    if (build.package.manifest)
        tt_package_fini(&build.package);
    free(build.data);
    tt_workshop_close(&build.workshop, request->is_kept);
    return r;
}

void tt_build_report_fini(struct tt_build_report *report)
{
    json_decref(report->manifest);
    free(report->says);
    *report = (struct tt_build_report){0};
}
