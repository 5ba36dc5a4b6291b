/* What services said: in order, for those who may hear it, bounded. */
#include "node/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"

static struct journal *journal;
static char told[1 << 20];
static uint32_t heard;

static void put(void *ctx, const struct journal_line *line)
{
    (void)ctx;
    CHECK(line->at_ns > INT64_C(1600000000000000000));
    (void)snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s:%.20s ", line->service,
                   line->text);
}

static void hear(void *ctx, const struct journal_line *line)
{
    (void)ctx, (void)line;
    heard++;
}

static const char *tell(uint32_t uid, const char *service, uint32_t wanted_services)
{
    told[0] = '\0';
    CHECK_INT(journal_tell(journal, uid, service, put, NULL), wanted_services);
    return told;
}

static void lines_come_in_order_to_their_owners(void)
{
    struct journal_log *a, *b, *c;

    journal = journal_open(hear, NULL);
    a = journal_begin(journal, "a", 1000, 1);
    b = journal_begin(journal, "b", 1000, 2);
    c = journal_begin(journal, "a", 2000, 3);
    journal_say(journal, a, "1");
    journal_say(journal, b, "2");
    journal_say(journal, c, "3");
    journal_say(journal, a, "4");
    journal_say(journal, NULL, "5");
    CHECK_INT(heard, 4);
    CHECK_TEXT(tell(1000, NULL, 2), "a:1 b:2 a:4 ");
    CHECK_TEXT(tell(1000, "a", 1), "a:1 a:4 ");
    CHECK_TEXT(tell(0, "a", 2), "a:1 a:3 a:4 ");
    CHECK_TEXT(tell(1000, "x", 0), "");
    journal_end(a);
    CHECK_TEXT(tell(1000, "a", 1), "a:1 a:4 "); /* who ended is known */
    journal_close(&journal);
    CHECK(journal == NULL);
}

static void it_remembers_so_much_and_no_more(void)
{
    static char text[5000];
    struct journal_log *log, *runs;
    char name[16];

    journal = journal_open(NULL, NULL);
    runs = journal_begin(journal, "runs", 1000, 1);
    for (int n = 0; n < 300; n++) {
        (void)snprintf(name, sizeof(name), "%d", n);
        journal_say(journal, runs, name);
    }
    CHECK(strncmp(tell(1000, "runs", 1), "runs:44 runs:45 ", 16) == 0); /* the last 256 */
    for (uint32_t n = 0; n < 200; n++) {
        (void)snprintf(name, sizeof(name), "s%u", n);
        log = journal_begin(journal, name, 1000, n + 2);
        journal_say(journal, log, name);
        journal_end(log);
    }
    CHECK(strstr(tell(1000, NULL, 1 + 64 + 1), "runs:299") != NULL); /* who runs is not forgotten */
    CHECK(strstr(told, "s199:s199") != NULL && strstr(told, "s100:") == NULL);
    memset(text, 'x', 1279);
    memcpy(text + 1279, "\xc3\xa4 and more", 12); /* a letter of two bytes at the limit */
    journal_say(journal, runs, text);
    journal_close(&journal);
}

int main(void)
{
    RUN(lines_come_in_order_to_their_owners);
    RUN(it_remembers_so_much_and_no_more);
    return 0;
}
