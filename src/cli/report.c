/* A plan and a report in words: what was promised, what was delivered, who broke it. */
#include "cli/report.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_out.h"
#include "cli/quantity.h"

enum { TEXT_COLUMN = 14 };

void report_line(FILE *file, const char *name, const char *format, ...)
{
    va_list list;
    char *text;
    int length;

    va_start(list, format);
    length = vasprintf(&text, format, list);
    va_end(list);
    if (length < 0)
        return;
    fprintf(file, "  %-*s", TEXT_COLUMN - 2, name);
    if (strlen(name) >= TEXT_COLUMN - 2) /* a long name has a line of its own */
        fprintf(file, "\n%*s", TEXT_COLUMN, "");
    paint_wrap(file, text, TEXT_COLUMN, TEXT_COLUMN);
    free(text);
}

/* A path as a shell reads it back: quoted when it has to be. */
static const char *quote(const char *path, char *ret, size_t bytes)
{
    size_t out = 0;

    if (path[strcspn(path, " \t\n'\"\\$&|;<>()*?[]#~`!{}")] == 0)
        return path;
    ret[out++] = '\'';
    for (; *path != 0 && out + 6 < bytes; path++) {
        if (*path == '\'') {
            memcpy(ret + out, "'\\''", 4);
            out += 4;
        } else {
            ret[out++] = *path;
        }
    }
    ret[out++] = '\'';
    ret[out] = 0;
    return ret;
}

void report_next(FILE *file, const char *command, const char *path, const char *rest)
{
    char quoted[PATH_MAX + 8];
    const char *word = quote(path, quoted, sizeof(quoted));
    size_t bytes = strlen(command) + strlen(word) + strlen(rest);

    fprintf(file, "  %-*s%s%s%s%s\n", TEXT_COLUMN - 2, "next", command,
            bytes + TEXT_COLUMN < 80 ? "" : "\\\n    ", word, rest);
}

