/* The picture of a service: every format, size, latency and connection decided, nothing reserved
 * yet. It is what the planner reads, what travels to containers and edges, and what the
 * agreement in the ledger is made of. */
#ifndef TT_SPEC_PICTURE_H
#define TT_SPEC_PICTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/service.h"
#include "tactus/component.h"
#include "tactus/error.h"

/* Containers of a service; a plan says which component runs in which. */
enum { TT_WORKERS_MAX = 8, TT_PICTURE_COMPONENTS_MAX = 256 };

struct tt_picture_pin {
    char name[TT_NAME_BYTES];
    uint32_t port; /* of the component's ports */
    int32_t flow;  /* inputs: the flow that feeds it; outputs: -1 (see flows); -1: not connected */
    uint32_t late_policy; /* inputs */
    uint32_t hold_max;    /* frames the component may keep past its call */
    int32_t in_place_of;  /* inputs: the output whose frame may be this one's, or -1 */
    bool is_leader;       /* inputs: its frames activate the component; none does: the clock */
};

struct tt_picture_component {
    char name[TT_NAME_BYTES], kind[TT_KIND_BYTES];
    char plugin[TT_NAME_BYTES + 1]; /* of a kind that is a path: SHA-256 of the file, in hex */
    uint32_t flags;                 /* enum tt_component_flag */
    bool is_inserted;               /* by us: a conversion */
    bool is_source, is_sink, is_live;
    bool is_sizable; /* its parameters width and height are the size of its pictures */
    struct tt_picture_pin in[TT_PORTS_MAX], out[TT_PORTS_MAX];
    uint32_t in_count, out_count;
    struct tt_setting *settings; /* as tt_request.params */
    uint32_t setting_count;
    char *texts;
    uint32_t texts_bytes;
    /* Degrading levels beyond 0, as tt_request.level_params, and what their author wrote of each:
     * offsets in texts. */
    struct tt_setting *level_settings;
    uint32_t level_texts[TT_PORTS_MAX];
    uint32_t level_count;
    struct tt_format in_format[TT_PORTS_MAX]; /* as negotiated */
    struct tt_shape shape;                    /* config blobs live in the picture's table */
    struct tt_rational rate;                  /* activations a second; {0,1}: once */
    uint32_t ratio_max; /* of its activations to those of its segment's release, rounded up */
    uint32_t segment;
    uint32_t worker;            /* whose container it runs in; of no meaning for edges */
    int32_t sink;               /* number of its first sink input, -1 */
    int64_t deadline_ns;        /* sinks */
    struct tt_rational loss;    /* sinks */
    int64_t structural_ns;      /* from the origin to this component's output, the longest path */
    int64_t path_structural_ns; /* sinks: on the whole path */
    char overrun[16];
    bool has_call_grants; /* sandboxed, and sees the frames of its call only */
};

struct tt_picture_flow {
    uint32_t from, from_out, to, to_in; /* places in components, out[], in[] */
    struct tt_format format;
    uint32_t depth;     /* queue */
    uint32_t bytes_max; /* of a frame */
};

struct tt_picture_segment {
    char name[TT_NAME_BYTES]; /* of its releasing component, or of that one's output */
    uint32_t head;            /* an edge's outputs share it: each heads a segment of its own */
    struct tt_rational rate;
};

struct tt_picture {
    char name[TT_NAME_BYTES];
    struct tt_rational rate;
    int64_t deadline_ns;
    struct tt_rational loss;
    uint32_t loss_parts; /* a plan's: workers and links that the loss is split over; 0: one */
    bool is_live, is_best_effort;
    uint32_t spare_containers;               /* beside those that the plan uses */
    struct tt_picture_component *components; /* in topological order */
    uint32_t component_count;
    struct tt_picture_flow *flows;
    uint32_t flow_count;
    struct tt_picture_segment *segments;
    uint32_t segment_count;
    uint32_t sink_count;     /* sink inputs; names: component.pin */
    struct tt_blob *configs; /* config_handle - 1 */
    uint32_t config_count;
    int64_t length_ns; /* 0 unknown */
    char **notes;
    uint32_t note_count;
};

/* How a source is looked at: calls component->edge->probe, maybe in another process. */
typedef int tt_probe_fn(void *ctx, const struct tt_component *component,
                        const struct tt_request *request, struct tt_shape *ret,
                        struct tt_error *err);

/* Negotiates formats in topological order, inserts conversions (each with a note), sizes queues and
 * segments. Pure but for `probe`. 0, or -EINVAL with the place in the service's text. */
int tt_picture_shape(const struct tt_service *service, const struct tt_catalogue *catalogue,
                     tt_probe_fn *probe, void *probe_ctx, struct tt_picture **ret,
                     struct tt_error *err);

/* The name under which the file of a component by path travels beside the picture: 24 bytes. */
void tt_plugin_fd_name(const char *hash, char ret[24]);

/* Fills a request for a component of the picture; its pointers point into the picture and `store`.
 */
struct tt_request_store {
    struct tt_pin pins[2 * TT_PORTS_MAX];
    struct tt_blob config[TT_PORTS_MAX];
};
void tt_picture_request(const struct tt_picture *picture, uint32_t component,
                        struct tt_request_store *store, struct tt_request *ret);

/* The deepest level that any component has; 0: none degrades. */
uint32_t tt_picture_levels(const struct tt_picture *picture);

/* A component's own level when its worker is at `level`: the same, or its last. */
uint32_t tt_picture_level_of(const struct tt_picture_component *component, uint32_t level);

/* The picture as it would be if each component's parameters at the worker's level were its only
 * ones: for costs and plans. It borrows all but its list of components. -ENOMEM. */
int tt_picture_at_level(const struct tt_picture *picture, uint32_t level, struct tt_picture *ret);
void tt_picture_at_level_fini(struct tt_picture *picture);

/* "component" or "component.pin" of a sink input; writes at most bytes. */
void tt_picture_sink_name(const struct tt_picture *picture, uint32_t sink, char *ret,
                          uint32_t bytes);

/* JSON there and back (jansson, sorted keys, no floats for times). The reader trusts nothing: every
 * count, place and size is checked. print returns a malloc'ed string or NULL. */
char *tt_picture_print(const struct tt_picture *picture);
int tt_picture_parse(const char *text, uint64_t bytes, struct tt_picture **ret,
                     struct tt_error *err);

/* The same between processes of one program: a row of bytes, a tenth of the time, checked alike.
 * pack returns malloc'ed bytes or NULL. */
char *tt_picture_pack(const struct tt_picture *picture, uint64_t *ret_bytes);
int tt_picture_unpack(const char *data, uint64_t bytes, struct tt_picture **ret,
                      struct tt_error *err);

/* Graphviz; malloc'ed. */
char *tt_picture_dot(const struct tt_picture *picture);

void tt_picture_close(struct tt_picture **picture);

#endif
