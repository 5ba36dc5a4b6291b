/* A component's state into a snapshot's stream, and out of one. */
#include "container/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container/saved.h"
#include "sandbox/proxy.h"

#define PAGE TT_SNAPSHOT_PAGE_BYTES

enum state_kind state_kind(const struct tt_node_plan *node)
{
    if (tt_proxy_is(node->component))
        return STATE_SLOT;
    if ((node->component->flags & TT_OPAQUE) == 0)
        return STATE_PLAIN;
    return node->component->flags & TT_SAVES ? STATE_SAVED : STATE_OWN;
}

/* What can run this state: the package, or the component of this build. */
static void name_module(const struct tt_picture_component *component,
                        const struct tt_node_plan *node, uint8_t ret[32])
{
    memset(ret, 0, 32);
    if (component->plugin[0]) {
        for (uint32_t n = 0; n < 64 && component->plugin[n]; n++) {
            uint8_t letter = (uint8_t)component->plugin[n];
            uint8_t digit = letter <= '9' ? letter - '0' : (letter | 32) - 'a' + 10;

            ret[n / 2] = (uint8_t)(ret[n / 2] << 4 | (digit & 15));
        }
        return;
    }
    (void)tt_format_text((char *)ret, 32, "%u %s", node->component->version, node->component->name);
}

static uint32_t pages_of(const struct tt_node_plan *node)
{
    if (state_kind(node) == STATE_SAVED)
        return SAVED_PAGES;
    return (uint32_t)(state_room(node->shape->state_bytes) / PAGE);
}

static struct tt_sum *new_sums(uint32_t count, struct tt_error *err)
{
    struct tt_sum *sums = calloc(count + 1, sizeof *sums);

    if (!sums)
        (void)tt_fail(err, -ENOMEM, "no memory to move a component");
    return sums;
}

/* Memory for what save() gives; all else has its own. */
static int begin_saved(enum state_kind kind, uint8_t **ret, struct tt_error *err)
{
    if (kind != STATE_SAVED)
        return 0;
    *ret = calloc(SAVED_PAGES, PAGE);
    return *ret ? 0 : tt_fail(err, -ENOMEM, "no memory to move a component");
}

int state_out_begin(struct state_out *out, const struct tt_node_plan *node,
                    const struct tt_picture_component *component, uint64_t epoch,
                    struct tt_writer writer, struct tt_error *err)
{
    const struct tt_carry_marks none = {.pagemap = -1, .uffd = -1};
    struct tt_snapshot_head head = {.epoch = epoch};
    int r;

    memset(out, 0, sizeof *out);
    name_module(component, node, head.module);
    out->kind = state_kind(node);
    if (out->kind == STATE_SLOT) {
        out->writer = &out->carry.writer;
        return tt_carry_begin(&out->carry, tt_proxy_slot(node->state), head.module, epoch, none,
                              writer, err);
    }
    out->writer = &out->plain;
    out->node = node;
    out->memory = node->state;
    out->used = out->page_count = head.page_count = head.pages_max = pages_of(node);
    r = begin_saved(out->kind, &out->saved, err);
    if (r == 0 && out->saved) {
        out->memory = out->saved;
        out->used = 0;
    }
    out->sums = r == 0 ? new_sums(out->page_count, err) : NULL;
    if (!out->sums) {
        state_out_close(out);
        return -ENOMEM;
    }
    r = tt_snapshot_begin(&out->plain, writer, &head, out->sums);
    if (r < 0) {
        state_out_close(out);
        return tt_fail(err, r, "the state of '%s' cannot be told: %s", component->name,
                       strerror(-r));
    }
    return 0;
}

static int tell_pages(struct state_out *out)
{
    uint64_t number = out->plain.number;
    int r = 0;

    for (uint32_t n = 0; n < out->used && r == 0; n++)
        r = tt_snapshot_page(&out->plain, n, out->memory + (uint64_t)n * PAGE);
    out->pages = (uint32_t)(out->plain.number - number);
    return r;
}

static int explain(int r, struct tt_error *err)
{
    if (r < 0 && err->text[0] == '\0')
        (void)tt_fail(err, r, "its state cannot be told: %s", strerror(-r));
    return r;
}

int state_out_round(struct state_out *out, struct tt_error *err)
{
    int r;

    if (out->kind == STATE_SLOT)
        return explain(tt_carry_round(&out->carry, &out->pages), err);
    r = tell_pages(out);
    return explain(r == 0 ? tt_snapshot_round(&out->plain) : r, err);
}

