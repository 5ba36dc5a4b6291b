/* What a process of a service is handed, and what follows from it: the picture, and its wiring. */
#include "spec/wiring.h"

#include <stddef.h>

int tt_wiring_unpack(const char *data, uint64_t bytes, struct tt_picture **ret_picture,
                     struct tt_wiring **ret, struct tt_error *err)
{
    struct tt_picture *picture = NULL;
    int r = tt_picture_unpack(data, bytes, &picture, err);

    if (r == 0)
        r = tt_wiring_make(picture, ret, err);
    if (r < 0) {
        tt_picture_close(&picture);
        return r;
    }
    *ret_picture = picture;
    return 0;
}
