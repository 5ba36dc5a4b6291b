/* Packages, looked at before anything of a stranger's runs in the process that has the key. */
#include "host/package.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "build/native.h"
#include "components/table.h"
#include "platform/linux/message.h"
#include "spec/service.h"

enum { FOUND_MAX = TT_PLUGINS_MAX };

static struct found {
    char kind[TT_KIND_BYTES];
    int object; /* sealed memory; or negative errno, and why */
    struct tt_error err;
} found[FOUND_MAX];
static uint32_t found_count;

bool host_package_is(const char *kind)
{
    static const char ending[] = ".tactus";
    size_t length = strlen(kind);

    return length > sizeof ending - 1 && strcmp(kind + length - (sizeof ending - 1), ending) == 0;
}

static const char *text_of(const struct tt_package *package, const char *name)
{
    const char *text = json_string_value(json_object_get(package->manifest, name));

    return text ? text : "";
}

/* The object was made from this very module, by these tools, under the key: or it is not loaded. */
static bool is_ours(const struct tt_package *package, const struct tt_seal_key *key)
{
    const struct tt_bytes *object = &package->parts[TT_PART_NATIVE];
    const struct tt_bytes *seal = &package->parts[TT_PART_SEAL];
    uint8_t id[TT_HASH_BYTES];

    return object->data && seal->data && seal->bytes == TT_HASH_BYTES &&
           strcmp(text_of(package, "machine"), tt_native_machine()) == 0 &&
           tt_native_id(package->hashes[TT_PART_WASM], text_of(package, "translator"),
                        text_of(package, "compiler"), text_of(package, "flags"), id, NULL) == 0 &&
           tt_seal_check(key, id, object->data, object->bytes, seal->data);
}

static int look(struct found *one, const struct tt_seal_key *key)
{
    const struct tt_bytes *object;
    struct tt_package package = {0};
    int r = tt_package_load(one->kind, &package, &one->err);

    if (r < 0)
        return r;
    object = &package.parts[TT_PART_NATIVE];
    if (key && is_ours(&package, key))
        r = tt_message_text_fd("plugin", (const char *)object->data, object->bytes, &one->err);
    else
        r = tt_fail(&one->err, -EPERM,
                    "%s was not built by this user on this kind of machine, so its native code is "
                    "not loaded: build it here with tactus build",
                    one->kind);
    tt_package_fini(&package);
    return r;
}

static void find(const char *word, size_t length, const struct tt_seal_key *key)
{
    struct found *one = &found[found_count];

    if (length >= sizeof one->kind || found_count == FOUND_MAX)
        return;
    memcpy(one->kind, word, length);
    one->kind[length] = 0;
    for (uint32_t n = 0; n < found_count; n++)
        if (strcmp(found[n].kind, one->kind) == 0)
            return;
    one->object = look(one, key);
    found_count++;
}

/* One word too many costs a look at a file that its author named. */
static void find_all(const char *text, const struct tt_seal_key *key)
{
    static const char ends[] = " \t\r\n,{}[]\"'!?";
    static const char ending[] = ".tactus";

    for (const char *at = text; (at = strstr(at, ending)) != NULL;) {
        const char *end = at + sizeof ending - 1, *start = at;

        while (start > text && !strchr(ends, start[-1]))
            start--;
        if (*end == 0 || strchr(ends, *end))
            find(start, (size_t)(end - start), key);
        at = end;
    }
}

void host_packages_find(const char *text, int *key_fd)
{
    struct tt_seal_key key;
    bool has_key = false;

    if (*key_fd >= 0) {
        has_key = read(*key_fd, key.bytes, sizeof key.bytes) == (ssize_t)sizeof key.bytes;
        (void)close(*key_fd);
        *key_fd = -1;
    }
    find_all(text, has_key ? &key : NULL);
    OPENSSL_cleanse(&key, sizeof key);
}

int host_package_object(const char *kind, struct tt_error *err)
{
    for (uint32_t n = 0; n < found_count; n++) {
        if (strcmp(found[n].kind, kind) != 0)
            continue;
        if (found[n].object < 0) {
            if (err)
                *err = found[n].err;
            return found[n].object;
        }
        (void)lseek(found[n].object, 0, SEEK_SET);
        return dup(found[n].object);
    }
    return tt_fail(err, -ENOENT, "%s was not looked at: write its name in the service itself",
                   kind);
}
