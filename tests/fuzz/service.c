/* A service file, in YAML, by anybody. */
#include "text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct tt_picture *picture = fuzz_text(tt_service_parse_yaml, data, bytes);

    tt_picture_close(&picture);
    return 0;
}
