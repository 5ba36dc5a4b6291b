/* Profiles as answers: what a measurement gave, what is kept, and forgetting it. */
#ifndef TT_NODE_PROFILE_ANSWER_H
#define TT_NODE_PROFILE_ANSWER_H

#include <jansson.h>

#include "node/control.h"
#include "node/node.h"
#include "node/samples.h"

/* The event "profile" of one measurement; a new reference. */
json_t *profile_answer(struct node *node, const struct tt_picture *picture,
                       const struct samples *samples);

/* The words of "progress": samples may be NULL. */
json_t *profile_progress(const struct tt_picture *picture, const struct samples *samples,
                         int64_t past_ns, int64_t whole_ns);

/* The operations "profiles" and "forget". */
void profile_answer_list(struct node *node, struct client *client);
void profile_answer_forget(struct node *node, struct client *client, const json_t *request);

#endif
