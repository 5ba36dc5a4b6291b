/* The tables of a ledger's report, on a page. */
#ifndef TT_CLI_REPORT_TABLES_H
#define TT_CLI_REPORT_TABLES_H

#include "cli/report_gather.h"
#include "cli/report_page.h"

/* Headline, promised and delivered, in words. */
void tables_words(struct page *page, const struct gather *gather);
void tables_sinks(struct page *page, const struct gather *gather);
void tables_causes(struct page *page, const struct gather *gather);
void tables_components(struct page *page, const struct gather *gather);
void tables_events(struct page *page, const struct gather *gather);
/* Key, head and what a ledger is. */
void tables_proof(struct page *page, const struct gather *gather);

/* What a cause means, in a few words. */
const char *tables_cause_help(uint32_t cause);

#endif
