/* The key under which a user's `tactus build` seals native code, for the shaper of that user's
 * services, which cannot look for it itself. */
#ifndef TT_NODE_BUILD_KEY_H
#define TT_NODE_BUILD_KEY_H

#include <stdint.h>

/* A descriptor to read it from; -ENOENT: this user has built nothing, or somebody else could read
 * or write the key, so that it proves nothing. */
int build_key_open(uint32_t uid);

#endif
