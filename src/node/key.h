/* The node's Ed25519 key, by which it signs its ledgers. */
#ifndef TT_NODE_KEY_H
#define TT_NODE_KEY_H

#include <stdint.h>

#include "tactus/error.h"

struct key;

enum { KEY_HEX_BYTES = 65 };

/* Reads FOLDER/node.key (mode 0600, 32 bytes), or makes it. */
int key_open(const char *folder, struct key **ret, struct tt_error *err);
void key_close(struct key **key);

/* A tt_sign_fn: ctx is the key. */
int key_sign(void *ctx, const uint8_t hash[32], uint8_t ret[64]);

/* The public key in hexadecimal. */
const char *key_hex(const struct key *key);

#endif
