/* A package's bytes, there and back. */
#include "build/package.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/files.h"

enum {
    HEAD_BYTES = 48,  /* magic 8, version 4, parts 4, hash of the table 32 */
    ENTRY_BYTES = 64, /* name 16, place 8, bytes 8, hash 32 */
    VERSION = 1,
    ALIGN = 64
};

static const char magic[8] = {'T', 'A', 'C', 'T', 'U', 'S', 'P', '\n'};

static const struct {
    const char *name;
    uint64_t bytes_max;
    bool is_optional;
} kinds[TT_PART_COUNT] = {
    [TT_PART_MANIFEST] = {"manifest", TT_MANIFEST_BYTES_MAX, false},
    [TT_PART_WASM] = {"wasm", 32 << 20, false},
    [TT_PART_NATIVE] = {"native", TT_NATIVE_BYTES_MAX, true},
    [TT_PART_SEAL] = {"seal", TT_HASH_BYTES, true},
    [TT_PART_START] = {"start", 256 << 20, true},
    [TT_PART_INIT] = {"init", 256 << 20, true},
};

static uint64_t get(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t n = 0; n < bytes; n++)
        value |= (uint64_t)at[n] << (8 * n);
    return value;
}

static void put(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t n = 0; n < bytes; n++)
        at[n] = (uint8_t)(value >> (8 * n));
}

static int find_part(const uint8_t *name, struct tt_error *err)
{
    for (int part = 0; part < TT_PART_COUNT; part++) {
        char padded[16] = {0};

        memcpy(padded, kinds[part].name, strlen(kinds[part].name));
        if (memcmp(padded, name, sizeof(padded)) == 0)
            return part;
    }
    return tt_fail(err, -EINVAL, "the package has a part that this version does not know");
}

static bool is_zero(const uint8_t *data, uint64_t bytes)
{
    for (uint64_t n = 0; n < bytes; n++)
        if (data[n] != 0)
            return false;
    return true;
}

/* One line of the table; parts stand in the table's order, each at the next border of 64 bytes. */
static int read_entry(const uint8_t *data, uint64_t bytes, const uint8_t *entry, uint64_t *at,
                      struct tt_package *ret, struct tt_error *err)
{
    uint64_t begin = get(entry + 16, 8), size = get(entry + 24, 8);
    uint8_t hash[TT_HASH_BYTES];
    int part = find_part(entry, err), r;

    if (part < 0)
        return part;
    if (ret->parts[part].data)
        return tt_fail(err, -EINVAL, "the package has its %s twice", kinds[part].name);
    if (begin != ((*at + ALIGN - 1) & ~(uint64_t)(ALIGN - 1)) || begin > bytes ||
        size > bytes - begin || !is_zero(data + *at, begin - *at))
        return tt_fail(err, -EINVAL, "the package's %s is not where it should be",
                       kinds[part].name);
    if (size == 0 || size > kinds[part].bytes_max)
        return tt_fail(err, -EINVAL, "the package's %s has %llu bytes", kinds[part].name,
                       (unsigned long long)size);
    r = tt_hash(data + begin, size, hash, err);
    if (r == 0 && memcmp(hash, entry + 32, TT_HASH_BYTES) != 0)
        r = tt_fail(err, -EINVAL, "the package's %s is damaged: its hash differs",
                    kinds[part].name);
    if (r < 0)
        return r;
    ret->parts[part] = (struct tt_bytes){.data = data + begin, .bytes = size};
    memcpy(ret->hashes[part], hash, TT_HASH_BYTES);
    *at = begin + size;
    return 0;
}

static int read_table(const uint8_t *data, uint64_t bytes, struct tt_package *ret,
                      struct tt_error *err)
{
    uint64_t count, at;
    uint8_t hash[TT_HASH_BYTES];
    int r;

