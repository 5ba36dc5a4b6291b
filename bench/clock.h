/* What the helpers of the benches share: the clock, a FIFO class, a picture without padding. */
#ifndef TT_BENCH_CLOCK_H
#define TT_BENCH_CLOCK_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "tactus/format.h"

static inline int64_t bench_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline void bench_sleep_until(int64_t at_ns)
{
    struct timespec at = {at_ns / 1000000000, at_ns % 1000000000};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        continue;
}

/* What measures must not wait for what is measured. Without the right it goes on as it is. */
static inline void bench_be_punctual(int priority)
{
    struct sched_param param = {.sched_priority = priority};

    (void)mlockall(MCL_CURRENT | MCL_FUTURE);
    if (priority > 0 && sched_setscheduler(0, SCHED_FIFO, &param) != 0)
        fprintf(stderr, "no right to SCHED_FIFO: times may be late by themselves\n");
}

/* I420 as it is on a pipe: lines without padding. stride: of the whole picture, when the code is in
 * a corner of it. */
static inline struct tt_format bench_picture(uint32_t width, uint32_t height, uint32_t stride)
{
    struct tt_format format = {.size = sizeof(format),
                               .kind = TT_VIDEO,
                               .fourcc = TT_I420,
                               .width = width,
                               .height = height,
                               .plane_count = 3};

    format.stride[0] = stride;
    format.stride[1] = format.stride[2] = stride / 2;
    format.plane_offset[1] = stride * height;
    format.plane_offset[2] = format.plane_offset[1] + stride / 2 * (height / 2);
    return format;
}

static inline size_t bench_picture_bytes(uint32_t width, uint32_t height)
{
    return (size_t)width * height * 3 / 2;
}

#endif
