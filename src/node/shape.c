/* Asks a shaper what a service's text means: the picture, or where the text is wrong. */
#include "node/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/build_key.h"
#include "node/groups.h"
#include "node/shapes.h"
#include "platform/linux/stamp.h"

#define SECOND INT64_C(1000000000)

enum { LIMIT_S = 5, LOOK_S_MAX = 61, ALL_S_MAX = 180, TEXT_BYTES_MAX = 8 << 20 };

struct shape {
    struct node *node;
    struct child *child;
    struct loop_timer timer;
    shape_fn *fn;
    void *ctx;
    int64_t begun_ns, until_ns;
    uint32_t uid;
    bool is_setting, is_answered;
    char *key;                       /* of what the answer depends on; NULL: too long */
    const struct known_shape *known; /* the answer is known already */
};

static void answer(struct shape *shape, struct shape_answer *found, const struct tt_error *err,
                   int exit_code)
{
    struct node *node = shape->node;
    uint32_t uid = shape->uid;
    int64_t begun_ns = loop_now_ns();

    if (shape->is_answered)
        return;
    shape->is_answered = true;
    loop_clear(shape->node->loop, &shape->timer);
    child_abandon(&shape->child);
    shape->fn(shape->ctx, found, err, exit_code); /* which may close the shape */
    quota_charge(&node->quota, uid, (loop_now_ns() - begun_ns) * QUOTA_LOOP, loop_now_ns());
}

static const char *const members[] = {"form", "base", "name",        "deadline", "loss",
                                      "rate", "sets", "best_effort", "for_ns",   "set"};
enum { MEMBERS = sizeof(members) / sizeof(members[0]) };

static void copy_members(const json_t *request, json_t *body)
{
    for (size_t n = 0; n < MEMBERS; n++) {
        json_t *value = json_object_get(request, members[n]);

        if (value != NULL)
            json_object_set(body, members[n], value);
    }
}

