/* What monitoring systems are told: counters that outlive the services that moved them, within
 * bounds that no user can pass. Fed where records are read anyway; printed when somebody asks. */
#ifndef TT_NODE_METRICS_H
#define TT_NODE_METRICS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/record.h"
#include "spec/picture.h"

/* Series above these share one that is called "_other". */
enum { METRICS_SINKS_MAX = 256, METRICS_COMPONENTS_MAX = 512, METRICS_NAME_BYTES = 160 };

struct metrics;
struct meter; /* one run of a service */

/* NULL: no memory. */
struct metrics *metrics_open(void);
void metrics_close(struct metrics **metrics);

/* metrics NULL, or no memory: NULL, which all of the following accept. When there is no place left,
 * that of the series goes that has not been used for longest and belongs to nothing that runs. The
 * picture is not kept. */
struct meter *meter_open(struct metrics *metrics, const struct tt_picture *picture);
void meter_close(struct meter **meter);
void meter_frame(struct meter *meter, const struct tt_record *frame);
void meter_hop(struct meter *meter, uint32_t component, int64_t cost_ns);
/* It went to another degrading level. */
void meter_step(struct meter *meter, uint32_t component, bool is_down);

struct metrics_gauges {
    const char *version, *class;
    int64_t reserved_ppm, limit_ppm;
    uint32_t cpus, services;
};

/* is_open: as OpenMetrics 1.0; otherwise as Prometheus' text format 0.0.4. */
void metrics_print(const struct metrics *metrics, const struct metrics_gauges *gauges, bool is_open,
                   FILE *out);

#endif
