/* The wall clock is watched: a step is told with its size, and nothing else is. */
#include "node/wall.h"

#include "check.h"

static int64_t told_ns;
static uint32_t told_count;

static void on_step(void *ctx, int64_t step_ns)
{
    CHECK(ctx == &told_ns);
    told_ns = step_ns;
    told_count++;
}

static void a_step_is_told_once_with_its_size(void)
{
    struct loop *loop;
    struct wall *wall;
    struct loop_timer timer = {0};

    CHECK_INT(loop_open(&loop, NULL), 0);
    CHECK_INT(wall_open(loop, on_step, &told_ns, &wall, NULL), 0);
    wall_pretend(wall, 0);
    CHECK_INT(told_count, 0);
    wall_pretend(wall, -3600 * INT64_C(1000000000));
    CHECK_INT(told_count, 1);
    CHECK(told_ns < -3599 * INT64_C(1000000000) && told_ns > -3601 * INT64_C(1000000000));
    wall_pretend(wall, 0); /* the new time is the time */
    wall_pretend(wall, 5000000);
    CHECK_INT(told_count, 2);
    CHECK(told_ns > 4000000 && told_ns < 6000000);
    wall_close(&wall);
    CHECK(wall == NULL);
    loop_clear(loop, &timer);
    loop_close(&loop);
}

int main(void)
{
    RUN(a_step_is_told_once_with_its_size);
    return 0;
}