    if (bytes < HEAD_BYTES || memcmp(data, magic, sizeof(magic)) != 0)
        return tt_fail(err, -EINVAL, "this is no package; tactus build makes one");
    if (get(data + 8, 4) != VERSION)
        return tt_fail(err, -EINVAL, "the package is of version %llu and this Tactus reads %d",
                       (unsigned long long)get(data + 8, 4), VERSION);
    count = get(data + 12, 4);
    if (count > TT_PART_COUNT || HEAD_BYTES + count * ENTRY_BYTES > bytes)
        return tt_fail(err, -EINVAL, "the package has %llu parts", (unsigned long long)count);
    at = HEAD_BYTES + count * ENTRY_BYTES;
    r = tt_hash(data + HEAD_BYTES, count * ENTRY_BYTES, hash, err);
    if (r == 0 && memcmp(hash, data + 16, TT_HASH_BYTES) != 0)
        r = tt_fail(err, -EINVAL, "the package's table is damaged: its hash differs");
    for (uint64_t n = 0; n < count && r == 0; n++)
        r = read_entry(data, bytes, data + HEAD_BYTES + n * ENTRY_BYTES, &at, ret, err);
    if (r == 0 && at != bytes)
        r = tt_fail(err, -EINVAL, "the package has something behind its end");
    return r;
}

