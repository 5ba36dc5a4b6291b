/* UDP sockets by address: rtp://HOST:PORT, also udp:// and [IPv6]; one host, or a multicast group.
 */
#ifndef TT_COMPONENTS_UDP_H
#define TT_COMPONENTS_UDP_H

#include <stdint.h>

#include "tactus/error.h"

/* Is this an address that the other two would look up? 0 or -EINVAL with a sentence. */
int udp_check(const char *url, struct tt_error *err);

/* A socket that receives there, with kernel receive times; joins the group of a multicast address
 * on `interface` (an IPv4 address or an interface's name; "": the system's choice). Does not block.
 * Returns the descriptor or a negative errno. */
int udp_open_in(const char *url, const char *interface, struct tt_error *err);

/* A socket that sends there. Does not block. */
int udp_open_out(const char *url, const char *interface, uint32_t hops, struct tt_error *err);

#endif
