/* A service while it is being written: everything it points to lives in its arena. */
#ifndef TT_SPEC_BUILD_H
#define TT_SPEC_BUILD_H

#include "spec/arena.h"
#include "spec/service.h"

/* Empty, with the defaults of what is not given. NULL: no memory. */
struct tt_service *spec_service_new(void);
struct spec_arena *spec_service_arena(struct tt_service *service);

/* -E2BIG beyond TT_COMPONENTS_MAX. name and kind are checked already. */
int spec_add_component(struct tt_service *service, const char *name, const char *kind,
                       struct tt_place place, struct tt_spec_component **ret, struct tt_error *err);

/* Replaces a parameter that is there. -ENOMEM, or -E2BIG beyond 256 parameters. */
int spec_add_param(struct tt_service *service, struct tt_spec_component *component,
                   const char *name, const char *value, struct tt_place place,
                   struct tt_error *err);

int spec_add_flow(struct tt_service *service, const struct tt_spec_flow *flow,
                  struct tt_error *err);
int spec_add_degrade(struct tt_service *service, struct tt_spec_component *component,
                     const char *assignment, struct tt_error *err);
int spec_add_note(struct tt_service *service, const char *note);

/* TT_COMPONENTS_MAX when there is none. */
uint32_t spec_component(const struct tt_service *service, const char *name);
int spec_fail_component(const struct tt_service *service, const char *name, struct tt_place place,
                        struct tt_error *err);

/* Adds what its author left out: a `null` behind what nobody takes, a source's parameters that the
 * filter behind it says. Notes tell it. */
int spec_complete(struct tt_service *service, const struct tt_catalogue *catalogue,
                  struct tt_error *err);

/* What holds between components: ports, inputs' names, deadlines. -EINVAL with the place. */
int spec_check(const struct tt_service *service, const struct tt_catalogue *catalogue,
               struct tt_error *err);

/* The keys that a service and a component share between both spellings: deadline, loss, rate,
 * spare containers, overrun, grants and one degrading level. -EINVAL with what would be accepted.
 */
int spec_read_deadline(const char *text, struct tt_place place, int64_t *ret, struct tt_error *err);
int spec_read_loss(const char *text, struct tt_place place, struct tt_rational *ret,
                   struct tt_error *err);
int spec_read_rate(const char *text, struct tt_place place, struct tt_rational *ret,
                   struct tt_error *err);
int spec_read_spares(const char *text, struct tt_place place, uint32_t *ret, struct tt_error *err);
int spec_read_overrun(const char *text, struct tt_place place, char ret[16], struct tt_error *err);
int spec_read_grants(const char *text, struct tt_place place, const struct tt_catalogue *catalogue,
                     struct tt_spec_component *component, struct tt_error *err);
int spec_check_degrade(const struct tt_component *kind, const char *component, const char *text,
                       struct tt_place place, struct tt_error *err);

#endif
