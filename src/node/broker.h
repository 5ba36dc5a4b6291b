/* The shared memory of a service: made, sealed, mapped and handed out here, and kept when the
 * processes that use it die. */
#ifndef TT_NODE_BROKER_H
#define TT_NODE_BROKER_H

#include <jansson.h>
#include <stdint.h>

#include "base/ring.h"
#include "core/engine.h"
#include "node/ahead.h"
#include "node/stock.h"
#include "platform/linux/message.h"
#include "spec/picture.h"
#include "spec/wiring.h"
#include "tactus/error.h"

struct broker_memory {
    int fd, read_fd; /* read_fd: the same, opened for reading only; -1: none wanted */
    uint64_t bytes;
    void *map; /* NULL: it is not mapped here */
};

struct broker {
    const struct tt_picture *picture;
    struct stock *stock; /* NULL: there is none */
    struct tt_wiring *wiring;
    struct broker_memory pools[TT_PROCESSES_MAX], links[TT_LINKS_MAX], records[TT_PROCESSES_MAX];
    struct broker_memory bells, stats[TT_WORKERS_MAX];
    int picture_fd;
    struct tt_ring rings[TT_PROCESSES_MAX];                     /* our ends of records */
    const struct tt_engine_stats *engine_stats[TT_WORKERS_MAX]; /* containers', as they say */
};

/* picture is borrowed. stock: where frame pools come from first; may be NULL. ahead: who may have
 * the picture's file already; NULL: nobody. */
int broker_open(const struct tt_picture *picture, struct stock *stock, struct ahead *ahead,
                struct broker **ret, struct tt_error *err);
void broker_close(struct broker **broker);

/* Memory for a link of a way, all zero, in place of what it had before. */
int broker_renew_link(struct broker *broker, uint32_t link, struct tt_error *err);

/* What process number K is given beside the picture, and nothing else. */
struct broker_gift {
    int fds[TT_MESSAGE_FDS_MAX];
    char texts[TT_MESSAGE_FDS_MAX][TT_MESSAGE_NAME_BYTES];
    const char *names[TT_MESSAGE_FDS_MAX];
    uint32_t count;
};
void broker_gift(const struct broker *broker, uint32_t number, struct broker_gift *ret);
void broker_gift_add(struct broker_gift *gift, const char *name, int fd);

/* The spawn order of process K: role, identity, files, network. base: what relative paths mean. */
json_t *broker_order(const struct broker *broker, uint32_t number, uint32_t uid, uint32_t gid,
                     const char *base);

/* Does this edge's component have a text parameter that says this ("-")? */
bool broker_has_text(const struct broker *broker, uint32_t number, const char *text);

#endif
