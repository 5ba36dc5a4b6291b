/* Whether a picture that came from elsewhere agrees with itself. */
#ifndef TT_SPEC_PICTURE_CHECK_H
#define TT_SPEC_PICTURE_CHECK_H

#include "spec/picture.h"

/* -EINVAL with what is wrong. Every place, offset and handle is in bounds afterwards. */
int spec_picture_check(const struct tt_picture *picture, struct tt_error *err);

#endif
