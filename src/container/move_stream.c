/* A component's state and what its engine knows of it, as one stream of bytes from the container
 * that has it to the one that gets it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "container/move_inside.h"

/* Pieces of the stream: their kind and length, in the machine's order; both ends are this build. */
enum piece_kind { PIECE_STATE = 1, PIECE_CARRY };

struct piece {
    uint32_t kind, bytes;
};

enum { PIECE_BYTES_MAX = MOVE_CHUNK - sizeof(struct piece) };

static int send_all(int fd, const void *data, uint64_t bytes)
{
    const uint8_t *at = data;

    while (bytes > 0) {
        ssize_t done = send(fd, at, bytes, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        at += done;
        bytes -= (uint64_t)done;
    }
    return 0;
}

static int flush(struct moves *moves)
{
    struct piece piece = {PIECE_STATE, moves->filled};
    int r;

    if (moves->filled == 0)
        return 0;
    r = send_all(moves->stream, &piece, sizeof piece);
    if (r == 0)
        r = send_all(moves->stream, moves->chunk, moves->filled);
    moves->bytes += moves->filled;
    moves->filled = 0;
    return r;
}

static int put(void *ctx, const void *data, uint64_t bytes)
{
    struct moves *moves = ctx;
    int r = moves->filled + bytes > PIECE_BYTES_MAX ? flush(moves) : 0;

    if (r < 0 || bytes > PIECE_BYTES_MAX)
        return r < 0 ? r : -E2BIG;
    memcpy(moves->chunk + moves->filled, data, bytes);
    moves->filled += (uint32_t)bytes;
    return 0;
}

int move_begin_state(struct container *container, uint64_t epoch, struct tt_error *err)
{
    struct moves *moves = container->moves;

    moves->filled = 0;
    moves->bytes = 0;
    return state_out_begin(&moves->out, &moves->leaving,
                           &container->picture->components[moves->component], epoch,
                           (struct tt_writer){moves, put}, err);
}

int move_send_state(struct container *container, bool is_cut, const struct tt_edit_report *report,
                    struct tt_error *err)
{
    struct moves *moves = container->moves;
    struct piece piece = {PIECE_CARRY, sizeof report->carry};
    int r = 0;

    if (moves->out.writer) /* else it begins anew there */
        r = is_cut ? state_out_cut(&moves->out, report->carry.index, err)
                   : state_out_round(&moves->out, err);

    /* What the engine knows comes before the state's end, which is what the other waits for. */
    if (r == 0 && is_cut)
        r = send_all(moves->stream, &piece, sizeof piece);
    if (r == 0 && is_cut)
        r = send_all(moves->stream, &report->carry, sizeof report->carry);
    if (r == 0)
        r = flush(moves);
    if (r < 0 && err->text[0] == '\0')
        (void)tt_fail(err, r, "its state cannot be told: %s", strerror(-r));
    return r;
}

/* A whole piece lies in the chunk behind its head. */
static int take_piece(struct moves *moves, const struct piece *piece, struct tt_error *err)
{
    const uint8_t *body = moves->chunk + sizeof *piece;

    if (piece->kind == PIECE_STATE && moves->in.reader)
        return state_in_feed(&moves->in, body, piece->bytes, err);
    if (piece->kind != PIECE_CARRY || piece->bytes != sizeof moves->carry)
        return tt_fail(err, -EBADMSG, "what comes is no state of a component");
    memcpy(&moves->carry, body, sizeof moves->carry);
    moves->has_carry = true;
    return 0;
}

static int take_pieces(struct moves *moves, struct tt_error *err)
{
    struct piece piece;
    int r = 0;

    while (r == 0 && moves->filled >= sizeof piece) {
        memcpy(&piece, moves->chunk, sizeof piece);
        if (piece.bytes > PIECE_BYTES_MAX)
            return tt_fail(err, -EBADMSG, "what comes is no state of a component");
        if (moves->filled < sizeof piece + piece.bytes)
            return 0;
        r = take_piece(moves, &piece, err);
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
        r = take_pieces(moves, err);
        if (r < 0)
            return r;
        if (moves->has_carry && (!moves->in.reader || state_in_is_whole(&moves->in)))
            return 1;
    }
}
