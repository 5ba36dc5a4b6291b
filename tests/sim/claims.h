/* What workers of a simulated service have of the CPU, by tactusd's own step function. */
#ifndef TT_TESTS_SIM_CLAIMS_H
#define TT_TESTS_SIM_CLAIMS_H

#include "service.h"

void claims_ask(struct service *service, uint32_t process);
void claims_go(struct service *service);                       /* once, after all were told to go */
bool claims_leaves(struct service *service, uint32_t process); /* with its go */
void claims_died(struct service *service, uint32_t process);

#endif
