/* The words for causes and outcomes: they stand in reports, hence stay as they are. */
#include "ledger/ledger.h"
#include "ledger/life.h"

static const char *const cause_names[TT_CAUSE_COUNT] = {
    [TT_CAUSE_NONE] = "none",       [TT_CAUSE_INPUT] = "input",   [TT_CAUSE_EDGE] = "edge",
    [TT_CAUSE_WORKER] = "worker",   [TT_CAUSE_BUDGET] = "budget", [TT_CAUSE_HOST] = "host",
    [TT_CAUSE_NETWORK] = "network", [TT_CAUSE_CLOCK] = "clock",   [TT_CAUSE_UNKNOWN] = "unknown",
    [TT_CAUSE_MEDIA] = "media",     [TT_CAUSE_FAILED] = "failed",
};

const char *tt_cause_name(enum tt_cause cause)
{
    return (uint32_t)cause < TT_CAUSE_COUNT ? cause_names[cause] : "unknown";
}

const char *tt_outcome_name(enum tt_outcome outcome)
{
    switch (outcome) {
    case TT_ON_TIME:
        return "on_time";
    case TT_LATE_FRAME:
        return "late";
    case TT_LOST_FRAME:
        return "lost";
    }
    return "unknown";
}

/* A cause that nobody gave is ours too: blame needs evidence. */
bool tt_cause_is_ours(enum tt_cause cause)
{
    switch (cause) {
    case TT_CAUSE_INPUT:
    case TT_CAUSE_HOST:
    case TT_CAUSE_NETWORK:
    case TT_CAUSE_CLOCK:
    case TT_CAUSE_MEDIA:
        return false;
    default:
        return true;
    }
}

const char *ledger_policy_name(int64_t policy)
{
    static const char *const names[] = {"drop", "repeat", "black", "silence", "keep"};

    for (uint32_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
        if (policy == (int64_t)1 << n)
            return names[n];
    return "?";
}
