/* Landlock, which the C library does not wrap: which files a process may still reach. */
#ifndef TT_LINUX_LANDLOCK_H
#define TT_LINUX_LANDLOCK_H

#include <stdbool.h>
#include <stdint.h>

enum tt_landlock_access {
    TT_LANDLOCK_READ = 1,
    TT_LANDLOCK_WRITE = 2,
    TT_LANDLOCK_MAKE = 4,
    TT_LANDLOCK_DEVICE = 8, /* what only devices are asked (ioctl): cameras, speakers */
    TT_LANDLOCK_RUN = 16,   /* programs */
    TT_LANDLOCK_REMOVE = 32 /* files, and moving them within */
};

struct tt_landlock {
    int fd; /* -1: the kernel has no Landlock, every call then does nothing */
    int abi;
};

/* 0 when the kernel has none or it is off. */
int tt_landlock_abi(void);

/* A ruleset that refuses every file, and TCP unless has_network. 0 or negative errno. */
int tt_landlock_open(struct tt_landlock *landlock, bool has_network);

/* Grants bits of tt_landlock_access on a file or beneath a folder. -ENOENT: there is none such. */
int tt_landlock_allow(const struct tt_landlock *landlock, const char *path, uint32_t access);

/* Puts it on the calling thread and those it makes later, and closes it. Needs no_new_privs. */
int tt_landlock_enforce(struct tt_landlock *landlock);

#endif
