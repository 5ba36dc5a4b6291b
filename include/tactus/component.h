/* The component ABI: what a media function tells the host and what the host gives it.
 *
 * One byte layout natively and in WebAssembly: every field has a fixed width; tt_addr is a
 * pointer's value natively and a linear-memory offset in a sandbox; the host checks every size it
 * is given.
 *
 * Time. Every *_ns on a frame or a call is media time: nanoseconds since the service's epoch, which
 * the host fixes once at start. No component ever sees a clock: wall time, levels, drift ratios and
 * parameter changes arrive as events, at an index, and are therefore replayed.
 *
 * Threads. shape() and init() run on any thread of a preparing process. open(), process(), close(),
 * save() and restore() run on one thread at a time, process() on the reserved worker. An instance
 * is never entered by two threads at once.
 *
 * Errors. Functions return 0 or a positive tt_result, or a negative errno; those that take a
 * struct tt_error explain themselves in it. process() that fails loses that one activation: its
 * outputs are dropped, the failure is counted, and the instance goes on.
 *
 * Rules. The host allocates state (64-byte aligned, zeroed) and scratch. Without TT_OPAQUE the
 * state holds no pointers: a save is its bytes, and in a sandbox it is [globals][linear memory].
 * host and scratch are never saved; open() gives them anew and is short: it runs after every
 * restore. A parameter changes only by an event at an index. A TT_OPAQUE component with TT_SAVES
 * moves by its save() and restore(). One without moves make-before-break at key_point, if it has
 * one connected input and no TT_HISTORY: an instance begins anew elsewhere, and this one gets an
 * End and drains. */
#ifndef TACTUS_COMPONENT_H
#define TACTUS_COMPONENT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TT_ABI 1u
#define TT_PORTS_MAX 16u       /* inputs, and likewise outputs, of one instance */
#define TT_SAVED_MAX 262144u   /* bytes that save() may give */
#define TT_NO_PORT UINT32_MAX  /* a setting that belongs to no port */
#define TT_NO_FRAME UINT32_MAX /* a handle that names nothing: an input that gave no frame */

typedef uint64_t tt_addr;

struct tt_error;

struct tt_rational {
    int64_t num, den; /* den > 0, reduced; {0, 1} is rate 0: one frame that stays valid */
};

enum tt_result {
    TT_DONE = 0,
    TT_AGAIN =
        1 /* more output is ready: call again at once with no inputs, at most out_max calls */
};

enum tt_component_flag {
    TT_PURE = 1,        /* a function of state and call record alone */
    TT_OPAQUE = 2,      /* keeps memory of its own (codecs): save/restore or make-before-break */
    TT_EDGE = 4,        /* blocking or fd-driven I/O; runs in an edge process */
    TT_OWN_THREADS = 8, /* starts threads: best effort only */
    TT_SEPARATE = 16, /* each input frame activates it by itself (writers): inputs are not joined */
    TT_DRAINS = 32,   /* process() is called with a TT_END input until it returns TT_DONE */
    TT_DESKTOP = 64,  /* an edge with the user's screen and speakers; Tactus's own only */
    TT_TOGETHER = 128, /* a source edge with fds(): all of its kind in a service share a process */
    TT_HISTORY =
        256,       /* beside TT_OPAQUE: what it gives rests on all that came; never begins anew */
    TT_SAVES = 512 /* beside TT_OPAQUE: save() tells all that it knows, and restore() takes it */
};

enum tt_frame_flag {
    TT_END = 1,       /* the last of its flow; carries no bytes */
    TT_GAP = 2,       /* stands for media that is missing */
    TT_DISCONT = 4,   /* does not follow from the frame before it */
    TT_KEY = 8,       /* decodes by itself */
    TT_REPEATED = 16, /* an older picture shown again by a late policy */
    TT_LATE = 32      /* came after the instant it was for */
};

enum tt_media_kind {
    TT_VIDEO = 1,
    TT_AUDIO = 2,
    TT_CODED_VIDEO = 3,
    TT_CODED_AUDIO = 4,
    TT_DATA = 5
};

