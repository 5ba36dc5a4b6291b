/* explain: the life of a frame is found by its origin, and told within 80 columns. */
#include <errno.h>
#include <jansson.h>

#include "key.h"
#include "ledger/life.h"

#define MS 1000000

static const char agreement_text[] =
    "{\"name\": \"news\", \"class\": \"targeted\", \"key\": \"%s\","
    " \"sinks\": [\"file.video\", {\"name\": \"file.audio\"}],"
    " \"plan\": {\"budget_of_ns\": [0, 6000000, 20000000, 1000000, 500000],"
    "  \"sinks\": {\"file.video\": {\"components\": [0, 1, 2, 4]}}},"
    " \"picture\": {\"components\": [{\"name\": \"clip\"}, {\"name\": \"vdec\"},"
    "  {\"name\": \"venc\"}, {\"name\": \"mix\"}, {\"name\": \"file\"}]}}";

struct made {
    struct file file;
    struct tt_ledger *ledger;
};

static struct tt_record frame(uint16_t sink, int64_t index, int64_t delay_ns, uint8_t cause)
{
    struct tt_record record = {.kind = TT_RECORD_FRAME,
                               .outcome = delay_ns > 100 * MS ? TT_LATE_FRAME : TT_ON_TIME,
                               .cause = cause,
                               .component = 2,
                               .sink = sink,
                               .index = index,
                               .origin_ns = index * 40 * MS,
                               .due_ns = index * 40 * MS + 100 * MS,
                               .delivered_ns = index * 40 * MS + delay_ns,
                               .slack_ns = 100 * MS - delay_ns};

    if (delay_ns < 0)
        record.outcome = TT_LOST_FRAME;
    return record;
}

static bool has_values = true;

/* A hop of `component` whose own index differs from the frame's: decoding order. */
static struct tt_record hop(uint16_t component, int64_t index, int64_t origin_ns, int64_t start_ns,
                            int64_t wall_ns)
{
    return (struct tt_record){.kind = TT_RECORD_HOP,
                              .component = component,
                              .index = index,
                              .value = has_values ? origin_ns : 0,
                              .origin_ns = origin_ns + MS,
                              .due_ns = origin_ns + 90 * MS,
                              .delivered_ns = origin_ns + start_ns,
                              .sent_ns = origin_ns + start_ns + wall_ns,
                              .slack_ns = wall_ns / 2};
}

/* Ten frames; number 4 is late for the budget of venc, number 6 lost; decoding order swaps pairs.
 */
static struct made make(const char *text)
{
    struct made made = {0};
    struct tt_ledger_writer *writer = NULL;
    struct tt_record frames[16], hops[64];
    uint32_t frame_count = 0, hop_count = 0;
    char agreement[2048], hex[2 * TT_KEY_BYTES + 1];
    EVP_PKEY *key = key_make(3, hex);

    (void)snprintf(agreement, sizeof(agreement), text, hex);
    for (int64_t n = 0; n < 10; n++) {
        int64_t origin_ns = n * 40 * MS, delay_ns = n == 4 ? 130 * MS : n == 6 ? -1 : (20 + n) * MS;

        hops[hop_count++] = hop(1, n ^ 1, origin_ns, 2 * MS, 5 * MS);
        if (n != 6)
            hops[hop_count++] = hop(2, n, origin_ns, 10 * MS, n == 4 ? 118 * MS : 9 * MS);
        hops[hop_count++] = hop(3, n, origin_ns, 3 * MS, MS); /* audio: not upstream of video */
        frames[frame_count++] = frame(0, n, delay_ns,
                                      n == 4   ? TT_CAUSE_BUDGET
                                      : n == 6 ? TT_CAUSE_MEDIA
                                               : TT_CAUSE_NONE);
    }
    hops[hop_count++] = (struct tt_record){
        .kind = TT_RECORD_NOTE, .component = 2, .index = 4, .due_ns = 12, .value = 3456};
    frames[frame_count++] = (struct tt_record){.kind = TT_RECORD_USE,
                                               .component = 1,
                                               .index = 5,
                                               .value = 2}; /* index 5 decodes frame 4 */
    CHECK_INT(tt_ledger_writer_open(key_sign, key, file_write, &made.file, &writer), 0);
    put_json(writer, TT_PART_AGREEMENT, agreement);
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_HOPS, hops, hop_count * sizeof(hops[0])), 0);
    put_json(writer, TT_PART_EVENT, "{\"event\": \"restart\", \"at_ns\": 200000000}");
    put_json(writer, TT_PART_EVENT, "{\"event\": \"far away\", \"at_ns\": 90000000000}");
    put_json(writer, TT_PART_EVENT, "no JSON");
    CHECK_INT(tt_ledger_writer_put(writer, TT_PART_FRAMES, frames, frame_count * sizeof(frames[0])),
              0);
    put_json(writer, TT_PART_COUNT, "{}");
    tt_ledger_writer_close(&writer);
    EVP_PKEY_free(key);
    CHECK_INT(tt_ledger_read(made.file.bytes, made.file.count, &made.ledger, NULL), 0);
    CHECK_INT(made.ledger->verdict, TT_INTACT);
    return made;
}

