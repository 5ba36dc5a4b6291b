/* Answers that are kept: the same words, the oldest goes, what is too long is not kept, one in use
 * outlives its place. */
#include "node/shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

static struct loop *loop;

static void keep(struct shapes *shapes, const char *key, const char *picture)
{
    struct known_shape told = {.key = (char *)(uintptr_t)key,
                               .picture = (char *)(uintptr_t)picture,
                               .print = (char *)(uintptr_t) "print",
                               .dot = (char *)(uintptr_t) "dot",
                               .is_given_once = true};

    told.notes = json_pack("[s]", "a note");
    shapes_keep(shapes, &told);
    json_decref(told.notes);
}

static void the_same_words_have_the_same_answer(void)
{
    struct shapes *shapes = shapes_open(loop);
    const struct known_shape *known;

    CHECK(shapes_find(shapes, "a") == NULL);
    CHECK(shapes_find(shapes, NULL) == NULL);
    keep(shapes, "a", "picture of a");
    keep(shapes, "b", "picture of b");
    known = shapes_find(shapes, "a");
    CHECK(known != NULL);
    CHECK_TEXT(known->picture, "picture of a");
    CHECK_TEXT(json_string_value(json_array_get(known->notes, 0)), "a note");
    CHECK(known->is_given_once);
    shapes_close(&shapes); /* whoever has one keeps it */
    CHECK_TEXT(known->print, "print");
    shapes_drop(&known);
    CHECK(known == NULL);
}

static void the_oldest_goes(void)
{
    struct shapes *shapes = shapes_open(loop);
    const struct known_shape *known;
    char key[16];

    for (uint32_t n = 0; n < SHAPES_MAX; n++) {
        (void)snprintf(key, sizeof(key), "%u", n);
        keep(shapes, key, "picture");
    }
    known = shapes_find(shapes, "0"); /* used last now */
    keep(shapes, "one more", "picture");
    CHECK(shapes_find(shapes, "1") == NULL);
    shapes_drop(&known);
    known = shapes_find(shapes, "0");
    CHECK(known != NULL);
    shapes_drop(&known);
    shapes_close(&shapes);
}

static void what_is_too_long_is_not_kept(void)
{
    struct shapes *shapes = shapes_open(loop);
    char *text = malloc(SHAPES_TEXT_BYTES_MAX + 1);

    memset(text, 'x', SHAPES_TEXT_BYTES_MAX);
    text[SHAPES_TEXT_BYTES_MAX] = '\0';
    keep(shapes, "long", text);
    CHECK(shapes_find(shapes, "long") == NULL);
    keep(shapes, text, "picture");
    CHECK(shapes_find(shapes, text) == NULL);
    free(text);
    shapes_close(&shapes);
}

int main(void)
{
    CHECK_INT(loop_open(&loop, NULL), 0);
    RUN(the_same_words_have_the_same_answer);
    RUN(the_oldest_goes);
    RUN(what_is_too_long_is_not_kept);
    loop_close(&loop);
    return 0;
}
