/* A component that saves itself goes on elsewhere with all that it knew, and with nothing else. */
#include "container/state.h"
#include "check.h"
#include "container/saved.h"

#include <errno.h>

enum { STREAM_BYTES = 1 << 20 };

/* What it knows lies where only its own pointer leads. */
struct knower {
    uint8_t *memory;
    uint64_t bytes;
};

static struct {
    uint8_t bytes[STREAM_BYTES];
    uint64_t filled;
} stream;

static int refuses, saves_too_much, leaves_some;

static int save(void *state, struct tt_writer *writer)
{
    const struct knower *knower = state;
    int r = writer->put(writer->ctx, &knower->bytes, sizeof knower->bytes);

    if (r == 0)
        r = writer->put(writer->ctx, knower->memory, knower->bytes);
    while (saves_too_much && r == 0)
        r = writer->put(writer->ctx, knower->memory, knower->bytes);
    return r;
}

static int restore(void *state, struct tt_reader *reader)
{
    struct knower *knower = state;
    uint64_t bytes;
    int r = refuses ? -EBADMSG : reader->get(reader->ctx, &bytes, sizeof bytes);

    if (r < 0 || leaves_some)
        return r;
    CHECK_INT(bytes, knower->bytes);
    r = reader->get(reader->ctx, knower->memory, bytes);
    CHECK(r < 0 || reader->get(reader->ctx, &bytes, 1) == -EBADMSG);
    return r;
}

static const struct tt_component knowing = {.name = "knower",
                                            .version = 3,
                                            .flags = TT_OPAQUE | TT_SAVES,
                                            .save = save,
                                            .restore = restore};
static const struct tt_shape shape = {.state_bytes = sizeof(struct knower)};
static const struct tt_picture_component picture = {.name = "who"};

static int put(void *ctx, const void *data, uint64_t bytes)
{
    (void)ctx;
    if (stream.filled + bytes > STREAM_BYTES)
        return -E2BIG;
    memcpy(stream.bytes + stream.filled, data, bytes);
    stream.filled += bytes;
    return 0;
}

static void fill(struct knower *knower, uint64_t bytes, uint32_t seed)
{
    static uint8_t memory[2][TT_SAVED_MAX];
    uint8_t *at = memory[seed != 0];

    for (uint64_t n = 0; n < bytes; n++)
        at[n] = (uint8_t)(seed == 0 ? 0 : ((n + 1) * seed) >> 3);
    *knower = (struct knower){at, bytes};
}

/* A round, which has nothing to tell, and the cut. */
static int tell(struct knower *knower, struct tt_error *err)
{
    const struct tt_node_plan plan = {.component = &knowing, .state = knower, .shape = &shape};
    struct tt_writer writer = {NULL, put};
    struct state_out out;
    int r;

    stream.filled = 0;
    CHECK_INT(state_out_begin(&out, &plan, &picture, 7, writer, err), 0);
    CHECK_INT(out.kind, STATE_SAVED);
    CHECK_INT(state_out_round(&out, err), 0);
    CHECK_INT(out.pages, 0);
    r = state_out_cut(&out, 12, true, err); /* also when no call has returned meanwhile */
    state_out_close(&out);
    return r;
}

static int take(struct knower *knower, struct tt_error *err)
{
    const struct tt_node_plan plan = {.component = &knowing, .state = knower, .shape = &shape};
    struct state_in in;
    int r;

    CHECK_INT(state_in_begin(&in, &plan, &picture, err), 0);
    r = state_in_feed(&in, stream.bytes, stream.filled, err);
    CHECK_INT(knower->bytes > 0 ? knower->memory[0] : 0, 0); /* nothing before its end */
    if (r == 0) {
        CHECK(state_in_is_whole(&in));
        r = state_in_end(&in, err);
    }
    state_in_close(&in);
    return r;
}

static void all_goes_along(uint64_t bytes)
{
    struct tt_error err = {0};
    struct knower from, to;

    fill(&from, bytes, 2654435761u);
    fill(&to, bytes, 0);
    CHECK_INT(tell(&from, &err), 0);
    CHECK_INT(take(&to, &err), 0);
    CHECK(memcmp(from.memory, to.memory, bytes) == 0);
}

static void what_is_wrong_is_refused(void)
{
    struct tt_error err = {0};
    struct knower from, to;

    fill(&from, 5000, 77);
    fill(&to, 5000, 0);
    saves_too_much = 1;
    CHECK_INT(tell(&from, &err), -E2BIG);
    CHECK(strstr(err.text, "cannot be told") != NULL);
    saves_too_much = 0;
    CHECK_INT(tell(&from, &err), 0);
    refuses = 1;
    CHECK_INT(take(&to, &err), -EBADMSG);
    CHECK(strstr(err.text, "does not take the state") != NULL);
    refuses = 0;
    leaves_some = 1;
    CHECK_INT(take(&to, &err), -EBADMSG);
    leaves_some = 0;
    CHECK_INT(take(&to, &err), 0);
    fill(&to, 5000, 0);
    stream.bytes[stream.filled / 2] ^= 1;
    CHECK(take(&to, &err) < 0);
}

/* Whoever says that it is so long. */
static void a_length_is_not_believed(void)
{
    static uint8_t memory[SAVED_PAGES * TT_SNAPSHOT_PAGE_BYTES];
    uint64_t bytes = TT_SAVED_MAX + 1;
    struct knower to;

    fill(&to, 16, 0);
    memcpy(memory, &bytes, sizeof bytes);
    CHECK_INT(saved_give(&knowing, &to, memory), -EBADMSG);
    bytes = 4;
    memcpy(memory, &bytes, sizeof bytes);
    CHECK_INT(saved_give(&knowing, &to, memory), -EBADMSG);
}

int main(void)
{
    all_goes_along(0);
    all_goes_along(100);
    all_goes_along(3 * TT_SNAPSHOT_PAGE_BYTES - 2 * sizeof(uint64_t));
    all_goes_along(TT_SAVED_MAX - sizeof(uint64_t));
    what_is_wrong_is_refused();
    a_length_is_not_believed();
    return 0;
}
