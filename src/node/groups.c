/* Who may open cameras. */
#include "node/groups.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>

enum { GROUPS_MAX = 256, TEXT_BYTES = 16384 };

bool groups_has(uint32_t uid, uint32_t gid, const char *name, uint32_t *ret_gid)
{
    char user_text[TEXT_BYTES], group_text[TEXT_BYTES];
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (uid == 0 || getgrnam_r(name, &group, group_text, sizeof(group_text), &found_group) != 0 ||
        !found_group || getpwuid_r(uid, &user, user_text, sizeof(user_text), &found_user) != 0 ||
        !found_user)
        return false;
    if (getgrouplist(user.pw_name, gid, groups, &count) < 0)
        count = GROUPS_MAX; /* of more than we look at the first ones */
    for (int n = 0; n < count; n++)
        if (groups[n] == group.gr_gid) {
            *ret_gid = group.gr_gid;
            return true;
        }
    return false;
}

json_t *groups_of_cameras(uint32_t uid, uint32_t gid)
{
    json_t *groups = json_array();
    uint32_t video;

    if (groups_has(uid, gid, "video", &video))
        json_array_append_new(groups, json_integer(video));
    return groups;
}

json_t *groups_add(json_t *order, uint32_t uid, uint32_t gid)
{
    const json_t *files = json_object_get(order, "files");
    const char *const head = "/dev/video";

    for (size_t n = 0; n < json_array_size(files); n++)
        if (strncmp(json_string_value(json_array_get(files, n)), head, strlen(head)) == 0) {
            (void)json_object_set_new(order, "groups", groups_of_cameras(uid, gid));
            break;
        }
    return order;
}
