/* Credit by user: what is taken is paid off with time, and some may be saved up. */
#include "node/quota.h"

#include <stddef.h>

#define DEBT_MAX_NS (QUOTA_SAVED_NS + 2 * QUOTA_WAIT_NS)

/* A place that is paid for says nothing, so any user may have it. With all taken by debtors, the
 * one who owes least goes free. */
static struct quota_user *place_of(struct quota *quota, uint32_t uid)
{
    struct quota_user *least = &quota->users[0];

    for (uint32_t n = 0; n < QUOTA_USERS_MAX; n++) {
        struct quota_user *user = &quota->users[n];

        if (user->uid == uid)
            return user;
        if (user->paid_ns < least->paid_ns)
            least = user;
    }
    *least = (struct quota_user){.uid = uid};
    return least;
}

void quota_charge(struct quota *quota, uint32_t uid, int64_t charge_ns, int64_t now_ns)
{
    struct quota_user *user;

    if (uid == 0 || charge_ns <= 0)
        return;
    user = place_of(quota, uid);
    if (user->paid_ns < now_ns)
        user->paid_ns = now_ns;
    if (charge_ns > DEBT_MAX_NS)
        charge_ns = DEBT_MAX_NS;
    user->paid_ns += charge_ns;
    if (user->paid_ns > now_ns + DEBT_MAX_NS)
        user->paid_ns = now_ns + DEBT_MAX_NS;
}

int64_t quota_wait_ns(const struct quota *quota, uint32_t uid, int64_t now_ns)
{
    for (uint32_t n = 0; n < QUOTA_USERS_MAX && uid != 0; n++) {
        const struct quota_user *user = &quota->users[n];

        if (user->uid == uid && user->paid_ns > now_ns + QUOTA_SAVED_NS)
            return user->paid_ns - now_ns - QUOTA_SAVED_NS;
    }
    return 0;
}