/* What a port carries; fields that do not belong to a kind are 0. In a port's `accepts` list a
 * field of 0 accepts anything. fourcc and field_order know v210, v210a and interlace from the first
 * day. Audio is planar per channel: plane c starts at plane_offset[0] + c * stride[0]. `rate`
 * counts frames (grains) a second: 48000/480 for quanta of 480 samples at 48 kHz. */
struct tt_format {
    uint32_t size; /* sizeof(struct tt_format) */
    uint32_t kind; /* enum tt_media_kind */
    uint32_t fourcc, width, height, plane_count, stride[4], plane_offset[4];
    uint32_t field_order; /* enum tt_field_order in format.h */
    uint32_t matrix, primaries, transfer, range,
        siting; /* ISO/IEC 23091-2 code points; 0 unknown */
    uint32_t sample_rate, channels;
    uint64_t layout; /* channel mask, WAVE order */
    struct tt_rational rate;
    uint32_t config_handle;  /* codec extradata: 1 + its place in the service's table, or 0 */
    uint32_t reorder_frames; /* coded video: pictures a decoder holds back before the first */
};

/* A grain of media, as a component sees it for one call. */
struct tt_frame {
    tt_addr data;          /* readable for inputs, writable for outputs; 0 without a frame */
    int64_t index;         /* media index: floor(origin / period); coded flows: in decoding order */
    int64_t origin_ns;     /* media time of what it shows */
    int64_t duration_ns;   /* of this frame */
    uint32_t bytes;        /* used; an output with bytes = 0 on return is not emitted */
    uint32_t capacity;     /* of data */
    uint32_t format_id;    /* epoch of the flow's format; 0 the first */
    uint32_t flags;        /* enum tt_frame_flag */
    uint32_t handle;       /* outlives the call only by frame_keep(); TT_NO_FRAME without a frame */
    uint32_t memory_kind;  /* 0 host memory; others later */
    uint32_t fence;        /* 0: ready */
    uint32_t valid_slices; /* rows that are complete; 0: all; coded flows: indices just before it
                            * that the media leaves out, so that nothing was lost there */
};

enum tt_event_kind {
    TT_EVENT_PARAM = 1, /* id: parameter's place in params, of a "*." one plus (input + 1) << 16;
                         * f and i: its new value; a text has none and cannot change */
    TT_EVENT_LEVEL = 2, /* i: the degrading level from now on, 0 the best */
    TT_EVENT_RATIO = 3, /* id: input; f: samples out per sample in, for drift */
    TT_EVENT_WALL = 4,  /* i: local wall time, ns since 1970, of media time 0 */
    TT_EVENT_KEY = 5    /* make the next picture a key frame */
};

/* The only way a world outside the frames reaches a component. */
struct tt_event {
    uint32_t kind, id;
    int64_t i;
    double f;
};

struct tt_call {
    uint32_t abi, size;
    int64_t index, media_ns; /* of this activation: its leader's index and origin */
    uint32_t level;          /* degrading level, 0 the best */
    uint32_t stop;           /* set by the host; polled in long loops */
    uint32_t event_count, in_count, out_count;
    uint32_t key_point; /* set by the component: it could be replaced right after this call */
    tt_addr events;     /* event_count struct tt_event */
    tt_addr frames;     /* struct tt_frame: in_count inputs, then out_count outputs, pre-allocated.
                         * Outputs come with the call's index, media_ns and the leader's duration
                         * filled in; a component that reorders or re-blocks sets its own. */
};

static inline struct tt_event *tt_call_events(const struct tt_call *call)
{
    return (struct tt_event *)(uintptr_t)call->events;
}

static inline struct tt_frame *tt_call_in(const struct tt_call *call, uint32_t input)
{
    return (struct tt_frame *)(uintptr_t)call->frames + input;
}

static inline struct tt_frame *tt_call_out(const struct tt_call *call, uint32_t output)
{
    return (struct tt_frame *)(uintptr_t)call->frames + call->in_count + output;
}

