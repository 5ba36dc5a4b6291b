/* What services said, for who asks later. */
#include "node/journal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LINES = 256, ENDED_MAX = 64, NAME_BYTES = 64, TEXT_BYTES_MAX = 1280, TELL_MAX = 2000 };

struct line {
    int64_t at_ns;
    uint64_t order; /* of all that was ever said here */
    char *text;
};

struct journal_log {
    struct journal_log *next; /* that began before it */
    char service[NAME_BYTES];
    uint32_t uid;
    uint64_t number, count; /* count: lines ever; the last LINES are kept */
    bool is_ended;
    struct line lines[LINES];
};

struct journal {
    struct journal_log *logs; /* newest first */
    journal_fn *fn;
    void *ctx;
    uint64_t order;
};

struct journal *journal_open(journal_fn *fn, void *ctx)
{
    struct journal *journal = calloc(1, sizeof(*journal));

    if (journal != NULL)
        *journal = (struct journal){.fn = fn, .ctx = ctx};
    return journal;
}

static void free_log(struct journal_log *log)
{
    for (uint32_t n = 0; n < LINES; n++)
        free(log->lines[n].text);
    free(log);
}

void journal_close(struct journal **journal)
{
    struct journal_log *next;

    if (*journal == NULL)
        return;
    for (struct journal_log *log = (*journal)->logs; log != NULL; log = next) {
        next = log->next;
        free_log(log);
    }
    free(*journal);
    *journal = NULL;
}

/* Keeps the newest of those that ended. */
static void forget(struct journal *journal)
{
    struct journal_log **place = &journal->logs, *log;
    uint32_t ended = 0;

    while ((log = *place) != NULL) {
        ended += log->is_ended;
        if (!log->is_ended || ended <= ENDED_MAX) {
            place = &log->next;
            continue;
        }
        *place = log->next;
        free_log(log);
    }
}

struct journal_log *journal_begin(struct journal *journal, const char *service, uint32_t uid,
                                  uint64_t number)
{
    struct journal_log *log = journal != NULL ? calloc(1, sizeof(*log)) : NULL;

    if (log == NULL)
        return NULL;
    strncpy(log->service, service, sizeof(log->service) - 1);
    log->uid = uid;
    log->number = number;
    log->next = journal->logs;
    journal->logs = log;
    forget(journal);
    return log;
}

static struct journal_line line_of(const struct journal_log *log, const struct line *line)
{
    return (struct journal_line){.service = log->service,
                                 .uid = log->uid,
                                 .number = log->number,
                                 .at_ns = line->at_ns,
                                 .text = line->text};
}

void journal_say(struct journal *journal, struct journal_log *log, const char *text)
{
    struct journal_line said;
    struct timespec now;
    struct line *line;
    size_t bytes = strnlen(text, TEXT_BYTES_MAX);
    char *copy;

    while (text[bytes] != '\0' && bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80)
        bytes--; /* no half character at the end */
    copy = log != NULL ? strndup(text, bytes) : NULL;
    if (copy == NULL)
        return;
    line = &log->lines[log->count++ % LINES];
    free(line->text);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *line = (struct line){.at_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec,
                          .order = ++journal->order,
                          .text = copy};
    said = line_of(log, line);
    if (journal->fn != NULL)
        journal->fn(journal->ctx, &said);
}

void journal_end(struct journal_log *log)
{
    if (log != NULL)
        log->is_ended = true;
}

static bool is_meant(const struct journal_log *log, uint32_t uid, const char *service)
{
    return (uid == 0 || uid == log->uid) && (service == NULL || strcmp(service, log->service) == 0);
}

struct found {
    const struct journal_log *log;
    const struct line *line;
};

static int by_order(const void *a_, const void *b_)
{
    const struct found *a = a_, *b = b_;

    return a->line->order < b->line->order ? -1 : a->line->order > b->line->order;
}

uint32_t journal_tell(const struct journal *journal, uint32_t uid, const char *service,
                      journal_fn *fn, void *ctx)
{
    struct found *found;
    uint32_t services = 0, count = 0;

    for (const struct journal_log *log = journal->logs; log != NULL; log = log->next)
        services += is_meant(log, uid, service);
    found = calloc((size_t)services * LINES + 1, sizeof(*found));
    if (found == NULL)
        return services;
    for (const struct journal_log *log = journal->logs; log != NULL; log = log->next)
        for (uint32_t n = 0; is_meant(log, uid, service) && n < LINES; n++)
            if (log->lines[n].text != NULL)
                found[count++] = (struct found){log, &log->lines[n]};
    qsort(found, count, sizeof(*found), by_order);
    for (uint32_t n = count > TELL_MAX ? count - TELL_MAX : 0; n < count; n++) {
        struct journal_line line = line_of(found[n].log, found[n].line);

        fn(ctx, &line);
    }
    free(found);
    return services;
}
