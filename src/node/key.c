/* The node's Ed25519 key: made at the first start, kept for good. */
#include "node/key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RAW_BYTES = 32 };

struct key {
    EVP_PKEY *pkey;
    char hex[KEY_HEX_BYTES];
};

static int read_raw(const char *path, uint8_t raw[RAW_BYTES], struct tt_error *err)
{
    struct stat about;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), r = 0;

    if (fd < 0)
        return errno == ENOENT
                   ? -ENOENT
                   : tt_fail(err, -errno, "cannot open '%s': %s", path, strerror(errno));
    got = read(fd, raw, RAW_BYTES);
    if (got != RAW_BYTES)
        r = tt_fail(err, -EIO, "'%s' is no key of 32 bytes; move it away and a new one is made",
                    path);
    else if (fstat(fd, &about) == 0 && (about.st_mode & 077) != 0)
        r = tt_fail(err, -EACCES, "'%s' can be read by others; chmod 600 it", path);
    (void)close(fd);
    return r;
}

/* Written beside and linked: a start that dies halfway leaves no half key, and of two starts at
 * once one key wins. */
static int write_raw(const char *path, const uint8_t raw[RAW_BYTES], struct tt_error *err)
{
    char beside[PATH_MAX];
    int fd, r = 0;

    if (snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid()) >= (int)sizeof(beside))
        return tt_fail(err, -ENAMETOOLONG, "'%s' is too long", path);
    fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return tt_fail(err, -errno, "cannot make '%s': %s", beside, strerror(errno));
    if (write(fd, raw, RAW_BYTES) != RAW_BYTES || fsync(fd) < 0 || link(beside, path) < 0)
        r = errno == EEXIST ? 0 : -errno;
    (void)close(fd);
    (void)unlink(beside);
    return r < 0 ? tt_fail(err, r, "cannot write '%s': %s", path, strerror(-r)) : 0;
}

static int make_raw(uint8_t raw[RAW_BYTES])
{
    EVP_PKEY *made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    size_t bytes = RAW_BYTES;
    bool is_made = made != NULL && EVP_PKEY_get_raw_private_key(made, raw, &bytes) == 1;

    EVP_PKEY_free(made);
    return is_made && bytes == RAW_BYTES ? 0 : -EIO;
}

static int load(const char *path, uint8_t raw[RAW_BYTES], struct tt_error *err)
{
    int r = read_raw(path, raw, err);

    if (r != -ENOENT)
        return r;
    r = make_raw(raw);
    if (r < 0)
        return tt_fail(err, r, "OpenSSL made no Ed25519 key");
    r = write_raw(path, raw, err);
    return r < 0 ? r : read_raw(path, raw, err);
}

int key_open(const char *folder, struct key **ret, struct tt_error *err)
{
    uint8_t raw[RAW_BYTES], public[RAW_BYTES];
    size_t bytes = sizeof(public);
    char path[PATH_MAX];
    struct key *key;
    int r;

    if (snprintf(path, sizeof(path), "%s/node.key", folder) >= (int)sizeof(path))
        return tt_fail(err, -ENAMETOOLONG, "'%s' is too long", folder);
    r = load(path, raw, err);
    if (r < 0)
        return r;
    key = calloc(1, sizeof(*key));
    if (key == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the node's key");
    key->pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
    explicit_bzero(raw, sizeof(raw));
    if (key->pkey == NULL || EVP_PKEY_get_raw_public_key(key->pkey, public, &bytes) != 1) {
        key_close(&key);
        return tt_fail(err, -EIO, "OpenSSL takes no Ed25519 key from '%s'", path);
    }
    for (size_t n = 0; n < sizeof(public); n++)
        (void)snprintf(key->hex + 2 * n, 3, "%02x", public[n]);
    *ret = key;
    return 0;
}

void key_close(struct key **key)
{
    if (*key == NULL)
        return;
    EVP_PKEY_free((*key)->pkey);
    free(*key);
    *key = NULL;
}

int key_sign(void *ctx, const uint8_t hash[32], uint8_t ret[64])
{
    struct key *key = ctx;
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    size_t bytes = 64;
    bool is_signed = digest != NULL &&
                     EVP_DigestSignInit(digest, NULL, NULL, NULL, key->pkey) == 1 &&
                     EVP_DigestSign(digest, ret, &bytes, hash, 32) == 1;

    EVP_MD_CTX_free(digest);
    return is_signed && bytes == 64 ? 0 : -EIO;
}

const char *key_hex(const struct key *key)
{
    return key->hex;
}
