/* The two figures of a sink: slack over time, coloured by cause, and how long frames took. */
#ifndef TT_CLI_REPORT_PLOT_H
#define TT_CLI_REPORT_PLOT_H

#include "cli/report_gather.h"
#include "cli/report_page.h"

/* Which colour means what, of what occurs. */
void plot_legend(struct page *page, const struct gather *gather);

void plot_sink(struct page *page, const struct gather *gather, uint32_t sink);

#endif
