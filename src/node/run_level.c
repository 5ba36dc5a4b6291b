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

void run_level_ask(struct run *run, int64_t level)
{
    int64_t now_ns = loop_now_ns();

    if (run->params.is_profile || run->params.ops->on_level == NULL || level < 0 ||
        level >= tt_picture_levels(run->params.picture) ||
        !allowance_take(&run->level_questions, now_ns, QUESTIONS_A_SECOND))
        return;
    run->params.ops->on_level(run->params.ctx, (uint32_t)level);
}

void run_level_answer(struct run *run, uint32_t level, bool is_admitted)
{
    if (run->processes[0].child != NULL)
        (void)child_send(run->processes[0].child,
                         json_pack("{ss si sb}", "op", "level", "level", (int)level, "is_admitted",
                                   (int)is_admitted),
                         NULL, NULL, 0, NULL);
}

uint32_t run_level(const struct run *run)
{
    return run->level;
}

void run_level_began(struct run *run)
{
    run->level = run->params.level;
    if (run->pump != NULL && !run->params.is_profile) /* which is of one level as a whole */
        pump_begin_levels(run->pump, run->level);
}

/* Its worker's level is that of who has most of them. */
void run_on_degrade(void *ctx, uint32_t component, uint32_t level, int64_t index)
{
    struct run *run = ctx;
    const struct tt_picture *picture = run->params.picture;

    if (picture->components[component].level_count == tt_picture_levels(picture))
        run->level = level;
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
