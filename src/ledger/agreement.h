/* What the agreement names: sinks, components, budgets, and which components feed which sink. */
#ifndef TT_LEDGER_AGREEMENT_H
#define TT_LEDGER_AGREEMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "ledger/ledger.h"

enum { LEDGER_COMPONENTS_MAX = 512, LEDGER_NAME_BYTES = 144 };

/* The agreement's JSON, or NULL when there is none that can be read; the caller's to decref. */
json_t *ledger_agreement_read(const struct tt_ledger *ledger);

/* "name", "class" and the like, or "?". Valid as long as the agreement. */
const char *ledger_agreement_text(const json_t *agreement, const char *member);

/* Never fails: what has no name gets its number. */
void ledger_agreement_sink(const json_t *agreement, uint32_t sink, char ret[LEDGER_NAME_BYTES]);
void ledger_agreement_component(const json_t *agreement, uint32_t component,
                                char ret[LEDGER_NAME_BYTES]);

/* The number of the sink with that name; false: there is none. */
bool ledger_agreement_find_sink(const json_t *agreement, const char *name, uint32_t *ret);
uint32_t ledger_agreement_sink_count(const json_t *agreement);

/* The same with a sentence that lists those there are: -ENOENT. */
int ledger_agreement_need_sink(const json_t *agreement, const char *name, uint32_t *ret,
                               struct tt_error *err);

/* 0: none is named. */
int64_t ledger_agreement_budget(const json_t *agreement, uint32_t component);

/* By how much a component's activation is due after its origin; false: the plan does not say. */
bool ledger_agreement_due_offset(const json_t *agreement, uint32_t component, int64_t *ret_ns);

/* Marks the components that a sink's frames come through; all of them when the agreement does not
 * tell. */
void ledger_agreement_upstream(const json_t *agreement, uint32_t sink,
                               bool ret[LEDGER_COMPONENTS_MAX]);

#endif
