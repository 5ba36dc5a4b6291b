/* What texts of services mean. The same user who says the same words gets the same answer. */
#include "node/shapes.h"

#include <stdlib.h>
#include <string.h>

#define REST_NS INT64_C(50000000) /* after a question: a service is about to start */

struct shapes {
    struct loop *loop;
    struct loop_timer timer;
    struct known_shape *list[SHAPES_MAX];
    uint64_t clock;
};

/* Only of the one that was asked for last, or a busy node would read what nobody wants. */
static void on_timer(void *ctx, uint32_t events)
{
    struct shapes *shapes = ctx;

    (void)events;
    for (uint32_t n = 0; n < SHAPES_MAX; n++) {
        struct known_shape *one = shapes->list[n];

        if (one != NULL && one->used == shapes->clock && one->ready == NULL)
            (void)tt_picture_parse(one->picture, strlen(one->picture), &one->ready, NULL);
    }
}

struct shapes *shapes_open(struct loop *loop)
{
    struct shapes *shapes = calloc(1, sizeof(*shapes));

    if (shapes == NULL)
        return NULL;
    shapes->loop = loop;
    shapes->timer = (struct loop_timer){.fn = on_timer, .ctx = shapes};
    return shapes;
}

int shapes_picture(struct shapes *shapes, const struct known_shape *known, struct tt_picture **ret,
                   struct tt_error *err)
{
    struct known_shape *one = (struct known_shape *)(uintptr_t)known;

    loop_set(shapes->loop, &shapes->timer, loop_now_ns() + REST_NS);
    if (one->ready == NULL)
        return tt_picture_parse(one->picture, strlen(one->picture), ret, err);
    *ret = one->ready;
    one->ready = NULL;
    return 0;
}

void shapes_drop(const struct known_shape **known)
{
    struct known_shape *one = (struct known_shape *)(uintptr_t)*known;

    *known = NULL;
    if (one == NULL || --one->users > 0)
        return;
    free(one->key);
    free(one->picture);
    free(one->print);
    free(one->dot);
    json_decref(one->notes);
    if (one->ready != NULL)
        tt_picture_close(&one->ready);
    free(one);
}

void shapes_close(struct shapes **shapes)
{
    for (uint32_t n = 0; *shapes != NULL && n < SHAPES_MAX; n++)
        shapes_drop((const struct known_shape **)&(*shapes)->list[n]);
    if (*shapes != NULL)
        loop_clear((*shapes)->loop, &(*shapes)->timer);
    free(*shapes);
    *shapes = NULL;
}

const struct known_shape *shapes_find(struct shapes *shapes, const char *key)
{
    for (uint32_t n = 0; shapes != NULL && key != NULL && n < SHAPES_MAX; n++) {
        struct known_shape *one = shapes->list[n];

        if (one == NULL || strcmp(one->key, key) != 0)
            continue;
        one->users++;
        one->used = ++shapes->clock;
        return one;
    }
    return NULL;
}

static char *copy(const char *text, size_t bytes_max)
{
    return text != NULL && strlen(text) < bytes_max ? strdup(text) : NULL;
}

static struct known_shape **oldest(struct shapes *shapes)
{
    struct known_shape **found = &shapes->list[0];

    for (uint32_t n = 0; n < SHAPES_MAX && *found != NULL; n++)
        if (shapes->list[n] == NULL || shapes->list[n]->used < (*found)->used)
            found = &shapes->list[n];
    return found;
}

void shapes_keep(struct shapes *shapes, const struct known_shape *told)
{
    struct known_shape *one = shapes != NULL ? calloc(1, sizeof(*one)) : NULL, **place;
    const struct known_shape *gone;

    if (one == NULL)
        return;
    one->users = 1;
    one->used = ++shapes->clock;
    one->is_given_once = told->is_given_once;
    one->key = copy(told->key, SHAPES_KEY_BYTES_MAX);
    one->picture = copy(told->picture, SHAPES_TEXT_BYTES_MAX);
    one->print = copy(told->print, SHAPES_TEXT_BYTES_MAX);
    one->dot = copy(told->dot, SHAPES_TEXT_BYTES_MAX);
    one->notes = json_deep_copy(told->notes);
    gone = one;
    if (one->key != NULL && one->picture != NULL && one->print != NULL && one->dot != NULL) {
        place = oldest(shapes);
        gone = *place;
        *place = one;
    }
    shapes_drop(&gone);
}
