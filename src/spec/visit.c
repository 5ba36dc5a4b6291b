/* One walk over a JSON object or a row of bytes that writes it or reads it. */
#include "spec/visit.h"

#include <string.h>

#include "spec/base64.h"

/* Parts of rationals: products with nanoseconds stay inside 64 bits. */
enum { PART_MAX = 1000000000, STRING_MAX = 4096 };

static void fail(struct visit *visit, const char *name)
{
    if (!visit->bad)
        visit->bad = name;
}

static void put(struct visit *visit, json_t *object, const char *name, json_t *value)
{
    if (!value || json_object_set_new(object, name, value) < 0)
        fail(visit, name);
}

/* A number where a row of bytes is walked. */
static void pack_i64(struct visit *visit, const char *name, int64_t min, int64_t max,
                     int64_t *value)
{
    int64_t read;

    if (!visit->is_reading) {
        if (!pack_put_number(visit->pack, *value))
            fail(visit, name);
    } else if (visit->bad || !pack_get_number(visit->pack, &read) || read < min || read > max) {
        fail(visit, name);
    } else {
        *value = read;
    }
}

/* What comes after its length; NULL: it is not there. */
static const char *pack_bytes(struct visit *visit, const char *name, uint64_t max, uint64_t *count)
{
    int64_t read = 0;
    const char *at;

    pack_i64(visit, name, 0, (int64_t)max, &read);
    at = visit->bad ? NULL : pack_get(visit->pack, (uint64_t)read);
    if (!at)
        fail(visit, name);
    *count = (uint64_t)read;
    return at;
}

/* A text, without its end. NULL: it is none. */
static const char *pack_text(struct visit *visit, const char *name, uint64_t max, uint64_t *count)
{
    const char *at = pack_bytes(visit, name, max, count);

    if (at && memchr(at, 0, *count) != NULL)
        fail(visit, name);
    return visit->bad ? NULL : at;
}

static void put_bytes(struct visit *visit, const char *name, const void *data, uint64_t bytes)
{
    if (!pack_put_number(visit->pack, (int64_t)bytes) || !pack_put(visit->pack, data, bytes))
        fail(visit, name);
}

bool visit_has(struct visit *visit, json_t *object, const char *name, bool is_there)
{
    int64_t value = is_there;

    if (visit->pack)
        pack_i64(visit, name, 0, 1, &value);
    else if (visit->is_reading)
        value = json_object_get(object, name) != NULL;
    return value != 0 && !visit->bad;
}

void visit_i64(struct visit *visit, json_t *object, const char *name, int64_t min, int64_t max,
               int64_t *value)
{
    const json_t *member;
    json_int_t read;

    if (visit->pack) {
        pack_i64(visit, name, min, max, value);
        return;
    }
    if (!visit->is_reading) {
        put(visit, object, name, json_integer(*value));
        return;
    }
    member = json_object_get(object, name);
    read = json_integer_value(member);
    if (!json_is_integer(member) || read < min || read > max)
        fail(visit, name);
    else
        *value = read;
}

void visit_i32(struct visit *visit, json_t *object, const char *name, int32_t min, int32_t max,
               int32_t *value)
{
    int64_t wide = *value;

    visit_i64(visit, object, name, min, max, &wide);
    *value = (int32_t)wide;
}

void visit_u32(struct visit *visit, json_t *object, const char *name, uint32_t max, uint32_t *value)
{
    int64_t wide = *value;

    visit_i64(visit, object, name, 0, max, &wide);
    *value = (uint32_t)wide;
}

void visit_bits(struct visit *visit, json_t *object, const char *name, uint64_t *value)
{
    int64_t same;

    memcpy(&same, value, sizeof(same));
    visit_i64(visit, object, name, INT64_MIN, INT64_MAX, &same);
    memcpy(value, &same, sizeof(same));
}

void visit_bool(struct visit *visit, json_t *object, const char *name, bool *value)
{
    const json_t *member;
    int64_t wide = *value;

    if (visit->pack) {
        pack_i64(visit, name, 0, 1, &wide);
        *value = wide != 0;
        return;
    }
    if (!visit->is_reading) {
        put(visit, object, name, json_boolean(*value));
        return;
    }
    member = json_object_get(object, name);
    if (!json_is_boolean(member))
        fail(visit, name);
    else
        *value = json_is_true(member);
}

/* NULL when there is none without a NUL inside. */
static const char *string_of(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);
    const char *text = json_string_value(member);

    return text && strlen(text) == json_string_length(member) ? text : NULL;
}

