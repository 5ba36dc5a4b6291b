/* Walls around a child: namespaces, an empty root, Landlock, capabilities, seccomp.
 *
 * The order is: tt_jail_enter() right after the fork; tt_jail_close() when everything is set up and
 * before the first frame. What a kernel or a missing right does not give is left out and told by
 * `note`; nothing is silently weaker. */
#ifndef TT_LINUX_JAIL_H
#define TT_LINUX_JAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "tactus/error.h"

enum { TT_JAIL_PLUGINS_MAX = 8, TT_JAIL_PLUGIN_BYTES_MAX = 64 << 20 };

enum tt_jail_role { TT_JAIL_SHAPER = 1, TT_JAIL_CONTAINER = 2, TT_JAIL_EDGE = 3 };

struct tt_jail {
    enum tt_jail_role role;
    uint32_t uid, gid; /* 0: as they are */
    const uint32_t *groups;
    uint32_t group_count;
    const char *const *files; /* edges: what may be read */
    uint32_t file_count;
    const char *const *writes; /* edges: what may be written or made */
    uint32_t write_count;
    bool has_network;
    bool has_desktop;        /* edges: screen and speakers, by sockets of the user's session */
    bool has_user_namespace; /* the fork made one: ids must be mapped */
    bool has_mounts;         /* the fork made a mount namespace */
    const int *plugins;      /* sealed memory files; a container's empty root gets copies of them */
    const char *const *plugin_names;
    uint32_t plugin_count;
    void (*note)(void *ctx, const char *text);
    void *ctx;
};

/* The flags of clone(2) that this process may use for a role, and what could not be had (a sentence
 * or ""). */
int tt_jail_clone_flags(enum tt_jail_role role, bool has_network, char *note, uint32_t note_bytes);

/* Later, once more: as an edge of these files and this network would be walled, nothing else. */
int tt_jail_narrow(const struct tt_jail *jail, struct tt_error *err);

/* In a child that does not know its service yet, before tt_jail_enter(): what is the same for all
 * services. */
void tt_jail_prepare(struct tt_jail *jail);

/* In the child. Identity, root, Landlock, capabilities, no new privileges. */
int tt_jail_enter(const struct tt_jail *jail, struct tt_error *err);

/* The calling thread's last capability, when memory is locked. Containers call it on each thread.
 */
int tt_jail_drop_last(void);

typedef int tt_jail_load_fn(const char *kind, const char *path, struct tt_error *err);

/* Calls load with the path by which the loader finds the plug-in of this name: its descriptor's, or
 * that of its copy in a container's root. The jail must have been entered, and the last capability
 * is dropped: who loads runs a stranger's code. Returns what load returns; -ENOENT: no such name.
 */
int tt_jail_plugin(const struct tt_jail *jail, const char *name, const char *kind,
                   tt_jail_load_fn *load, struct tt_error *err);

/* The system call filter, for all threads there are and will be. */
int tt_jail_close(const struct tt_jail *jail, struct tt_error *err);

/* The same for a container with plug-ins: *ret_listener tells of each refused call (filter.h); it
 * is the caller's. -1: this kernel does not tell. */
int tt_jail_close_told(const struct tt_jail *jail, int *ret_listener, struct tt_error *err);

#endif
