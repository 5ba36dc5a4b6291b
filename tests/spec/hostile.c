/* Texts that nobody meant: changed examples and changed pictures are read or refused, never worse;
 * random services survive being printed. Every case comes from a seed. */
#include <errno.h>

#include "catalogue.h"
#include "check.h"
#include "spec/wiring.h"

static const char one_liner[] =
    "rate=25 test.video name=c width=64 height=64 ! video/x-raw,format=I420,width=64 ! o.main "
    "text.clock format=\"%H %M\" ! o.clock video.overlay name=o clock.x=9 late.clock=drop ! queue "
    "! "
    "av.encode codec=libx264 preset=fast ! w.video test.audio ! av.encode codec=aac ! w.audio "
    "av.write name=w url=x.mkv deadline=1s";

static uint64_t random_next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static uint32_t below(uint64_t *state, uint32_t count)
{
    return (uint32_t)(random_next(state) >> 33) % count;
}

/* A few bytes changed, taken out, doubled or cut off. */
static uint32_t mutate(const char *text, uint64_t *state, char *ret)
{
    static const char bytes[] = "[]{}:,!&*%#?-|>'\"\\\n\t .=/@`\x80\xc3\xff";
    uint32_t length = (uint32_t)strlen(text), changes = 1 + below(state, 4);

    memcpy(ret, text, length);
    while (changes-- > 0 && length > 8) {
        uint32_t at = below(state, length), count = 1 + below(state, 6);

        count = count < length - at ? count : length - at;
        switch (below(state, 5)) {
        case 0:
            ret[at] = bytes[below(state, sizeof(bytes))];
            break;
        case 1:
            memmove(ret + at, ret + at + count, length - at - count);
            length -= count;
            break;
        case 2:
            memmove(ret + at + count, ret + at, length - at);
            length += count;
            break;
        case 3:
            ret[at] = (char)random_next(state);
            break;
        default:
            if (below(state, 8) == 0)
                length = at;
        }
    }
    return length;
}

enum { TEXTS = CHECK_TURNS(20000) };

typedef int parse_fn(const char *, uint64_t, const struct tt_catalogue *, struct tt_service **,
                     struct tt_error *);

static uint32_t accepted;

static void try_text(parse_fn *parse, const char *text, uint32_t length)
{
    struct tt_service *service = NULL;
    struct tt_picture *picture = NULL;
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};
    /* An exact copy, so that the sanitizer sees a byte too far. */
    char *copy = malloc(length + 1u);
    int r;

    CHECK(copy);
    memcpy(copy, text, length);
    r = parse(copy, length, &test_catalogue, &service, &err);
    free(copy);
    if (r < 0) {
        CHECK(!service && err.code == r && err.text[0] != 0 && err.line > 0 && err.column > 0);
        return;
    }
    accepted++;
    r = tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err);
    CHECK(r == 0 || (err.code == r && err.text[0] != 0));
    if (r == 0)
        CHECK(tt_wiring_make(picture, &wiring, &err) == 0 || err.code == -E2BIG);
    tt_wiring_close(&wiring);
    tt_picture_close(&picture);
    tt_service_close(&service);
}

static void survives_changed_texts(void)
{
    static char text[8192];

    for (uint64_t seed = 1; seed <= TEXTS; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15ull;
        uint32_t which = (uint32_t)(seed % 3), length;

        length = mutate(which == 0   ? test_thumbnail
                        : which == 1 ? test_news
                                     : one_liner,
                        &state, text);
        try_text(which == 2 ? tt_service_parse_graph : tt_service_parse_yaml, text, length);
    }
    fprintf(stderr, "  %u of %d still meant something\n", accepted, TEXTS);
    CHECK(accepted > TEXTS / 40 && accepted < TEXTS - TEXTS / 40);
}

static void use(struct tt_picture **picture)
{
    struct tt_wiring *wiring = NULL;
    struct tt_error err = {0};

    for (uint32_t n = 0; n < (*picture)->component_count; n++) {
        struct tt_request_store store;
        struct tt_request request;

        tt_picture_request(*picture, n, &store, &request);
    }
    (void)tt_wiring_make(*picture, &wiring, &err);
    tt_wiring_close(&wiring);
    tt_picture_close(picture);
}

/* Any byte may be any other, and the end anywhere. */
static void survives_changed_packs(const struct tt_picture *whole)
{
    struct tt_picture *picture = NULL;
    struct tt_error err = {0};
    uint64_t bytes = 0;
    char *packed = tt_picture_pack(whole, &bytes), *changed = malloc(bytes);
    uint32_t refused = 0;

    CHECK(packed && changed);
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15ull, length = bytes;

        memcpy(changed, packed, bytes);
        if (seed % 8 == 0)
            length = below(&state, (uint32_t)bytes);
        for (uint32_t n = 1 + below(&state, 3); n > 0; n--)
            changed[below(&state, (uint32_t)bytes)] = (char)below(&state, 256);
        if (tt_picture_unpack(changed, length, &picture, &err) < 0)
            refused++;
        else
            use(&picture);
    }
    fprintf(stderr, "  %u of 500 packs refused\n", refused);
    CHECK(refused > 100 && refused < 500);
    free(packed);
    free(changed);
}

