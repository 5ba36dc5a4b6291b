/* What is kept on disk: the key, the profiles, and what happens when either is damaged. */
#include "node/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "node/costs.h"
#include "node/key.h"
#include "node/machine.h"

static char folder[64], path[128];

static void write_text(const char *name, const char *text, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);

    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static bool is_signed_by(const char *hex, const uint8_t hash[32], const uint8_t signature[64])
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    uint8_t raw[32];
    EVP_PKEY *key;
    bool is_good;

    for (int n = 0; n < 32; n++)
        CHECK(sscanf(hex + 2 * n, "%2hhx", &raw[n]) == 1);
    key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
    is_good = EVP_DigestVerifyInit(digest, NULL, NULL, NULL, key) == 1 &&
              EVP_DigestVerify(digest, signature, 64, hash, 32) == 1;
    EVP_PKEY_free(key);
    EVP_MD_CTX_free(digest);
    return is_good;
}

static void a_key_is_made_once_and_signs(void)
{
    uint8_t hash[32] = {1, 2, 3}, signature[64];
    struct key *first, *again;
    struct tt_error err = {0};
    struct stat about;

    CHECK_INT(key_open(folder, &first, &err), 0);
    CHECK_INT(key_open(folder, &again, &err), 0);
    CHECK_TEXT(key_hex(first), key_hex(again));
    CHECK_INT(key_sign(again, hash, signature), 0);
    CHECK(is_signed_by(key_hex(first), hash, signature));
    hash[31] ^= 1;
    CHECK(!is_signed_by(key_hex(first), hash, signature));
    snprintf(path, sizeof(path), "%s/node.key", folder);
    CHECK(stat(path, &about) == 0);
    CHECK_INT(about.st_mode & 0777, 0600);
    CHECK_INT(about.st_size, 32);
    key_close(&first);
    key_close(&again);
    CHECK(chmod(path, 0644) == 0);
    CHECK_INT(key_open(folder, &first, &err), -EACCES);
    write_text(path, "short", 0600);
    CHECK_INT(key_open(folder, &first, &err), -EIO);
    CHECK(strstr(err.text, "node.key") != NULL);
}

static struct tt_histogram samples, back;

static void costs_are_kept_and_merged(void)
{
    struct profile_key key = {{1}}, other = {{2}};
    struct profile *profile;
    struct tt_error err = {0};
    struct tt_cost cost;

    snprintf(path, sizeof(path), "%s/profiles.sqlite", folder);
    CHECK_INT(profile_open(path, &profile, &err), 0);
    CHECK_INT(profile_load(profile, &key, &back), -ENOENT);
    for (int64_t n = 1; n <= 1000; n++)
        tt_histogram_add(&samples, n * 1000);
    CHECK_INT(profile_learn(profile, &key, "scale", &samples), 0);
    profile_close(&profile);
    CHECK_INT(profile_open(path, &profile, &err), 0);
    CHECK_INT(profile_load(profile, &key, &back), 0);
    CHECK_INT(profile_load(profile, &other, &back), -ENOENT);
    CHECK_INT(back.count, 1000);
    profile_cost(&back, (struct tt_rational){1, 100}, &cost);
    CHECK_INT(cost.n, 1000);
    CHECK_INT(cost.mean_ns, 500500);
    CHECK_INT(cost.max_ns, 1000000);
    CHECK(cost.quantile_ns >= 990000 && cost.quantile_ns <= 1000000);
    CHECK_TEXT(cost.origin, "profile");
    for (int n = 0; n < 40; n++)
        CHECK_INT(profile_learn(profile, &key, "scale", &samples), 0);
    CHECK_INT(profile_load(profile, &key, &back), 0);
    CHECK(back.count <= PROFILE_WINDOW && back.count > PROFILE_WINDOW / 3);
    CHECK(back.sum_ns / (int64_t)back.count > 400000 && back.sum_ns / (int64_t)back.count < 600000);
    memset(&back, 0, sizeof(back));
    profile_cost(&back, (struct tt_rational){1, 100}, &cost);
    CHECK_INT(cost.n, 0);
    CHECK_TEXT(cost.origin, "unknown");
    profile_close(&profile);
}

/* What is recalled is what the database would say, for each loss of its own, and of what was learnt
 * or forgotten since. */
