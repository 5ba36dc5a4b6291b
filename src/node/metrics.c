/* What monitoring systems are told: bounded counters and histograms, and their text. */
#include "node/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/histogram.h"
#include "ledger/ledger.h"

/* Buckets end at the octaves of base/histogram, 8.2 us to 8.6 s: there its counts are exact. */
enum { FIRST_OCTAVE = 13, LAST_OCTAVE = 33, OUTCOMES = 3 };

/* What is longer counts as this: sums of lies would soon pass their 64 bits. */
#define LONGEST_NS (INT64_C(60) * 1000000000)

struct series {
    char service[TT_NAME_BYTES], name[METRICS_NAME_BYTES]; /* of its sink or component */
    uint32_t user_count;                                   /* runs that move it */
    uint64_t used;                                         /* when it was last taken, in takings */
    uint64_t outcomes[OUTCOMES], repeated;
    uint64_t steps_down, steps_up;     /* components */
    struct tt_histogram first, second; /* sinks: slack, lateness; components: cost */
};

struct table {
    struct series **series; /* the last place is that of "_other" */
    uint32_t count, max;
};

struct metrics {
    struct table sinks, components;
    uint64_t misses[TT_CAUSE_COUNT], takings, evicted;
};

struct meter {
    struct metrics *metrics;
    struct series **sinks, **components; /* by number */
    uint32_t sink_count, component_count;
};

static const char other[] = "_other";

static bool table_open(struct table *table, uint32_t max)
{
    table->max = max;
    table->series = calloc(max + 1, sizeof(struct series *));
    if (table->series == NULL)
        return false;
    table->series[max] = calloc(1, sizeof(struct series));
    if (table->series[max] == NULL)
        return false;
    memcpy(table->series[max]->service, other, sizeof(other));
    memcpy(table->series[max]->name, other, sizeof(other));
    return true;
}

static void table_close(struct table *table)
{
    for (uint32_t n = 0; table->series != NULL && n <= table->max; n++)
        free(table->series[n]);
    free(table->series);
}

struct metrics *metrics_open(void)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));

    if (metrics != NULL && (!table_open(&metrics->sinks, METRICS_SINKS_MAX) ||
                            !table_open(&metrics->components, METRICS_COMPONENTS_MAX)))
        metrics_close(&metrics);
    return metrics;
}

void metrics_close(struct metrics **metrics)
{
    if (*metrics == NULL)
        return;
    table_close(&(*metrics)->sinks);
    table_close(&(*metrics)->components);
    free(*metrics);
    *metrics = NULL;
}

/* A place that is free, or that of the series that has rested for longest; NULL: all are in use. */
static struct series *find_place(struct metrics *metrics, struct table *table)
{
    struct series *oldest = NULL;

    if (table->count < table->max) {
        struct series *fresh = calloc(1, sizeof(*fresh));

        if (fresh != NULL)
            table->series[table->count++] = fresh;
        return fresh;
    }
    for (uint32_t n = 0; n < table->count; n++)
        if (table->series[n]->user_count == 0 &&
            (oldest == NULL || table->series[n]->used < oldest->used))
            oldest = table->series[n];
    if (oldest != NULL) {
        memset(oldest, 0, sizeof(*oldest));
        metrics->evicted++;
    }
    return oldest;
}

static struct series *take_series(struct metrics *metrics, struct table *table, const char *service,
                                  const char *name)
{
    struct series *series = NULL;

    for (uint32_t n = 0; n < table->count && series == NULL; n++)
        if (strcmp(table->series[n]->service, service) == 0 &&
            strcmp(table->series[n]->name, name) == 0)
            series = table->series[n];
    if (series == NULL) {
        series = find_place(metrics, table);
        if (series != NULL) {
            (void)snprintf(series->service, sizeof(series->service), "%s", service);
            (void)snprintf(series->name, sizeof(series->name), "%s", name);
        }
    }
    if (series == NULL)
        series = table->series[table->max];
    series->used = ++metrics->takings;
    series->user_count++;
    return series;
}

struct meter *meter_open(struct metrics *metrics, const struct tt_picture *picture)
{
    struct meter *meter = metrics != NULL ? calloc(1, sizeof(*meter)) : NULL;
    char name[METRICS_NAME_BYTES];

    if (meter == NULL)
        return NULL;
    meter->metrics = metrics;
    meter->sinks = calloc(picture->sink_count + 1, sizeof(struct series *));
    meter->components = calloc(picture->component_count + 1, sizeof(struct series *));
    if (meter->sinks == NULL || meter->components == NULL) {
        meter_close(&meter);
        return NULL;
    }
    for (uint32_t n = 0; n < picture->sink_count; n++) {
        tt_picture_sink_name(picture, n, name, sizeof(name));
        meter->sinks[meter->sink_count++] =
            take_series(metrics, &metrics->sinks, picture->name, name);
    }
    for (uint32_t n = 0; n < picture->component_count; n++)
        meter->components[meter->component_count++] =
            take_series(metrics, &metrics->components, picture->name, picture->components[n].name);
    return meter;
}

