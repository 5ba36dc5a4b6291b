/* tactus prove: whether a ledger is intact, incomplete or altered, whose it is, and what nobody can
 * tell from it. */
#include <string.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/ledger_file.h"
#include "cli/quantity.h"
#include "cli/report.h"

static const char *const verdicts[] = {
    [TT_INTACT] = "intact", [TT_INCOMPLETE] = "incomplete", [TT_ALTERED] = "altered"};

/* What no chain and no signature can show. */
static const char *const cannot_know[] = {
    "whether the node told the truth: a ledger is its own testimony. The time code that test.video "
    "paints, read at a receiver, is the cross-check",
    "whether the key is the node's: all ledgers of one node have the same; compare it with that of "
    "one you trust",
    "without --head, whether the node wrote another ledger of the same run: compare the head with "
    "the one that the report gave",
};

enum { CANNOT_KNOW_COUNT = sizeof(cannot_know) / sizeof(cannot_know[0]) };

static void print_hex(const uint8_t *bytes, uint32_t count, char *ret)
{
    for (uint32_t n = 0; n < count; n++)
        (void)snprintf(ret + 2 * n, 3, "%02x", bytes[n]);
}

static bool is_head(const char *text)
{
    return strlen(text) == 2 * TT_HASH_BYTES && text[strspn(text, "0123456789abcdefABCDEF")] == 0;
}

static uint64_t count_records(const struct tt_ledger *ledger, uint32_t part)
{
    uint64_t bytes = 0;

    for (uint32_t n = 0; n < ledger->span_count; n++)
        if (ledger->spans[n].part == part)
            bytes += ledger->spans[n].bytes;
    return bytes / sizeof(struct tt_record);
}

struct proof {
    const struct tt_ledger *ledger;
    const char *path, *wanted; /* wanted: the head that was given, or NULL */
    char head[2 * TT_HASH_BYTES + 1], key[2 * TT_KEY_BYTES + 1];
    bool is_other; /* the chain ends in another head than was wanted */
};

/* The last of them is known when the right head was given. */
static uint32_t unknown_count(const struct proof *proof)
{
    return proof->wanted && !proof->is_other ? CANNOT_KNOW_COUNT - 1 : CANNOT_KNOW_COUNT;
}

static void tell_json(struct cli *cli, const struct proof *proof)
{
    json_t *unknowns = json_array(), *answer;

    for (uint32_t n = 0; n < unknown_count(proof); n++)
        (void)json_array_append_new(unknowns, json_string(cannot_know[n]));
    answer = json_pack(
        "{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:o,s:o}", "ledger", proof->path, "verdict",
        verdicts[proof->ledger->verdict], "reason", proof->ledger->reason, "key", proof->key,
        "head", proof->head, "segments", (json_int_t)proof->ledger->span_count, "frame_records",
        (json_int_t)count_records(proof->ledger, TT_PART_FRAMES), "hop_records",
        (json_int_t)count_records(proof->ledger, TT_PART_HOPS), "head_matches",
        proof->wanted ? json_boolean(!proof->is_other) : json_null(), "cannot_know", unknowns);
    json_write(cli->out, answer);
    json_decref(answer);
}

static void tell_words(struct cli *cli, const struct proof *proof)
{
    bool is_good = proof->ledger->verdict == TT_INTACT && !proof->is_other;
    FILE *out = cli->out;

    fprintf(out, "%s%s%s%s\n", paint_on(&cli->out_paint, is_good ? PAINT_GOOD : PAINT_BAD),
            verdicts[proof->ledger->verdict], proof->is_other ? ", but not the one you mean" : "",
            paint_off(&cli->out_paint));
    report_line(out, "ledger", "%s", proof->path);
    if (proof->ledger->reason[0])
        report_line(out, "because", "%s", proof->ledger->reason);
    if (proof->is_other)
        report_line(out, "head",
                    "the chain ends in another head than --head: it was rewritten, cut, "
                    "or is that of another run");
    report_line(out, "holds", "%s segments, %s frame records, %s hop records",
                quantity_count(proof->ledger->span_count).text,
                quantity_count((int64_t)count_records(proof->ledger, TT_PART_FRAMES)).text,
                quantity_count((int64_t)count_records(proof->ledger, TT_PART_HOPS)).text);
    report_line(out, "key", "%s", proof->key);
    report_line(out, "head", "%s", proof->head);
    if (proof->wanted && !proof->is_other)
        report_line(out, "", "which is that of --head");
    for (uint32_t n = 0; n < unknown_count(proof); n++)
        report_line(out, n == 0 ? "cannot know" : "", "%u. %s", n + 1, cannot_know[n]);
}

int cli_prove(struct cli *cli, const struct args *args)
{
    struct proof proof = {.wanted = args->values[OPTION_HEAD]};
    struct ledger_file file;
    int r;

    if (args->word_count > 1)
        return cli_fail(cli, CLI_USAGE, "one LEDGER at a time; '%s' is one too many",
                        args->words[1]);
    if (proof.wanted && !is_head(proof.wanted))
        return cli_fail(cli, CLI_USAGE, "--head wants the %d hex digits that the report gave",
                        2 * TT_HASH_BYTES);
    r = ledger_file_open(cli, args->word_count > 0 ? args->words[0] : NULL, &file);
    if (r != CLI_DONE)
        return r;
    proof.ledger = file.ledger;
    proof.path = file.path;
    print_hex(file.ledger->head, TT_HASH_BYTES, proof.head);
    print_hex(file.ledger->key, TT_KEY_BYTES, proof.key);
    proof.is_other = proof.wanted && strcasecmp(proof.wanted, proof.head) != 0;
    if (cli->is_json)
        tell_json(cli, &proof);
    else
        tell_words(cli, &proof);
    r = file.ledger->verdict == TT_INTACT && !proof.is_other ? CLI_DONE : CLI_REFUSED;
    ledger_file_close(&file);
    return r;
}
