/* Feeds files to a fuzz target, where no fuzzer is linked in: all of each folder, in order.
 * Files whose names end in .hex hold their bytes as hexadecimal digits. */
#include <dirent.h>
#include <stdbool.h>

#include "fuzz.h"

enum { BYTES_MAX = 1 << 20 };

static uint32_t fed;

static int digit(int letter)
{
    const char *at = letter ? strchr("0123456789abcdef", letter) : NULL;

    return at ? (int)(at - "0123456789abcdef") : -1;
}

static size_t decode(uint8_t *bytes, size_t count)
{
    size_t digits = 0;

    for (size_t n = 0; n < count; n++) {
        int value = digit(bytes[n]);

        if (value < 0)
            continue;
        bytes[digits / 2] = (uint8_t)(digits % 2 ? bytes[digits / 2] | value : value << 4);
        digits++;
    }
    return digits / 2;
}

static void feed(const char *path)
{
    static uint8_t bytes[BYTES_MAX];
    FILE *file = fopen(path, "rb");
    size_t count, length = strlen(path);
    uint8_t *copy;

    CHECK(file != NULL);
    count = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    if (length > 4 && strcmp(path + length - 4, ".hex") == 0)
        count = decode(bytes, count);
    fprintf(stderr, "- %s\n", path);
    copy = malloc(count + 1); /* so that the sanitizer sees a byte too far */
    CHECK(copy != NULL);
    memcpy(copy, bytes, count);
    (void)LLVMFuzzerTestOneInput(copy, count);
    free(copy);
    fed++;
}

static void feed_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    char path[4096];

    CHECK(count >= 0);
    for (int n = 0; n < count; n++) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entries[n]->d_name);
        if (entries[n]->d_name[0] != '.')
            feed(path);
        free(entries[n]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int n = 1; n < argc; n++)
        feed_folder(argv[n]);
    CHECK(fed > 0);
    return 0;
}
