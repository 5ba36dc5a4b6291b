/* What components and segments cost on this machine: learnt in every run, kept in SQLite. */
#include "node/profile.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "node/machine.h"
#include "node/recall.h"

struct followed {
    const void *owner;
    struct profile_key key;
    const struct tt_conformal *bound;
};

struct profile {
    sqlite3 *database;
    struct followed *followed;
    uint32_t followed_count;
    struct recall *recall;
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
    "CREATE TABLE IF NOT EXISTS cost (key BLOB PRIMARY KEY, name TEXT, n INTEGER, mean_ns INTEGER,"
    " max_ns INTEGER, histogram BLOB, used_s INTEGER) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS about (key BLOB PRIMARY KEY, sort TEXT, pace TEXT, version TEXT,"
    " cpu TEXT, kernel TEXT, class TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS number (name TEXT, place TEXT, value INTEGER, at_s INTEGER,"
    " PRIMARY KEY (name, place)) WITHOUT ROWID;";

static int open_database(const char *path, sqlite3 **ret)
{
    sqlite3 *database = NULL;

    if (sqlite3_open(path, &database) != SQLITE_OK ||
        sqlite3_exec(database, schema, NULL, NULL, NULL) != SQLITE_OK) {
        int code = sqlite3_extended_errcode(database) & 0xff;

        (void)sqlite3_close(database);
        return code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? -EBADMSG : -EIO;
    }
    (void)sqlite3_busy_timeout(database, 1000);
    *ret = database;
    return 0;
}

int profile_open(const char *path, struct profile **ret, struct tt_error *err)
{
    struct profile *profile = calloc(1, sizeof(*profile));
    char aside[PATH_MAX];
    int r;

    if (profile == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the profile store");
    r = open_database(path, &profile->database);
    if (r == -EBADMSG && snprintf(aside, sizeof(aside), "%s.damaged", path) < PATH_MAX &&
        rename(path, aside) == 0)
        r = open_database(path, &profile->database);
    if (r < 0) {
        free(profile);
        return tt_fail(err, r, "cannot open the profile store '%s'", path);
    }
    profile->recall = recall_open();
    *ret = profile;
    return 0;
}

void profile_close(struct profile **profile)
{
    if (*profile == NULL)
        return;
    (void)sqlite3_close((*profile)->database);
    free((*profile)->followed);
    recall_close(&(*profile)->recall);
    free(*profile);
    *profile = NULL;
}

static void feed(EVP_MD_CTX *digest, const void *data, size_t bytes)
{
    tt_assert(EVP_DigestUpdate(digest, data, bytes) == 1);
}

static void feed_text(EVP_MD_CTX *digest, const char *text)
{
    feed(digest, text, strlen(text) + 1);
}

/* The place of a codec's configuration in the service's table says nothing about its cost. */
static void feed_format(EVP_MD_CTX *digest, const struct tt_format *format)
{
    struct tt_format plain = *format;

    plain.config_handle = 0;
    feed(digest, &plain, sizeof(plain));
}

static void feed_settings(EVP_MD_CTX *digest, const struct tt_picture_component *component)
{
    for (uint32_t n = 0; n < component->setting_count; n++) {
        const struct tt_setting *setting = &component->settings[n];
        const char *text = setting->text < component->texts_bytes && component->texts != NULL
                               ? component->texts + setting->text
                               : "";

        feed(digest, &setting->param, sizeof(setting->param));
        feed(digest, &setting->input, sizeof(setting->input));
        feed(digest, &setting->i, sizeof(setting->i));
        feed(digest, &setting->j, sizeof(setting->j));
        feed(digest, &setting->f, sizeof(setting->f));
        feed_text(digest, text);
    }
}

/* Looking the algorithm up takes longer than a key. */
static const EVP_MD *algorithm(void)
{
    static EVP_MD *found;

    if (found == NULL)
        found = EVP_MD_fetch(NULL, "SHA256", NULL);
    return found != NULL ? found : EVP_sha256();
}

static EVP_MD_CTX *begin_digest(void)
{
    EVP_MD_CTX *digest = EVP_MD_CTX_new();

    tt_assert(digest != NULL);
    tt_assert(EVP_DigestInit_ex(digest, algorithm(), NULL) == 1);
    return digest;
}

static void end_digest(EVP_MD_CTX *digest, struct profile_key *ret)
{
    tt_assert(EVP_DigestFinal_ex(digest, ret->bytes, NULL) == 1);
    EVP_MD_CTX_free(digest);
}

void profile_component_key(const struct tt_picture *picture, uint32_t component,
                           const struct machine *machine, enum profile_pace pace,
                           struct profile_key *ret)
{
    const struct tt_picture_component *c = &picture->components[component];
    uint32_t level = 0, right = (uint32_t)machine->plan.right;
    EVP_MD_CTX *digest = begin_digest();

    feed_text(digest, c->kind);
    if (c->plugin[0] != '\0')
        feed_text(digest, c->plugin);
    if (c->has_call_grants) /* two system calls a frame */
        feed_text(digest, "grants");
    feed_text(digest, TT_VERSION);
    feed_settings(digest, c);
    for (uint32_t n = 0; n < c->in_count; n++)
        feed_format(digest, &c->in_format[n]);
    for (uint32_t n = 0; n < c->out_count; n++)
        feed_format(digest, &c->shape.out[n]);
    feed(digest, &level, sizeof(level));
    feed_text(digest, machine->cpu_model);
    feed_text(digest, machine->kernel);
    feed(digest, &right, sizeof(right));
    feed_text(digest, pace == PROFILE_ASAP ? "asap" : "live");
    end_digest(digest, ret);
}

void profile_segment_key(const struct tt_picture *picture, uint32_t segment,
                         const struct machine *machine, enum profile_pace pace,
                         struct profile_key *ret)
{
    EVP_MD_CTX *digest = begin_digest();
    struct profile_key key;

    feed_text(digest, "segment, whole"); /* all that its worker takes, not its components alone */
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        /* A writer works in its edge: another file name does not change what the worker does. */
        if (component->segment != segment ||
            ((component->flags & TT_EDGE) != 0 && component->is_sink))
            continue;
        profile_component_key(picture, n, machine, pace, &key);
        feed(digest, key.bytes, sizeof(key.bytes));
    }
    end_digest(digest, ret);
}

struct profile_key profile_window_key(const struct profile_key *segment, uint32_t window)
{
    struct profile_key ret = *segment;