int state_out_cut(struct state_out *out, int64_t index, bool is_told, struct tt_error *err)
{
    struct tt_snapshot_cut cut = {.index = index, .page_count = out->page_count};
    int r;

    if (out->kind == STATE_SLOT) {
        r = explain(tt_carry_cut(&out->carry, index, is_told, err), err);
        out->pages = out->carry.pages;
        return r;
    }
    out->pages = 0;
    if (out->saved) {
        r = saved_take(out->node->component, out->node->state, out->saved, &out->used);
        if (r < 0)
            return explain(r, err);
    }
    r = is_told && !out->saved ? 0 : tell_pages(out);
    return explain(r == 0 ? tt_snapshot_cut(&out->plain, &cut) : r, err);
}

void state_out_close(struct state_out *out)
{
    if (out->kind == STATE_SLOT)
        tt_carry_out_close(&out->carry);
    free(out->saved);
    free(out->sums);
    memset(out, 0, sizeof *out);
}

static int on_head(void *ctx, const struct tt_snapshot_head *head, struct tt_error *err)
{
    const struct state_in *in = ctx;

    if (memcmp(head->module, in->module, sizeof in->module) != 0 ||
        head->page_count != in->page_count || head->globals_bytes != 0 || head->base.low != 0 ||
        head->base.high != 0)
        return tt_fail(err, -ENOEXEC, "what comes is the state of another component");
    return 0;
}

static int on_page(void *ctx, uint32_t number, const void *page)
{
    struct state_in *in = ctx;
    uint8_t *at = in->memory + (uint64_t)number * PAGE;

    if (number >= in->page_count)
        return -E2BIG;
    if (page)
        memcpy(at, page, PAGE);
    else
        memset(at, 0, PAGE);
    return 0;
}

static int on_cut(void *ctx, const struct tt_snapshot_cut *cut)
{
    const struct state_in *in = ctx;

    return cut->kept_count == 0 && cut->page_count == in->page_count ? 0 : -EBADMSG;
}

int state_in_begin(struct state_in *in, const struct tt_node_plan *node,
                   const struct tt_picture_component *component, struct tt_error *err)
{
    static const struct tt_snapshot_ops ops = {.head = on_head, .page = on_page, .cut = on_cut};

    memset(in, 0, sizeof *in);
    name_module(component, node, in->module);
    in->kind = state_kind(node);
    if (in->kind == STATE_SLOT) {
        in->reader = &in->carry.reader;
        return tt_carry_in_begin(&in->carry, tt_proxy_slot(node->state), in->module, err);
    }
    in->reader = &in->plain;
    in->node = node;
    in->page_count = pages_of(node);
    if (begin_saved(in->kind, &in->saved, err) < 0)
        return -ENOMEM;
    in->memory = in->saved ? in->saved : node->state;
    in->sums = new_sums(in->page_count, err);
    if (!in->sums)
        return -ENOMEM;
    /* What init() left is told, too, where it is another there; pages of zeros are not. */
    if (in->memory && !in->saved)
        memset(in->memory, 0, (uint64_t)in->page_count * PAGE);
    tt_snapshot_reader_init(&in->plain, &ops, in, in->sums, in->page_count);
    return 0;
}

int state_in_feed(struct state_in *in, const void *data, uint64_t bytes, struct tt_error *err)
{
    int r = in->kind == STATE_SLOT ? tt_carry_feed(&in->carry, data, bytes, err)
                                   : tt_snapshot_feed(&in->plain, data, bytes, err);

    if (r < 0 && err->text[0] == '\0')
        (void)tt_fail(err, r, "the state does not fit the component's place: %s", strerror(-r));
    return r;
}

uint32_t state_in_rounds(const struct state_in *in, uint32_t *ret_pages)
{
    *ret_pages = in->reader ? in->reader->pages : 0;
    return in->reader ? in->reader->rounds : 0;
}

bool state_in_is_whole(const struct state_in *in)
{
    return in->reader && in->reader->is_over;
}

int state_in_end(struct state_in *in, struct tt_error *err)
{
    int r = in->saved ? saved_give(in->node->component, in->node->state, in->saved) : 0;

    return r < 0 ? tt_fail(err, r, "it does not take the state that came: %s", strerror(-r)) : 0;
}

void state_in_close(struct state_in *in)
{
    if (in->kind == STATE_SLOT)
        tt_carry_in_close(&in->carry);
    free(in->saved);
    free(in->sums);
    memset(in, 0, sizeof *in);
}
