/* How much each user may ask of tactusd: connections, processes that look at services, and time of
 * its one thread. Who asks for more waits, and who asks for much more is refused; nobody else does.
 */
#ifndef TT_NODE_QUOTA_H
#define TT_NODE_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* Each user has a second of credit a second, of which 5 s may be saved. */
#define QUOTA_SAVED_NS INT64_C(5000000000)
/* Who would have to wait for longer is refused. */
#define QUOTA_WAIT_NS INT64_C(2000000000)

#define QUOTA_CONNECTION_NS INT64_C(10000000) /* 100 a second */
#define QUOTA_PROCESS_NS INT64_C(50000000)    /* 20 a second */
enum { QUOTA_LOOP = 4 };                      /* a quarter of the time of tactusd's loop */

enum { QUOTA_USERS_MAX = 64 };

struct quota_user {
    uint32_t uid;
    int64_t paid_ns; /* until when what they took is paid for */
};

/* Zeroed by its owner. */
struct quota {
    struct quota_user users[QUOTA_USERS_MAX];
};

/* Root may ask for anything. A debt is never so large that it is remembered for long. */
void quota_charge(struct quota *quota, uint32_t uid, int64_t charge_ns, int64_t now_ns);

/* How long this user has to wait: 0 is not at all; over QUOTA_WAIT_NS, refuse. */
int64_t quota_wait_ns(const struct quota *quota, uint32_t uid, int64_t now_ns);

#endif