/* The manifest names the other parts' hashes, so that its own names the package. */
static int check_manifest(const struct tt_package *package, struct tt_error *err)
{
    const json_t *hashes = json_object_get(package->manifest, "hashes");
    static const char *const texts[] = {"name", "translator", "compiler", "flags", "machine"};

    if (json_integer_value(json_object_get(package->manifest, "tactus_package")) != VERSION)
        return tt_fail(err, -EINVAL, "the package's manifest is of another version");
    for (size_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
        if (!json_is_string(json_object_get(package->manifest, texts[n])))
            return tt_fail(err, -EINVAL, "the package's manifest has no '%s'", texts[n]);
    if (!json_is_object(json_object_get(package->manifest, "component")))
        return tt_fail(err, -EINVAL, "the package's manifest describes no component");
    for (int part = TT_PART_WASM; part < TT_PART_COUNT; part++) {
        const char *named = json_string_value(json_object_get(hashes, kinds[part].name));
        char hex[2 * TT_HASH_BYTES + 1];

        if (!package->parts[part].data && !named)
            continue;
        tt_hash_text(package->hashes[part], hex);
        if (!package->parts[part].data || !named || strcmp(named, hex) != 0)
            return tt_fail(err, -EINVAL, "the package's manifest speaks of another '%s'",
                           kinds[part].name);
    }
    return 0;
}

int tt_package_read(const uint8_t *data, uint64_t bytes, struct tt_package *ret,
                    struct tt_error *err)
{
    struct tt_package package = {.own = NULL};
    json_error_t fault;
    int r = read_table(data, bytes, &package, err);

    for (int part = 0; part < TT_PART_COUNT && r == 0; part++)
        if (!package.parts[part].data && !kinds[part].is_optional)
            r = tt_fail(err, -EINVAL, "the package has no '%s'", kinds[part].name);
    if (r == 0 && package.parts[TT_PART_SEAL].data &&
        package.parts[TT_PART_SEAL].bytes != TT_HASH_BYTES)
        r = tt_fail(err, -EINVAL, "the package's seal is none");
    if (r < 0)
        return r;
    package.manifest =
        json_loadb((const char *)package.parts[TT_PART_MANIFEST].data,
                   package.parts[TT_PART_MANIFEST].bytes, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(package.manifest))
        r = tt_fail(err, -EINVAL, "the package's manifest is no JSON object");
    else
        r = check_manifest(&package, err);
    if (r < 0)
        json_decref(package.manifest);
    else
        *ret = package;
    return r;
}

int tt_package_load(const char *path, struct tt_package *ret, struct tt_error *err)
{
    uint64_t bytes;
    uint8_t *data;
    int r = build_file_read(path, TT_PACKAGE_BYTES_MAX, &data, &bytes, err);

    if (r < 0)
        return r;
    r = tt_package_read(data, bytes, ret, err);
    if (r < 0) {
        free(data);
        return tt_wrap(err, r, "%s", path);
    }
    ret->own = data;
    return 0;
}

void tt_package_fini(struct tt_package *package)
{
    json_decref(package->manifest);
    free(package->own);
    *package = (struct tt_package){0};
}

static int add_hashes(const struct tt_bytes parts[TT_PART_COUNT], json_t *manifest,
                      struct tt_error *err)
{
    json_t *hashes = json_object();

    for (int part = TT_PART_WASM; part < TT_PART_COUNT; part++) {
        uint8_t hash[TT_HASH_BYTES];
        char hex[2 * TT_HASH_BYTES + 1];

        if (!parts[part].data)
            continue;
        if (tt_hash(parts[part].data, parts[part].bytes, hash, err) < 0) {
            json_decref(hashes);
            return -ENOMEM;
        }
        tt_hash_text(hash, hex);
        (void)json_object_set_new(hashes, kinds[part].name, json_string(hex));
    }
    return json_object_set_new(manifest, "hashes", hashes) == 0
               ? 0
               : tt_fail(err, -ENOMEM, "no memory for a manifest");
}

static uint64_t next_border(uint64_t at)
{
    return (at + ALIGN - 1) & ~(uint64_t)(ALIGN - 1);
}

/* All of the file, with the manifest as its first part; malloc'ed. */
static int lay_out(const struct tt_bytes parts[TT_PART_COUNT], uint8_t **ret, uint64_t *ret_bytes,
                   struct tt_error *err)
{
    uint64_t count = 0, at, total;
    uint8_t *data, *entry;
    int r = 0;

    for (int part = 0; part < TT_PART_COUNT; part++)
        count += parts[part].data != NULL;
    total = at = HEAD_BYTES + count * ENTRY_BYTES;
    for (int part = 0; part < TT_PART_COUNT; part++)
        if (parts[part].data)
            total = next_border(total) + parts[part].bytes;
    data = calloc(1, total);
    if (!data)
        return tt_fail(err, -ENOMEM, "no memory for a package of %llu bytes",
                       (unsigned long long)total);
    memcpy(data, magic, sizeof(magic));
    put(data + 8, VERSION, 4);
    put(data + 12, count, 4);
    entry = data + HEAD_BYTES;
    for (int part = 0; part < TT_PART_COUNT && r == 0; part++) {
        if (!parts[part].data)
            continue;
        at = next_border(at);
        memcpy(entry, kinds[part].name, strlen(kinds[part].name));
        put(entry + 16, at, 8);
        put(entry + 24, parts[part].bytes, 8);
        r = tt_hash(parts[part].data, parts[part].bytes, entry + 32, err);
        memcpy(data + at, parts[part].data, parts[part].bytes);
        at += parts[part].bytes;
        entry += ENTRY_BYTES;
    }
    if (r == 0)
        r = tt_hash(data + HEAD_BYTES, count * ENTRY_BYTES, data + 16, err);
    *ret = data;
    *ret_bytes = total;
    return r;
}

int tt_package_write(const char *path, const struct tt_bytes parts[TT_PART_COUNT], json_t *manifest,
                     struct tt_error *err)
{
    struct tt_bytes all[TT_PART_COUNT];
    char *text = NULL;
    uint64_t bytes = 0;
    uint8_t *data = NULL;
    int r;

    memcpy(all, parts, sizeof(all));
    r = add_hashes(all, manifest, err);
    if (r == 0)
        text = json_dumps(manifest, JSON_INDENT(1) | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    if (r == 0 && !text)
        r = tt_fail(err, -ENOMEM, "no memory for a manifest");
    if (r == 0) {
        all[TT_PART_MANIFEST] =
            (struct tt_bytes){.data = (const uint8_t *)text, .bytes = strlen(text)};
        r = lay_out(all, &data, &bytes, err);
    }
    if (r == 0)
        r = build_file_write(path, data, bytes, 0644, err);
    free(data);
    free(text);
    return r;
}

bool tt_package_is(const char *path)
{
    const char *end = strrchr(path, '.');
    char head[sizeof(magic)];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is_one = fd >= 0 && read(fd, head, sizeof(head)) == (ssize_t)sizeof(head) &&
                  memcmp(head, magic, sizeof(magic)) == 0;

    if (fd >= 0)
        (void)close(fd);
    /* One that is broken shall be told so. */
    return is_one || (fd >= 0 && end && strcmp(end, ".tactus") == 0);
}