static void what_is_recalled_is_what_is_kept(void)
{
    const struct tt_rational losses[] = {{1, 100}, {1, 1000}};
    struct profile_key keys[200] = {{{0}}};
    struct profile *profile;
    struct tt_cost asked, kept;

    snprintf(path, sizeof(path), "%s/recalled.sqlite", folder);
    CHECK_INT(profile_open(path, &profile, NULL), 0);
    for (uint32_t turn = 0; turn < 3; turn++)
        for (uint32_t n = 0; n < 200; n++) {
            memset(&samples, 0, sizeof(samples));
            for (uint32_t k = 0; k < 40; k++)
                tt_histogram_add(&samples, 1000 * (turn + 1) * (n + k));
            keys[n].bytes[n % PROFILE_KEY_BYTES] = (uint8_t)n;
            if (n % 3 != turn)
                CHECK_INT(profile_learn(profile, &keys[n], "scale", &samples), 0);
            for (uint32_t loss = 0; loss < 2; loss++) {
                CHECK_INT(profile_load_cost(profile, &keys[n], losses[loss], &asked), 0);
                memset(&back, 0, sizeof(back));
                (void)profile_load(profile, &keys[n], &back);
                profile_cost(&back, losses[loss], &kept);
                CHECK(memcmp(&asked, &kept, sizeof(kept)) == 0);
            }
        }
    CHECK(asked.n > 0);
    CHECK(profile_forget(profile, "all") > 0);
    CHECK_INT(profile_load_cost(profile, &keys[199], losses[0], &asked), 0);
    CHECK_INT(asked.n, 0);
    profile_close(&profile);
}

/* Of 299 at a loss of 1 % the next is not above the 297th: ceil(300 x 0.99). Of 99 the largest. */
static void quantiles_are_conformal(void)
{
    struct tt_cost cost;

    memset(&samples, 0, sizeof(samples));
    for (int64_t n = 1; n <= 99; n++)
        tt_histogram_add(&samples, n * 1000);
    profile_cost(&samples, (struct tt_rational){1, 100}, &cost);
    CHECK_INT(cost.quantile_ns, 99000);
    memset(&samples, 0, sizeof(samples));
    for (int64_t n = 0; n < 296; n++)
        tt_histogram_add(&samples, 1000);
    for (int64_t n = 0; n < 3; n++)
        tt_histogram_add(&samples, 5000 + 1000 * n);
    profile_cost(&samples, (struct tt_rational){1, 100}, &cost);
    CHECK(cost.quantile_ns >= 5000 && cost.quantile_ns < 5100);
    memset(&samples, 0, sizeof(samples));
    for (int64_t n = 0; n < 200; n++)
        tt_histogram_add(&samples, n < 198 ? 1000 : 9000);
    profile_cost(&samples, (struct tt_rational){1, 100}, &cost);
    CHECK_INT(cost.quantile_ns, 9000); /* the 199th; the plain quantile is the 198th */
    memset(&samples, 0, sizeof(samples));
}

static void numbers_are_kept_with_their_time(void)
{
    struct profile *profile;
    struct tt_error err = {0};
    int64_t value, at_s;

    CHECK_INT(profile_open(":memory:", &profile, &err), 0);
    CHECK_INT(profile_recall(profile, "wake_ns", "here", &value, &at_s), -ENOENT);
    profile_remember(profile, "wake_ns", "here", 123);
    profile_remember(profile, "wake_ns", "here", 456);
    CHECK_INT(profile_recall(profile, "wake_ns", "here", &value, &at_s), 0);
    CHECK_INT(value, 456);
    CHECK(at_s > 1600000000);
    profile_close(&profile);
}

static void a_damaged_store_is_moved_aside(void)
{
    struct profile *profile;
    struct tt_error err = {0};
    char aside[160];

    snprintf(path, sizeof(path), "%s/other.sqlite", folder);
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    write_text(path, "this is no database, but it is long enough to be looked at by one ........",
               0600);
    CHECK_INT(profile_open(path, &profile, &err), 0);
    CHECK(access(aside, F_OK) == 0);
    profile_close(&profile);
}

static void keys_tell_different_work_apart(void)
{
    static struct tt_picture_component components[2], changed;
    static struct machine machine;
    struct tt_picture picture = {
        .components = components, .component_count = 2, .segment_count = 1};
    struct profile_key first, same, other;

    snprintf(components[0].kind, sizeof(components[0].kind), "video.scale");
    snprintf(components[1].kind, sizeof(components[1].kind), "null");
    components[0].in_count = 1;
    components[0].in_format[0].width = 1280;
    changed = components[0];
    profile_component_key(&picture, 0, &machine, PROFILE_LIVE, &first);
    components[0].in_format[0].config_handle = 3; /* a place in a table, no property of the work */
    profile_component_key(&picture, 0, &machine, PROFILE_LIVE, &same);
    CHECK(memcmp(&first, &same, sizeof(first)) == 0);
    components[0].in_format[0].width = 640;
    profile_component_key(&picture, 0, &machine, PROFILE_LIVE, &other);
    CHECK(memcmp(&first, &other, sizeof(first)) != 0);
    components[0] = changed;
    machine.plan.right = TT_RIGHT_DEADLINE;
    profile_component_key(&picture, 0, &machine, PROFILE_LIVE, &other);
    CHECK(memcmp(&first, &other, sizeof(first)) != 0);
    profile_component_key(&picture, 0, &machine, PROFILE_ASAP, &same);
    CHECK(memcmp(&other, &same, sizeof(other)) != 0);
    profile_segment_key(&picture, 0, &machine, PROFILE_LIVE, &same);
    components[1].segment = 7;
    profile_segment_key(&picture, 0, &machine, PROFILE_LIVE, &other);
    CHECK(memcmp(&same, &other, sizeof(same)) != 0);
}

