/* One strict YAML document as a tree, read event by event within bounds. */
#include "spec/yaml_tree.h"

#include <errno.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 8, NODES_MAX = 20000 };

struct reader {
    yaml_parser_t yaml;
    const char *text;
    uint64_t bytes;
    struct spec_arena *arena;
    struct spec_node *open[DEPTH_MAX], *root;
    uint32_t depth, node_count, document_count;
    struct tt_error *err;
};

static struct tt_place place_of(yaml_mark_t mark)
{
    return (struct tt_place){(uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

/* The byte at a place of the text, or the text's end. */
static const char *find(const struct reader *reader, struct tt_place place)
{
    const char *at = reader->text, *end = at + reader->bytes;

    for (uint32_t line = 1; line < place.line && at < end; at++)
        line += *at == '\n';
    for (uint32_t column = 1; column < place.column && at < end && *at != '\n'; at++)
        column += ((unsigned char)at[0] & 0xc0) != 0x80;
    while (at < end && ((unsigned char)*at & 0xc0) == 0x80)
        at++;
    return at;
}

/* The word that stands there, for errors that the library found. */
static void word_at(const struct reader *reader, struct tt_place place, char ret[SPEC_TOKEN_BYTES])
{
    const char *word = find(reader, place), *at = word, *end = reader->text + reader->bytes;

    while (at < end && (unsigned char)*at > ' ')
        at++;
    spec_show(word, (uint64_t)(at - word), ret);
}

static char byte_at(const struct reader *reader, struct tt_place place)
{
    const char *at = find(reader, place);

    return at < reader->text + reader->bytes ? *at : '\0';
}

static struct tt_place place_of_byte(const struct reader *reader, uint64_t offset)
{
    struct tt_place place = {1, 1};

    for (uint64_t n = 0; n < offset && n < reader->bytes; n++) {
        place.column += ((unsigned char)reader->text[n] & 0xc0) != 0x80;
        if (reader->text[n] == '\n')
            place = (struct tt_place){place.line + 1, 1};
    }
    return place;
}

static bool is_tab(const struct reader *reader, struct tt_place place)
{
    return byte_at(reader, place) == '\t';
}

static int expect_closed(struct reader *reader, struct tt_place opened)
{
    char text[96], bracket = byte_at(reader, opened);

    if (bracket == '[' || bracket == '{')
        (void)tt_format_text(text, sizeof(text), "an end to the %c that opens at %u:%u", bracket,
                             opened.line, opened.column);
    else
        (void)tt_format_text(text, sizeof(text), "an end to each [ and { that is open here");
    return spec_expect_text(reader->err, text);
}

static int fail_library(struct reader *reader)
{
    const yaml_parser_t *yaml = &reader->yaml;
    const char *problem = yaml->problem ? yaml->problem : "it cannot be read";
    struct tt_place place = place_of(yaml->problem_mark);
    char token[SPEC_TOKEN_BYTES];

    if (yaml->error == YAML_MEMORY_ERROR)
        return tt_fail(reader->err, -ENOMEM, "no memory for the service's text");
    if (yaml->error == YAML_READER_ERROR) {
        place = place_of_byte(reader, yaml->problem_offset);
        (void)spec_fail(reader->err, place, NULL, "this is no text: %s", problem);
        return spec_expect_text(reader->err, "UTF-8 without control characters");
    }
    word_at(reader, place, token);
    (void)spec_fail(reader->err, place, token, "this is no YAML: %s%s%s", problem,
                    yaml->context ? " " : "", yaml->context ? yaml->context : "");
    if (is_tab(reader, place))
        return spec_expect_text(reader->err, "spaces: a tab cannot indent");
    if (yaml->context && strstr(yaml->context, "flow ") != NULL)
        return expect_closed(reader, place_of(yaml->context_mark));
    if (yaml->context && strstr(yaml->context, "block ") != NULL)
        return spec_expect_text(reader->err,
                                "lines of one map with one indent, and an end to each quote");
    return spec_expect_text(reader->err, "`key: value`, `key: {a: 1}` or `key: [a, b]`");
}

static int refuse(struct reader *reader, struct tt_place place, const char *what)
{
    char token[SPEC_TOKEN_BYTES];

    word_at(reader, place, token);
    (void)spec_fail(reader->err, place, token, "a service's text has no %s", what);
    return spec_expect_text(reader->err, "plain maps, lists and scalars in one document");
}

static int check_new(struct reader *reader, struct tt_place place)
{
    if (++reader->node_count > NODES_MAX) {
        (void)spec_fail(reader->err, place, NULL, "more than %u values in one service", NODES_MAX);
        return spec_expect_text(reader->err, "several services");
    }
    return 0;
}

static int check_key(struct reader *reader, const struct spec_node *map,
                     const struct spec_node *key)
{
    char token[SPEC_TOKEN_BYTES] = "";

    if (key->kind != SPEC_SCALAR) {
        word_at(reader, key->place, token);
        (void)spec_fail(reader->err, key->place, token, "a key must be a word");
        return spec_expect_text(reader->err, "`key: value`");
    }
    spec_show(key->text, strlen(key->text), token);
    for (const struct spec_node *other = map->first; other; other = other->next->next) {
        if (strcmp(other->text, key->text) == 0) {
            (void)spec_fail(reader->err, key->place, token,
                            "the key '%s' is here twice, first in line %u", token,
                            other->place.line);
            return spec_expect_text(reader->err, "each key once");
        }
        if (!other->next)
            break;
    }
    return 0;
}

static int add_node(struct reader *reader, struct spec_node *node)
{
    struct spec_node *parent = reader->depth > 0 ? reader->open[reader->depth - 1] : NULL;
    int r = check_new(reader, node->place);

    if (r < 0)
        return r;
    if (!parent) {
        reader->root = node;
        return 0;
    }
    if (parent->kind == SPEC_MAP && parent->count % 2 == 0) {
        r = check_key(reader, parent, node);
        if (r < 0)
            return r;
    }
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    parent->count++;
    return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct tt_place place = place_of(event->start_mark);
    const char *text = (const char *)event->data.scalar.value;
    struct spec_node *node;

    if (event->data.scalar.anchor)
        return refuse(reader, place, "anchors (&)");
    if (event->data.scalar.tag)
        return refuse(reader, place, "tags (!)");
    if (strlen(text) != event->data.scalar.length)
        return refuse(reader, place, "NUL characters");
    node = spec_take(reader->arena, sizeof(*node));
    if (!node || !(node->text = spec_copy(reader->arena, text, event->data.scalar.length)))
        return tt_fail(reader->err, -ENOMEM, "no memory for the service's text");
    node->kind = SPEC_SCALAR;
    node->place = place;
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return add_node(reader, node);
}

static int read_open(struct reader *reader, const yaml_event_t *event)
{
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    struct tt_place place = place_of(event->start_mark);
    struct spec_node *node;
    int r;

    if (is_map ? event->data.mapping_start.anchor != NULL
               : event->data.sequence_start.anchor != NULL)
        return refuse(reader, place, "anchors (&)");
    if (is_map ? event->data.mapping_start.tag != NULL : event->data.sequence_start.tag != NULL)
        return refuse(reader, place, "tags (!)");
    if (reader->depth == DEPTH_MAX)
        return refuse(reader, place, "maps and lists nested this deep");
    node = spec_take(reader->arena, sizeof(*node));
    if (!node)
        return tt_fail(reader->err, -ENOMEM, "no memory for the service's text");
    node->kind = is_map ? SPEC_MAP : SPEC_LIST;
    node->place = place;
    r = add_node(reader, node);
    if (r < 0)
        return r;
    reader->open[reader->depth++] = node;
    return 0;
}

static int read_document(struct reader *reader, const yaml_event_t *event)
{
    struct tt_place place = place_of(event->start_mark);

    if (++reader->document_count > 1)
        return refuse(reader, place, "second document");
    if (event->data.document_start.version_directive ||
        event->data.document_start.tag_directives.start !=
            event->data.document_start.tag_directives.end)
        return refuse(reader, place, "directives (%)");
    return 0;
}

/* 1: more to come, 0: the text ended, or a negative errno. */
static int read_event(struct reader *reader, const yaml_event_t *event)
{
    int r = 0;

    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        r = read_document(reader, event);
        break;
    case YAML_ALIAS_EVENT:
        r = refuse(reader, place_of(event->start_mark), "aliases (*)");
        break;
    case YAML_SCALAR_EVENT:
        r = read_scalar(reader, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        r = read_open(reader, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        reader->depth--;
        break;
    default:
        break;
    }
    return r < 0 ? r : 1;
}

int spec_yaml_read(const char *text, uint64_t bytes, struct spec_arena *arena,
                   const struct spec_node **ret, struct tt_error *err)
{
    struct reader reader = {.text = text, .bytes = bytes, .arena = arena, .err = err};
    int r = 1;

    if (!yaml_parser_initialize(&reader.yaml))
        return tt_fail(err, -ENOMEM, "no memory for the service's text");
    yaml_parser_set_encoding(&reader.yaml, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.yaml, (const unsigned char *)text, bytes);
    while (r > 0) {
        yaml_event_t event;

        if (!yaml_parser_parse(&reader.yaml, &event)) {
            r = fail_library(&reader);
            break;
        }
        r = read_event(&reader, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&reader.yaml);
    if (r < 0)
        return r;
    if (!reader.root) {
        (void)spec_fail(err, (struct tt_place){1, 1}, NULL, "the text is empty");
        return spec_expect_text(err, "a service that begins with `tactus: 1`");
    }
    *ret = reader.root;
    return 0;
}

const struct spec_node *spec_yaml_get(const struct spec_node *map, const char *key)
{
    for (const struct spec_node *at = map->first; at; at = at->next->next)
        if (strcmp(at->text, key) == 0)
            return at->next;
    return NULL;
}

int spec_yaml_check_keys(const struct spec_node *map, const char *what,
                         const struct spec_words *words, struct tt_error *err)
{
    char token[SPEC_TOKEN_BYTES];

    for (const struct spec_node *key = map->first; key; key = key->next->next) {
        uint32_t n = 0;

        while (n < words->count && strcmp(words->word[n], key->text) != 0)
            n++;
        if (n < words->count)
            continue;
        spec_show(key->text, strlen(key->text), token);
        (void)spec_fail(err, key->place, token, "%s has no key '%s'", what, token);
        return spec_expect(err, words);
    }
    return 0;
}

int spec_yaml_want(const struct spec_node *node, enum spec_node_kind kind, const char *what,
                   struct tt_error *err)
{
    static const char *const kinds[] = {
        [SPEC_SCALAR] = "one value",
        [SPEC_LIST] = "a list: [a, b]",
        [SPEC_MAP] = "a map: {key: value}",
    };
    static const char *const is[] = {
        [SPEC_SCALAR] = "one value", [SPEC_LIST] = "a list", [SPEC_MAP] = "a map"};

    if (node->kind == kind)
        return 0;
    (void)spec_fail(err, node->place, node->kind == SPEC_SCALAR ? node->text : NULL,
                    "%s is %s here", what, is[node->kind]);
    return spec_expect_text(err, kinds[kind]);
}
