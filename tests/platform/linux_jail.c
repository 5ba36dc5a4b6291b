/* The walls, tried from inside: each case is a child that enters a jail and does one thing. */
#include "platform/linux/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "platform/linux/landlock.h"

static char folder[] = "/tmp/tt-jail-XXXXXX";
static char allowed[64], forbidden[64], made[64], forbidden_made[64];

struct trial {
    struct tt_jail jail;
    int (*act)(void); /* its result is the exit code */
};

static int run_trial(void *ctx)
{
    const struct trial *trial = ctx;
    struct tt_error err = {0};

    if (tt_jail_enter(&trial->jail, &err) < 0 || tt_jail_close(&trial->jail, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        _exit(99);
    }
    _exit(trial->act());
}

/* The child's exit code, or minus the signal that ended it. */
static int outcome(struct trial *trial)
{
    enum { STACK = 1 << 20 };
    char note[256];
    char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int flags = tt_jail_clone_flags(trial->jail.role, trial->jail.has_network, note, sizeof note);
    int pid, status = 0;

    CHECK(stack != MAP_FAILED);
    trial->jail.has_mounts = (flags & CLONE_NEWNS) != 0;
    trial->jail.has_user_namespace = (flags & CLONE_NEWUSER) != 0;
    if (trial->jail.has_user_namespace) {
        trial->jail.uid = geteuid();
        trial->jail.gid = getegid();
    }
    pid = clone(run_trial, stack + STACK, flags | SIGCHLD, trial);
    if (pid < 0) { /* this machine refuses namespaces: the other walls must hold alone */
        trial->jail.has_mounts = trial->jail.has_user_namespace = false;
        pid = clone(run_trial, stack + STACK, SIGCHLD, trial);
    }
    CHECK(pid > 0);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    (void)munmap(stack, STACK);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static int try_open(const char *path, int flags)
{
    return open(path, flags | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int read_allowed(void)
{
    return try_open(allowed, O_RDONLY);
}

static int read_forbidden(void)
{
    return try_open(forbidden, O_RDONLY);
}

static int read_absent(void)
{
    return try_open("/tmp/tt-there-is-none", O_RDONLY);
}

static int write_made(void)
{
    return try_open(made, O_WRONLY | O_CREAT | O_TRUNC);
}

static int write_forbidden(void)
{
    return try_open(forbidden_made, O_WRONLY | O_CREAT);
}

static int run_program(void)
{
    char *const none[] = {NULL};

    (void)execve("/bin/true", none, none);
    return 1;
}

static int get_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static int get_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0) < 0 ? errno : 0;
}

static void *return_it(void *it)
{
    return it;
}

static int make_thread(void)
{
    pthread_t thread;
    static char it;
    void *got = NULL;
    int r = pthread_create(&thread, NULL, return_it, &it);

    return r != 0 || pthread_join(thread, &got) != 0 || got != &it;
}

static int make_process(void)
{
    return fork() < 0 ? errno : 0;
}

static int use_memory(void)
{
    for (size_t bytes = 1; bytes < (size_t)64 << 20; bytes *= 3) {
        char *memory = malloc(bytes);

        if (!memory)
            return 1;
        memset(memory, 1, bytes);
        free(memory);
    }
    return 0;
}

static struct trial container(int (*act)(void))
{
    return (struct trial){.jail = {.role = TT_JAIL_CONTAINER}, .act = act};
}

static struct trial edge(int (*act)(void), bool has_network)
{
    static const char *const files[] = {allowed};
    static const char *const writes[] = {made};

    return (struct trial){.jail = {.role = TT_JAIL_EDGE,
                                   .files = files,
                                   .file_count = 1,
                                   .writes = writes,
                                   .write_count = 1,
                                   .has_network = has_network},
                          .act = act};
}

#define OUTCOME(trial_, wanted)                                                                    \
    do {                                                                                           \
        struct trial made_ = trial_;                                                               \
        CHECK_INT(outcome(&made_), wanted);                                                        \
    } while (0)

static void a_container_has_memory_and_threads_only(void)
{
    OUTCOME(container(use_memory), 0);
    OUTCOME(container(make_thread), 0);
    OUTCOME(container(make_process), EPERM);
    OUTCOME(container(read_allowed), EPERM);
}

static void an_intruder_ends_the_container(void)
{
    OUTCOME(container(run_program), -SIGSYS);
    OUTCOME(container(get_socket), -SIGSYS);
}

static void an_edge_has_its_files(void)
{
    OUTCOME(edge(read_allowed, false), 0);
    OUTCOME(edge(write_made, false), 0);
    OUTCOME(edge(read_absent, false), ENOENT);
    OUTCOME(edge(run_program, false), -SIGSYS);
    OUTCOME(edge(make_thread, false), 0);
    OUTCOME(edge(make_process, false), EPERM);
    if (tt_landlock_abi() == 0) {
        fprintf(stderr, "  no Landlock here: other files are not tried\n");
        return;
    }
    OUTCOME(edge(read_forbidden, false), EACCES);
    OUTCOME(edge(write_forbidden, false), EACCES);
}

static void an_edge_has_a_network_when_named(void)
{
    OUTCOME(edge(get_socket, false), EPERM);
    OUTCOME(edge(get_socket, true), 0);
    OUTCOME(edge(get_unix_socket, true), EPERM);
}

static void a_shaper_reads_only(void)
{
    struct trial reads = {.jail = {.role = TT_JAIL_SHAPER}, .act = read_forbidden};
    struct trial writes = {.jail = {.role = TT_JAIL_SHAPER}, .act = write_made};

    CHECK_INT(outcome(&reads), 0);
    if (tt_landlock_abi() > 0)
        CHECK_INT(outcome(&writes), EACCES);
}

static void write_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

    CHECK(fd >= 0);
    (void)close(fd);
}

int main(void)
{
    char one[40], two[40];

    CHECK(mkdtemp(folder) != NULL);
    (void)snprintf(one, sizeof one, "%s/out", folder);
    (void)snprintf(two, sizeof two, "%s/other", folder);
    CHECK_INT(mkdir(one, 0700), 0);
    CHECK_INT(mkdir(two, 0700), 0);
    (void)snprintf(allowed, sizeof allowed, "%s/allowed", folder);
    (void)snprintf(forbidden, sizeof forbidden, "%s/forbidden", folder);
    (void)snprintf(made, sizeof made, "%s/made", one);
    (void)snprintf(forbidden_made, sizeof forbidden_made, "%s/made", two);
    write_file(allowed);
    write_file(forbidden);
    RUN(a_container_has_memory_and_threads_only);
    RUN(an_intruder_ends_the_container);
    RUN(an_edge_has_its_files);
    RUN(an_edge_has_a_network_when_named);
    RUN(a_shaper_reads_only);
    CHECK_INT(unlink(allowed) | unlink(forbidden) | unlink(made), 0);
    CHECK_INT(rmdir(one) | rmdir(two) | rmdir(folder), 0);
    return 0;
}
