/* Asks a shaper what a service's text means: the picture, or where the text is wrong. */
#ifndef TT_NODE_SHAPE_H
#define TT_NODE_SHAPE_H

#include <jansson.h>
#include <stdint.h>

#include "node/node.h"
#include "platform/linux/jail.h"
#include "platform/linux/message.h"
#include "spec/picture.h"

struct shape;

/* Components by path: their files, sealed, and the names by which pictures speak of them. Never
 * mapped or loaded here. */
struct plugins {
    int fds[TT_JAIL_PLUGINS_MAX];
    char names[TT_JAIL_PLUGINS_MAX][TT_MESSAGE_NAME_BYTES];
    uint32_t count;
};

void plugins_close(struct plugins *plugins);

struct shape_answer {
    struct plugins plugins;     /* the receiver's */
    struct tt_picture *picture; /* the receiver's */
    char *print, *dot;          /* the receiver's, malloc'ed; may be NULL */
    const json_t *notes;        /* borrowed */
    bool is_given_once;         /* an input that can be read one time only */
    bool is_known;              /* from before: nobody was asked, and no plug-in is in it */
    const json_t *setting;      /* of the operation "setting", which has no picture; borrowed */
};

/* Exactly one answer comes, from the loop: answer NULL: err says why, and the exit that follows. */
typedef void shape_fn(void *ctx, struct shape_answer *answer, const struct tt_error *err,
                      int exit_code);

/* request: as docs/protocol.md's S, or the operation "setting". */
int shape_open(struct node *node, const json_t *request, uint32_t uid, uint32_t gid, shape_fn *fn,
               void *ctx, struct shape **ret, struct tt_error *err);
void shape_close(struct shape **shape);

#endif
