/* Preloaded: ends the program, with the name, when something on a frame's path allocates, locks,
 * logs or blocks. The path is what tt_guard_path(true) .. tt_guard_path(false) encloses. With
 * TACTUS_GUARD=count it counts instead, for codecs whose memory is not ours to lay out; either way
 * a process that had a path says at its _exit() how often what was done there. It makes no system
 * call but write(2) and what the guarded functions make themselves: it works inside a jail. */
#undef _FILE_OFFSET_BITS /* open and open64 are two functions here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum what { ALLOCATION, RELEASE, LOCK, OTHER, WHAT_COUNT };

static __thread bool is_inside;
static bool is_counting;
static uint64_t counts[WHAT_COUNT], turn_count; /* atomic */

void tt_guard_path(bool inside);
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *memory);

void tt_guard_path(bool inside)
{
    is_inside = inside;
    if (inside)
        __atomic_add_fetch(&turn_count, 1, __ATOMIC_RELAXED);
}

static __attribute__((constructor)) void choose(void)
{
    const char *mode = getenv("TACTUS_GUARD");

    is_counting = mode && strcmp(mode, "count") == 0;
}

static void forbid(enum what what, const char *name)
{
    if (!is_inside)
        return;
    __atomic_add_fetch(&counts[what], 1, __ATOMIC_RELAXED);
    if (is_counting)
        return;
    is_inside = false;
    (void)syscall(SYS_write, 2, "on a frame's path: ", 19);
    (void)syscall(SYS_write, 2, name, strlen(name));
    (void)syscall(SYS_write, 2, "\n", 1);
    abort();
}

void _exit(int status)
{
    char text[200];
    int length;

    is_inside = false;
    if (turn_count > 0) {
        length =
            snprintf(text, sizeof text,
                     "guard: turns=%llu allocations=%llu releases=%llu locks=%llu others=%llu\n",
                     (unsigned long long)turn_count, (unsigned long long)counts[ALLOCATION],
                     (unsigned long long)counts[RELEASE], (unsigned long long)counts[LOCK],
                     (unsigned long long)counts[OTHER]);
        (void)syscall(SYS_write, 2, text, (size_t)length);
    }
    for (;;)
        (void)syscall(SYS_exit_group, status);
}

/* The function behind the one that stands here. */
#define NEXT(what, name)                                                                           \
    static __typeof__(name) *next;                                                                 \
    forbid(what, #name);                                                                           \
    if (!next)                                                                                     \
    next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

void *malloc(size_t bytes)
{
    forbid(ALLOCATION, "malloc");
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    forbid(ALLOCATION, "calloc");
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    forbid(ALLOCATION, "realloc");
    return __libc_realloc(memory, bytes);
}

void free(void *memory)
{
    if (memory)
        forbid(RELEASE, "free");
    __libc_free(memory);
}

void *memalign(size_t alignment, size_t bytes);

void *memalign(size_t alignment, size_t bytes)
{
    forbid(ALLOCATION, "memalign");
    return __libc_memalign(alignment, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    forbid(ALLOCATION, "aligned_alloc");
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **ret, size_t alignment, size_t bytes)
{
    void *memory;

    forbid(ALLOCATION, "posix_memalign");
    if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0)
        return EINVAL;
    memory = __libc_memalign(alignment, bytes);
    if (!memory)
        return ENOMEM;
    *ret = memory;
    return 0;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    NEXT(OTHER, mmap);
    return next(at, bytes, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
{
    NEXT(OTHER, mmap64);
    return next(at, bytes, protection, flags, fd, offset);
}

int munmap(void *memory, size_t bytes)
{
    NEXT(OTHER, munmap);
    return next(memory, bytes);
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    NEXT(LOCK, pthread_mutex_lock);
    return next(mutex);
}

int pthread_cond_wait(pthread_cond_t *condition, pthread_mutex_t *mutex)
{
    NEXT(OTHER, pthread_cond_wait);
    return next(condition, mutex);
}

int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex,
                           const struct timespec *until)
{
    NEXT(OTHER, pthread_cond_timedwait);
    return next(condition, mutex, until);
}

int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    NEXT(LOCK, pthread_rwlock_rdlock);
    return next(lock);
}

int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    NEXT(LOCK, pthread_rwlock_wrlock);
    return next(lock);
}

int sem_wait(sem_t *semaphore)
{
    NEXT(OTHER, sem_wait);
    return next(semaphore);
}

ssize_t write(int fd, const void *data, size_t bytes)
{
    NEXT(OTHER, write);
    return next(fd, data, bytes);
}

ssize_t read(int fd, void *data, size_t bytes)
{
    NEXT(OTHER, read);
    return next(fd, data, bytes);
}

int open(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    NEXT(OTHER, open);
    va_start(args, flags);
    mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return next(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    mode_t mode;

    NEXT(OTHER, open64);
    va_start(args, flags);
    mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return next(path, flags, mode);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    NEXT(OTHER, poll);
    return next(fds, count, timeout);
}

int nanosleep(const struct timespec *time, struct timespec *rest)
{
    NEXT(OTHER, nanosleep);
    return next(time, rest);
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest)
{
    NEXT(OTHER, clock_nanosleep);
    return next(clock, flags, time, rest);
}

int vfprintf(FILE *stream, const char *format, va_list args)
{
    NEXT(OTHER, vfprintf);
    return next(stream, format, args);
}

int fprintf(FILE *stream, const char *format, ...)
{
    va_list args;
    int r;

    forbid(OTHER, "fprintf");
    va_start(args, format);
    r = vfprintf(stream, format, args);
    va_end(args);
    return r;
}

int printf(const char *format, ...)
{
    va_list args;
    int r;

    forbid(OTHER, "printf");
    va_start(args, format);
    r = vfprintf(stdout, format, args);
    va_end(args);
    return r;
}

int vsnprintf(char *ret, size_t bytes, const char *format, va_list args)
{
    NEXT(OTHER, vsnprintf);
    return next(ret, bytes, format, args);
}

int snprintf(char *ret, size_t bytes, const char *format, ...)
{
    va_list args;
    int r;

    forbid(OTHER, "snprintf");
    va_start(args, format);
    r = vsnprintf(ret, bytes, format, args);
    va_end(args);
    return r;
}

int puts(const char *text)
{
    NEXT(OTHER, puts);
    return next(text);
}

size_t fwrite(const void *data, size_t bytes, size_t count, FILE *stream)
{
    NEXT(OTHER, fwrite);
    return next(data, bytes, count, stream);
}
