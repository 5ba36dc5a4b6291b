/* Degrading levels of a service that runs: its container steps down by itself, and asks before it
 * steps up. */
#include <stdio.h>
#include <stdlib.h>

#include "node/run_inside.h"

enum { QUESTIONS_A_SECOND = 2, TEXT_BYTES = 256 };

json_t *run_level_costs(const struct run *run)
{
    uint32_t count = tt_picture_levels(run->params.picture);
    json_t *costs = json_array();

    for (uint32_t n = 0; run->params.level_costs != NULL && n <= count; n++)
        json_array_append_new(costs, json_integer(run->params.level_costs[n]));
    return costs;
}

/* Tests have no time for the calm that a service wants. */
int64_t run_level_calm_ns(void)
{
    const char *text = getenv("TACTUS_TEST_LEVEL_CALM_MS");
    long ms = text != NULL ? strtol(text, NULL, 10) : 0;

    return ms > 0 && ms <= 60000 ? ms * RUN_MILLI : 0;
}

static uint32_t at_most(uint32_t level, uint32_t floor)
{
    return level < floor ? level : floor;
}

static bool is_in(const struct run *run, uint32_t component, uint32_t number)
{
    return run->broker->wiring->process_of[component] == number;
}

/* The deepest level of what runs in this container. */
static uint32_t floor_of(const struct run *run, uint32_t number)
{
    const struct tt_picture *picture = run->params.picture;
    uint32_t most = 0;

    for (uint32_t n = 0; n < picture->component_count; n++)
        if (is_in(run, n, number) && picture->components[n].level_count > most)
            most = picture->components[n].level_count;
    return most;
}

/* What all would be at least at, were this one at its level: what the others cost is then not taken
 * for less than it is. */
static uint32_t best_with(const struct run *run, uint32_t number, uint32_t level)
{
    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (n != number && floor_of(run, n) > 0 && run->processes[n].level < level)
            level = run->processes[n].level;
    return level;
}

void run_level_ask(struct run_process *process, int64_t level)
{
    struct run *run = process->run;

    if (run->params.is_profile || run->params.ops->on_level == NULL || level < 0 ||
        level >= floor_of(run, process->number) ||
        !allowance_take(&run->level_questions, loop_now_ns(), QUESTIONS_A_SECOND))
        return;
    run->level_asker = process->number;
    run->level_asked = (uint32_t)level;
    run->params.ops->on_level(run->params.ctx, best_with(run, process->number, (uint32_t)level));
}

void run_level_answer(struct run *run, bool is_admitted)
{
    struct child *child = run->processes[run->level_asker].child;

    if (child != NULL)
        (void)child_send(child,
                         json_pack("{ss si sb}", "op", "level", "level", (int)run->level_asked,
                                   "is_admitted", (int)is_admitted),
                         NULL, NULL, 0, NULL);
}

/* As src/core/degrade.c does it: who comes stays as deep as it was. */
void run_level_moved(struct run *run, uint32_t component, uint32_t from, uint32_t to)
{
    const struct tt_picture_component *self = &run->params.picture->components[component];
    uint32_t own = tt_picture_level_of(self, run->processes[from].level);

    if (self->level_count == 0)
        return;
    if (own > run->processes[to].level)
        run->processes[to].level = own;
    run->processes[from].level = at_most(run->processes[from].level, floor_of(run, from));
}

const char *run_level_away(const struct run *run)
{
    const struct tt_wiring *wiring = run->broker->wiring;

    for (uint32_t n = 0; n < run->params.picture->component_count; n++)
        if (wiring->process_of[n] != wiring->home_of[n])
            return run->params.picture->components[n].name;
    return NULL;
}

uint32_t run_level(const struct run *run)
{
    uint32_t most = 0;

    for (uint32_t n = 0; n < run->broker->wiring->container_count; n++)
        if (run->processes[n].level > most)
            most = run->processes[n].level;
    return most;
}

void run_level_began(struct run *run, uint32_t number)
{
    const struct tt_picture *picture = run->params.picture;
    uint32_t floor = floor_of(run, number), level = run->params.level;

    run->processes[number].level = at_most(level, floor);
    if (run->pump == NULL || run->params.is_profile) /* which is of one level as a whole */
        return;
    for (uint32_t n = 0; n < picture->component_count; n++)
        if (is_in(run, n, number))
            pump_begin_level(run->pump, n, tt_picture_level_of(&picture->components[n], level));
}

/* A worker's level is that of who has most of them. */
void run_on_degrade(void *ctx, uint32_t component, uint32_t level, int64_t index)
{
    struct run *run = ctx;
    uint32_t number = run->broker->wiring->process_of[component];

    if (run_is_container(run, number) &&
        run->params.picture->components[component].level_count == floor_of(run, number))
        run->processes[number].level = level;
    if (run->level_news_count < RUN_LEVEL_NEWS)
        run->level_news[run->level_news_count++] =
            (struct run_level){.component = component, .level = level, .index = index};
}

/* Beside the record, which has but numbers, the words of its author. */
void run_level_tell(struct run *run)
{
    uint32_t count = run->level_news_count;

    run->level_news_count = 0;
    for (uint32_t n = 0; n < count; n++) {
        const struct run_level news = run->level_news[n];
        const struct tt_picture_component *component =
            &run->params.picture->components[news.component];
        char text[TEXT_BYTES], note[TEXT_BYTES + TT_NAME_BYTES + 8];

        (void)snprintf(text, sizeof(text), "level %u (%s) from index %lld on", news.level,
                       news.level > 0 ? component->texts + component->level_texts[news.level - 1]
                                      : "its parameters",
                       (long long)news.index);
        (void)snprintf(note, sizeof(note), "%s: %s", component->name, text);
        if (!run->params.is_profile)
            run->params.ops->on_note(run->params.ctx, note);
        pump_event(run->pump, "level", component->name, text, loop_now_ns());
    }
}
