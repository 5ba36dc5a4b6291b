/* Memory of a process that works against a clock: zeroed, there before it is touched, and locked
 * where that is allowed. It is never given back. The main thread's alone. */
#ifndef TT_LINUX_ROOM_H
#define TT_LINUX_ROOM_H

#include <stdbool.h>
#include <stdint.h>

/* For a process that waits for its service: some memory of its own ahead and a heap that has grown.
 * True: all memory is locked as it is touched, also what comes later, and MAP_POPULATE does nothing
 * any more. (To lock once more would be to look at each of the libraries' mappings.) */
bool tt_room_prepare(void);

/* Locks what is mapped, page by page as it is touched; false where that is not allowed. */
bool tt_room_lock(void);

/* Zeroed, at a page's beginning; NULL: no memory. */
void *tt_room_take(uint64_t bytes);

/* Maps a memory file of at least so many bytes, all of it at once or page by page. -EPROTO: it is
 * shorter, and a touch would end this process. */
int tt_room_map(int fd, uint64_t bytes, bool is_writable, bool is_at_once, void **ret);

/* What was mapped page by page, all of it now. */
void tt_room_touch(void *memory, uint64_t bytes);

#endif
