/* What this machine lets tactusd do, and how to let it do more. */
#include "cli/rights.h"

#include <string.h>

#include "cli/json_out.h"

bool rights_is_held(const json_t *right)
{
    static const char *const held[] = {"yes", "granted", "held", "ok"};
    const char *state = json_text(right, "state");

    for (size_t n = 0; n < sizeof(held) / sizeof(held[0]); n++)
        if (strcmp(state, held[n]) == 0)
            return true;
    return json_flag(right, "state");
}

const json_t *rights_missing(const json_t *status)
{
    json_t *rights = json_object_get(status, "rights"), *right;
    size_t n;

    json_array_foreach(rights, n, right)
    {
        if (!rights_is_held(right) && json_text(right, "fix")[0])
            return right;
    }
    return NULL;
}
