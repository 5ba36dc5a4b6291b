/* A tactusd in miniature: starts the zygote, has texts shaped, makes shared memory, runs services
 * and reads their records. What goes wrong ends the test. */
#ifndef TT_TESTS_DRIVER_H
#define TT_TESTS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ring.h"
#include "core/engine.h"
#include "platform/linux/message.h"
#include "spec/picture.h"
#include "spec/wiring.h"

struct child {
    pid_t pid;
    int control;
    bool is_ready, is_primed, has_ended;
    char error[TT_ERROR_TEXT_BYTES];
};

struct run {
    struct tt_picture *picture;
    struct tt_wiring *wiring;
    int picture_fd, bells, stats, pools[TT_PROCESSES_MAX], links[TT_LINKS_MAX];
    int records[TT_PROCESSES_MAX];
    struct tt_ring rings[TT_PROCESSES_MAX];
    const struct tt_engine_stats *engine_stats;
    struct child children[TT_PROCESSES_MAX];
    int64_t epoch_ns, end_ns;
    bool is_profile;
    int stdin_fd, stdout_fd;
    uint64_t cost_samples;
};

void driver_start(const char *host); /* the zygote */
void driver_stop(void);
pid_t driver_zygote(void);

/* order without op and fds; the reference is taken. Returns the error's text in *ret_error. */
pid_t driver_spawn(json_t *order, int *ret_control);

/* The zygote answers this order with an error. */
void driver_refused(json_t *order);

/* A graph to a picture; NULL and *ret_error (an "error" object, the caller's) when refused. */
extern int64_t driver_look_s; /* what its shaper said last of a look at an input; 0: nothing */
struct tt_picture *driver_shape(const char *graph, const char *base, json_t **ret_error);

/* Takes the picture. first: memory, then all processes up to ready and primed. */
void driver_open(struct run *run, struct tt_picture *picture);
void driver_begin(struct run *run);
void driver_go(struct run *run);
void driver_say(struct run *run, uint32_t process, const char *op);

/* Reads messages for at most timeout_ms until every process has ended; true when they have. */
bool driver_wait(struct run *run, int timeout_ms);
bool driver_record(struct run *run, uint32_t process, struct tt_record *ret);

/* Waits for the child's end; its exit code, or minus the signal. -1000: still there. */
int driver_reap(struct child *child, int timeout_ms);
void driver_close(struct run *run);

#endif