void meter_close(struct meter **closed)
{
    struct meter *meter = *closed;

    if (meter == NULL)
        return;
    for (uint32_t n = 0; n < meter->sink_count; n++)
        meter->sinks[n]->user_count--;
    for (uint32_t n = 0; n < meter->component_count; n++)
        meter->components[n]->user_count--;
    free(meter->sinks);
    free(meter->components);
    free(meter);
    *closed = NULL;
}

static int64_t limited(int64_t ns)
{
    return ns < 0 ? 0 : ns > LONGEST_NS ? LONGEST_NS : ns;
}

void meter_frame(struct meter *meter, const struct tt_record *frame)
{
    uint32_t cause = frame->cause;
    struct series *series;

    if (meter == NULL || frame->outcome < TT_ON_TIME || frame->outcome > TT_LOST_FRAME)
        return;
    tt_assert(frame->sink < meter->sink_count);
    series = meter->sinks[frame->sink];
    series->outcomes[frame->outcome - TT_ON_TIME]++;
    series->repeated += (frame->flags & TT_RECORD_REPEATED) != 0;
    if (frame->outcome == TT_ON_TIME)
        tt_histogram_add(&series->first, limited(frame->slack_ns));
    else
        meter->metrics->misses[cause == TT_CAUSE_NONE || cause >= TT_CAUSE_COUNT ? TT_CAUSE_UNKNOWN
                                                                                 : cause]++;
    if (frame->outcome == TT_LATE_FRAME)
        tt_histogram_add(&series->second,
                         frame->slack_ns < -LONGEST_NS ? LONGEST_NS : limited(-frame->slack_ns));
}

void meter_hop(struct meter *meter, uint32_t component, int64_t cost_ns)
{
    if (meter == NULL)
        return;
    tt_assert(component < meter->component_count);
    tt_histogram_add(&meter->components[component]->first, limited(cost_ns));
}

void meter_step(struct meter *meter, uint32_t component, bool is_down)
{
    if (meter == NULL)
        return;
    tt_assert(component < meter->component_count);
    meter->components[component]->steps_down += is_down;
    meter->components[component]->steps_up += !is_down;
}

struct sheet { /* a text that is being written */
    FILE *out;
    bool is_open;
};

/* The two formats differ in whether a counter's family is called by its samples' name. */
static void put_family(const struct sheet *sheet, const char *name, const char *type,
                       const char *unit, const char *help)
{
    const char *tail = !sheet->is_open && strcmp(type, "counter") == 0 ? "_total" : "";

    fprintf(sheet->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, tail, help, name, tail, type);
    if (sheet->is_open && unit != NULL)
        fprintf(sheet->out, "# UNIT %s %s\n", name, unit);
}

static void put_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '"')
            fprintf(out, "\\%c", *text);
        else if (*text == '\n')
            fputs("\\n", out);
        else
            fputc(*text, out);
    }
}

static void put_label(FILE *out, const char *before, const char *name, const char *value)
{
    fprintf(out, "%s%s=\"", before, name);
    put_escaped(out, value);
    fputc('"', out);
}

/* Exactly as many places as there are nanoseconds. */
static void put_seconds(FILE *out, int64_t ns)
{
    fprintf(out, "%lld.%09lld", (long long)(ns / 1000000000), (long long)(ns % 1000000000));
}

/* Name and labels; more labels may follow, and the brace. */
static void put_sample(FILE *out, const char *family, const char *tail, const struct series *series,
                       const char *what)
{
    fprintf(out, "%s%s", family, tail);
    put_label(out, "{", "service", series->service);
    put_label(out, ",", what, series->name);
}

static void put_bucket(FILE *out, const char *family, const struct series *series, const char *what,
                       int64_t end_ns, uint64_t count)
{
    put_sample(out, family, "_bucket", series, what);
    fputs(",le=\"", out);
    if (end_ns == INT64_MAX)
        fputs("+Inf", out);
    else
        put_seconds(out, end_ns);
    fprintf(out, "\"} %llu\n", (unsigned long long)count);
}

static void put_tail(FILE *out, const char *family, const char *tail, const struct series *series,
                     const char *what)
{
    put_sample(out, family, tail, series, what);
    fputs("} ", out);
}

static void put_histogram(FILE *out, const char *family, const struct series *series,
                          const char *what, const struct tt_histogram *histogram)
{
    uint64_t count = 0;
    uint32_t bin = 0;

    for (int octave = FIRST_OCTAVE; octave <= LAST_OCTAVE; octave++) {
        int64_t end_ns = (INT64_C(1) << octave) - 1;

        while (bin < TT_HISTOGRAM_BINS && tt_histogram_bin_end(bin) <= end_ns)
            count += histogram->bins[bin++];
        put_bucket(out, family, series, what, end_ns, count);
    }
    put_bucket(out, family, series, what, INT64_MAX, histogram->count);
    put_tail(out, family, "_sum", series, what);
    put_seconds(out, histogram->sum_ns);
    fputc('\n', out);
    put_tail(out, family, "_count", series, what);
    fprintf(out, "%llu\n", (unsigned long long)histogram->count);
}