static inline void *tt_frame_data(const struct tt_frame *frame)
{
    return (void *)(uintptr_t)frame->data;
}

/* What may be done when an input has nothing for an index: bits of tt_port.late_policies. */
enum tt_late_policy {
    TT_LATE_DROP = 1,    /* go on without it (a leader: no output for that index) */
    TT_LATE_REPEAT = 2,  /* use its last frame again */
    TT_LATE_BLACK = 4,   /* the component paints black */
    TT_LATE_SILENCE = 8, /* the component plays silence */
    TT_LATE_KEEP = 16    /* wait for it */
};

struct tt_port {
    const char *name; /* "*": the user names the instances (over.logo, mix.tone) */
    const struct tt_format *accepts;
    uint32_t accept_count; /* 0: anything */
    uint32_t is_output;
    uint32_t hold_max;      /* frames it may keep past its call */
    uint32_t late_policies; /* enum tt_late_policy */
    uint32_t is_leader; /* its frames activate the join; without a leader the service clock does */
    uint32_t is_optional;
    uint32_t instances_max; /* 0 and 1: just one */
    int32_t in_place_of;    /* output that may reuse this input's frame, or -1 */
    uint32_t late_default;  /* the policy of who names none; 0: the lowest bit of late_policies */
};

static inline uint32_t tt_port_late_default(const struct tt_port *port)
{
    return port->late_default ? port->late_default : port->late_policies & -port->late_policies;
}

enum tt_param_type {
    TT_PARAM_INT = 1,
    TT_PARAM_FLOAT = 2,
    TT_PARAM_BOOL = 3,
    TT_PARAM_TEXT = 4,
    TT_PARAM_RATIONAL = 5, /* i: numerator, j: denominator */
    TT_PARAM_TIME = 6,     /* i: nanoseconds */
    TT_PARAM_CHOICE = 7,   /* choices in `unit`, separated by '|'; i: place */
    TT_PARAM_BITS = 8,     /* i: bits a second; written 3M, 128k */
    TT_PARAM_OPTIONS = 9   /* takes every name that no other parameter has; text "k=v:k=v" */
};

enum tt_param_change {
    TT_PARAM_LIVE = 1, /* while running, by TT_EVENT_PARAM */
    TT_PARAM_LEVEL = 2 /* from one degrading level to another: each is prepared by init() */
};

struct tt_param {
    const char *name; /* "*.x": one value for each input, written logo.x */
    const char *unit, *help;
    const char *initial; /* as a user would write it; NULL: must be given */
    uint32_t type;       /* enum tt_param_type */
    uint32_t is_live;    /* enum tt_param_change: when it may be another */
    double min, max;     /* of numbers; both 0: no bounds */
};

/* One parameter's value. Every parameter of the component has one, given or initial. */
struct tt_setting {
    uint32_t param; /* place in the component's params */
    uint32_t input; /* for "*." parameters the input it speaks of, else TT_NO_PORT */
    int64_t i, j;
    double f;          /* numbers again as floating point */
    uint32_t text;     /* offset in tt_request.texts of a NUL-terminated string, 0: none */
    uint32_t is_given; /* the user wrote it */
};

struct tt_blob {
    const void *data;
    uint64_t bytes;
};

/* An instance's connected input or output: inputs in order of tt_call, then outputs. */
struct tt_pin {
    const char *name; /* as the user wrote it: "logo", "video0" */
    uint32_t port;    /* place in the component's ports */
    uint32_t is_connected;
};

struct tt_request {
    uint32_t size, in_count, out_count, level;
    const struct tt_format *in;   /* in_count */
    const struct tt_blob *config; /* in_count: codec extradata of each input */
    const struct tt_pin *pins;    /* in_count + out_count */
    const struct tt_setting *params;
    uint32_t params_count, texts_bytes;
    const char *texts;       /* starts with a NUL */
    struct tt_rational rate; /* of the service */
    int64_t resume_ns;       /* media time to go on from after a restart; 0 at the first start */
    int64_t is_live;         /* the service runs in live mode */
    /* Degrading levels beyond 0, the best: TT_EVENT_LEVEL may ask for any of them at any call. See
     * tt_request_at(). */
    const struct tt_setting *level_params; /* level_count times params_count */
    uint32_t level_count, unused;
};

