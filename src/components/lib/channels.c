/* Down- and up-mixing by the places of loudspeakers. */
#include "components/lib/channels.h"

#include <string.h>

/* Bits of the WAVE channel mask. */
enum {
    FRONT_LEFT = 1 << 0,
    FRONT_RIGHT = 1 << 1,
    FRONT_CENTRE = 1 << 2,
    LOW = 1 << 3,
    BACK_LEFT = 1 << 4,
    BACK_RIGHT = 1 << 5,
    BACK_CENTRE = 1 << 8,
    SIDE_LEFT = 1 << 9,
    SIDE_RIGHT = 1 << 10
};

#define MINUS_3_DB 0.70710678f

uint64_t component_layout(uint32_t channels)
{
    static const uint64_t layouts[TT_CHANNELS_MAX + 1] = {
        [1] = FRONT_CENTRE,
        [2] = FRONT_LEFT | FRONT_RIGHT,
        [3] = FRONT_LEFT | FRONT_RIGHT | LOW,
        [4] = FRONT_LEFT | FRONT_RIGHT | FRONT_CENTRE | BACK_CENTRE,
        [5] = FRONT_LEFT | FRONT_RIGHT | FRONT_CENTRE | BACK_LEFT | BACK_RIGHT,
        [6] = FRONT_LEFT | FRONT_RIGHT | FRONT_CENTRE | LOW | BACK_LEFT | BACK_RIGHT,
        [7] = FRONT_LEFT | FRONT_RIGHT | FRONT_CENTRE | LOW | BACK_CENTRE | SIDE_LEFT | SIDE_RIGHT,
        [8] = FRONT_LEFT | FRONT_RIGHT | FRONT_CENTRE | LOW | BACK_LEFT | BACK_RIGHT | SIDE_LEFT |
              SIDE_RIGHT,
    };

    return channels <= TT_CHANNELS_MAX ? layouts[channels] : 0;
}

static uint64_t layout_of(const struct tt_format *format)
{
    if (format->layout != 0 && __builtin_popcountll(format->layout) == (int)format->channels)
        return format->layout;
    return component_layout(format->channels);
}

/* The number of a loudspeaker in a layout, or -1. */
static int place_of(uint64_t layout, uint64_t speaker)
{
    if ((layout & speaker) == 0)
        return -1;
    return __builtin_popcountll(layout & (speaker - 1));
}

struct mixing {
    uint64_t to;
    float (*factors)[TT_CHANNELS_MAX];
};

/* Adds an input to an output's loudspeaker; false when there is no such one. */
static bool send(const struct mixing *mixing, uint32_t from, uint64_t speaker, float factor)
{
    int place = place_of(mixing->to, speaker);

    if (place >= 0)
        mixing->factors[place][from] += factor;
    return place >= 0;
}

static void send_pair(const struct mixing *mixing, uint32_t from, uint64_t left, uint64_t right,
                      float factor)
{
    (void)send(mixing, from, left, factor);
    (void)send(mixing, from, right, factor);
}

static void send_one_side(const struct mixing *mixing, uint32_t from, uint64_t speaker)
{
    bool is_left = (speaker & (BACK_LEFT | SIDE_LEFT)) != 0;
    bool is_side = (speaker & (SIDE_LEFT | SIDE_RIGHT)) != 0;
    uint64_t other =
        is_side ? (is_left ? BACK_LEFT : BACK_RIGHT) : (is_left ? SIDE_LEFT : SIDE_RIGHT);

    if (send(mixing, from, other, 1) ||
        send(mixing, from, is_left ? FRONT_LEFT : FRONT_RIGHT, MINUS_3_DB))
        return;
    (void)send(mixing, from, FRONT_CENTRE, 0.5f);
}

static void send_elsewhere(const struct mixing *mixing, uint32_t from, uint64_t speaker)
{
    switch (speaker) {
    case FRONT_LEFT:
    case FRONT_RIGHT:
        (void)send(mixing, from, FRONT_CENTRE, MINUS_3_DB);
        return;
    case FRONT_CENTRE:
        send_pair(mixing, from, FRONT_LEFT, FRONT_RIGHT, MINUS_3_DB);
        return;
    case BACK_CENTRE:
        if ((mixing->to & BACK_LEFT) != 0)
            send_pair(mixing, from, BACK_LEFT, BACK_RIGHT, MINUS_3_DB);
        else if ((mixing->to & SIDE_LEFT) != 0)
            send_pair(mixing, from, SIDE_LEFT, SIDE_RIGHT, MINUS_3_DB);
        else if ((mixing->to & FRONT_LEFT) != 0)
            send_pair(mixing, from, FRONT_LEFT, FRONT_RIGHT, 0.5f);
        else
            (void)send(mixing, from, FRONT_CENTRE, MINUS_3_DB);
        return;
    case BACK_LEFT:
    case BACK_RIGHT:
    case SIDE_LEFT:
    case SIDE_RIGHT:
        send_one_side(mixing, from, speaker);
        return;
    default: /* the low-frequency channel, and places we do not know */
        return;
    }
}

static void normalise(float factors[TT_CHANNELS_MAX][TT_CHANNELS_MAX])
{
    float loudest = 1;

    for (uint32_t to = 0; to < TT_CHANNELS_MAX; to++) {
        float sum = 0;

        for (uint32_t from = 0; from < TT_CHANNELS_MAX; from++)
            sum += factors[to][from];
        loudest = sum > loudest ? sum : loudest;
    }
    for (uint32_t n = 0; n < TT_CHANNELS_MAX * TT_CHANNELS_MAX; n++)
        factors[n / TT_CHANNELS_MAX][n % TT_CHANNELS_MAX] /= loudest;
}

void component_mix_factors(const struct tt_format *in, const struct tt_format *out,
                           bool is_normalised, float factors[TT_CHANNELS_MAX][TT_CHANNELS_MAX])
{
    uint64_t from_layout = layout_of(in), to_layout = layout_of(out);
    struct mixing mixing = {to_layout, factors};
    uint32_t from = 0;

    memset(factors, 0, sizeof(float) * TT_CHANNELS_MAX * TT_CHANNELS_MAX);
    if (in->channels == out->channels) {
        for (uint32_t n = 0; n < in->channels; n++)
            factors[n][n] = 1;
        return;
    }
    for (uint64_t rest = from_layout; rest != 0 && from < in->channels; rest &= rest - 1, from++) {
        uint64_t speaker = rest & (~rest + 1);

        if (!send(&mixing, from, speaker, 1))
            send_elsewhere(&mixing, from, speaker);
    }
    if (is_normalised)
        normalise(factors);
}
