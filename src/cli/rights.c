/* What this machine lets tactusd do, and how to let it do more. */
#include "cli/rights.h"

#include <string.h>

#include "cli/json_out.h"

bool rights_is_held(const json_t *right)
{
    return strcmp(json_text(right, "state"), "yes") == 0;
}

/* Only these decide what can be promised; the others make a promise cheaper or safer. */
static bool is_decisive(const json_t *right)
{
    return strcmp(json_text(right, "right"), "deadline") == 0 ||
           strcmp(json_text(right, "right"), "fifo") == 0;
}

const json_t *rights_missing(const json_t *status)
{
    json_t *rights = json_object_get(status, "rights"), *right;
    size_t n;

    json_array_foreach(rights, n, right)
    {
        if (!rights_is_held(right) && is_decisive(right) && json_text(right, "fix")[0])
            return right;
    }
    return NULL;
}