static void put_line(FILE *file, uint32_t used, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_line(FILE *file, uint32_t used, const char *format, ...)
{
    va_list list;
    char *text;
    int length;

    va_start(list, format);
    length = vasprintf(&text, format, list);
    va_end(list);
    if (length < 0)
        return;
    paint_wrap(file, text, used, 2);
    free(text);
}

/* The component that costs most an activation; NULL when no cost is known. */
static const json_t *dearest(const json_t *plan)
{
    json_t *terms = json_object_get(plan, "terms"), *term;
    const json_t *found = NULL;
    size_t n;

    json_array_foreach(terms, n, term)
    {
        if (strcmp(json_text(term, "name"), "cost") == 0 && json_int(term, "value") > 0 &&
            (!found || json_int(term, "value") > json_int(found, "value")))
            found = term;
    }
    return found;
}

static bool begins(const char *text, const char *head)
{
    return strncmp(text, head, strlen(head)) == 0;
}

/* What its author can change about a refusal, by what stands against the service. */
static void tell_help(FILE *file, const json_t *plan)
{
    const char *binding = json_text(plan, "binding");
    const json_t *cost = dearest(plan);
    char less[160] = "less work a second: a lower rate, smaller pictures, cheaper settings";
    const char *first = "";

    if (cost)
        (void)snprintf(less, sizeof(less),
                       "less work a second: a lower rate, smaller pictures, or a cheaper `%.40s`, "
                       "which costs most (%s)",
                       json_text(cost, "subject"), quantity_time(json_int(cost, "value")).text);
    if (begins(binding, "memory") || begins(binding, "frame pools"))
        (void)snprintf(less, sizeof(less),
                       "smaller pictures, or shorter deadlines: queues of "
                       "coded media hold as long as these");
    else if (begins(binding, "deadline"))
        first = "a longer deadline (--deadline), or ";
    else if (strstr(binding, " is free ("))
        first = "the end of another service (tactus lists them), or ";
    else if (!begins(binding, "CPU"))
        return;
    report_line(file, "would help", "%s%s", first, less);
}

void report_verdict(FILE *file, const struct paint *paint, const json_t *plan)
{
    const char *class = json_text(plan, "class"), *reason = json_text(plan, "class_reason");
    const char *binding = json_text(plan, "binding");
    int64_t bound = json_int(plan, "bound_ns"), slack = json_int(plan, "slack_ns");

    if (!json_flag(plan, "admitted")) {
        fprintf(file, "%sno%s: ", paint_on(paint, PAINT_BAD), paint_off(paint));
        put_line(file, 4, "%s", binding[0] ? binding : reason);
        if (json_array_size(json_object_get(plan, "would_fit")) == 0)
            tell_help(file, plan);
        if (binding[0] && reason[0])
            report_line(file, "class", "%s: %s", class, reason);
        return;
    }
    fprintf(file, "%syes%s: ", paint_on(paint, PAINT_GOOD), paint_off(paint));
    if (strcmp(class, "best-effort") == 0)
        put_line(file, 5, "%s, which promises nothing", class);
    else if (bound > 0)
        put_line(file, 5, "%s, within %s; %s could be promised", class,
                 quantity_time(bound + slack).text, quantity_time(bound).text);
    else
        put_line(file, 5, "%s", class);
    if (reason[0])
        report_line(file, "why", "%s", reason);
    if (binding[0])
        report_line(file, "tightest", "%s", binding);
}

static void tell_headline(FILE *file, const struct paint *paint, const json_t *report, bool is_kept)
{
    bool is_promised = json_is_object(json_object_get(report, "promised"));

    fputs(paint_on(paint, PAINT_BOLD), file);
    paint_safe(file, json_text(report, "service"));
    fprintf(file, "%s: %s", paint_off(paint),
            paint_on(paint, !is_promised ? PAINT_WARN
                            : is_kept    ? PAINT_GOOD
                                         : PAINT_BAD));
    fputs(!is_promised ? "ran; nothing was promised"
          : is_kept    ? "the promise was kept"
                       : "the promise was broken",
          file);
    fprintf(file, "%s\n", paint_off(paint));
}

static void tell_promise(FILE *file, const json_t *report)
{
    const json_t *promised = json_object_get(report, "promised");
    const char *reason = json_text(report, "class_reason");

    if (!json_is_object(promised)) {
        report_line(file, "promised", "nothing: %s%s%s", json_text(report, "class"),
                    reason[0] ? ", " : "", reason);
        return;
    }
    report_line(file, "promised", "%s of the frames within %s (%s)",
                quantity_share(1 - json_number(promised, "loss")).text,
                quantity_time(json_int(promised, "deadline_ns")).text, json_text(report, "class"));
}

/* All late and lost frames first, then those of both that are ours. */
static void tell_counts(FILE *file, const char *name, const json_t *counts, const char *sink)
{
    int64_t late = json_int(counts, "late"), lost = json_int(counts, "lost");
    int64_t repeated = json_int(counts, "repeated");
    char ours[48] = "", again[48] = "";

    if (late + lost > 0)
        (void)snprintf(ours, sizeof(ours), " (ours %s)",
                       quantity_count(json_int(counts, "late_ours")).text);
    if (repeated > 0)
        (void)snprintf(again, sizeof(again), "; repeated %s", quantity_count(repeated).text);
    report_line(file, name, "%s%s%s on time of %s; late %s, lost %s%s%s", sink, sink[0] ? ": " : "",
                quantity_count(json_int(counts, "on_time")).text,
                quantity_count(json_int(counts, "frames")).text, quantity_count(late).text,
                quantity_count(lost).text, ours, again);
}

enum { SINK_COLUMNS = 20 };

/* A name that is too long for its column has a line of its own. */
static void put_sink(FILE *file, const char *name, const json_t *counts)
{
    static const struct {
        const char *member;
        int columns;
    } cells[] = {{"on_time", 10}, {"frames", 10},   {"late", 7},
                 {"lost", 7},     {"late_ours", 7}, {"repeated", 8}};

    if (strlen(name) > SINK_COLUMNS) {
        fputs("    ", file);
        paint_safe(file, name);
        fprintf(file, "\n    %-*s", SINK_COLUMNS, "");
    } else {
        fputs("    ", file);
        paint_safe(file, name);
        fprintf(file, "%*s", SINK_COLUMNS - (int)strlen(name), "");
    }
    for (uint32_t n = 0; n < sizeof(cells) / sizeof(cells[0]); n++)
        fprintf(file, " %*s", cells[n].columns,
                quantity_count(json_int(counts, cells[n].member)).text);
    fputc('\n', file);
}

/* One sink in words; several in a table, the one with the least slack first. */
static void tell_sinks(FILE *file, const json_t *report)
{
    const char *name, *least = json_text(report, "sink");
    json_t *sinks = json_object_get(report, "sinks"), *counts;

    if (json_object_size(sinks) < 2) {
        tell_counts(file, "delivered", report, least);
        return;
    }
    fprintf(file, "  %-*s %10s %10s %7s %7s %7s %8s\n", SINK_COLUMNS + 2, "delivered", "on time",
            "of", "late", "lost", "ours", "repeated");
    put_sink(file, least, report);
    json_object_foreach(sinks, name, counts)
    {
        if (strcmp(name, least) != 0)
            put_sink(file, name, counts);
    }
}

static void tell_times(FILE *file, const json_t *report)
{
    const json_t *delay = json_object_get(report, "delay_ns");

    if (json_is_object(delay))
        report_line(file, "delay", "p50 %s, p99 %s, p99.9 %s, longest %s",
                    quantity_time(json_int(delay, "p50")).text,
                    quantity_time(json_int(delay, "p99")).text,
                    quantity_time(json_int(delay, "p99_9")).text,
                    quantity_time(json_int(delay, "max")).text);
    if (json_int(report, "first_frame_ns") > 0)
        report_line(file, "first frame", "after %s",
                    quantity_time(json_int(report, "first_frame_ns")).text);
    report_line(file, "used", "%s of CPU time, %s context switches",
                quantity_time(json_int(report, "cpu_ns")).text,
                quantity_count(json_int(report, "switches")).text);
}

static void tell_causes(FILE *file, const json_t *report)
{
    json_t *causes = json_object_get(report, "causes"), *count;
    char text[512] = "";
    const char *name;
    size_t used = 0;

    json_object_foreach(causes, name, count)
    {
        if (json_number_value(count) <= 0 || used + 64 > sizeof(text))
            continue;
        used +=
            (size_t)snprintf(text + used, sizeof(text) - used, "%s%.24s %s", used > 0 ? ", " : "",
                             name, quantity_count((int64_t)json_number_value(count)).text);
    }
    if (used > 0)
        report_line(file, "causes", "%s", text);
}

void report_tell(FILE *file, const struct paint *paint, const json_t *report, const char *ledger,
                 bool is_kept)
{
    tell_headline(file, paint, report, is_kept);
    tell_promise(file, report);
    tell_sinks(file, report);
    tell_times(file, report);
    tell_causes(file, report);
    if (ledger[0])
        report_line(file, "ledger", "%s", ledger);
    if (ledger[0] && json_text(report, "ledger_head")[0])
        report_line(file, "head", "%s", json_text(report, "ledger_head"));
}
