/* What a build reads of strangers: a package's bytes, as they are or with hashes that are right; a
 * module, which is accepted only when what a translator would get of it is, too; and what a module
 * says of itself. */
#include "build/package.h"

#include <errno.h>
#include <unistd.h>

#include "build/wasm.h"
#include "fuzz.h"
#include "sandbox/describe.h"

enum { MANIFEST = 0, RAW, MODULE, DESCRIPTION, WAYS };

static void look_at_package(const uint8_t *data, size_t bytes)
{
    struct tt_package package;
    struct tt_error err = {0};

    if (tt_package_read(data, bytes, &package, &err) < 0) {
        CHECK(err.text[0] != 0);
        return;
    }
    for (int part = 0; part < TT_PART_COUNT; part++) {
        const struct tt_bytes *one = &package.parts[part];

        CHECK(!one->data ||
              (one->data >= data && one->bytes <= bytes && one->data + one->bytes <= data + bytes));
    }
    tt_package_fini(&package);
}

/* Members of a manifest that are anybody's, in a package that is whole otherwise. */
static void look_at_manifest(struct food food)
{
    static const char start[] = "{\"tactus_package\":1,\"name\":\"n\",\"translator\":\"t\","
                                "\"compiler\":\"c\",\"flags\":\"f\",\"machine\":\"m\","
                                "\"component\":{}}";
    char path[] = "/tmp/tactus-fuzz-XXXXXX";
    struct tt_bytes parts[TT_PART_COUNT] = {{0}};
    struct tt_package package;
    struct tt_error err = {0};
    json_t *manifest = json_loads(start, 0, NULL);
    json_t *more = json_loadb((const char *)food.at, food.left, 0, NULL);
    int fd = mkstemp(path);

    CHECK(fd >= 0 && manifest != NULL);
    (void)close(fd);
    parts[TT_PART_WASM] = (struct tt_bytes){(const uint8_t *)"wasm", 4};
    if (food.left > 3)
        parts[TT_PART_START] = (struct tt_bytes){food.at, food.left};
    if (json_is_object(more))
        (void)json_object_update(manifest, more);
    CHECK_INT(tt_package_write(path, parts, manifest, &err), 0);
    if (tt_package_load(path, &package, &err) == 0)
        tt_package_fini(&package);
    else
        CHECK(json_is_object(more) && err.text[0] != 0);
    (void)unlink(path);
    json_decref(more);
    json_decref(manifest);
}

static void look_at_module(struct food food)
{
    uint64_t stripped_bytes, again_bytes;
    uint8_t *stripped, *again;
    struct tt_wasm wasm;
    struct tt_error err = {0};

    if (tt_wasm_read(food.at, food.left, &wasm, &err) < 0) {
        CHECK(err.text[0] != 0);
        return;
    }
    CHECK_INT(tt_wasm_strip(&wasm, &stripped, &stripped_bytes, &err), 0);
    CHECK_INT(tt_wasm_strip(&wasm, &again, &again_bytes, &err), 0);
    CHECK(stripped_bytes == again_bytes && memcmp(stripped, again, again_bytes) == 0);
    tt_wasm_fini(&wasm);
    /* All but the record's place, which a translator has no use for. */
    CHECK_INT(tt_wasm_read(stripped, stripped_bytes, &wasm, &err), -EINVAL);
    CHECK(strstr(err.text, "tactus_record") != NULL);
    free(again);
    free(stripped);
}

static void look_at_description(struct food food)
{
    struct tt_described described;
    struct tt_error err = {0};
    uint32_t at = (uint32_t)eat(&food, 2);

    if (tt_describe(food.at, food.left, at, &described, &err) < 0) {
        CHECK(err.text[0] != 0);
        return;
    }
    CHECK(described.component.name != NULL && described.component.port_count > 0);
    for (uint32_t n = 0; n < described.component.port_count; n++)
        CHECK(strlen(described.component.ports[n].name) < TT_WASM_TEXT_MAX);
    tt_described_fini(&described);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct food food = {data, bytes};

    switch (eat_below(&food, WAYS)) {
    case MANIFEST:
        look_at_manifest(food);
        break;
    case RAW:
        look_at_package(food.at, food.left);
        break;
    case MODULE:
        look_at_module(food);
        break;
    default:
        look_at_description(food);
    }
    return 0;
}
