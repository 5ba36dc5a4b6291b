/* Whole files and folders of the builder's own. */
#ifndef TT_BUILD_FILES_H
#define TT_BUILD_FILES_H

#include <limits.h>
#include <stdint.h>

#include "tactus/error.h"

/* malloc'ed, with a NUL behind the end. -EFBIG: more than bytes_max; -EINVAL: no plain file. */
int build_file_read(const char *path, uint64_t bytes_max, uint8_t **ret, uint64_t *ret_bytes,
                    struct tt_error *err);

/* The same of a descriptor, which stays the caller's, from where it stands; `path` is for words. */
int build_fd_read(int fd, const char *path, uint64_t bytes_max, uint8_t **ret, uint64_t *ret_bytes,
                  struct tt_error *err);

/* Under another name first, so that whoever reads has all of the old one or all of the new. */
int build_file_write(const char *path, const void *data, uint64_t bytes, uint32_t mode,
                     struct tt_error *err);

/* "folder/name"; -ENAMETOOLONG. */
int build_path(char ret[PATH_MAX], const char *folder, const char *name, struct tt_error *err);

/* A new folder of this user's alone beneath TMPDIR. */
int build_folder_make(char ret[PATH_MAX], struct tt_error *err);
/* With all that is in it. */
void build_folder_remove(const char *path);

/* $variable/tactus, or $HOME/otherwise/tactus; made with what leads there, this user's alone.
 * -ENOENT: neither variable is set. */
int build_folder_own(const char *variable, const char *otherwise, char ret[PATH_MAX],
                     struct tt_error *err);

#endif