static void drop(struct made *made)
{
    tt_ledger_close(&made->ledger);
    free(made->file.bytes);
}

static char *explain(const struct made *made, const char *sink, int64_t index, bool as_json)
{
    struct tt_error err = {0};
    char *text = NULL;

    CHECK_INT(tt_ledger_explain(made->ledger, sink, index, as_json, &text, &err), 0);
    CHECK(text != NULL);
    return text;
}

static void check_columns(const char *text)
{
    while (*text) {
        size_t line = strcspn(text, "\n");

        CHECK(line <= 80);
        text += line + (text[line] != 0);
    }
}

static void worst_come_in_order(void)
{
    struct made made = make(agreement_text);
    char *text = explain(&made, NULL, -1, false);
    char *json = explain(&made, "file.video", -1, true);
    json_t *object = json_loads(json, 0, NULL), *worst = json_object_get(object, "worst");
    static const int64_t order[] = {6, 4, 9, 8, 7};

    check_columns(text);
    CHECK(strstr(text, "file.video") != NULL);
    CHECK(strstr(text, "-30.000") != NULL);
    CHECK_INT(json_array_size(worst), 5);
    for (uint32_t n = 0; n < 5; n++)
        CHECK_INT(json_integer_value(json_object_get(json_array_get(worst, n), "index")), order[n]);
    json_decref(object);
    free(text);
    free(json);
    drop(&made);
}

static void life_is_found_by_origin(void)
{
    struct made made = make(agreement_text);
    char *json = explain(&made, NULL, 4, true);
    json_t *object = json_loads(json, 0, NULL), *hops = json_object_get(object, "hops");

    CHECK_INT(json_array_size(hops), 2); /* vdec and venc; mix feeds another input */
    CHECK_TEXT(json_string_value(json_object_get(json_array_get(hops, 0), "component")), "vdec");
    CHECK_INT(json_integer_value(json_object_get(json_array_get(hops, 0), "index")), 5);
    CHECK_INT(json_integer_value(json_object_get(json_array_get(hops, 1), "budget_ns")), 20 * MS);
    CHECK_INT(json_array_size(json_object_get(object, "uses")), 1);
    CHECK_INT(json_array_size(json_object_get(object, "notes")), 1);
    CHECK_INT(json_array_size(json_object_get(object, "events")), 1);
    CHECK(strstr(json_string_value(json_object_get(object, "why")), "`venc`") != NULL);
    CHECK(strstr(json_string_value(json_object_get(object, "why")), "59.000 ms on the CPU") !=
          NULL);
    json_decref(object);
    free(json);
    drop(&made);
}

static void text_fits_a_terminal(void)
{
    struct made made = make(agreement_text);
    char *text = explain(&made, "file.video", 4, false);

    check_columns(text);
    CHECK(strstr(text, "late by 30.000 ms") != NULL);
    CHECK(strstr(text, "ran over its budget (ours)") != NULL);
    CHECK(strstr(text, "####") != NULL);
    CHECK(strstr(text, "used `repeat`") != NULL);
    fputs(text, stderr);
    free(text);
    text = explain(&made, "file.video", 1, false); /* 21 of 100 ms: the due time is in sight */
    CHECK(strstr(text, "| due") != NULL);
    free(text);
    text = explain(&made, "file.video", 6, false);
    CHECK(strstr(text, "frame 6: lost") != NULL);
    CHECK(strstr(text, "venc ") == NULL); /* its activation for frame 5 is not shown for 6 */
    free(text);
    drop(&made);
}

/* Hops without a media origin: it follows from their due time, by the plan's offset. */
static void origin_follows_from_the_due_time(void)
{
    struct made made;
    json_t *object, *hops;
    char *json;

    has_values = false;
    made =
        make("{\"key\": \"%s\", \"plan\": {\"due_offset_ns\": [0, 90000000, 90000000, 90000000]},"
             " \"components\": [\"clip\", \"vdec\", \"venc\", \"mix\"]}");
    has_values = true;
    json = explain(&made, NULL, 4, true);
    object = json_loads(json, 0, NULL);
    hops = json_object_get(object, "hops");
    CHECK_INT(json_array_size(hops), 3);
    CHECK_INT(json_integer_value(json_object_get(json_array_get(hops, 0), "index")), 5);
    CHECK_INT(json_integer_value(json_object_get(json_array_get(hops, 0), "origin_ns")), 160 * MS);
    json_decref(object);
    free(json);
    drop(&made);
}

