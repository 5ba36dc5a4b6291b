/* The groups that a user's edges are given beside his own: those of devices, and only when he is in
 * them himself. */
#ifndef TT_NODE_GROUPS_H
#define TT_NODE_GROUPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Is this user, whose first group is gid, in the group of this name? Root needs none. */
bool groups_has(uint32_t uid, uint32_t gid, const char *name, uint32_t *ret_gid);

/* For an order to the zygote: group numbers, empty when there are none. */
json_t *groups_of_cameras(uint32_t uid, uint32_t gid);

/* Adds them to the order of an edge that is given a camera; returns the order. */
json_t *groups_add(json_t *order, uint32_t uid, uint32_t gid);

#endif
