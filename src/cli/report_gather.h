/* What a ledger says of a run, gathered in two looks: figures of each sink, component and cause,
 * and for each sink one column for each pixel, which keeps the worst of its frames. */
#ifndef TT_CLI_REPORT_GATHER_H
#define TT_CLI_REPORT_GATHER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "ledger/agreement.h"
#include "ledger/ledger.h"

enum { GATHER_COLUMNS = 640, GATHER_EVENTS_MAX = 64, GATHER_SINKS_MAX = 256 };

struct gather_column {
    uint32_t delivered, late, lost, repeated;
    int64_t slack_min_ns, slack_max_ns; /* of the delivered ones */
    uint8_t late_cause;                 /* of the one with the least slack, when it is late */
    uint8_t lost_cause;
};

struct gather_sink {
    char name[LEDGER_NAME_BYTES];
    uint64_t frames; /* records */
    int64_t due_after_ns;
    bool has_delivered;
    struct tt_record worst; /* the delivered one with the least slack */
    int64_t slack_max_ns;
    int64_t first_index, last_index, first_due_ns, last_due_ns;
    uint32_t column_count; /* each stands for as many indices as the others */
    struct tt_histogram delay;
    struct gather_column columns[GATHER_COLUMNS];
};

struct gather_component {
    char name[LEDGER_NAME_BYTES];
    int64_t budget_ns;   /* the largest that was in force; 0: none */
    int64_t in_force_ns; /* while its records are read */
    uint64_t over_budget, late, lost;
    uint64_t handoffs;      /* it was over its budget and another thread took its worker */
    int64_t handoff_max_ns; /* from its budget's end until then, at most */
    int64_t away_max_ns;    /* until it returned, of those that did */
    struct tt_histogram cost, waited;
};

struct gather_event {
    int64_t at_ns;
    char text[224];
};

struct gather {
    const struct tt_ledger *ledger;
    json_t *agreement, *report; /* report: as `run` prints it, of these records */
    bool is_paced;
    struct gather_sink *sinks;
    struct gather_component *components;
    uint32_t sink_count, component_count;
    int64_t first_due_ns, last_due_ns; /* media time; of all sinks */
    uint64_t late[TT_CAUSE_COUNT], lost[TT_CAUSE_COUNT], records_lost;
    struct gather_event events[GATHER_EVENTS_MAX];
    uint32_t event_count;      /* of them kept */
    uint64_t event_count_seen; /* notes are not counted */
    bool is_whole;             /* the ledger has its count */
    struct tt_report *counting;
};

/* -ENOENT: the ledger has no agreement that can be read; -ENOMEM. ledger is borrowed. */
int gather_open(const struct tt_ledger *ledger, const char *path, struct gather **ret,
                struct tt_error *err);
void gather_close(struct gather **gather);

#endif
