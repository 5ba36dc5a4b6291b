/* What must hold whatever the nemesis does: each due index has one record at each sink, a promise
 * is broken by the service's own fault or the host's alone, reservations are had when booked. */
#ifndef TT_TESTS_SIM_JUDGE_H
#define TT_TESTS_SIM_JUDGE_H

#include "service.h"

void judge_begin(struct service *service); /* once */
void judge_life_begins(struct service *service, uint32_t container, int64_t first_ns);
/* While its last records can still be read. */
void judge_life_over(struct service *service, uint32_t container);
void judge_records(struct service *service, uint32_t container);
/* All sinks that this container feeds had their End, and no other container waits for it. */
bool judge_is_through(const struct service *service, uint32_t container);
void judge_event(struct service *service, const struct supervise_action *action);
void judge_reservation(const struct service *service, int r);

/* At the end of time: it is over, and well. */
void judge_end(const struct service *service);

#endif
