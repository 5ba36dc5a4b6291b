/* comp.tactus: one file with a component's manifest, its WebAssembly, native code for this kind of
 * machine, and snapshots to start from. docs/package.md has the bytes.
 *
 * A package may come from anybody: reading one checks every number and hash and runs nothing. Its
 * native code is never loaded as it is; native.h says when it is loaded at all. */
#ifndef TT_BUILD_PACKAGE_H
#define TT_BUILD_PACKAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "build/seal.h"
#include "tactus/error.h"

enum tt_package_part {
    TT_PART_MANIFEST = 0, /* JSON */
    TT_PART_WASM,
    TT_PART_NATIVE, /* a shared object */
    TT_PART_SEAL,   /* of native */
    TT_PART_START,  /* snapshot.md: after the start, before anything was asked */
    TT_PART_INIT,   /* snapshot.md: after init() with the manifest's request; may be missing */
    TT_PART_COUNT
};

enum { TT_PACKAGE_BYTES_MAX = 640 << 20, TT_MANIFEST_BYTES_MAX = 1 << 20 };

struct tt_bytes {
    const uint8_t *data;
    uint64_t bytes;
};

struct tt_package {
    struct tt_bytes parts[TT_PART_COUNT]; /* into what was read */
    uint8_t hashes[TT_PART_COUNT][TT_HASH_BYTES];
    json_t *manifest;
    uint8_t *own; /* what tt_package_load() read */
};

/* The bytes stay the caller's, as long as *ret. -EINVAL with a sentence: not a package, or not
 * whole.
 */
int tt_package_read(const uint8_t *data, uint64_t bytes, struct tt_package *ret,
                    struct tt_error *err);
int tt_package_load(const char *path, struct tt_package *ret, struct tt_error *err);
void tt_package_fini(struct tt_package *package);

/* Writes a whole file; parts[TT_PART_MANIFEST] is made from `manifest`, to which the other parts'
 * hashes are added. */
int tt_package_write(const char *path, const struct tt_bytes parts[TT_PART_COUNT], json_t *manifest,
                     struct tt_error *err);

/* By its name or its first bytes; reads the file. */
bool tt_package_is(const char *path);

#endif
