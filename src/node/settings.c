/* Parameters that were changed while a service runs. */
#include "node/settings.h"

#include <stddef.h>

static void drop(struct settings *settings, uint32_t place)
{
    for (uint32_t n = place + 1; n < settings->count; n++)
        settings->list[n - 1] = settings->list[n];
    settings->count--;
}

/* Does `other` say later than `old` what this parameter is? */
static bool is_newer(const struct setting *other, const struct setting *old)
{
    return other->is_told && other->component == old->component && other->id == old->id &&
           (other->index > old->index || (other->index == old->index && other > old));
}

/* Of each parameter what was told at the latest index counts, whenever it was asked for. */
void settings_forget(struct settings *settings)
{
    for (uint32_t n = 0; n < settings->count;) {
        const struct setting *old = &settings->list[n];
        bool is_over = false;

        for (uint32_t m = 0; m < settings->count && old->is_told && !old->is_news; m++)
            is_over |= is_newer(&settings->list[m], old);
        if (is_over)
            drop(settings, n);
        else
            n++;
    }
}

bool settings_add(struct settings *settings, const struct setting *setting, uint64_t *ret_number)
{
    bool is_next = setting->at == INT64_MIN;
    uint32_t waiting = 0;

    settings_forget(settings);
    for (uint32_t n = 0; n < settings->count; n++)
        waiting += !settings->list[n].is_told &&
                   settings->list[n].component == setting->component &&
                   (settings->list[n].at == INT64_MIN) == is_next;
    if (waiting >= (is_next ? SETTINGS_NEXT_MAX : SETTINGS_WAITING_MAX) ||
        settings->count == SETTINGS_MAX)
        return false;
    settings->list[settings->count] = *setting;
    settings->list[settings->count].is_told = settings->list[settings->count].is_news = false;
    settings->list[settings->count].number = *ret_number = ++settings->given;
    settings->count++;
    return true;
}

void settings_told(struct settings *settings, uint32_t component, int64_t id, int64_t index)
{
    for (uint32_t n = 0; n < settings->count; n++) {
        struct setting *setting = &settings->list[n];

        if (setting->is_told || setting->component != component || setting->id != id ||
            setting->at > index)
            continue;
        setting->is_told = setting->is_news = true;
        setting->index = index;
        return; /* each is told by a record of its own */
    }
}

const struct setting *settings_news(struct settings *settings)
{
    for (uint32_t n = 0; n < settings->count; n++)
        if (settings->list[n].is_news) {
            settings->list[n].is_news = false;
            return &settings->list[n];
        }
    return NULL;
}
