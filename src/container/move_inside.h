/* What the files of a container's moves share. */
#ifndef TT_CONTAINER_MOVE_INSIDE_H
#define TT_CONTAINER_MOVE_INSIDE_H

#include "container/move.h"
#include "container/state.h"
#include "core/edit.h"
#include "core/move.h"
#include "spec/ways.h"

enum { MOVE_CHUNK = 128 << 10, MOVE_ENDS = 2 * TT_PORTS_MAX };

/* What a move brought into this engine, until another takes it away. */
struct move_part {
    struct move_part *next;
    const struct tt_wiring_way *way;
    uint32_t component; /* that runs here by it; UINT32_MAX: ends in its place alone */
    struct tt_node_plan plans[MOVE_ENDS + 1]; /* ends of links, then the component */
    uint32_t links[MOVE_ENDS + 1], numbers[MOVE_ENDS + 1], count;
    char names[MOVE_ENDS + 1][2 * TT_NAME_BYTES];
    struct place own;
};

enum move_role { MOVE_NONE = 0, MOVE_COMING, MOVE_LEAVING };

struct moves {
    int wake_fd;
    int64_t woken_ns; /* atomic, the worker's: when the edit's state changed last */
    struct move_part *parts;
    void *link_memory[TT_LINKS_MAX];

    /* The one that is under way. */
    enum move_role role;
    uint32_t component;
    const struct tt_wiring_way *way;
    bool is_prepared; /* the engine has the edit */
    enum tt_edit_state seen;
    struct move_part *part; /* that it brings; NULL: none */
    int stream;
    struct state_out out;
    struct state_in in;
    enum tt_source_state source;
    enum tt_target_state target;
    struct tt_edit_carry carry;
    bool has_carry;
    struct tt_node_plan leaving; /* the component's, as long as it is here */
    uint64_t bytes;
    bool has_told; /* a round, before which the component had returned from so many calls */
    uint32_t calls;
    bool is_soon; /* the worker was told that it is about to begin */
    int64_t awake_until_ns;
    uint32_t filled; /* of chunk */
    uint8_t chunk[MOVE_CHUNK];
};

/* move_graph.c: what the edit is made of, and what it leaves. */
int move_add_ends(struct container *container, struct tt_message *message, struct tt_error *err);
int move_add_component(struct container *container, int64_t resume_ns, struct tt_error *err);
int move_prepare(struct container *container, enum tt_edit_kind kind, void (*wake)(void *ctx),
                 struct tt_error *err);
/* The component is here, or is not: numbers, tables, places. */
void move_has_come(struct container *container);
void move_has_left(struct container *container);
/* Lets go what the edit brought, because it was not to be; or what it replaced. */
void move_drop_part(struct container *container, struct move_part **part);
void move_drop_old(struct container *container);

/* move_stream.c: both ends of what goes between two containers. */
int move_send_state(struct container *container, bool is_cut, const struct tt_edit_report *report,
                    struct tt_error *err);
int move_begin_state(struct container *container, uint64_t epoch, struct tt_error *err);
/* The order to cut is here: what comes next comes at once, so the other wakes up meanwhile. */
void move_send_due(struct moves *moves);
/* Until that comes, or for a while. */
void move_stay_awake(struct moves *moves);
/* The end of its state is here: who is to run it wakes up meanwhile. */
void move_soon(struct container *container);
/* 1: it is whole; 0: more is to come; negative: it is broken. */
int move_read_state(struct container *container, struct tt_error *err);

#endif
