/* Reading members of answers without trusting them, and writing JSON the same way every time. */
#include "cli/json_out.h"

const char *json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

int64_t json_int(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

double json_number(const json_t *object, const char *name)
{
    return json_number_value(json_object_get(object, name));
}

bool json_flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

void json_write(FILE *file, const json_t *value)
{
    (void)json_dumpf(value, file, JSON_INDENT(2) | JSON_REAL_PRECISION(15) | JSON_ENCODE_ANY);
    fputc('\n', file);
}

void json_write_event(FILE *file, const json_t *event)
{
    json_t *bare = json_copy((json_t *)event);

    (void)json_object_del(bare, "event");
    json_write(file, bare);
    json_decref(bare);
}
