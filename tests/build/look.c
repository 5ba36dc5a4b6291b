/* What the builder says of modules: look FILE... prints "fine" or the sentence, one line each. What
 * the translator would get stands in FILE.stripped. */
#include <errno.h>

#include "build/files.h"
#include "build/wasm.h"
#include "check.h"

static void keep(const char *name, const uint8_t *data, uint64_t bytes)
{
    struct tt_error err = {0};
    char path[PATH_MAX];

    CHECK(snprintf(path, sizeof(path), "%s.stripped", name) < (int)sizeof(path));
    CHECK_INT(build_file_write(path, data, bytes, 0600, &err), 0);
}

int main(int argc, char **argv)
{
    for (int n = 1; n < argc; n++) {
        struct tt_error err = {0};
        struct tt_wasm wasm;
        uint64_t bytes, stripped_bytes;
        uint8_t *data, *stripped;
        int r;

        CHECK_INT(build_file_read(argv[n], TT_WASM_BYTES_MAX, &data, &bytes, &err), 0);
        r = tt_wasm_read(data, bytes, &wasm, &err);
        if (r == 0) {
            CHECK_INT(tt_wasm_strip(&wasm, &stripped, &stripped_bytes, &err), 0);
            tt_wasm_fini(&wasm);
            /* What the translator gets is accepted as well, but for the record's place. */
            r = tt_wasm_read(stripped, stripped_bytes, &wasm, &err);
            CHECK(r == -EINVAL && strstr(err.text, "tactus_record"));
            keep(argv[n], stripped, stripped_bytes);
            free(stripped);
            (void)puts("fine");
        } else {
            CHECK(r == -EINVAL || r == -ENOTSUP);
            (void)puts(err.text);
        }
        free(data);
    }
    return 0;
}