static void what_is_not_there_is_said(void)
{
    struct made made = make(agreement_text);
    struct tt_error err = {0};
    char *text = NULL;

    CHECK_INT(tt_ledger_explain(made.ledger, NULL, 99, false, &text, &err), -ENOENT);
    CHECK(strstr(err.text, "99") != NULL);
    CHECK_INT(tt_ledger_explain(made.ledger, "nowhere", 4, false, &text, &err), -ENOENT);
    CHECK_INT(tt_ledger_explain(made.ledger, "file.audio", -1, false, &text, &err), -ENOENT);
    CHECK(text == NULL);
    drop(&made);
}

static char *list(const struct made *made, const char *sink, bool as_json, int wanted)
{
    struct tt_error err = {0};
    char *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&text, &bytes);

    CHECK_INT(tt_ledger_list(made->ledger, sink, as_json, out, &err), wanted);
    CHECK(wanted == 0 || strstr(err.text, "file.video, file.audio") != NULL);
    CHECK_INT(fclose(out), 0);
    return text;
}

static size_t size_of(const json_t *object, const char *name)
{
    return json_array_size(json_object_get(object, name));
}

static void all_frames_are_listed(void)
{
    struct made made = make(agreement_text);
    char *text = list(&made, NULL, false, 0), *json = list(&made, NULL, true, 0);
    json_t *object = json_loads(json, 0, NULL), *frames = json_object_get(object, "frames");

    check_columns(text);
    CHECK(strstr(text, "  lost     media\n") != NULL);
    CHECK_INT(json_array_size(frames), 10);
    for (uint32_t n = 0; n < 10; n++)
        CHECK_INT(json_integer_value(json_object_get(json_array_get(frames, n), "index")), n);
    CHECK_TEXT(json_string_value(json_object_get(json_array_get(frames, 4), "outcome")), "late");
    CHECK_INT(size_of(object, "sinks"), 2);
    CHECK_INT(size_of(object, "notes"), 1);
    CHECK_INT(size_of(object, "uses"), 1);
    CHECK_INT(size_of(object, "hops"), 29);
    CHECK_INT(size_of(object, "events"), 2); /* the third is no JSON */
    CHECK(json_is_object(json_object_get(object, "count")));
    json_decref(object);
    free(text);
    free(json);
    json = list(&made, "file.audio", true, 0);
    object = json_loads(json, 0, NULL);
    CHECK_INT(size_of(object, "sinks"), 1);
    CHECK_INT(size_of(object, "frames"), 0);
    json_decref(object);
    free(json);
    free(list(&made, "file.vide", true, -ENOENT));
    drop(&made);
}

/* Who failed is named, also when its process died and wrote nothing of it, and not who was at work
 * for longest. */
static void who_failed_is_named(void)
{
    struct ledger_life life = {
        .frame = {.outcome = TT_LOST_FRAME, .cause = TT_CAUSE_FAILED, .component = 1},
        .hops[0] = {.is_there = true, .end_ns = 9 * MS, .cpu_ns = -1}};
    json_t *agreement = json_loads("{\"components\": [\"clip\", \"blur\"]}", 0, NULL);
    char text[640];

    ledger_life_evidence(&life, agreement, text, sizeof(text));
    CHECK_TEXT(text, "a component failed (ours): `blur`, of which no activation was recorded for "
                     "this frame");
    life.hops[1] = (struct ledger_hop){.is_there = true, .end_ns = MS, .cpu_ns = -1};
    ledger_life_evidence(&life, agreement, text, sizeof(text));
    CHECK_TEXT(text, "a component failed (ours): `blur` waited 0.000 ms and ran 1.000 ms");
    CHECK_TEXT(tt_cause_name(TT_CAUSE_FAILED), "failed");
    CHECK(tt_cause_is_ours(TT_CAUSE_FAILED));
    json_decref(agreement);
}

/* An agreement of another version: every member missing or of another type. */
static void bare_agreements_do(void)
{
    static const char *const texts[] = {
        "{\"key\": \"%s\"}",
        "{\"key\": \"%s\", \"sinks\": 4, \"components\": {}, \"plan\": [], \"picture\": \"x\","
        " \"name\": []}",
        "{\"key\": \"%s\", \"sinks\": [\"a.b\"], \"components\": [\"a\"],"
        " \"plan\": {\"due_offset_ns\": {}, \"budget_of_ns\": [\"x\"],"
        "  \"sinks\": {\"a.b\": {\"components\": [-1, 99999, \"x\", 2]}}}}"};

    for (uint32_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++) {
        struct made made = make(texts[n]);

        free(explain(&made, NULL, -1, false));
        free(explain(&made, NULL, 4, false));
        free(explain(&made, NULL, 4, true));
        free(list(&made, NULL, true, 0));
        free(list(&made, NULL, false, 0));
        drop(&made);
    }
}

int main(void)
{
    RUN(worst_come_in_order);
    RUN(life_is_found_by_origin);
    RUN(text_fits_a_terminal);
    RUN(origin_follows_from_the_due_time);
    RUN(what_is_not_there_is_said);
    RUN(all_frames_are_listed);
    RUN(bare_agreements_do);
    RUN(who_failed_is_named);
    return 0;
}
