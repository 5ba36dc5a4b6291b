/* A service as its author wrote it: parsed and validated, nothing looked up on the machine yet. */
#ifndef TT_SPEC_SERVICE_H
#define TT_SPEC_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/component.h"
#include "tactus/error.h"

enum {
    TT_NAME_BYTES = 64,
    TT_KIND_BYTES = 256, /* a kind may be the path of a shared object */
    TT_COMPONENTS_MAX = 128,
    TT_SPEC_FLOWS_MAX = 256,
    TT_SPEC_BYTES_MAX = 1 << 20,
    TT_SPARE_CONTAINERS_MAX = 4
};

struct tt_place { /* in the text; both count from 1, 0: not from a text */
    uint32_t line, column;
};

struct tt_spec_param {
    char *name, *value;
    struct tt_place place;
};

struct tt_spec_late {
    char input[TT_NAME_BYTES];
    uint32_t policy; /* enum tt_late_policy */
    struct tt_place place;
};

struct tt_spec_component {
    char name[TT_NAME_BYTES], kind[TT_KIND_BYTES];
    struct tt_place place;
    struct tt_spec_param *params;
    uint32_t param_count;
    struct tt_spec_late late[TT_PORTS_MAX];
    uint32_t late_count;
    char **degrade; /* "method=point" each */
    uint32_t degrade_count;
    char overrun[16];        /* throttle, skip, stop; "" default */
    bool has_call_grants;    /* `grants: call` */
    int64_t deadline_ns;     /* sinks; 0: the service's */
    struct tt_rational loss; /* sinks; 0/0: the service's */
};

struct tt_spec_flow {
    uint32_t from, to;             /* components */
    char from_port[TT_NAME_BYTES]; /* "" when there is only one that fits */
    char to_port[TT_NAME_BYTES];
    struct tt_format caps;           /* a caps filter on it; kind 0: none */
    struct tt_place place, to_place; /* of where it comes from and of where it goes */
};

struct tt_service {
    char name[TT_NAME_BYTES];
    struct tt_rational rate; /* 0/0: from the source */
    int64_t deadline_ns;     /* 100 ms when not given */
    struct tt_rational loss; /* 1/100 when not given */
    bool is_best_effort;
    uint32_t spare_containers; /* places for components that move out of the plan's containers */
    struct tt_spec_component *components;
    uint32_t component_count;
    struct tt_spec_flow *flows;
    uint32_t flow_count;
    char **notes; /* what the parser wants the user to know: "`queue` does nothing here" */
    uint32_t note_count;
};

/* Looks a component's description up by kind; NULL when there is none. The parser checks kinds,
 * ports, parameters and their ranges against it and finds the nearest known word. */
struct tt_catalogue {
    const struct tt_component *const *components;
    uint32_t count;
    /* Kinds that are paths; the same path always gives the same description. NULL: there are none.
     */
    int (*load)(void *ctx, const char *kind, const struct tt_component **ret, struct tt_error *err);
    void *ctx;
    bool (*is_sandboxed)(const struct tt_component *component); /* NULL: none is */
};

/* Is this kind the path of a shared object, `./libmine.so`? */
bool tt_kind_is_path(const char *kind);

/* Text to service. yaml: one document, strict. graph: the one-liner. 0, or -EINVAL with line,
 * column, token, expected and nearest in err; -E2BIG beyond TT_SPEC_BYTES_MAX or the limits above.
 */
int tt_service_parse_yaml(const char *text, uint64_t bytes, const struct tt_catalogue *catalogue,
                          struct tt_service **ret, struct tt_error *err);
int tt_service_parse_graph(const char *text, uint64_t bytes, const struct tt_catalogue *catalogue,
                           struct tt_service **ret, struct tt_error *err);

/* "comp.param=v" over what was written, "deadline=", "loss=", "rate=" and "spare_containers=" of
 * the service, and "without=comp", which takes a component with one input out of its flow; -EINVAL
 * when it names nothing. */
int tt_service_set(struct tt_service *service, const char *assignment,
                   const struct tt_catalogue *catalogue, struct tt_error *err);

/* A parameter's new value in a service that runs. */
struct tt_live_setting {
    char component[TT_NAME_BYTES], name[2 * TT_NAME_BYTES];
    char input[TT_NAME_BYTES]; /* of "*." parameters, else "" */
    uint32_t param;            /* place in the kind's params */
    int64_t i;
    double f;
};

/* The same as tt_service_set() for a service that runs: -EINVAL also for what only a new start
 * changes. */
int tt_service_set_live(struct tt_service *service, const char *assignment,
                        const struct tt_catalogue *catalogue, struct tt_live_setting *ret,
                        struct tt_error *err);

/* Canonical YAML that parses to an equal service; the caller frees it. NULL: no memory. */
char *tt_service_print(const struct tt_service *service);

bool tt_service_equal(const struct tt_service *a, const struct tt_service *b);
void tt_service_close(struct tt_service **service);

/* "40ms" (ns, us, ms, s, m, h), "1%", "30000/1001", "3M": 0 or -EINVAL; whole string. */
int tt_parse_duration(const char *text, int64_t *ret_ns);
int tt_parse_rational(const char *text, struct tt_rational *ret);
int tt_parse_fraction(const char *text, struct tt_rational *ret); /* 1%, 0.01, 1/100 */
int tt_parse_bits(const char *text, int64_t *ret);

#endif
