/* Native code with our own seal on it, or made anew. */
#include "build/native.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "build/files.h"

const char *tt_native_machine(void)
{
    static struct utsname name;

    return uname(&name) == 0 ? name.machine : "";
}

static int translate(struct tt_workshop *workshop, const struct tt_wasm *wasm,
                     struct tt_native *ret, struct tt_error *err)
{
    char path[PATH_MAX];
    int r = tt_translate(workshop, wasm, err);

    if (r == 0)
        r = tt_compile_native(workshop, err);
    if (r == 0)
        r = build_path(path, workshop->folder, "module.so", err);
    if (r == 0)
        r = build_file_read(path, TT_NATIVE_BYTES_MAX, &ret->object, &ret->bytes, err);
    ret->origin = TT_NATIVE_BUILT;
    return r;
}

int tt_native_make(struct tt_workshop *workshop, const struct tt_wasm *wasm,
                   const uint8_t wasm_hash[TT_HASH_BYTES], struct tt_native *ret,
                   struct tt_error *err)
{
    struct tt_native native = {.origin = TT_NATIVE_CACHE};
    struct tt_error unused = {0};
    uint8_t id[TT_HASH_BYTES];
    struct tt_seal_key key;
    int r = tt_seal_key_open(&key, err);

    (void)snprintf(native.flags, sizeof(native.flags), "%s", tt_compiler_flags());
    if (r == 0)
        r = tt_translator_name(workshop, native.translator, err);
    if (r == 0)
        r = tt_compiler_name(workshop, native.compiler, err);
    if (r == 0)
        r = tt_native_id(wasm_hash, native.translator, native.compiler, native.flags, id, err);
    if (r < 0)
        return r;
    if (tt_cache_get(&key, id, &native.object, &native.bytes, &unused) < 0) {
        r = translate(workshop, wasm, &native, err);
        /* Without a cache the next one takes longer, and that is all. */
        if (r == 0)
            (void)tt_cache_put(&key, id, native.object, native.bytes, &unused);
    }
    if (r == 0)
        r = tt_seal_make(&key, id, native.object, native.bytes, native.seal, err);
    if (r < 0)
        tt_native_fini(&native);
    else
        *ret = native;
    return r;
}

/* Words of a manifest, which are what this installation would write there, or no good. */
static bool take_words(const struct tt_package *package, const char *name, char *ret, size_t bytes)
{
    const char *text = json_string_value(json_object_get(package->manifest, name));

    return text && snprintf(ret, bytes, "%s", text) < (int)bytes;
}

/* A machine without compilers can still run what it, or this user elsewhere, has built. The names
 * of tools in a manifest may be anybody's words: the seal says whether they are ours. */
static int find_sealed(const struct tt_package *package, struct tt_native *ret,
                       struct tt_error *err)
{
    const struct tt_bytes *object = &package->parts[TT_PART_NATIVE],
                          *seal = &package->parts[TT_PART_SEAL];
    uint8_t id[TT_HASH_BYTES];
    struct tt_seal_key key;
    char machine[TT_TOOL_NAME_BYTES];
    int r = tt_seal_key_open(&key, err);

    if (r == 0 && (!take_words(package, "translator", ret->translator, sizeof(ret->translator)) ||
                   !take_words(package, "compiler", ret->compiler, sizeof(ret->compiler)) ||
                   !take_words(package, "flags", ret->flags, sizeof(ret->flags)) ||
                   !take_words(package, "machine", machine, sizeof(machine)) ||
                   strcmp(machine, tt_native_machine()) != 0))
        r = -ENOENT;
    if (r == 0)
        r = tt_native_id(package->hashes[TT_PART_WASM], ret->translator, ret->compiler, ret->flags,
                         id, err);
    if (r < 0)
        return r;
    if (!object->data || !seal->data ||
        !tt_seal_check(&key, id, object->data, object->bytes, seal->data)) {
        ret->origin = TT_NATIVE_CACHE;
        r = tt_cache_get(&key, id, &ret->object, &ret->bytes, err);
        return r < 0 ? r : tt_seal_make(&key, id, ret->object, ret->bytes, ret->seal, err);
    }
    ret->origin = TT_NATIVE_PACKAGE;
    ret->object = malloc(object->bytes);
    if (!ret->object)
        return tt_fail(err, -ENOMEM, "no memory for an object");
    memcpy(ret->object, object->data, object->bytes);
    memcpy(ret->seal, seal->data, TT_HASH_BYTES);
    ret->bytes = object->bytes;
    return 0;
}

int tt_native_of(struct tt_workshop *workshop, const struct tt_package *package,
                 const struct tt_wasm *wasm, struct tt_native *ret, struct tt_error *err)
{
    struct tt_native native = {0};
    struct tt_error unused = {0};

    if (find_sealed(package, &native, &unused) == 0) {
        *ret = native;
        return 0;
    }
    tt_native_fini(&native);
    return tt_native_make(workshop, wasm, package->hashes[TT_PART_WASM], ret, err);
}

void tt_native_fini(struct tt_native *native)
{
    free(native->object);
    *native = (struct tt_native){0};
}