struct found {
    uint32_t count, current;
    struct profile_row last;
    uint64_t samples;
};

static void find(void *ctx, const struct profile_row *row)
{
    struct found *found = ctx;

    found->count++;
    found->current += row->is_current;
    found->samples += row->samples->count;
    found->last = *row;
}

static void profiles_are_listed_and_forgotten(void)
{
    struct profile_key keys[3] = {{{0xab, 0xcd, 0xef, 1}}, {{0xab, 0xcd, 0xef, 2}}, {{3}}};
    struct machine machine = {.cpu_model = "a CPU", .kernel = "a kernel"}, other = machine;
    struct found found = {0};
    struct profile *profile;
    struct tt_error err = {0};

    CHECK_INT(profile_open(":memory:", &profile, &err), 0);
    memset(&samples, 0, sizeof(samples));
    tt_histogram_add(&samples, 1000);
    for (int n = 0; n < 3; n++)
        CHECK_INT(profile_learn(profile, &keys[n], "test.video", &samples), 0);
    CHECK_INT(profile_describe(profile, &keys[0], "component", PROFILE_LIVE, &machine), 0);
    CHECK_INT(profile_describe(profile, &keys[0], "component", PROFILE_LIVE, &machine), 0);
    CHECK_INT(profile_describe(profile, &keys[1], "segment", PROFILE_ASAP, &machine), 0);
    CHECK_INT(profile_each(profile, &machine, find, &found), 0);
    CHECK_INT(found.count, 3);
    CHECK_INT(found.samples, 3);
    CHECK_INT(found.current, 2); /* what nobody described is of an older version */
    (void)snprintf(other.kernel, sizeof(other.kernel), "the next kernel");
    found = (struct found){0};
    CHECK_INT(profile_each(profile, &other, find, &found), 0);
    CHECK_INT(found.count, 3);
    CHECK_INT(found.current, 0);

    CHECK_INT(profile_forget(profile, "abcd"), -EINVAL); /* too short to be meant */
    CHECK_INT(profile_forget(profile, "abcdeg"), -EINVAL);
    CHECK_INT(profile_forget(profile, "%%%%%%"), -EINVAL);
    CHECK_INT(profile_forget(profile, ""), -EINVAL);
    CHECK_INT(profile_forget(profile, "abcdee"), 0);
    CHECK_INT(profile_forget(profile, "abcdef02"), 1);
    found = (struct found){0};
    CHECK_INT(profile_each(profile, &machine, find, &found), 0);
    CHECK_INT(found.count, 2);
    CHECK_INT(profile_load(profile, &keys[1], &back), -ENOENT);
    CHECK_INT(profile_load(profile, &keys[0], &back), 0);
    CHECK_INT(profile_forget(profile, "ABCDEF"), 1);
    CHECK_INT(profile_forget(profile, "all"), 1);
    CHECK_INT(profile_forget(profile, "all"), 0);
    profile_close(&profile);
}

/* One component, alone in its segment, 50 times a second. */
static struct tt_picture picture_of_work(void)
{
    static struct tt_picture_component component = {.kind = "work", .rate = {50, 1}};
    static struct tt_picture_segment segment = {.name = "work", .rate = {50, 1}};

    return (struct tt_picture){.is_live = true,
                               .loss = {1, 100},
                               .components = &component,
                               .component_count = 1,
                               .segments = &segment,
                               .segment_count = 1};
}

/* Sums of 2, 4, ... costs in a row, none of which counts in two; they lower what the plan is told
 * of rows when there are enough of them, and go with their segment. */
