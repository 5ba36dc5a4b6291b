/* Costs drawn from distributions that were recorded. */
#include "platform/sim/costs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "tactus/format.h"

enum { LINE_BYTES = 2048 };

static int read_line(const char *line, struct tt_costs *ret)
{
    const char *space = strchr(line, ' ');
    int64_t *points_ns, before_ns = 1;
    char *at = NULL;

    if (ret->count == TT_COSTS_MAX || space == NULL || space == line ||
        (size_t)(space - line) >= sizeof(ret->list[0].name))
        return -EINVAL;
    memcpy(ret->list[ret->count].name, line, (size_t)(space - line));
    points_ns = ret->list[ret->count].points_ns;
    for (uint32_t n = 0; n < TT_COSTS_POINTS; n++, space = at) {
        points_ns[n] = strtoll(space, &at, 10);
        if (at == space || points_ns[n] < before_ns)
            return -EINVAL;
        before_ns = points_ns[n];
    }
    ret->count++;
    return 0;
}

int tt_costs_read(const char *path, struct tt_costs *ret)
{
    FILE *file = fopen(path, "re");
    char line[LINE_BYTES];
    int r = 0;

    if (file == NULL)
        return -errno;
    memset(ret, 0, sizeof(*ret));
    while (r == 0 && fgets(line, sizeof(line), file) != NULL)
        if (line[0] != '#')
            r = read_line(line, ret);
    (void)fclose(file);
    return r == 0 && ret->count == 0 ? -EINVAL : r;
}

int64_t tt_costs_draw(const struct tt_costs *costs, uint32_t which, uint64_t random,
                      int64_t most_ns)
{
    const int64_t *points_ns;
    int64_t from_ns, to_ns, part = (int64_t)(random >> 32);
    uint32_t point = (uint32_t)(random % TT_COSTS_POINTS);

    tt_assert(which < costs->count);
    points_ns = costs->list[which].points_ns;
    to_ns = points_ns[point];
    from_ns = point > 0 ? points_ns[point - 1] : to_ns / 2;
    to_ns = from_ns + tt_muldiv(to_ns - from_ns, part + 1, (int64_t)1 << 32);
    return tt_muldiv(to_ns, most_ns, points_ns[TT_COSTS_POINTS - 1]);
}
