/* Which degrading level a worker runs at: a pure step function.
 *
 * Down at once, when the next frame would be late at the greatest cost that was seen lately, or one
 * was late or lost. Up by one level, after a calm time, and only when whoever keeps the books
 * admitted it. A step up that had to be taken back doubles the calm time before the next, so that
 * under a load that stays the level does. */
#ifndef TT_CORE_LEVEL_H
#define TT_CORE_LEVEL_H

#include <stdbool.h>
#include <stdint.h>

enum { TT_LEVELS_MAX = 17, TT_LEVEL_SINKS = 16, TT_LEVEL_SEEN = 64, TT_LEVEL_DOUBLINGS_MAX = 12 };

struct tt_level_params {
    uint32_t first, floor; /* to begin with; the deepest one. 0 is the best */
    int64_t calm_ns;       /* before a step up is asked for; 0: TT_LEVEL_CALM_NS */
    /* What each level costs, in any unit; 0: unknown. A step up that would be too much by what is
     * seen now and these is not asked for. */
    int64_t cost[TT_LEVELS_MAX];
};

#define TT_LEVEL_CALM_NS INT64_C(5000000000)

enum tt_level_kind {
    TT_LEVEL_FRAME = 1, /* a sink got a frame */
    TT_LEVEL_LOST = 2,  /* a frame was given up because the worker was behind */
    TT_LEVEL_ANSWER = 3 /* to a step up that was asked for */
};

struct tt_level_event {
    enum tt_level_kind kind;
    int64_t now_ns;    /* never goes back; of any clock */
    uint32_t sink;     /* frames: which; those beyond TT_LEVEL_SINKS share the last place */
    int64_t index;     /* frames: of the media */
    int64_t period_ns; /* from one frame of this sink to the next; 0: they come once */
    int64_t room_ns;   /* frames: from release to due */
    int64_t slack_ns;  /* frames: due - delivered, as if the input had been there on time */
    uint32_t level;    /* answers: the one that was asked for */
    bool is_admitted;  /* answers */
};

enum tt_level_why {
    TT_LEVEL_STAYS = 0,
    TT_LEVEL_AHEAD = 1,    /* down: the next frame would be late */
    TT_LEVEL_MISSED = 2,   /* down: one was */
    TT_LEVEL_ADMITTED = 3, /* up */
    TT_LEVEL_SETTLED = 4   /* either: others run here now */
};

struct tt_level_actions {
    enum tt_level_why why; /* not TT_LEVEL_STAYS: from the next activation on `level` holds */
    uint32_t level;
    bool is_asking; /* may it go up to `asked`? */
    uint32_t asked;
};

/* What the frames of one sink say: each one's latency is what the one before left to do, and its
 * own cost. */
struct tt_level_sink {
    int64_t index, latency_ns, period_ns, room_ns;
    int64_t costs_ns[TT_LEVEL_SEEN]; /* of the last frames at this level */
    uint32_t put, count;
    bool has_last;
};

/* Its owner reads level and change_count alone. */
struct tt_level {
    struct tt_level_params params;
    uint32_t level, change_count;
    struct tt_level_sink sinks[TT_LEVEL_SINKS];
    uint32_t frames;                         /* since the last change */
    int64_t change_ns, calm_since_ns, up_ns; /* up_ns: of the last step up */
    int64_t ask_ns;                          /* of the question that is open or was answered last */
    uint32_t doublings;                      /* of the calm time, by steps up that failed */
    uint32_t refusals; /* of it, by answers that said no, since the last yes */
    bool is_open;      /* a question is */
    bool has_gone_up, has_begun;
};

void tt_level_init(struct tt_level *level, const struct tt_level_params *params);
/* Components came to the worker or left it: now these are the deepest of theirs, and who came was
 * at level `least`, which is not undone for it. ret->why: as for a step. */
void tt_level_settle(struct tt_level *level, uint32_t floor, uint32_t least, int64_t now_ns,
                     struct tt_level_actions *ret);
void tt_level_step(struct tt_level *level, const struct tt_level_event *event,
                   struct tt_level_actions *ret);

#endif
