/* Workers on CPUs that are partitions of their own: which goes where.
 *
 * On one CPU EDF is exact: servers whose shares sum up to no more than the CPU are never late. So a
 * partition has a sum and nothing else to know, and who is put there is late for nobody's sake. */
#include "planner/partition.h"

#include "base/assert.h"
#include "planner/work.h"

enum { NOBODY = TT_PARTITIONS_MAX };

static int64_t room_of(const struct tt_partition *partition)
{
    return partition->limit_ppm - partition->slack_ppm - partition->reserved_ppm;
}

static uint32_t largest_left(const int64_t *wanted_ppm, const uint32_t *place, uint32_t count)
{
    uint32_t best = count;

    for (uint32_t n = 0; n < count; n++)
        if (place[n] == 0 && (best == count || wanted_ppm[n] > wanted_ppm[best]))
            best = n;
    return best;
}

static uint32_t choose(const int64_t *room_ppm, uint32_t count, int64_t wanted_ppm, bool is_worst)
{
    uint32_t best = NOBODY;

    for (uint32_t n = 0; n < count; n++)
        if (room_ppm[n] >= wanted_ppm &&
            (best == NOBODY ||
             (is_worst ? room_ppm[n] > room_ppm[best] : room_ppm[n] < room_ppm[best])))
            best = n;
    return best;
}

static bool fit(const struct tt_machine *machine, const int64_t *wanted_ppm, uint32_t count,
                bool is_worst, uint32_t *ret)
{
    int64_t room_ppm[TT_PARTITIONS_MAX];

    for (uint32_t n = 0; n < machine->partition_count; n++)
        room_ppm[n] = room_of(&machine->partitions[n]);
    for (uint32_t n = 0; n < count; n++)
        ret[n] = 0;
    for (uint32_t turn = 0; turn < count; turn++) {
        uint32_t worker = largest_left(wanted_ppm, ret, count);
        uint32_t best = choose(room_ppm, machine->partition_count, wanted_ppm[worker], is_worst);

        if (best == NOBODY)
            return false;
        room_ppm[best] -= wanted_ppm[worker];
        ret[worker] = best + 1;
    }
    return true;
}

bool partition_fit(const struct tt_machine *machine, const int64_t *wanted_ppm, uint32_t count,
                   uint32_t *ret)
{
    uint32_t place[TT_WORKERS_MAX];

    tt_assert(count <= TT_WORKERS_MAX);
    tt_assert(machine->partition_count <= TT_PARTITIONS_MAX);
    if (!fit(machine, wanted_ppm, count, true, place) &&
        !fit(machine, wanted_ppm, count, false, place))
        return false;
    for (uint32_t n = 0; n < count; n++)
        ret[n] = place[n];
    return true;
}

void partition_machine(const struct tt_machine *machine, struct tt_machine *ret)
{
    *ret = *machine;
    ret->is_partitioned = true;
    ret->cpus = machine->partition_count;
    ret->limit_ppm = ret->slack_ppm = ret->reserved_ppm = 0;
    ret->servers = NULL;
    ret->server_count = 0;
    for (uint32_t n = 0; n < machine->partition_count; n++) {
        ret->limit_ppm += machine->partitions[n].limit_ppm;
        ret->slack_ppm += machine->partitions[n].slack_ppm;
        ret->reserved_ppm += machine->partitions[n].reserved_ppm;
    }
}

bool partition_is_all(const struct tt_machine *machine)
{
    return machine->is_partitioned && machine->partition_count > 0;
}

int64_t partition_most_ppm(const struct tt_machine *machine)
{
    int64_t most_ppm = INT64_MIN;

    if (!partition_is_all(machine))
        return work_room_ppm(machine);
    for (uint32_t n = 0; n < machine->partition_count; n++)
        if (room_of(&machine->partitions[n]) > most_ppm)
            most_ppm = room_of(&machine->partitions[n]);
    return most_ppm;
}
