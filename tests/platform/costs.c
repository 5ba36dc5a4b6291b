/* Recorded costs are read as they stand, drawn within what was asked for, and bad lines refused. */
#include "platform/sim/costs.h"

#include <errno.h>
#include <unistd.h>

#include "check.h"

static char path[] = "/tmp/test-costs-XXXXXX";

static int read_text(const char *text, struct tt_costs *ret)
{
    FILE *file = fopen(path, "w");

    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0);
    CHECK_INT(fclose(file), 0);
    return tt_costs_read(path, ret);
}

static void write_line(char *ret, size_t bytes, const char *name, uint32_t points, int64_t step)
{
    size_t at = (size_t)snprintf(ret, bytes, "%s", name);

    for (uint32_t n = 1; n <= points; n++)
        at += (size_t)snprintf(ret + at, bytes - at, " %lld", (long long)(step * n));
    (void)snprintf(ret + at, bytes - at, "\n");
}

static void lines_are_read_or_refused(void)
{
    static struct tt_costs costs;
    char text[4096] = "# said by hand\n", line[1024];

    write_line(line, sizeof(line), "one", TT_COSTS_POINTS, 100);
    strcat(text, line);
    write_line(line, sizeof(line), "two", TT_COSTS_POINTS, 7);
    strcat(text, line);
    CHECK_INT(read_text(text, &costs), 0);
    CHECK_INT(costs.count, 2);
    CHECK_TEXT(costs.list[1].name, "two");
    CHECK_INT(costs.list[0].points_ns[0], 100);
    CHECK_INT(costs.list[1].points_ns[TT_COSTS_POINTS - 1], 7 * TT_COSTS_POINTS);
    CHECK_INT(read_text("# nothing\n", &costs), -EINVAL);
    CHECK_INT(read_text("one\n", &costs), -EINVAL);
    write_line(line, sizeof(line), "short", TT_COSTS_POINTS - 1, 5);
    CHECK_INT(read_text(line, &costs), -EINVAL);
    write_line(line, sizeof(line), "falling", TT_COSTS_POINTS, -5);
    CHECK_INT(read_text(line, &costs), -EINVAL);
    CHECK_INT(tt_costs_read("/nowhere/at/all", &costs), -ENOENT);
}

static void draws_follow_the_distribution(void)
{
    static struct tt_costs costs;
    char line[1024];
    uint64_t random = 1;
    uint32_t low = 0;

    write_line(line, sizeof(line), "even", TT_COSTS_POINTS, 100);
    CHECK_INT(read_text(line, &costs), 0);
    CHECK_INT(tt_costs_draw(&costs, 0, UINT64_MAX, 6400), 6400); /* the largest, stretched */
    for (uint32_t n = 0; n < 10000; n++) {
        int64_t cost_ns;

        random = random * 6364136223846793005u + 1442695040888963407u;
        cost_ns = tt_costs_draw(&costs, 0, random ^ random >> 29, 6400);
        CHECK(cost_ns >= 0);
        CHECK(cost_ns <= 6400);
        low += cost_ns <= 3200;
    }
    CHECK(low > 4500);
    CHECK(low < 5500);
}

int main(void)
{
    int fd = mkstemp(path);

    CHECK(fd >= 0);
    (void)close(fd);
    RUN(lines_are_read_or_refused);
    RUN(draws_follow_the_distribution);
    (void)unlink(path);
    return 0;
}
