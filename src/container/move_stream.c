/* A component's state and what its engine knows of it, as one stream of bytes from the container
 * that has it to the one that gets it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "container/move_inside.h"

/* Pieces of the stream: their kind and length, in the machine's order; both ends are this build. */
enum piece_kind { PIECE_STATE = 1, PIECE_CARRY, PIECE_DUE };

struct piece {
    uint32_t kind, bytes;
};

enum { PIECE_BYTES_MAX = MOVE_CHUNK - sizeof(struct piece) };

static int send_all(int fd, struct iovec *parts, size_t count)
{
    while (count > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t done = sendmsg(fd, &message, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        for (; count > 0 && (size_t)done >= parts->iov_len; parts++, count--)
            done -= (ssize_t)parts->iov_len;
        if (count > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + done;
            parts->iov_len -= (size_t)done;
        }
    }
    return 0;
}

/* What the engine knows of it (NULL: not now), then what of its state is in the chunk: one call,
 * for the other looks at each. */
static int flush(struct moves *moves, const struct tt_edit_carry *carry)
{
    struct piece heads[] = {{PIECE_CARRY, sizeof *carry}, {PIECE_STATE, moves->filled}};
    struct iovec parts[] = {{&heads[0], sizeof heads[0]},
                            {(void *)(uintptr_t)carry, sizeof *carry},
                            {&heads[1], sizeof heads[1]},
                            {moves->chunk, moves->filled}};
    size_t first = carry ? 0 : 2, behind = moves->filled > 0 ? 4 : 2;

    moves->bytes += moves->filled;
    moves->filled = 0;
    return send_all(moves->stream, parts + first, behind - first);
}

static int put(void *ctx, const void *data, uint64_t bytes)
{
    struct moves *moves = ctx;
    int r = moves->filled + bytes > PIECE_BYTES_MAX ? flush(moves, NULL) : 0;

    if (r < 0 || bytes > PIECE_BYTES_MAX)
        return r < 0 ? r : -E2BIG;
    memcpy(moves->chunk + moves->filled, data, bytes);
    moves->filled += (uint32_t)bytes;
    return 0;
}

void move_send_due(struct moves *moves)
{
    struct piece piece = {PIECE_DUE, 0};
    struct iovec part = {&piece, sizeof piece};

    (void)send_all(moves->stream, &part, 1); /* what is wrong is told when the state is sent */
}

int move_begin_state(struct container *container, uint64_t epoch, struct tt_error *err)
{
    struct moves *moves = container->moves;

    moves->has_told = false;
    return state_out_begin(&moves->out, &moves->leaving,
                           &container->picture->components[moves->component], epoch,
                           (struct tt_writer){moves, put}, err);
}

int move_send_state(struct container *container, bool is_cut, const struct tt_edit_report *report,
                    struct tt_error *err)
{
    struct moves *moves = container->moves;
    const struct tt_edit_carry *carry = is_cut ? &report->carry : NULL;
    uint32_t calls = tt_edit_calls(container->engine, container->node_of_in[moves->component][0]);
    bool is_told = is_cut && (!moves->out.writer || (moves->has_told && calls == moves->calls));
    int r = 0;

    /* What the engine knows comes before the state's end, which is what the other waits for; it
     * goes ahead, and wakes the other, where the end takes a while. */
    if (is_cut && !is_told) {
        r = flush(moves, carry);
        carry = NULL;
    }
    if (r == 0 && moves->out.writer) /* else it begins anew there */
        r = is_cut ? state_out_cut(&moves->out, report->carry.index, is_told, err)
                   : state_out_round(&moves->out, err);
    if (r == 0)
        r = flush(moves, carry);
    moves->has_told = true;
    moves->calls = calls;
    if (r < 0 && err->text[0] == '\0')
        (void)tt_fail(err, r, "its state cannot be told: %s", strerror(-r));
    return r;
}

/* A whole piece lies in the chunk behind its head. */
static int take_piece(struct container *container, const struct piece *piece, struct tt_error *err)
{
    struct moves *moves = container->moves;
    const uint8_t *body = moves->chunk + sizeof *piece;

    if (piece->kind == PIECE_STATE && moves->in.reader) {
        if (moves->has_carry)
            move_soon(container);
        return state_in_feed(&moves->in, body, piece->bytes, err);
    }
    if (piece->kind == PIECE_DUE) {
        move_stay_awake(moves);
        return 0;
    }
    if (piece->kind != PIECE_CARRY || piece->bytes != sizeof moves->carry)
        return tt_fail(err, -EBADMSG, "what comes is no state of a component");
    memcpy(&moves->carry, body, sizeof moves->carry);
    moves->has_carry = true;
    return 0;
}

static int take_pieces(struct container *container, struct tt_error *err)
{
    struct moves *moves = container->moves;
    struct piece piece;
    int r = 0;

    while (r == 0 && moves->filled >= sizeof piece) {
        memcpy(&piece, moves->chunk, sizeof piece);
        if (piece.bytes > PIECE_BYTES_MAX)
            return tt_fail(err, -EBADMSG, "what comes is no state of a component");
        if (moves->filled < sizeof piece + piece.bytes)
            return 0;
        r = take_piece(container, &piece, err);
        moves->filled -= (uint32_t)sizeof piece + piece.bytes;
        memmove(moves->chunk, moves->chunk + sizeof piece + piece.bytes, moves->filled);
    }
    return r;
}

int move_read_state(struct container *container, struct tt_error *err)
{
    struct moves *moves = container->moves;

    for (;;) {
        ssize_t count = recv(moves->stream, moves->chunk + moves->filled,
                             MOVE_CHUNK - moves->filled, MSG_DONTWAIT);
        int r;

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return 0;
        if (count <= 0)
            return tt_fail(err, -EPIPE, "the state's stream ended before its end");
        moves->filled += (uint32_t)count;
        r = take_pieces(container, err);
        if (r < 0)
            return r;
        if (moves->has_carry && (!moves->in.reader || state_in_is_whole(&moves->in))) {
            r = state_in_end(&moves->in, err);
            return r < 0 ? r : 1;
        }
    }
}