    ret.bytes[PROFILE_KEY_BYTES - 1] ^= (uint8_t)(window + 1);
    return ret;
}

void profile_key_hex(const struct profile_key *key, char ret[PROFILE_KEY_HEX_BYTES])
{
    for (uint32_t n = 0; n < PROFILE_KEY_BYTES; n++)
        (void)snprintf(ret + 2 * n, 3, "%02x", key->bytes[n]);
}

static sqlite3_stmt *prepare(struct profile *profile, const char *text)
{
    sqlite3_stmt *statement = NULL;

    return sqlite3_prepare_v2(profile->database, text, -1, &statement, NULL) == SQLITE_OK
               ? statement
               : NULL;
}

int profile_load(struct profile *profile, const struct profile_key *key, struct tt_histogram *ret)
{
    sqlite3_stmt *get = prepare(profile, "SELECT histogram FROM cost WHERE key = ?");
    int r = -ENOENT;

    if (get == NULL)
        return -EIO;
    (void)sqlite3_bind_blob(get, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
    if (sqlite3_step(get) == SQLITE_ROW && sqlite3_column_bytes(get, 0) == (int)sizeof(*ret)) {
        memcpy(ret, sqlite3_column_blob(get, 0), sizeof(*ret));
        r = 0;
    }
    (void)sqlite3_finalize(get);
    return r;
}

static void halve(struct tt_histogram *histogram)
{
    histogram->count = 0;
    histogram->sum_ns /= 2;
    for (uint32_t n = 0; n < TT_HISTOGRAM_BINS; n++) {
        histogram->bins[n] /= 2;
        histogram->count += histogram->bins[n];
    }
}

int profile_learn(struct profile *profile, const struct profile_key *key, const char *name,
                  const struct tt_histogram *samples)
{
    struct tt_histogram *all = calloc(1, sizeof(*all));
    sqlite3_stmt *put;
    int r;

    if (all == NULL)
        return -ENOMEM;
    if (profile_load(profile, key, all) < 0)
        memset(all, 0, sizeof(*all));
    tt_histogram_merge(all, samples);
    while (all->count > PROFILE_WINDOW)
        halve(all);
    put = prepare(profile, "INSERT OR REPLACE INTO cost VALUES (?, ?, ?, ?, ?, ?, ?)");
    if (put != NULL) {
        (void)sqlite3_bind_blob(put, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
        (void)sqlite3_bind_text(put, 2, name, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(put, 3, (sqlite3_int64)all->count);
        (void)sqlite3_bind_int64(put, 4, all->count > 0 ? all->sum_ns / (int64_t)all->count : 0);
        (void)sqlite3_bind_int64(put, 5, all->max_ns);
        (void)sqlite3_bind_blob(put, 6, all, sizeof(*all), SQLITE_STATIC);
        (void)sqlite3_bind_int64(put, 7, time(NULL));
    }
    r = put != NULL && sqlite3_step(put) == SQLITE_DONE ? 0 : -EIO;
    (void)sqlite3_finalize(put);
    if (r == 0)
        recall_learnt(profile->recall, key, all);
    free(all);
    return r;
}

int profile_load_cost(struct profile *profile, const struct profile_key *key,
                      struct tt_rational loss, struct tt_cost *ret)
{
    struct tt_histogram *samples;
    int r;

    if (recall_find(profile->recall, key, loss, ret))
        return 0;
    samples = calloc(1, sizeof(*samples));
    if (samples == NULL)
        return -ENOMEM;
    r = profile_load(profile, key, samples);
    profile_cost(samples, loss, ret);
    free(samples);
    if (r == 0 || r == -ENOENT)
        recall_keep(profile->recall, key, loss, ret);
    return 0;
}

void profile_follow(struct profile *profile, const void *owner, const struct profile_key *key,
                    const struct tt_conformal *bound)
{
    if (profile->followed == NULL)
        profile->followed = calloc(PROFILE_FOLLOWED, sizeof(*profile->followed));
    if (profile->followed == NULL || profile->followed_count == PROFILE_FOLLOWED)
        return;
    profile->followed[profile->followed_count++] =
        (struct followed){.owner = owner, .key = *key, .bound = bound};
}

void profile_unfollow(struct profile *profile, const void *owner)
{
    uint32_t kept = 0;

    for (uint32_t n = 0; n < profile->followed_count; n++)
        if (profile->followed[n].owner != owner)
            profile->followed[kept++] = profile->followed[n];
    profile->followed_count = kept;
}

static bool is_same(struct tt_rational a, struct tt_rational b)
{
    return a.num * b.den == b.num * a.den;
}

/* With fewer costs than 1/loss it is no quantile but something above the largest. */
static bool is_quantile(const struct tt_conformal *bound, struct tt_rational loss)
{
    return is_same(tt_conformal_loss(bound), loss) &&
           tt_conformal_seen(bound) * (uint64_t)loss.num >= (uint64_t)loss.den;
}

int profile_followed(const struct profile *profile, const struct profile_asked *asked,
                     struct tt_histogram *ret, int64_t *ret_bound_ns)
{
    int64_t sum_ns = 0, count = 0;
    int r = -ENOENT;

    for (uint32_t n = 0; n < profile->followed_count; n++) {
        const struct followed *followed = &profile->followed[n];

        if (memcmp(&followed->key, asked->key, sizeof(*asked->key)) != 0 ||
            (asked->owner != NULL && followed->owner != asked->owner))
            continue;
        if (r < 0)
            memset(ret, 0, sizeof(*ret));
        r = 0;
        tt_conformal_merge(followed->bound, ret);
        if (!is_quantile(followed->bound, asked->loss))
            continue;
        sum_ns += tt_conformal_bound(followed->bound);
        count++;
    }
    *ret_bound_ns = count > 0 ? (sum_ns + count - 1) / count : 0;
    return r;
}

void profile_cost(const struct tt_histogram *samples, struct tt_rational loss, struct tt_cost *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->n = samples->count;
    (void)snprintf(ret->origin, sizeof(ret->origin), "%s",
                   samples->count > 0 ? "profile" : "unknown");
    if (samples->count == 0)
        return;
    if (loss.den <= 0 || loss.num < 0 || loss.num > loss.den)
        loss = (struct tt_rational){1, 100};
    ret->mean_ns = samples->sum_ns / (int64_t)samples->count;
    ret->max_ns = samples->max_ns;
    /* Conformal: the next cost is not above the sample of rank ceil((n + 1) (1 - loss)), with that
     * probability and whatever the distribution. Of n samples the quantile wants a share. */
    ret->quantile_ns =
        tt_histogram_quantile(samples, (samples->count + 1) * (uint64_t)(loss.den - loss.num),
                              samples->count * (uint64_t)loss.den);
}

int profile_recall(struct profile *profile, const char *name, const char *where, int64_t *ret,
                   int64_t *ret_at_s)
{
    sqlite3_stmt *get =
        prepare(profile, "SELECT value, at_s FROM number WHERE name = ? AND place = ?");
    int r = -ENOENT;

    if (get == NULL)
        return -EIO;
    (void)sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(get, 2, where, -1, SQLITE_STATIC);
    if (sqlite3_step(get) == SQLITE_ROW) {
        *ret = sqlite3_column_int64(get, 0);
        *ret_at_s = sqlite3_column_int64(get, 1);
        r = 0;
    }
    (void)sqlite3_finalize(get);
    return r;
}

void profile_remember(struct profile *profile, const char *name, const char *where, int64_t value)
{
    sqlite3_stmt *put = prepare(profile, "INSERT OR REPLACE INTO number VALUES (?, ?, ?, ?)");

    if (put == NULL)
        return;
    (void)sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 2, where, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(put, 3, value);
    (void)sqlite3_bind_int64(put, 4, time(NULL));
    (void)sqlite3_step(put);
    (void)sqlite3_finalize(put);
}

static const char *class_word(const struct machine *machine)
{
    static const char *const words[] = {"other", "fifo", "deadline"};

    return words[machine->plan.right];
}

int profile_describe(struct profile *profile, const struct profile_key *key, const char *sort,
                     enum profile_pace pace, const struct machine *machine)
{
    sqlite3_stmt *put =
        prepare(profile, "INSERT OR IGNORE INTO about VALUES (?, ?, ?, ?, ?, ?, ?)");
    int r;

    if (put == NULL)
        return -EIO;
    (void)sqlite3_bind_blob(put, 1, key->bytes, sizeof(key->bytes), SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 2, sort, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 3, pace == PROFILE_ASAP ? "asap" : "live", -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 4, TT_VERSION, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 5, machine->cpu_model, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 6, machine->kernel, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(put, 7, class_word(machine), -1, SQLITE_STATIC);
    r = sqlite3_step(put) == SQLITE_DONE ? 0 : -EIO;
    (void)sqlite3_finalize(put);
    return r;
}

static void copy_column(sqlite3_stmt *row, int column, char *ret, size_t bytes)
{
    const char *text = (const char *)sqlite3_column_text(row, column);

    (void)snprintf(ret, bytes, "%s", text != NULL ? text : "");
}

/* What was kept before it was described has no sort: it is shown all the same. */
static bool read_row(sqlite3_stmt *row, const struct machine *machine, struct profile_row *ret)
{
    const char *version = (const char *)sqlite3_column_text(row, 6);
    const char *cpu = (const char *)sqlite3_column_text(row, 7);
    const char *kernel = (const char *)sqlite3_column_text(row, 8);
    const char *class = (const char *)sqlite3_column_text(row, 9);

    *ret = (struct profile_row){0};
    if (sqlite3_column_bytes(row, 0) != PROFILE_KEY_BYTES)
        return false;
    memcpy(ret->key.bytes, sqlite3_column_blob(row, 0), PROFILE_KEY_BYTES);
    copy_column(row, 1, ret->name, sizeof(ret->name));
    ret->used_s = sqlite3_column_int64(row, 3);
    copy_column(row, 4, ret->sort, sizeof(ret->sort));
    copy_column(row, 5, ret->pace, sizeof(ret->pace));
    ret->is_current = version != NULL && cpu != NULL && kernel != NULL && class != NULL &&
                      strcmp(version, TT_VERSION) == 0 && strcmp(cpu, machine->cpu_model) == 0 &&
                      strcmp(kernel, machine->kernel) == 0 &&
                      strcmp(class, class_word(machine)) == 0;
    if (sqlite3_column_bytes(row, 2) != (int)sizeof(*ret->samples))
        return false;
    ret->samples = sqlite3_column_blob(row, 2);
    return true;
}

int profile_each(struct profile *profile, const struct machine *machine, profile_row_fn *fn,
                 void *ctx)
{
    sqlite3_stmt *get = prepare(
        profile, "SELECT cost.key, name, histogram, used_s, sort, pace, version, cpu,"
                 " kernel, class FROM cost LEFT JOIN about ON cost.key = about.key WHERE name != ''"
                 " ORDER BY used_s DESC, name, cost.key LIMIT 4096");
    struct profile_row row;

    if (get == NULL)
        return -EIO;
    while (sqlite3_step(get) == SQLITE_ROW)
        if (read_row(get, machine, &row))
            fn(ctx, &row);
    (void)sqlite3_finalize(get);
    return 0;
}

/* hex(key) of a key is upper case; LIKE takes either. */
static int forget_in(struct profile *profile, const char *text, const char *pattern)
{
    sqlite3_stmt *gone = prepare(profile, text);
    int r;

    if (gone == NULL)
        return -EIO;
    (void)sqlite3_bind_text(gone, 1, pattern, -1, SQLITE_STATIC);
    r = sqlite3_step(gone) == SQLITE_DONE ? sqlite3_changes(profile->database) : -EIO;
    (void)sqlite3_finalize(gone);
    return r;
}

int profile_forget(struct profile *profile, const char *key)
{
    char pattern[PROFILE_KEY_HEX_BYTES + 1] = "%";
    size_t length = strlen(key);
    int count;

    if (strcmp(key, "all") != 0) {
        if (length < PROFILE_PREFIX_LEAST || length >= PROFILE_KEY_HEX_BYTES ||
            strspn(key, "0123456789abcdefABCDEF") != length)
            return -EINVAL;
        (void)snprintf(pattern, sizeof(pattern), "%s%%", key);
    }
    recall_forget(profile->recall);
    count = forget_in(profile, "DELETE FROM cost WHERE name != '' AND hex(key) LIKE ?", pattern);
    if (length > PROFILE_KEY_HEX_BYTES - 3) /* the last byte says which window it is */
        (void)snprintf(pattern, sizeof(pattern), "%.*s%%", PROFILE_KEY_HEX_BYTES - 3, key);
    (void)forget_in(profile, "DELETE FROM cost WHERE name = '' AND hex(key) LIKE ?", pattern);
    (void)forget_in(profile,
                    "DELETE FROM about WHERE hex(key) LIKE ? AND key NOT IN (SELECT key FROM cost)",
                    pattern);
    return count;
}