void visit_text(struct visit *visit, json_t *object, const char *name, char *value, uint32_t bytes)
{
    const char *text;
    uint64_t length;

    if (visit->pack && visit->is_reading) {
        text = pack_text(visit, name, bytes - 1, &length);
        if (text)
            memcpy(value, text, length);
        if (text)
            value[length] = 0;
        return;
    }
    if (visit->pack) {
        put_bytes(visit, name, value, strlen(value));
        return;
    }
    if (!visit->is_reading) {
        put(visit, object, name, json_string(value));
        return;
    }
    text = string_of(object, name);
    if (!text || strlen(text) >= bytes)
        fail(visit, name);
    else
        memcpy(value, text, strlen(text) + 1);
}

void visit_string(struct visit *visit, json_t *object, const char *name, char **value)
{
    const char *text;
    uint64_t length;

    if (visit->pack && visit->is_reading) {
        text = pack_text(visit, name, STRING_MAX - 1, &length);
        if (text && !(*value = spec_copy(visit->arena, text, length)))
            fail(visit, name);
        return;
    }
    if (visit->pack) {
        put_bytes(visit, name, *value, strlen(*value));
        return;
    }
    if (!visit->is_reading) {
        put(visit, object, name, json_string(*value));
        return;
    }
    text = string_of(object, name);
    if (!text || strlen(text) >= STRING_MAX ||
        !(*value = spec_copy(visit->arena, text, strlen(text))))
        fail(visit, name);
}

void visit_blob(struct visit *visit, json_t *object, const char *name, struct tt_blob *value)
{
    const char *text;
    void *data;
    uint64_t bytes;

    if (visit->pack && visit->is_reading) {
        text = pack_bytes(visit, name, INT32_MAX, &bytes);
        data = text ? spec_copy(visit->arena, text, bytes) : NULL;
        if (!data)
            fail(visit, name);
        else
            *value = (struct tt_blob){data, bytes};
        return;
    }
    if (visit->pack) {
        put_bytes(visit, name, value->data, value->bytes);
        return;
    }
    if (!visit->is_reading) {
        text = spec_base64_print(visit->arena, value->data, value->bytes);
        put(visit, object, name, text ? json_string(text) : NULL);
        return;
    }
    text = string_of(object, name);
    if (!text || spec_base64_parse(visit->arena, text, strlen(text), &data, &bytes) < 0)
        fail(visit, name);
    else
        *value = (struct tt_blob){data, bytes};
}

void visit_rational(struct visit *visit, json_t *object, const char *name,
                    struct tt_rational *value)
{
    const json_t *list, *num, *den;

    if (visit->pack) {
        pack_i64(visit, name, 0, PART_MAX, &value->num);
        pack_i64(visit, name, 0, PART_MAX, &value->den);
        return;
    }
    if (!visit->is_reading) {
        put(visit, object, name,
            json_pack("[I,I]", (json_int_t)value->num, (json_int_t)value->den));
        return;
    }
    list = json_object_get(object, name);
    num = json_array_get(list, 0);
    den = json_array_get(list, 1);
    if (json_array_size(list) != 2 || !json_is_integer(num) || !json_is_integer(den) ||
        json_integer_value(num) < 0 || json_integer_value(num) > PART_MAX ||
        json_integer_value(den) < 0 || json_integer_value(den) > PART_MAX)
        fail(visit, name);
    else
        *value = (struct tt_rational){json_integer_value(num), json_integer_value(den)};
}

json_t *visit_list(struct visit *visit, json_t *object, const char *name, uint32_t max,
                   uint32_t *count)
{
    json_t *list;

    if (visit->pack) {
        visit_u32(visit, object, name, max, count);
        return visit->bad ? NULL : json_null(); /* any: it has no name to be looked up in */
    }
    if (!visit->is_reading) {
        list = json_array();
        put(visit, object, name, list);
        return visit->bad ? NULL : list;
    }
    list = json_object_get(object, name);
    if (!json_is_array(list) || json_array_size(list) > max) {
        fail(visit, name);
        return NULL;
    }
    *count = (uint32_t)json_array_size(list);
    return list;
}

json_t *visit_item(struct visit *visit, json_t *list, uint32_t place)
{
    json_t *item;

    if (visit->bad)
        return NULL;
    if (visit->pack)
        return list;
    if (!visit->is_reading) {
        item = json_object();
        if (!item || json_array_append_new(list, item) < 0)
            fail(visit, "(memory)");
        return visit->bad ? NULL : item;
    }
    item = json_array_get(list, place);
    if (!json_is_object(item))
        fail(visit, "(list)");
    return visit->bad ? NULL : item;
}