/* A series that nothing was ever counted in is not told of: "_other" is mostly empty. */
static const struct series *next_series(const struct table *table, uint32_t *at)
{
    while (*at <= table->max) {
        const struct series *series = table->series[(*at)++];

        if (series != NULL && series->used != 0)
            return series;
    }
    return NULL;
}

static void put_sinks(const struct sheet *sheet, const struct table *table)
{
    static const char *const outcomes[OUTCOMES] = {"on_time", "late", "lost"};
    const struct series *series;
    FILE *out = sheet->out;

    put_family(sheet, "tactus_frames", "counter", NULL,
               "Frames that were due, by what came of them.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;)
        for (uint32_t n = 0; n < OUTCOMES; n++) {
            put_sample(out, "tactus_frames", "_total", series, "sink");
            put_label(out, ",", "outcome", outcomes[n]);
            fprintf(out, "} %llu\n", (unsigned long long)series->outcomes[n]);
        }
    put_family(sheet, "tactus_frames_repeated", "counter", NULL,
               "Delivered frames that are an older picture in place of the due one.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;) {
        put_tail(out, "tactus_frames_repeated", "_total", series, "sink");
        fprintf(out, "%llu\n", (unsigned long long)series->repeated);
    }
    put_family(sheet, "tactus_slack_seconds", "histogram", "seconds",
               "Due time less delivery of frames that were on time.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;)
        put_histogram(out, "tactus_slack_seconds", series, "sink", &series->first);
    put_family(sheet, "tactus_lateness_seconds", "histogram", "seconds",
               "Delivery less due time of frames that were late.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;)
        put_histogram(out, "tactus_lateness_seconds", series, "sink", &series->second);
}

static void put_components(const struct sheet *sheet, const struct table *table)
{
    const struct series *series;

    put_family(sheet, "tactus_cost_seconds", "histogram", "seconds",
               "CPU time of an activation where it was read, else the time it took.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;)
        put_histogram(sheet->out, "tactus_cost_seconds", series, "component", &series->first);
}

/* Of components that ever took one. */
static void put_steps(const struct sheet *sheet, const struct table *table)
{
    static const char name[] = "tactus_level_steps";
    const struct series *series;

    put_family(sheet, name, "counter", NULL, "Changes of the degrading level, by direction.");
    for (uint32_t at = 0; (series = next_series(table, &at)) != NULL;) {
        for (uint32_t up = 0; up < 2 && series->steps_down + series->steps_up > 0; up++) {
            put_sample(sheet->out, name, "_total", series, "component");
            put_label(sheet->out, ",", "direction", up ? "up" : "down");
            fprintf(sheet->out, "} %llu\n",
                    (unsigned long long)(up ? series->steps_up : series->steps_down));
        }
    }
}

static void put_misses(const struct sheet *sheet, const struct metrics *metrics)
{
    put_family(sheet, "tactus_deadline_miss", "counter", NULL,
               "Late and lost frames of all services, by cause; edge, worker, budget and unknown "
               "are ours.");
    for (uint32_t cause = 1; cause < TT_CAUSE_COUNT; cause++)
        fprintf(sheet->out, "tactus_deadline_miss_total{cause=\"%s\"} %llu\n", tt_cause_name(cause),
                (unsigned long long)metrics->misses[cause]);
    put_family(sheet, "tactus_series_evicted", "counter", NULL,
               "Series of ended services that made room for others.");
    fprintf(sheet->out, "tactus_series_evicted_total %llu\n", (unsigned long long)metrics->evicted);
}

static void put_gauge(const struct sheet *sheet, const char *name, const char *help, int64_t value)
{
    put_family(sheet, name, "gauge", NULL, help);
    fprintf(sheet->out, "%s %lld\n", name, (long long)value);
}

void metrics_print(const struct metrics *metrics, const struct metrics_gauges *gauges, bool is_open,
                   FILE *out)
{
    struct sheet sheet = {.out = out, .is_open = is_open};

    put_family(&sheet, "tactus_build_info", "gauge", NULL,
               "1; the version of tactusd and the best scheduling class it may use.");
    fputs("tactus_build_info", out);
    put_label(out, "{", "version", gauges->version);
    put_label(out, ",", "class", gauges->class);
    fputs("} 1\n", out);
    put_gauge(&sheet, "tactus_services", "Services that are here now.", gauges->services);
    put_gauge(&sheet, "tactus_cpus", "CPUs of the machine.", gauges->cpus);
    put_gauge(&sheet, "tactus_reserved_ppm", "Reserved CPU time, in millionths of one CPU.",
              gauges->reserved_ppm);
    put_gauge(&sheet, "tactus_limit_ppm",
              "The most that may be reserved, in millionths of one CPU.", gauges->limit_ppm);
    put_misses(&sheet, metrics);
    put_sinks(&sheet, &metrics->sinks);
    put_components(&sheet, &metrics->components);
    put_steps(&sheet, &metrics->components);
    if (is_open)
        fputs("# EOF\n", out);
}
