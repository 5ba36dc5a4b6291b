/* Packages: written and read, damaged in each place, and native code that is somebody else's. */
#include <errno.h>
#include <sys/stat.h>

#include "build/build.h"
#include "build/native.h"
#include "scratch.h"
#include "snapshot/snapshot.h"

static const char source[] =
    "#include <tactus/component.h>\n"
    "static const struct tt_port ports[] = {{.name = \"out\", .is_output = 1}};\n"
    "static int shape(const struct tt_request *q, struct tt_shape *s, struct tt_error *e)\n"
    "{ s->state_bytes = 8; return 0; }\n"
    "static int process(void *state, struct tt_call *call) { return ++*(int *)state; }\n"
    "const struct tt_component tt_plugin = {.abi = TT_ABI, .size = sizeof(tt_plugin),\n"
    " .name = \"count\", .help = \"counts\", .ports = ports, .port_count = 1,\n"
    " .shape = shape, .process = process};\n";

static char package_path[PATH_MAX], other_path[PATH_MAX];
static uint8_t *whole;
static uint64_t whole_bytes;

static void make(void)
{
    char source_path[PATH_MAX];
    struct tt_build_request request = {.source = source_path, .output = package_path};
    struct tt_build_report report;
    struct tt_error err = {0};

    CHECK_INT(build_path(source_path, scratch, "count.c", &err), 0);
    CHECK_INT(build_path(package_path, scratch, "count.tactus", &err), 0);
    CHECK_INT(build_path(other_path, scratch, "other.tactus", &err), 0);
    CHECK_INT(build_file_write(source_path, source, sizeof(source) - 1, 0600, &err), 0);
    if (tt_build(&request, &report, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_TEXT(err.text, "");
    CHECK(!report.is_cached && report.folder[0] == 0);
    tt_build_report_fini(&report);
    CHECK_INT(build_file_read(package_path, TT_PACKAGE_BYTES_MAX, &whole, &whole_bytes, &err), 0);
}

static void it_is_what_was_written(void)
{
    struct tt_package package;
    struct tt_error err = {0};

    CHECK(tt_package_is(package_path));
    CHECK_INT(tt_package_load(package_path, &package, &err), 0);
    CHECK_TEXT(json_string_value(json_object_get(package.manifest, "name")), "count");
    for (int part = 0; part < TT_PART_COUNT; part++)
        CHECK(package.parts[part].bytes > 0);
    CHECK_INT(package.parts[TT_PART_SEAL].bytes, TT_HASH_BYTES);
    tt_package_fini(&package);
}

static int64_t pages_told, texts_found;

static int on_head(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err)
{
    CHECK(memcmp(head->module, ctx, TT_HASH_BYTES) == 0);
    CHECK(head->page_count > 0 && head->page_count <= head->pages_max);
    CHECK(head->globals_bytes >= 4);
    return 0;
}

static int on_page(void *ctx, uint32_t number, const void *page)
{
    pages_told++;
    texts_found += page && memmem(page, TT_SNAPSHOT_PAGE_BYTES, "counts", 7) != NULL;
    return 0;
}

static int on_cut(void *ctx, const struct tt_snapshot_cut *cut)
{
    CHECK_INT(cut->kept_count, 0);
    return 0;
}

/* Its snapshots are snapshots: of this module, whole, with what the component has in its memory. */
static void it_has_snapshots(void)
{
    static const struct tt_snapshot_ops ops = {on_head, on_page, on_cut};
    static struct tt_sum sums[3840 * 16];
    static struct tt_snapshot_reader reader;
    struct tt_package package;
    struct tt_error err = {0};

    CHECK_INT(tt_package_load(package_path, &package, &err), 0);
    for (int part = TT_PART_START; part <= TT_PART_INIT; part++) {
        memset(sums, 0, sizeof(sums));
        pages_told = texts_found = 0;
        tt_snapshot_reader_init(&reader, &ops, package.hashes[TT_PART_WASM], sums,
                                sizeof(sums) / sizeof(sums[0]));
        CHECK_INT(
            tt_snapshot_feed(&reader, package.parts[part].data, package.parts[part].bytes, &err),
            0);
        CHECK(reader.is_over && reader.rounds == 0 && pages_told > 0 && texts_found == 1);
    }
    tt_package_fini(&package);
}

/* Whatever bit is turned over, the package is refused; and so is one that is cut anywhere. */
static void each_damage_is_found(void)
{
    struct tt_package package;
    uint64_t step = whole_bytes / 400 + 1;
    struct tt_error err;

    for (uint64_t at = 0; at < whole_bytes; at += at < 512 ? 1 : step) {
        whole[at] ^= (uint8_t)(1u << (at % 8));
        err = (struct tt_error){0};
        CHECK_INT(tt_package_read(whole, whole_bytes, &package, &err), -EINVAL);
        CHECK(err.text[0] != 0);
        whole[at] ^= (uint8_t)(1u << (at % 8));
    }
    for (uint64_t bytes = 0; bytes < whole_bytes; bytes += bytes < 512 ? 1 : step)
        CHECK_INT(tt_package_read(whole, bytes, &package, &err), -EINVAL);
    CHECK_INT(tt_package_read(whole, whole_bytes, &package, &err), 0);
    tt_package_fini(&package);
}

/* The same package with another object in it, all its hashes right. */
static void put_object(const char *path, const void *object, uint64_t bytes)
{
    struct tt_package package;
    struct tt_bytes parts[TT_PART_COUNT];
    struct tt_error err = {0};

    CHECK_INT(tt_package_load(package_path, &package, &err), 0);
    memcpy(parts, package.parts, sizeof(parts));
    parts[TT_PART_NATIVE] = (struct tt_bytes){.data = object, .bytes = bytes};
    CHECK_INT(tt_package_write(path, parts, package.manifest, &err), 0);
    tt_package_fini(&package);
}

static int try_native(const char *path, struct tt_native *ret, struct tt_error *err)
{
    struct tt_workshop workshop;
    struct tt_package package;
    struct tt_bytes *module = &package.parts[TT_PART_WASM];
    struct tt_wasm wasm;
    int r;

    CHECK_INT(tt_package_load(path, &package, err), 0);
    CHECK_INT(tt_wasm_read(module->data, module->bytes, &wasm, err), 0);
    CHECK_INT(tt_workshop_open(&workshop, err), 0);
    r = tt_native_of(&workshop, &package, &wasm, ret, err);
    tt_workshop_close(&workshop, false);
    tt_wasm_fini(&wasm);
    tt_package_fini(&package);
    return r;
}

/* Gives the native code of a package, and where it came from. */
static enum tt_native_origin native_of(const char *path, struct tt_native *ret)
{
    struct tt_error err = {0};

    if (try_native(path, ret, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_TEXT(err.text, "");
    return ret->origin;
}

static void check_same(struct tt_native *native, const struct tt_native *wanted)
{
    CHECK_INT(native->bytes, wanted->bytes);
    CHECK(memcmp(native->object, wanted->object, native->bytes) == 0);
    tt_native_fini(native);
}

static void forget_cache(void)
{
    char path[PATH_MAX];
    struct tt_error err = {0};

    CHECK_INT(build_path(path, scratch, "tactus/native", &err), 0);
    build_folder_remove(path);
}

/* Whatever is in the cache has a byte more. */
static void spoil_cache(void)
{
    char command[PATH_MAX + 128];

    CHECK(snprintf(command, sizeof(command), "for f in %s/tactus/native/*; do printf x >>$f; done",
                   scratch) > 0);
    CHECK_INT(system(command), 0);
}

static void changed_native_code_is_never_loaded(void)
{
    struct tt_native own, native;
    uint8_t *object;

    CHECK_INT(native_of(package_path, &own), TT_NATIVE_PACKAGE);
    object = malloc(own.bytes);
    CHECK(object != NULL);
    memcpy(object, own.object, own.bytes);
    object[own.bytes / 2] ^= 1;
    put_object(other_path, object, own.bytes);
    CHECK_INT(native_of(other_path, &native), TT_NATIVE_CACHE);
    check_same(&native, &own);
    spoil_cache();
    CHECK_INT(native_of(other_path, &native), TT_NATIVE_BUILT);
    check_same(&native, &own);
    CHECK_INT(native_of(other_path, &native), TT_NATIVE_CACHE);
    check_same(&native, &own);
    /* One that is right, and sealed: but for another module, or by nobody. */
    put_object(other_path, "\177ELF", 4);
    CHECK_INT(native_of(other_path, &native), TT_NATIVE_CACHE);
    check_same(&native, &own);
    free(object);
    tt_native_fini(&own);
}

/* Another user, or another machine: nothing that this key sealed counts there. */
static void another_key_believes_nothing(void)
{
    char state[PATH_MAX], key[PATH_MAX];
    struct tt_native native;
    struct tt_error err = {0};

    CHECK_INT(build_path(state, scratch, "elsewhere", &err), 0);
    (void)setenv("XDG_STATE_HOME", state, 1);
    CHECK_INT(native_of(package_path, &native), TT_NATIVE_BUILT);
    tt_native_fini(&native);
    /* A key that others may read seals nothing. */
    CHECK_INT(build_path(key, state, "tactus/build.key", &err), 0);
    CHECK_INT(chmod(key, 0644), 0);
    CHECK_INT(try_native(package_path, &native, &err), -EPERM);
    CHECK(strstr(err.text, "read or written by others") != NULL);
    (void)setenv("XDG_STATE_HOME", scratch, 1);
}

/* What tactus build makes of a stranger's package is one of its own. */
static void a_strangers_package_is_built_anew(void)
{
    struct tt_build_request request = {.source = other_path, .output = other_path};
    struct tt_build_report report;
    struct tt_native native, own;
    struct tt_error err = {0};

    CHECK_INT(native_of(package_path, &own), TT_NATIVE_PACKAGE);
    CHECK(native_of(other_path, &native) != TT_NATIVE_PACKAGE);
    tt_native_fini(&native);
    (void)tt_build(&request, &report, &err);
    CHECK_TEXT(err.text, "");
    tt_build_report_fini(&report);
    CHECK_INT(native_of(other_path, &native), TT_NATIVE_PACKAGE);
    check_same(&native, &own);
    tt_native_fini(&own);
    put_object(other_path, "\177ELF", 4);
}

/* Without compilers a package of one's own still runs, and no other does. */
static void compilers_are_needed_for_strangers_only(void)
{
    struct tt_native native;
    struct tt_error err = {0};

    forget_cache();
    (void)setenv("TACTUS_TOOLS", "/nowhere", 1);
    CHECK_INT(native_of(package_path, &native), TT_NATIVE_PACKAGE);
    tt_native_fini(&native);
    CHECK_INT(try_native(other_path, &native, &err), -ENOENT);
    CHECK(strstr(err.text, "apt install wabt") != NULL);
    (void)unsetenv("TACTUS_TOOLS");
}

int main(void)
{
    scratch_open(true);
    make();
    it_is_what_was_written();
    it_has_snapshots();
    each_damage_is_found();
    changed_native_code_is_never_loaded();
    another_key_believes_nothing();
    a_strangers_package_is_built_anew();
    compilers_are_needed_for_strangers_only();
    free(whole);
    scratch_close();
    return 0;
}