static void survives_changed_pictures(void)
{
    struct tt_service *service = NULL;
    struct tt_picture *picture = NULL;
    struct tt_error err = {0};
    char *text, *changed;
    uint32_t refused = 0;

    CHECK_INT(tt_service_parse_yaml(test_news, strlen(test_news), &test_catalogue, &service, &err),
              0);
    CHECK_INT(tt_picture_shape(service, &test_catalogue, test_probe, NULL, &picture, &err), 0);
    survives_changed_packs(picture);
    text = tt_picture_print(picture);
    tt_picture_close(&picture);
    changed = malloc(strlen(text) + 64);
    CHECK(text && changed);
    for (uint64_t seed = 1; seed <= 1500; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15ull;
        uint32_t length = (uint32_t)strlen(text);

        memcpy(changed, text, length);
        if (seed % 4 == 0)
            length = below(&state, length);
        for (uint32_t n = 1 + below(&state, 3); seed % 4 != 0 && n > 0;) {
            uint32_t at = below(&state, length);

            if (changed[at] < '0' || changed[at] > '9')
                continue;
            changed[at] = (char)('0' + below(&state, 10));
            n--;
        }
        if (tt_picture_parse(changed, length, &picture, &err) < 0) {
            refused++;
            continue;
        }
        use(&picture);
    }
    fprintf(stderr, "  %u of 1500 refused\n", refused);
    CHECK(refused >= 375);
    free(text);
    free(changed);
    tt_service_close(&service);
}

static void put(char *text, const char *more)
{
    strcat(text, more);
}

/* A chain of scalers and probes with random parameters, names, policies and text. */
static void write_service(uint64_t *state, char *text)
{
    static const char *const words[] = {"a b", "%H:%M", "x\\\"y", "null", "\xc3\xa9",     "#",
                                        "- a", "'",     "1e3",    "~",    "\xe2\x80\xa8", "a: b",
                                        "!x"};
    char line[256];
    uint32_t count = 1 + below(state, 8);

    (void)snprintf(text, 256, "tactus: 1\nservice: s%u\ndeadline: %uus\nloss: %u/%u\n",
                   below(state, 100), 1 + below(state, 90000000), 1 + below(state, 99), 100u);
    if (below(state, 2))
        put(text, "rate: 30000/1001\n");
    if (below(state, 2))
        put(text, "spare_containers: 2\n");
    put(text, "components:\n");
    (void)snprintf(line, sizeof(line), "  c: {kind: text.clock, params: {format: \"%s\"}}\n",
                   words[below(state, sizeof(words) / sizeof(words[0]))]);
    put(text, line);
    for (uint32_t n = 0; n < count; n++) {
        (void)snprintf(line, sizeof(line),
                       "  s%u: {kind: video.scale, params: {width: %u, height: %u}%s%s}\n", n,
                       16 + 2 * below(state, 900), 16 + 2 * below(state, 900),
                       below(state, 2) ? ", late: {in: repeat}" : "",
                       below(state, 2) ? ", degrade: [method=point], overrun: stop" : "");
        put(text, line);
    }
    put(text,
        below(state, 2) ? "  n: {kind: null, deadline: 7ns, loss: 3/7}\n" : "  n: {kind: null}\n");
    put(text, "flows:\n");
    for (uint32_t n = 0; n <= count; n++) {
        char from[16], to[16];

        (void)snprintf(from, sizeof(from), n == 0 ? "c" : "s%u", n - 1);
        (void)snprintf(to, sizeof(to), n == count ? "n" : "s%u%s", n, below(state, 2) ? ".in" : "");
        (void)snprintf(line, sizeof(line), "  - \"%s ! %s%s\"\n", from,
                       below(state, 3) ? "" : "video/x-raw,format=RGBA ! ", to);
        put(text, line);
    }
}

static void prints_what_it_parses(void)
{
    static char text[8192];

    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15ull;
        struct tt_service *a = NULL, *b = NULL;
        struct tt_error err = {0};
        char *printed, *again;

        write_service(&state, text);
        if (tt_service_parse_yaml(text, strlen(text), &test_catalogue, &a, &err) < 0) {
            fprintf(stderr, "seed %llu: %u:%u: %s\n%s", (unsigned long long)seed, err.line,
                    err.column, err.text, text);
            exit(1);
        }
        printed = tt_service_print(a);
        CHECK(printed);
        CHECK_INT(tt_service_parse_yaml(printed, strlen(printed), &test_catalogue, &b, &err), 0);
        CHECK(tt_service_equal(a, b));
        again = tt_service_print(b);
        CHECK_TEXT(again, printed);
        free(again);
        free(printed);
        tt_service_close(&a);
        tt_service_close(&b);
    }
}

int main(void)
{
    RUN(prints_what_it_parses);
    RUN(survives_changed_texts);
    RUN(survives_changed_pictures);
    return 0;
}
