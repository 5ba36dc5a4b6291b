/* A user's edges get a device's group when the user is in it, and only then. */
#include "node/groups.h"

#include <grp.h>
#include <pwd.h>

#include "check.h"

enum { NOBODY = 65534 };

/* Whoever is written into some group is in it. */
static uint32_t members(void)
{
    const struct group *group;
    uint32_t found = 0, gid = 0;

    setgrent();
    while ((group = getgrent()) != NULL) {
        const struct passwd *user = group->gr_mem[0] ? getpwnam(group->gr_mem[0]) : NULL;
        char name[64];
        uint32_t uid = user ? user->pw_uid : 0, wanted = group->gr_gid;

        if (uid == 0)
            continue;
        (void)snprintf(name, sizeof(name), "%s", group->gr_name);
        CHECK(groups_has(uid, user->pw_gid, name, &gid) && gid == wanted);
        found++;
    }
    endgrent();
    return found;
}

int main(void)
{
    uint32_t gid = 77;
    json_t *groups = groups_of_cameras(0, 0);

    CHECK_INT((int)json_array_size(groups), 0); /* root needs none */
    json_decref(groups);
    CHECK(!groups_has(NOBODY, NOBODY, "a-group-that-is-not-there", &gid));
    CHECK(!groups_has(4000000, 4000000, "video", &gid));
    CHECK_INT(gid, 77);
    if (getpwuid(NOBODY) && getgrnam("nogroup") && getgrnam("video")) {
        CHECK(groups_has(NOBODY, NOBODY, "nogroup", &gid));
        CHECK(!groups_has(NOBODY, NOBODY, "video", &gid));
        groups = groups_of_cameras(NOBODY, NOBODY);
        CHECK_INT((int)json_array_size(groups), 0);
        json_decref(groups);
        groups = groups_of_cameras(NOBODY, getgrnam("video")->gr_gid);
        CHECK_INT((int)json_array_size(groups), 1);
        json_decref(groups);
    }
    fprintf(stderr, "%u groups have members here\n", members());
    return 0;
}
