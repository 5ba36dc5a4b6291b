/* A node's key and a file in memory, for tests of the ledger. */
#ifndef TT_TESTS_LEDGER_KEY_H
#define TT_TESTS_LEDGER_KEY_H

#include <openssl/evp.h>

#include "check.h"
#include "ledger/ledger.h"

struct file {
    uint8_t *bytes;
    uint64_t count;
    uint32_t write_count;
    uint64_t ends[64]; /* where each segment ends */
};

static inline int file_write(void *ctx, const void *data, uint64_t bytes)
{
    struct file *file = ctx;

    file->bytes = realloc(file->bytes, file->count + bytes);
    CHECK(file->bytes != NULL);
    memcpy(file->bytes + file->count, data, bytes);
    file->count += bytes;
    CHECK(file->write_count < 64);
    file->ends[file->write_count++] = file->count;
    return 0;
}

static inline int key_sign(void *ctx, const uint8_t hash[TT_HASH_BYTES],
                           uint8_t ret[TT_SIGNATURE_BYTES])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t bytes = TT_SIGNATURE_BYTES;

    CHECK_INT(EVP_DigestSignInit(md, NULL, NULL, NULL, ctx), 1);
    CHECK_INT(EVP_DigestSign(md, ret, &bytes, hash, TT_HASH_BYTES), 1);
    EVP_MD_CTX_free(md);
    return 0;
}

/* The same key for the same seed, so that a failing test fails again. */
static inline EVP_PKEY *key_make(uint8_t seed, char ret_hex[2 * TT_KEY_BYTES + 1])
{
    uint8_t secret[TT_KEY_BYTES], public[TT_KEY_BYTES];
    size_t bytes = sizeof(public);
    EVP_PKEY *key;

    memset(secret, seed, sizeof(secret));
    key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof(secret));
    CHECK(key != NULL);
    CHECK_INT(EVP_PKEY_get_raw_public_key(key, public, &bytes), 1);
    for (uint32_t n = 0; n < TT_KEY_BYTES; n++)
        (void)snprintf(ret_hex + 2 * n, 3, "%02x", public[n]);
    return key;
}

static inline void put_json(struct tt_ledger_writer *writer, uint32_t part, const char *text)
{
    CHECK_INT(tt_ledger_writer_put(writer, part, text, strlen(text)), 0);
}

#endif
