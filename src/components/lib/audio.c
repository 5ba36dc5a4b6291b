/* Sines and powers by short series, places of samples by 128-bit products. */
#include "components/lib/audio.h"

double component_sine(uint64_t phase)
{
    static const double factors[] = {1.0 / 6227020800, -1.0 / 39916800, 1.0 / 362880, -1.0 / 5040,
                                     1.0 / 120,        -1.0 / 6,        1.0};
    double turns = (double)(int64_t)phase * (1.0 / 18446744073709551616.0);
    double angle, square, sum = 0;

    if (turns > 0.25)
        turns = 0.5 - turns;
    else if (turns < -0.25)
        turns = -0.5 - turns;
    angle = turns * 6.283185307179586477;
    square = angle * angle;
    for (uint32_t n = 0; n < sizeof(factors) / sizeof(factors[0]); n++)
        sum = sum * square + factors[n];
    return sum * angle;
}

double component_gain(double level_db)
{
    double exponent = level_db * 0.16609640474436811739, sum = 1, term = 1; /* log2(10) / 20 */
    int32_t whole;

    exponent = exponent > 1000 ? 1000 : exponent < -1000 ? -1000 : exponent;
    whole = (int32_t)exponent;
    for (uint32_t n = 1; n <= 16; n++) {
        term *= (exponent - whole) * 0.69314718055994530942 / n;
        sum += term;
    }
    for (; whole > 0; whole--)
        sum *= 2;
    for (; whole < 0; whole++)
        sum *= 0.5;
    return sum;
}

uint32_t component_samples(const struct tt_format *format, const struct tt_frame *frame)
{
    uint32_t samples = tt_format_samples(format);
    int64_t lasting;

    if (frame->data == 0 || frame->bytes == 0)
        return 0;
    if (format->fourcc == TT_S16 && format->channels > 0)
        return frame->bytes / (2 * format->channels) < samples
                   ? frame->bytes / (2 * format->channels)
                   : samples;
    /* The last plane must hold them too. */
    if (format->channels == 0 || frame->bytes < (format->channels - 1) * format->stride[0])
        return 0;
    if ((frame->bytes - (format->channels - 1) * format->stride[0]) / 4 < samples)
        samples = (frame->bytes - (format->channels - 1) * format->stride[0]) / 4;
    /* Nobody's frame lasts an hour; and the product below must stay in 64 bits. */
    if (frame->duration_ns <= 0 || frame->duration_ns > 3600000000000)
        return samples;
    lasting = component_place(frame->duration_ns, format->sample_rate);
    return lasting < samples ? (uint32_t)lasting : samples;
}

int64_t component_place_ns(int64_t place, uint32_t sample_rate)
{
    return tt_index_ns(place, (struct tt_rational){sample_rate, 1});
}

int64_t component_place(int64_t media_ns, uint32_t sample_rate)
{
    return tt_muldiv(media_ns * 2 + (int64_t)(1000000000 / sample_rate), sample_rate, 2000000000);
}
