/* Inside the control socket: the door, a client's line, and what is answered on it. */
#ifndef TT_NODE_CONTROL_INSIDE_H
#define TT_NODE_CONTROL_INSIDE_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "node/control.h"
#include "node/loop.h"
#include "platform/linux/message.h"

#define CLIENT_FLOOD_TEXT                                                                          \
    "you ask more than tactusd serves to one user; wait for its answers, then ask again"

enum { FDS_MAX = 8 };

struct control {
    struct node *node;
    int fd, lock_fd;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct loop_watch *watch;
    struct loop_timer accept_timer;
    uint32_t client_count;
};

struct client {
    struct client *next;
    struct control *control;
    struct service *service;
    struct ucred peer;
    uint64_t number;
    int fd;
    bool is_following;
    char follows[64]; /* a service's name; "": all of its user's */
    struct loop_watch *watch;
    char *in, *out;
    size_t in_bytes, in_capacity, out_bytes, out_capacity;
    int fds[FDS_MAX];
    char fd_names[FDS_MAX][TT_MESSAGE_NAME_BYTES];
    uint32_t fd_count;
    bool has_asked, is_done, is_dead;
    bool is_held;  /* by its user's quota: nothing of it is read */
    json_t *asked; /* to be served when it is held no more */
    struct loop_timer end_timer, ask_timer, hold_timer;
};

/* The connection is the client's from now on; -ENOMEM: it is still the caller's. */
int client_begin(struct control *control, const struct ucred *peer, int fd);
void client_close(struct client *client);

/* The last answer, an error in one sentence. */
void client_fail(struct client *client, int exit_code, const char *text);

/* Answers a request, or has it answered later. */
void client_serve(struct client *client, const json_t *request);

#endif