/* All that a shaper is told, and who told it. */
static char *make_key(const struct node *node, const json_t *request, uint32_t uid, uint32_t gid)
{
    const json_t *text = json_object_get(request, "text");
    json_t *key;
    char *ret;

    if (!json_is_string(text) || json_string_length(text) >= SHAPES_KEY_BYTES_MAX)
        return NULL;
    key = json_pack("{sI sI sI sO}", "zygote", (json_int_t)zygote_generation(node->zygote), "uid",
                    (json_int_t)uid, "gid", (json_int_t)gid, "text", text);
    copy_members(request, key);
    ret = json_dumps(key, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(key);
    return ret;
}

static void on_known(void *ctx, uint32_t events)
{
    struct shape *shape = ctx;
    const struct known_shape *known = shape->known;
    struct shape_answer found = {
        .notes = known->notes, .is_given_once = known->is_given_once, .is_known = true};
    struct tt_error err = {0};
    int r = shapes_picture(shape->node->shapes, known, &found.picture, &err);

    (void)events;
    if (r < 0) {
        answer(shape, NULL, &err, 3);
        return;
    }
    found.print = strdup(known->print);
    found.dot = strdup(known->dot);
    answer(shape, &found, NULL, 0);
}

static void keep(struct shape *shape, const struct tt_message *message, const char *picture,
                 const struct shape_answer *found)
{
    struct known_shape told = {.key = shape->key,
                               .picture = (char *)(uintptr_t)picture,
                               .print = found->print,
                               .dot = found->dot,
                               .notes = (json_t *)(uintptr_t)found->notes,
                               .is_given_once = found->is_given_once};

    if (shape->key != NULL && json_is_true(json_object_get(message->body, "is_pure")))
        shapes_keep(shape->node->shapes, &told);
}

/* What the author's text says is usage, also when it asks for what is not supported; a source that
 * cannot be read is not, though the error has a place in the text. */
static int exit_of(const struct tt_error *err)
{
    if (err->code == -EINVAL || err->code == -E2BIG)
        return 2;
    return err->code == -ENOTSUP && err->line > 0 ? 2 : 3;
}

static char *take_text(struct tt_message *message, const char *name, struct tt_error *err)
{
    int fd = tt_message_take(message, name);
    uint64_t bytes;
    char *text = NULL;

    if (fd < 0)
        return NULL;
    if (tt_message_read_fd(fd, TEXT_BYTES_MAX, &text, &bytes, err) < 0)
        text = NULL;
    (void)close(fd);
    return text;
}

void plugins_close(struct plugins *plugins)
{
    for (uint32_t n = 0; n < plugins->count; n++)
        (void)close(plugins->fds[n]);
    plugins->count = 0;
}

static void take_plugins(struct tt_message *message, struct plugins *ret)
{
    const int wanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

    for (uint32_t n = 0; n < message->fd_count && ret->count < TT_JAIL_PLUGINS_MAX; n++) {
        int seals = fcntl(message->fds[n], F_GET_SEALS); /* -1 of what knows none */

        if (strncmp(message->names[n], "plugin:", 7) != 0)
            continue;
        /* What could change, or keep a reader waiting, stays the message's, which closes it. */
        if (seals < 0 || (seals & wanted) != wanted)
            continue;
        memcpy(ret->names[ret->count], message->names[n], TT_MESSAGE_NAME_BYTES);
        ret->fds[ret->count] = tt_message_take(message, message->names[n]);
        ret->count += ret->fds[ret->count] >= 0;
    }
}

static void on_picture(struct shape *shape, struct tt_message *message)
{
    struct shape_answer found = {.notes = json_object_get(message->body, "notes"),
                                 .is_given_once =
                                     !json_is_false(json_object_get(message->body, "given_once"))};
    struct tt_error err = {0};
    char *picture = take_text(message, "picture", &err);
    int r;

    r = picture == NULL ? -EPROTO
                        : tt_picture_parse(picture, strlen(picture), &found.picture, &err);
    if (r < 0) {
        free(picture);
        (void)tt_wrap(&err, r, "the shaper's picture cannot be used");
        answer(shape, NULL, &err, 3);
        return;
    }
    found.print = take_text(message, "print", &err);
    found.dot = take_text(message, "dot", &err);
    keep(shape, message, picture, &found);
    free(picture);
    take_plugins(message, &found.plugins);
    answer(shape, &found, NULL, 0);
}

/* It looks at one source more, which may take as long as its text allows; all of it within bounds,
 * for it lets strangers' media speak. */
static void wait_for_look(struct shape *shape, int64_t within_s)
{
    int64_t until_ns = loop_now_ns() + within_s * SECOND;
    int64_t last_ns = shape->begun_ns + ALL_S_MAX * SECOND;

    until_ns = until_ns < last_ns ? until_ns : last_ns;
    if (within_s <= 0 || within_s > LOOK_S_MAX || until_ns <= shape->until_ns)
        return;
    shape->until_ns = until_ns;
    loop_set(shape->node->loop, &shape->timer, until_ns);
}

static void on_message(void *ctx, struct tt_message *message)
{
    struct shape *shape = ctx;
    struct tt_error err = {0};
    const json_t *error = json_object_get(message->body, "error");
    const json_t *setting = json_object_get(message->body, "setting");

    if (strcmp(tt_message_text(message, "event"), "looking") == 0) {
        wait_for_look(shape, tt_message_int(message, "within_s", 0));
    } else if (json_is_true(json_object_get(message->body, "ok")) && shape->is_setting) {
        struct shape_answer found = {.setting = setting};

        answer(shape, &found, NULL, 0);
    } else if (json_is_true(json_object_get(message->body, "ok"))) {
        on_picture(shape, message);
    } else if (json_is_object(error)) {
        tt_message_to_error(error, &err);
        answer(shape, NULL, &err, exit_of(&err));
    }
}

static void on_reaped(void *ctx, int code, int status, const struct rusage *usage)
{
    struct shape *shape = ctx;
    struct tt_error err = {0};

    (void)code, (void)usage;
    shape->child = NULL;
    (void)tt_fail(&err, -EIO,
                  "the process that looks at the service died without an answer: status %d; one of "
                  "its sources may be broken",
                  status);
    answer(shape, NULL, &err, 3);
}

static void on_limit(void *ctx, uint32_t events)
{
    struct shape *shape = ctx;
    struct tt_error err = {0};

    (void)events;
    (void)tt_fail(
        &err, -ETIMEDOUT,
        "the service's sources could not be looked at within %d s; is one of them waiting "
        "for a sender?",
        (int)((shape->until_ns - shape->begun_ns) / SECOND));
    answer(shape, NULL, &err, 3);
}

static int send_request(struct shape *shape, const json_t *request, struct tt_error *err)
{
    static const char *const names[] = {"text", "build-key"};
    const char *text = json_string_value(json_object_get(request, "text"));
    json_t *body = json_pack("{ss}", "op", shape->is_setting ? "setting" : "shape");
    int fds[2], r;

    if (text == NULL) {
        json_decref(body);
        return tt_fail(err, -EINVAL, "the request has no text");
    }
    copy_members(request, body);
    fds[0] = tt_message_text_fd("text", text, strlen(text), err);
    if (fds[0] < 0) {
        json_decref(body);
        return fds[0];
    }
    fds[1] = strstr(text, ".tactus") != NULL ? build_key_open(shape->uid) : -1;
    r = child_send(shape->child, body, fds, names, fds[1] >= 0 ? 2 : 1, err);
    (void)close(fds[0]);
    if (fds[1] >= 0)
        (void)close(fds[1]);
    return r;
}

static int ask_shaper(struct shape *shape, const json_t *request, uint32_t uid, uint32_t gid,
                      struct tt_error *err)
{
    static const struct child_ops ops = {.on_message = on_message, .on_exit = on_reaped};
    /* What a service names is not known before it is parsed: its user's rights are the limit. */
    json_t *order =
        json_pack("{ss si si s[s] s[] sb so}", "role", "shaper", "uid", (int)uid, "gid", (int)gid,
                  "files", "/", "writes", "network", 1, "groups", groups_of_cameras(uid, gid));
    int r = child_spawn(shape->node->zygote, order, NULL, &ops, shape, &shape->child, err);

    if (r == 0)
        r = send_request(shape, request, err);
    if (r < 0) {
        child_abandon(&shape->child);
        return r;
    }
    tt_stamp("shaper sent");
    shape->begun_ns = loop_now_ns();
    shape->until_ns = shape->begun_ns + LIMIT_S * SECOND;
    loop_set(shape->node->loop, &shape->timer, shape->until_ns);
    return 0;
}

int shape_open(struct node *node, const json_t *request, uint32_t uid, uint32_t gid, shape_fn *fn,
               void *ctx, struct shape **ret, struct tt_error *err)
{
    struct shape *shape = calloc(1, sizeof(*shape));
    int r = 0;

    if (shape == NULL)
        return tt_fail(err, -ENOMEM, "no memory for a service");
    shape->node = node;
    shape->uid = uid;
    shape->fn = fn;
    shape->ctx = ctx;
    shape->is_setting = json_is_string(json_object_get(request, "op")) &&
                        strcmp(json_string_value(json_object_get(request, "op")), "setting") == 0;
    shape->timer = (struct loop_timer){.fn = on_limit, .ctx = shape};
    if (!shape->is_setting)
        shape->key = make_key(node, request, uid, gid);
    shape->known = shapes_find(node->shapes, shape->key);
    if (shape->known != NULL) {
        shape->timer.fn = on_known;
        loop_set(node->loop, &shape->timer, loop_now_ns());
    } else {
        r = ask_shaper(shape, request, uid, gid, err);
    }
    if (r < 0) {
        free(shape->key);
        free(shape);
        return r;
    }
    *ret = shape;
    return 0;
}

void shape_close(struct shape **shape)
{
    if (*shape == NULL)
        return;
    loop_clear((*shape)->node->loop, &(*shape)->timer);
    child_abandon(&(*shape)->child);
    shapes_drop(&(*shape)->known);
    free((*shape)->key);
    free(*shape);
    *shape = NULL;
}