/* The request as it would be if the parameters of this level were the only ones. */
static inline struct tt_request tt_request_at(const struct tt_request *request, uint32_t level)
{
    struct tt_request ret = *request;

    if (level > 0 && level <= request->level_count)
        ret.params = request->level_params + (uint64_t)(level - 1) * request->params_count;
    ret.level = level;
    ret.level_params = 0;
    ret.level_count = 0;
    return ret;
}

static inline const struct tt_setting *tt_setting(const struct tt_request *request, uint32_t param,
                                                  uint32_t input)
{
    for (uint32_t n = 0; n < request->params_count; n++)
        if (request->params[n].param == param && request->params[n].input == input)
            return &request->params[n];
    return 0;
}

static inline int64_t tt_setting_int(const struct tt_request *request, uint32_t param)
{
    const struct tt_setting *found = tt_setting(request, param, TT_NO_PORT);

    return found ? found->i : 0;
}

static inline const char *tt_setting_text(const struct tt_request *request, uint32_t param)
{
    const struct tt_setting *found = tt_setting(request, param, TT_NO_PORT);

    return found && found->text < request->texts_bytes ? request->texts + found->text : "";
}

/* What follows from parameters and input formats, before anything runs. The caller zeroes it. */
struct tt_shape {
    struct tt_format out[TT_PORTS_MAX];
    uint32_t out_max[TT_PORTS_MAX];         /* frames an activation can give there; 0 counts as 1 */
    uint32_t bytes_max[TT_PORTS_MAX];       /* of one frame */
    struct tt_rational ratio[TT_PORTS_MAX]; /* output frames per activation; 0/0: as out_max */
    struct tt_blob config[TT_PORTS_MAX];    /* codec extradata of an output; valid until the next
                                             * shape()    or probe() on this thread */
    /* What each input must be for this instance, fields of 0 as they come. When an input differs,
     * the host inserts a conversion and asks again; where it cannot, that is the user's error. */
    struct tt_format want[TT_PORTS_MAX];
    int64_t latency_ns;  /* structural: reordering, look-ahead, re-blocking */
    int64_t cost_max_ns; /* proven; 0: learn it */
    uint64_t state_bytes, scratch_bytes;
    struct tt_rational clock_rate; /* without a leader: activations a second; 0/0: service's rate */
    int64_t length_ns;             /* sources: what there is, 0 unknown or without end */
};

/* Ids of notes that the host itself understands; the others are the component's own. */
enum tt_note {
    TT_NOTE_WRITE_FAILED = 12, /* value: the errno; what follows is discarded; said once */
    TT_NOTE_READ_ENDED = 18,   /* value: the errno; what follows cannot be read, so it ends here */
    TT_NOTE_PEER_LOST = 21,    /* value: the errno; it is called again until it is back */
    TT_NOTE_PEER_BACK = 22,    /* value: ms that it was away */
    TT_NOTE_PARAM = 19,        /* by the host: from this index on a parameter is another; its id */
    TT_NOTE_LEVEL = 20,        /* value: the sound's peak at this index, thousandths of a dBFS */
    TT_NOTE_HANDOFF = 24,      /* by the host: it is over its budget and lost the worker; value: ns
                                * from there until another thread was it */
    TT_NOTE_BACK = 25,         /* by the host: it returned; value: ns that it was away */
    TT_NOTE_TRAP = 27,         /* by the host: its sandbox ended it here, and it begins anew; value:
                                * enum tt_trap, plus 256 times the function's number */
    TT_NOTE_BUDGET = 26,       /* by the host: ns that an activation may cost from this index on */
    TT_NOTE_DEGRADE = 23       /* by the host: the degrading level from this index on */
};