static void rows_are_learnt(void)
{
    struct tt_picture picture = picture_of_work();
    struct machine machine = {.plan = {.cpus = 2}};
    struct samples *taken = samples_open(&picture);
    struct profile *profile;
    struct profile_key key;
    struct costs_asked asked = {.machine = &machine};
    struct costs costs;
    struct tt_error err = {0};

    CHECK_INT(profile_open(":memory:", &profile, &err), 0);
    asked.profile = profile;
    for (uint32_t n = 0; n < 800; n++) /* every fourth costs ten times as much */
        samples_add_segment(taken, 0, n % 4 == 0 ? 1000000 : 100000);
    CHECK_INT(samples_window(taken, 0, 0)->count, 400);
    CHECK_INT(samples_window(taken, 0, 0)->max_ns, 1100000);
    CHECK_INT(samples_window(taken, 0, 1)->count, 200);
    CHECK_INT(samples_window(taken, 0, 1)->min_ns, 1300000);
    CHECK_INT(samples_window(taken, 0, 3)->count, 50);

    costs_learn(&picture, &machine, profile, PROFILE_ASAP, taken);
    CHECK_INT(costs_load(&picture, &asked, &costs), 0);
    CHECK_INT(costs.segments[0].window_ns[0], 0); /* a profile run's caches stay warm */
    costs_fini(&costs);
    costs_learn(&picture, &machine, profile, PROFILE_LIVE, taken);
    CHECK_INT(costs_load(&picture, &asked, &costs), 0);
    CHECK(costs.segments[0].quantile_ns >= 1000000);
    CHECK_INT(costs.segments[0].window_ns[0], 1100000);
    CHECK_INT(costs.segments[0].window_ns[1], 1300000);
    CHECK_INT(costs.segments[0].window_ns[2], 2600000);
    CHECK_INT(costs.segments[0].window_ns[3], 0); /* 50 are too few at 1 % */
    costs_fini(&costs);

    /* A run that goes on speaks alone. */
    costs_follow(&picture, &machine, profile, taken);
    CHECK_INT(costs_load(&picture, &asked, &costs), 0);
    CHECK_TEXT(costs.segments[0].origin, "run");
    CHECK(costs.segments[0].window_ns[1] >= 1300000 && costs.segments[0].window_ns[1] < 1330000);
    costs_fini(&costs);
    profile_unfollow(profile, taken);

    profile_segment_key(&picture, 0, &machine, PROFILE_LIVE, &key);
    {
        char hex[PROFILE_KEY_HEX_BYTES];

        profile_key_hex(&key, hex);
        key = profile_window_key(&key, 1);
        CHECK_INT(profile_load(profile, &key, &back), 0);
        CHECK_INT(profile_forget(profile, hex), 1);
        CHECK_INT(profile_load(profile, &key, &back), -ENOENT);
    }
    profile_close(&profile);
    samples_close(&taken);
}

/* What three runs meet now tells of rows what none of them could tell alone. */
static void rows_of_all_runs_are_one(void)
{
    enum { RUNS = 3 };
    struct tt_picture picture = picture_of_work();
    struct machine machine = {.plan = {.cpus = 2}};
    struct samples *runs[RUNS];
    struct costs_asked asked = {.machine = &machine};
    struct costs costs;
    struct tt_error err = {0};

    CHECK_INT(profile_open(":memory:", &asked.profile, &err), 0);
    for (uint32_t r = 0; r < RUNS; r++) {
        runs[r] = samples_open(&picture);
        for (uint32_t n = 0; n < 320; n++) /* two in a row never cost more than one and a bit */
            samples_add_segment(runs[r], 0, n % 2 == 0 ? 1000000 + 100000 * r : 100000);
        costs_follow(&picture, &machine, asked.profile, runs[r]);
        CHECK_INT(costs_load(&picture, &asked, &costs), 0);
        CHECK_TEXT(costs.segments[0].origin, "run");
        /* Of rows of 4 each has 80, of which 1 % is none: two runs together have enough. */
        CHECK(r == 0 ? costs.segments[0].window_ns[1] == 0
                     : costs.segments[0].window_ns[1] >= 2 * (1100000 + 100000 * r));
        CHECK(costs.segments[0].window_ns[1] < 2 * (1100000 + 100000 * r) * 51 / 50);
        CHECK(r < 2 || costs.segments[0].window_ns[2] >= 4 * 1300000);
        CHECK_INT(costs.segments[0].window_ns[3], 0); /* 60 of 16 */
        costs_fini(&costs);
    }
    for (uint32_t r = 0; r < RUNS; r++) {
        profile_unfollow(asked.profile, runs[r]);
        samples_close(&runs[r]);
    }
    profile_close(&asked.profile);
}

int main(void)
{
    char command[128];

    snprintf(folder, sizeof(folder), "/tmp/tt-profile-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    RUN(a_key_is_made_once_and_signs);
    RUN(costs_are_kept_and_merged);
    RUN(what_is_recalled_is_what_is_kept);
    RUN(quantiles_are_conformal);
    RUN(numbers_are_kept_with_their_time);
    RUN(a_damaged_store_is_moved_aside);
    RUN(keys_tell_different_work_apart);
    RUN(profiles_are_listed_and_forgotten);
    RUN(rows_are_learnt);
    RUN(rows_of_all_runs_are_one);
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    CHECK(system(command) == 0);
    return 0;
}
