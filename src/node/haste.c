/* Before the machine's other work while a service starts. */
#include "node/haste.h"

#include <stdlib.h>

#include "platform/linux/reserve.h"

enum {
    OWN_PRIORITY = 2, /* above those who are set up, so that it can end theirs */
    THEIR_PRIORITY = 1,
    COMPANIONS_MAX = 8,
    REST_SHARE = 3, /* times what was used: a quarter of the time at most */
    HEAR_NS = 1000000,
    SLICE_NS = 100000 /* the kernel's least; until the request is read there is no haste yet */
};

struct haste {
    struct loop *loop;
    struct loop_timer limit_timer, hear_timer;
    struct haste_pace pace;
    struct tt_reserve_kept own;
    struct companion {
        pid_t pid; /* 0: none */
        struct tt_reserve_kept kept;
    } companions[COMPANIONS_MAX];
};

bool haste_pace_begin(struct haste_pace *pace, int64_t now_ns)
{
    if (pace->since_ns != 0 || now_ns < pace->rest_until_ns)
        return false;
    pace->since_ns = now_ns;
    return true;
}

bool haste_pace_end(struct haste_pace *pace, int64_t now_ns)
{
    if (pace->since_ns == 0)
        return false;
    pace->rest_until_ns = now_ns + REST_SHARE * (now_ns - pace->since_ns);
    pace->since_ns = 0;
    return true;
}

static void calm(struct companion *companion)
{
    if (companion->pid != 0)
        (void)tt_reserve_restore(companion->pid, &companion->kept);
    companion->pid = 0;
}

static void on_heard(void *ctx, uint32_t events)
{
    struct haste *haste = ctx;

    (void)events;
    for (uint32_t n = 0; n < COMPANIONS_MAX; n++)
        calm(&haste->companions[n]);
}

static void end_own(struct haste *haste)
{
    loop_clear(haste->loop, &haste->limit_timer);
    if (haste_pace_end(&haste->pace, loop_now_ns()))
        (void)tt_reserve_restore(0, &haste->own);
}

static void on_limit(void *ctx, uint32_t events)
{
    struct haste *haste = ctx;

    loop_clear(haste->loop, &haste->hear_timer);
    on_heard(haste, events);
    end_own(haste);
}

struct haste *haste_open(struct loop *loop)
{
    struct haste *haste = calloc(1, sizeof(*haste));

    if (haste == NULL)
        return NULL;
    haste->loop = loop;
    haste->limit_timer = (struct loop_timer){.fn = on_limit, .ctx = haste};
    haste->hear_timer = (struct loop_timer){.fn = on_heard, .ctx = haste};
    (void)tt_reserve_slice(SLICE_NS);
    return haste;
}

void haste_close(struct haste **haste)
{
    if (*haste == NULL)
        return;
    on_limit(*haste, 0);
    free(*haste);
    *haste = NULL;
}

void haste_begin(struct haste *haste)
{
    int64_t now_ns = loop_now_ns();

    if (haste == NULL || !haste_pace_begin(&haste->pace, now_ns))
        return;
    if (tt_reserve_hasten(0, OWN_PRIORITY, &haste->own) < 0) {
        haste->pace.since_ns = 0; /* no right to, or a higher one */
        return;
    }
    loop_set(haste->loop, &haste->limit_timer, now_ns + HASTE_LIMIT_NS);
}

void haste_take_along(struct haste *haste, pid_t pid)
{
    if (haste == NULL || haste->pace.since_ns == 0)
        return;
    for (uint32_t n = 0; n < COMPANIONS_MAX; n++) {
        struct companion *companion = &haste->companions[n];

        if (companion->pid != 0)
            continue;
        if (tt_reserve_hasten(pid, THEIR_PRIORITY, &companion->kept) == 0)
            companion->pid = pid;
        return;
    }
}

void haste_forget(struct haste *haste, pid_t pid)
{
    for (uint32_t n = 0; haste != NULL && n < COMPANIONS_MAX; n++)
        if (haste->companions[n].pid == pid)
            haste->companions[n].pid = 0;
}

void haste_end(struct haste *haste)
{
    if (haste == NULL || haste->pace.since_ns == 0)
        return;
    end_own(haste);
    loop_set(haste->loop, &haste->hear_timer, loop_now_ns() + HEAR_NS);
}