struct tt_host { /* all bounded, none blocks */
    uint32_t abi, size;
    void *ctx;
    int (*frame_new)(void *ctx, uint32_t port, struct tt_frame *ret); /* -ENOBUFS: pool is empty */
    int (*frame_emit)(void *ctx, uint32_t port, uint32_t handle);
    int (*frame_keep)(void *ctx, uint32_t handle); /* at most hold_max of that port */
    int (*frame_drop)(void *ctx, uint32_t handle);
    int (*note)(void *ctx, uint32_t id,
                int64_t value); /* a number beside this index in the ledger; at most 64 a call */
    const void *(*kernels)(void *ctx,
                           const char *set); /* versioned sets of host kernels; may be NULL */
};

struct tt_writer {
    void *ctx;
    int (*put)(void *ctx, const void *data, uint64_t bytes);
};

struct tt_reader {
    void *ctx;
    int (*get)(void *ctx, void *data, uint64_t bytes);
};

/* What an edge adds; all of it may block, and runs in the edge process only. */
struct tt_edge {
    /* Sources: look at the input and say what it gives, as shape() does. Limited to 5 s outside. */
    int (*probe)(const struct tt_request *request, struct tt_shape *ret, struct tt_error *err);
    /* Descriptors to poll before step(); returns their count, 0 for one that blocks by itself.
     * Sources: step() is called after go only, with the media time that it is in call->media_ns; an
     * output that has no room is offered no memory (data 0). */
    int (*fds)(void *state, int *ret, uint32_t max);
    /* Sources: fill outputs (bytes = 0: none this time; flags TT_END: it ended). Sinks: take the
     * inputs that are there. Returns tt_result, -EAGAIN to be called again, or an error that ends
     * the edge. A sink gets TT_END on an input when it ended, and finalises when all have. */
    int (*step)(void *state, struct tt_call *call);
    /* Sources with descriptors, NULL otherwise: the media time at which the kernel had the last of
     * what step() has just given on an output, by its own stamp, so that nobody is blamed for what
     * came late. INT64_MIN: it does not say; INT64_MAX: of a gap, it had not come by then. */
    int64_t (*received)(const void *state, uint32_t output);
    /* Sources without descriptors, NULL otherwise: not 0 when what is for one output need not wait
     * until the others have room. step() is then called when any has; an output that has none is
     * offered no memory (data 0). */
    int (*is_apart)(const void *state);
};

struct tt_component {
    uint32_t abi, size, flags, version;
    const char *name, *help, *example; /* the example runs as printed */
    const struct tt_port *ports;
    const struct tt_param *params;
    uint32_t port_count, param_count;
    uint32_t level_count; /* degrading levels at most, the best included; 0 and 1: it has none */
    int (*shape)(const struct tt_request *request, struct tt_shape *ret,
                 struct tt_error *err); /* pure */
    int (*init)(void *state, const struct tt_request *request,
                struct tt_error *err); /* slow; snapshot after it */
    int (*open)(void *state, void *scratch, const struct tt_host *host,
                const struct tt_request *request);
    int (*process)(void *state, struct tt_call *call);
    void (*close)(void *state);
    /* With TT_SAVES, both: between two calls, on another thread than process(), while the component
     * stands still; so in microseconds, and at most TT_SAVED_MAX bytes. restore() comes after
     * init() with the same request and before open(), takes all that save() gave, and checks it. */
    int (*save)(void *state, struct tt_writer *writer);
    int (*restore)(void *state, struct tt_reader *reader);
    const struct tt_edge *edge; /* TT_EDGE only */
};

/* A shared object is a component by its path (`kind: ./libmine.so`) when it exports
 * `const struct tt_component tt_plugin`. It is loaded in jailed processes only, without
 * capabilities; what it needs beside the C library is linked into it. */
#define TT_PLUGIN_SYMBOL "tt_plugin"

#ifdef __cplusplus
}
#endif
#endif
