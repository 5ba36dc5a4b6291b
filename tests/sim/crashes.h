/* Deaths at the steps of supervision: of any process of a service, while it is built up, while
 * another starts anew, while it ends; and the user's stops. Who is killed goes on for a moment. */
#ifndef TT_TESTS_SIM_CRASHES_H
#define TT_TESTS_SIM_CRASHES_H

#include "service.h"

void crashes_begin(struct service *service, uint64_t seed); /* from now on they happen */
void crashes_step(struct service *service);                 /* supervision decided something */
void crashes_kill(struct service *service, uint32_t process);

#endif
