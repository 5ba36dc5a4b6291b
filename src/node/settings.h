/* Parameters that were changed while a service runs: which wait for their index, and which a new
 * container must be told again. */
#ifndef TT_NODE_SETTINGS_H
#define TT_NODE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    SETTINGS_MAX = 128,
    /* Of one component: its box in the engine holds 8. What is for an index far away does not keep
     * out what is for the next. */
    SETTINGS_WAITING_MAX = 4,
    SETTINGS_NEXT_MAX = 3,
    SETTING_TEXT_BYTES = 128
};

struct setting {
    uint32_t component; /* place in the picture */
    int64_t id, i;      /* of TT_EVENT_PARAM */
    double f;
    int64_t at; /* the first index that it is for; INT64_MIN: the next */
    uint64_t number;
    char text[SETTING_TEXT_BYTES]; /* as its user wrote it */
    bool is_told, is_news;         /* news: told, and nobody was informed yet */
    int64_t index;                 /* where it was told */
};

/* Zeroed by its owner. */
struct settings {
    struct setting list[SETTINGS_MAX]; /* in the order in which they came */
    uint32_t count;
    uint64_t given; /* ever */
};

/* Gives it a number. False: so many of this component wait already. */
bool settings_add(struct settings *settings, const struct setting *setting, uint64_t *ret_number);

/* The container's word: this parameter changed at this index. */
void settings_told(struct settings *settings, uint32_t component, int64_t id, int64_t index);

/* The next of which nobody was informed, once; NULL: none. */
const struct setting *settings_news(struct settings *settings);

/* Leaves what a container that starts anew must hear: of each parameter the newest that was told,
 * and what waits. */
void settings_forget(struct settings *settings);

#endif
