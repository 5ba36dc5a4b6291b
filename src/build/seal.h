/* Native code that this installation made, and how it knows it again. A module's object is loaded
 * only with a seal: an HMAC-SHA-256, under a key that only this user can read, over what it was
 * made from and the object itself. The cache is a folder of sealed objects. Who has the key could
 * write any file of this user, and needs no forged object.
 *
 * Key: $XDG_STATE_HOME/tactus/build.key (or ~/.local/state), mode 0600, made when it is missing.
 * Cache: $XDG_CACHE_HOME/tactus/native (or ~/.cache). */
#ifndef TT_BUILD_SEAL_H
#define TT_BUILD_SEAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

enum { TT_HASH_BYTES = 32, TT_NATIVE_BYTES_MAX = 64 << 20 };

struct tt_seal_key {
    uint8_t bytes[TT_HASH_BYTES];
};

/* -EPERM: somebody else may read or write it, and nothing that it sealed can be believed. */
int tt_seal_key_open(struct tt_seal_key *ret, struct tt_error *err);

/* What an object is made from, in one number: the module's hash, and who translated and compiled it
 * how. */
int tt_native_id(const uint8_t wasm_hash[TT_HASH_BYTES], const char *translator,
                 const char *compiler, const char *flags, uint8_t ret[TT_HASH_BYTES],
                 struct tt_error *err);

int tt_seal_make(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], const void *object,
                 uint64_t bytes, uint8_t ret[TT_HASH_BYTES], struct tt_error *err);
bool tt_seal_check(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES],
                   const void *object, uint64_t bytes, const uint8_t seal[TT_HASH_BYTES]);

/* An object with its seal checked, malloc'ed. -ENOENT: there is none, or none that is ours; what is
 * not is removed. */
int tt_cache_get(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], uint8_t **ret,
                 uint64_t *ret_bytes, struct tt_error *err);
int tt_cache_put(const struct tt_seal_key *key, const uint8_t id[TT_HASH_BYTES], const void *object,
                 uint64_t bytes, struct tt_error *err);

/* SHA-256. */
int tt_hash(const void *data, uint64_t bytes, uint8_t ret[TT_HASH_BYTES], struct tt_error *err);
void tt_hash_text(const uint8_t hash[TT_HASH_BYTES], char ret[2 * TT_HASH_BYTES + 1]);

#endif
