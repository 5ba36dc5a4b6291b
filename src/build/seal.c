/* Seals on native code: HMAC-SHA-256 under a key of this user's, by OpenSSL. */
#include "build/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "build/files.h"

int tt_hash(const void *data, uint64_t bytes, uint8_t ret[TT_HASH_BYTES], struct tt_error *err)
{
    if (EVP_Digest(data, bytes, ret, NULL, EVP_sha256(), NULL) != 1)
        return tt_fail(err, -ENOMEM, "no memory for a hash");
    return 0;
}

void tt_hash_text(const uint8_t hash[TT_HASH_BYTES], char ret[2 * TT_HASH_BYTES + 1])
{
    for (size_t n = 0; n < TT_HASH_BYTES; n++)
        (void)snprintf(ret + 2 * n, 3, "%02x", hash[n]);
}

static int make_key(const char *path, struct tt_error *err)
{
    struct tt_seal_key key;
    int r;

    if (RAND_bytes(key.bytes, sizeof(key.bytes)) != 1)
        return tt_fail(err, -EIO, "the machine gives no random numbers");
    r = build_file_write(path, key.bytes, sizeof(key.bytes), 0600, err);
    OPENSSL_cleanse(&key, sizeof(key));
    return r;
}

int tt_seal_key_open(struct tt_seal_key *ret, struct tt_error *err)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct stat about;
    uint64_t bytes;
    uint8_t *data;
    int r = build_folder_own("XDG_STATE_HOME", ".local/state", folder, err);

    if (r == 0)
        r = build_path(path, folder, "build.key", err);
    if (r == 0 && lstat(path, &about) < 0)
        r = make_key(path, err);
    if (r < 0)
        return tt_wrap(err, r, "no key for seals");
    if (lstat(path, &about) < 0 || !S_ISREG(about.st_mode) || about.st_uid != geteuid() ||
        (about.st_mode & 077) != 0)
        return tt_fail(err, -EPERM,
                       "%s can be read or written by others, so seals under it prove nothing: "
                       "remove it, and all is built anew under another",
                       path);
    r = build_file_read(path, 4096, &data, &bytes, err);
    if (r < 0)
        return r;
    if (bytes == sizeof(ret->bytes))
        memcpy(ret->bytes, data, sizeof(ret->bytes));
    else
        r = tt_fail(err, -EINVAL, "%s is no key: remove it, and all is built anew under another",
                    path);
    OPENSSL_cleanse(data, bytes);
    free(data);
    return r;
}

int tt_native_id(const uint8_t wasm_hash[TT_HASH_BYTES], const char *translator,
                 const char *compiler, const char *flags, uint8_t ret[TT_HASH_BYTES],
                 struct tt_error *err)
{
    char text[4096], hex[2 * TT_HASH_BYTES + 1];
    int bytes;

    tt_hash_text(wasm_hash, hex);
    bytes = snprintf(text, sizeof(text), "tactus native 1\n%s\n%s\n%s\n%s\n", hex, translator,
                     compiler, flags);
    if (bytes >= (int)sizeof(text) || strchr(translator, '\n') || strchr(compiler, '\n') ||
        strchr(flags, '\n'))
        return tt_fail(err, -EINVAL, "the names of the tools or their flags are too long");
    return tt_hash(text, (uint64_t)bytes, ret, err);
}

int tt_seal_make(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], const void *object,
                 uint64_t bytes, uint8_t ret[TT_HASH_BYTES], struct tt_error *err)
{
    uint8_t sealed[2 * TT_HASH_BYTES];
    unsigned length = TT_HASH_BYTES;
    int r;

    memcpy(sealed, id, TT_HASH_BYTES);
    r = tt_hash(object, bytes, sealed + TT_HASH_BYTES, err);
    if (r == 0 &&
        !HMAC(EVP_sha256(), key->bytes, sizeof(key->bytes), sealed, sizeof(sealed), ret, &length))
        r = tt_fail(err, -ENOMEM, "no memory for a seal");
    return r;
}

bool tt_seal_check(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES],
                   const void *object, uint64_t bytes, const uint8_t seal[TT_HASH_BYTES])
{
    uint8_t wanted[TT_HASH_BYTES];

    return tt_seal_make(key, id, object, bytes, wanted, NULL) == 0 &&
           CRYPTO_memcmp(wanted, seal, TT_HASH_BYTES) == 0;
}

static int cache_path(const uint8_t id[TT_HASH_BYTES], char ret[PATH_MAX], struct tt_error *err)
{
    char folder[PATH_MAX], name[2 * TT_HASH_BYTES + 16] = "native/";
    int r = build_folder_own("XDG_CACHE_HOME", ".cache", folder, err);

    if (r == 0)
        r = build_path(ret, folder, "native", err);
    if (r == 0 && mkdir(ret, 0700) < 0 && errno != EEXIST)
        r = tt_fail(err, -errno, "cannot make the folder %s: %s", ret, strerror(errno));
    tt_hash_text(id, name + strlen(name));
    return r == 0 ? build_path(ret, folder, name, err) : r;
}

int tt_cache_get(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], uint8_t **ret,
                 uint64_t *ret_bytes, struct tt_error *err)
{
    char path[PATH_MAX];
    uint64_t bytes;
    uint8_t *data;
    int r = cache_path(id, path, err);

    if (r == 0)
        r = build_file_read(path, TT_NATIVE_BYTES_MAX + TT_HASH_BYTES, &data, &bytes, err);
    if (r < 0)
        return r;
    if (bytes <= TT_HASH_BYTES ||
        !tt_seal_check(key, id, data + TT_HASH_BYTES, bytes - TT_HASH_BYTES, data)) {
        (void)unlink(path);
        free(data);
        return tt_fail(err, -ENOENT, "%s is not ours", path);
    }
    memmove(data, data + TT_HASH_BYTES, bytes - TT_HASH_BYTES);
    *ret = data;
    *ret_bytes = bytes - TT_HASH_BYTES;
    return 0;
}

int tt_cache_put(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], const void *object,
                 uint64_t bytes, struct tt_error *err)
{
    uint8_t *data = malloc(bytes + TT_HASH_BYTES);
    char path[PATH_MAX];
    int r;

    if (!data)
        return tt_fail(err, -ENOMEM, "no memory for an object of %llu bytes",
                       (unsigned long long)bytes);
    memcpy(data + TT_HASH_BYTES, object, bytes);
    r = tt_seal_make(key, id, object, bytes, data, err);
    if (r == 0)
        r = cache_path(id, path, err);
    if (r == 0)
        r = build_file_write(path, data, bytes + TT_HASH_BYTES, 0600, err);
    free(data);
    return r;
}
