/* Reads a ledger and looks for the first byte that is not as it was signed.
 *
 * Lengths in a file are claims: each is compared with what is left before it is used. A segment
 * counts only when its header continues the chain, its hash fits and its signature is the key's. */
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

#include "base/assert.h"
#include "ledger/layout.h"
#include "ledger/ledger.h"

struct walk {
    struct tt_ledger *ledger;
    EVP_PKEY *key;
    uint64_t at;
    uint32_t span_room;
    bool is_ended;
};

static int judge(struct walk *walk, enum tt_verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Writes the verdict down and ends the walk: there is only one, the first. */
static int judge(struct walk *walk, enum tt_verdict verdict, const char *format, ...)
{
    va_list list;

    walk->ledger->verdict = verdict;
    va_start(list, format);
    (void)tt_format_text_v(walk->ledger->reason, sizeof(walk->ledger->reason), format, list);
    va_end(list);
    return 1;
}

static const char *part_name(uint32_t part)
{
    static const char *const names[] = {"", "agreement", "frames", "hops", "event", "count"};

    return part <= TT_PART_COUNT ? names[part] : "";
}

/* Is there a later segment's header in the rest? Then what ends early here was not cut, but
 * changed. */
static bool is_followed(const struct walk *walk, uint64_t number)
{
    const uint8_t *at = walk->ledger->bytes + walk->at + 1;
    const uint8_t *end = walk->ledger->bytes + walk->ledger->byte_count;

    while (end - at >= LEDGER_HEADER_BYTES) {
        at = memmem(at, (size_t)(end - at), LEDGER_MAGIC, LEDGER_MAGIC_BYTES);
        if (!at || end - at < LEDGER_HEADER_BYTES)
            return false;
        if (ledger_get_number(at + LEDGER_AT_NUMBER, 8) == number + 1)
            return true;
        at++;
    }
    return false;
}

/* The header, as far as it is there, against the only one that may stand here. */
static int check_header(struct walk *walk)
{
    const uint8_t *at = walk->ledger->bytes + walk->at;
    uint64_t left = walk->ledger->byte_count - walk->at, number = walk->ledger->span_count;
    uint64_t there = left < LEDGER_HEADER_BYTES ? left : LEDGER_HEADER_BYTES;
    uint8_t wanted[LEDGER_HEADER_BYTES];

    ledger_put_header(wanted, 0, number, 0, walk->ledger->head);
    for (uint32_t n = 0; n < there; n++) {
        if (at[n] == wanted[n] || (n >= LEDGER_AT_PART && n < LEDGER_AT_ZERO) ||
            (n >= LEDGER_AT_BYTES && n < LEDGER_AT_PREVIOUS))
            continue;
        return judge(walk, TT_ALTERED,
                     "segment %llu, byte %llu: %s is not what the chain so far calls for",
                     (unsigned long long)number, (unsigned long long)(walk->at + n),
                     n < LEDGER_MAGIC_BYTES ? "the mark of a segment"
                     : n < LEDGER_AT_BYTES  ? "the segment's number"
                                            : "the hash of the segment before");
    }
    if (left < LEDGER_HEADER_BYTES)
        return judge(walk, TT_INCOMPLETE,
                     "segment %llu ends at byte %llu, inside its header: the tail is cut off",
                     (unsigned long long)number, (unsigned long long)walk->ledger->byte_count);
    return 0;
}

static int check_size(struct walk *walk, uint64_t bytes)
{
    uint64_t left = walk->ledger->byte_count - walk->at - LEDGER_HEADER_BYTES;
    uint64_t number = walk->ledger->span_count;

    if (bytes > LEDGER_PAYLOAD_MAX)
        return judge(walk, TT_ALTERED, "segment %llu, byte %llu: its length, %llu bytes, is absurd",
                     (unsigned long long)number, (unsigned long long)(walk->at + LEDGER_AT_BYTES),
                     (unsigned long long)bytes);
    if (left >= LEDGER_SEAL_BYTES && bytes <= left - LEDGER_SEAL_BYTES)
        return 0;
    if (is_followed(walk, number))
        return judge(walk, TT_ALTERED,
                     "segment %llu, byte %llu: its length, %llu bytes, reaches past the end, "
                     "and yet segments follow",
                     (unsigned long long)number, (unsigned long long)(walk->at + LEDGER_AT_BYTES),
                     (unsigned long long)bytes);
    return judge(walk, TT_INCOMPLETE,
                 "segment %llu at byte %llu needs %llu bytes and has %llu: the tail is cut off",
                 (unsigned long long)number, (unsigned long long)walk->at,
                 (unsigned long long)(LEDGER_HEADER_BYTES + bytes + LEDGER_SEAL_BYTES),
                 (unsigned long long)(left + LEDGER_HEADER_BYTES));
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_hex(const char *text, uint8_t *ret, uint32_t bytes)
{
    if (!text || strlen(text) != 2 * (size_t)bytes)
        return false;
    for (uint32_t n = 0; n < bytes; n++) {
        int high = hex_value(text[2 * n]), low = hex_value(text[2 * n + 1]);

        if (high < 0 || low < 0)
            return false;
        ret[n] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static int read_key(struct walk *walk, const uint8_t *payload, uint64_t bytes)
{
    json_t *agreement = json_loadb((const char *)payload, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *text = json_string_value(json_object_get(agreement, "key"));
    bool is_read = read_hex(text, walk->ledger->key, TT_KEY_BYTES);

    json_decref(agreement);
    if (!is_read)
        return judge(walk, TT_ALTERED, "segment 0, byte %d: the agreement names no Ed25519 key",
                     LEDGER_HEADER_BYTES);
    walk->key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, walk->ledger->key, TT_KEY_BYTES);
    if (!walk->key)
        return judge(walk, TT_ALTERED, "segment 0, byte %d: the agreement's key is no Ed25519 key",
                     LEDGER_HEADER_BYTES);
    return 0;
}

static bool is_signed(const struct walk *walk, const uint8_t *hash, const uint8_t *signature)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool is_good = md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, walk->key) == 1 &&
                   EVP_DigestVerify(md, signature, TT_SIGNATURE_BYTES, hash, TT_HASH_BYTES) == 1;

    EVP_MD_CTX_free(md);
    return is_good;
}

static int check_seal(struct walk *walk, uint64_t bytes)
{
    const uint8_t *header = walk->ledger->bytes + walk->at;
    const uint8_t *seal = header + LEDGER_HEADER_BYTES + bytes;
    uint64_t number = walk->ledger->span_count;
    uint8_t hash[TT_HASH_BYTES];

    (void)SHA256(header, LEDGER_HEADER_BYTES + bytes, hash);
    if (memcmp(hash, seal, TT_HASH_BYTES) != 0)
        return judge(
            walk, TT_ALTERED,
            "segment %llu, bytes %llu to %llu: they do not have the hash that was written",
            (unsigned long long)number, (unsigned long long)walk->at,
            (unsigned long long)(walk->at + LEDGER_HEADER_BYTES + bytes + TT_HASH_BYTES - 1));
    if (number == 0 && read_key(walk, header + LEDGER_HEADER_BYTES, bytes) != 0)
        return 1;
    if (!is_signed(walk, hash, seal + TT_HASH_BYTES))
        return judge(walk, TT_ALTERED,
                     "segment %llu, byte %llu: the signature is not that of the agreement's key",
                     (unsigned long long)number,
                     (unsigned long long)(walk->at + LEDGER_HEADER_BYTES + bytes + TT_HASH_BYTES));
    memcpy(walk->ledger->head, hash, TT_HASH_BYTES);
    return 0;
}

/* What a writer of ours never does, although the signature is good. */
static int check_part(struct walk *walk, uint32_t part, uint64_t bytes)
{
    uint64_t number = walk->ledger->span_count, at = walk->at + LEDGER_AT_PART;
    bool is_records = part == TT_PART_FRAMES || part == TT_PART_HOPS;

    if (part < TT_PART_AGREEMENT || part > TT_PART_COUNT)
        return judge(walk, TT_ALTERED, "segment %llu, byte %llu: there is no part %u",
                     (unsigned long long)number, (unsigned long long)at, part);
    if ((part == TT_PART_AGREEMENT) != (number == 0))
        return judge(walk, TT_ALTERED,
                     "segment %llu, byte %llu: its part is `%s`; a ledger begins with its one "
                     "agreement",
                     (unsigned long long)number, (unsigned long long)at, part_name(part));
    if (is_records && bytes % sizeof(struct tt_record) != 0)
        return judge(walk, TT_ALTERED,
                     "segment %llu, byte %llu: %llu bytes are no whole number of records",
                     (unsigned long long)number, (unsigned long long)(walk->at + LEDGER_AT_BYTES),
                     (unsigned long long)bytes);
    return 0;
}

static int keep_span(struct walk *walk, uint32_t part, uint64_t bytes)
{
    struct tt_ledger *ledger = walk->ledger;

    if (ledger->span_count == walk->span_room) {
        uint32_t room = walk->span_room ? walk->span_room * 2 : 16;
        struct tt_ledger_span *grown = reallocarray(ledger->spans, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        ledger->spans = grown;
        walk->span_room = room;
    }
    ledger->spans[ledger->span_count++] =
        (struct tt_ledger_span){part, walk->at + LEDGER_HEADER_BYTES, bytes};
    return 0;
}

/* One segment. 0: it is good; 1: the verdict is there; negative: no memory. */
static int walk_segment(struct walk *walk)
{
    const uint8_t *at = walk->ledger->bytes + walk->at;
    uint64_t bytes;
    uint32_t part;
    int r;

    if (walk->is_ended)
        return judge(walk, TT_ALTERED, "byte %llu: %llu bytes stand after the count",
                     (unsigned long long)walk->at,
                     (unsigned long long)(walk->ledger->byte_count - walk->at));
    r = check_header(walk);
    if (r != 0)
        return r;
    part = (uint32_t)ledger_get_number(at + LEDGER_AT_PART, 4);
    bytes = ledger_get_number(at + LEDGER_AT_BYTES, 8);
    r = check_size(walk, bytes);
    if (r == 0)
        r = check_part(walk, part, bytes);
    if (r == 0)
        r = check_seal(walk, bytes);
    if (r == 0)
        r = keep_span(walk, part, bytes);
    if (r != 0)
        return r;
    walk->at += LEDGER_HEADER_BYTES + bytes + LEDGER_SEAL_BYTES;
    walk->is_ended = part == TT_PART_COUNT;
    return 0;
}

/* A file whose first bytes are mostly ours was a ledger once; anything else never was. */
static bool is_ledger(const uint8_t *bytes, uint64_t byte_count)
{
    uint64_t there = byte_count < LEDGER_MAGIC_BYTES ? byte_count : LEDGER_MAGIC_BYTES;
    uint64_t same_count = 0;

    for (uint64_t n = 0; n < there; n++)
        same_count += bytes[n] == (uint8_t)LEDGER_MAGIC[n];
    return there > 0 && same_count * 2 >= there;
}

int tt_ledger_read(const void *bytes, uint64_t byte_count, struct tt_ledger **ret,
                   struct tt_error *err)
{
    struct tt_ledger *ledger;
    struct walk walk = {0};
    int r = 0;

    if (!is_ledger(bytes, byte_count))
        return tt_fail(err, -EINVAL,
                       byte_count == 0 ? "not a ledger: it is empty"
                                       : "not a ledger: it does not begin with %s",
                       LEDGER_MAGIC);
    ledger = calloc(1, sizeof(*ledger));
    if (!ledger)
        return tt_fail(err, -ENOMEM, "no memory to read a ledger");
    ledger->bytes = bytes;
    ledger->byte_count = byte_count;
    walk.ledger = ledger;

    while (r == 0 && walk.at < byte_count)
        r = walk_segment(&walk);
    if (r == 0 && walk.is_ended)
        (void)judge(&walk, TT_INTACT, "all %u segments are as they were signed",
                    ledger->span_count);
    else if (r == 0)
        (void)judge(&walk, TT_INCOMPLETE,
                    "segment %u, byte %llu: the count is missing, so an unknown number of "
                    "segments may be",
                    ledger->span_count, (unsigned long long)walk.at);
    EVP_PKEY_free(walk.key);
    if (r < 0) {
        tt_ledger_close(&ledger);
        return tt_fail(err, r, "no memory to read a ledger of %llu bytes",
                       (unsigned long long)byte_count);
    }
    *ret = ledger;
    return 0;
}

void tt_ledger_close(struct tt_ledger **ledger)
{
    if (!*ledger)
        return;
    free((*ledger)->spans);
    free(*ledger);
    *ledger = NULL;
}
