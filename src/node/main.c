/* tactusd: starts, serves its socket, and ends its services before itself. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "node/control.h"
#include "node/handoff.h"
#include "node/haste.h"
#include "node/may.h"
#include "node/metrics_http.h"
#include "node/node.h"
#include "node/service.h"
#include "node/set.h"
#include "node/shapes.h"
#include "node/stock.h"
#include "node/wall.h"
#include "platform/linux/cpuset.h"

#define SECOND INT64_C(1000000000)

#define TICK_NS INT64_C(200000000)

enum { LOG_BYTES_MAX = 1 << 20, STOP_LIMIT_S = 12, OPEN_FILES = 65536 };

struct options {
    const char *socket, *state, *host, *metrics; /* metrics NULL: none */
    bool is_foreground;
    int64_t idle_exit_s;   /* 0: never */
    enum tt_right rights;  /* the best that is used */
    int64_t partitions;    /* CPUs to have for promised workers alone */
    int64_t limit_percent; /* of each CPU, to promise at most; 0: what the kernel allows */
    bool is_kernel_full;
};

struct daemon {
    struct node node;
    struct options options;
    struct control *control;
    struct loop_timer tick;
    struct loop_watch *signals;
    struct wall *wall;
    struct metrics_http *metrics_http;
    int signal_fd, words_fd; /* words: stderr as it was given, until it serves */
    bool is_over;
    int64_t stop_limit_ns;
};

void tt_assert_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "tactusd: %s:%d: must be true: %s\n", file, line, fact);
    abort();
}

static const char help[] =
    "usage: tactusd [--socket PATH] [--state DIR] [--host PATH] [--foreground]\n"
    "               [--idle-exit SECONDS] [--rights CLASS] [--limit PERCENT]\n"
    "               [--partitions N] [--metrics [ADDRESS:PORT]] [--kernel-full]\n"
    "               [--version] [--help]\n"
    "Starts, watches and accounts for Tactus services on this machine. The command tactus\n"
    "starts it when it is needed.\n"
    "  --socket PATH   where it listens (default /run/tactus/control for root, else\n"
    "                  $XDG_RUNTIME_DIR/tactus/control or /tmp/tactus-UID/control)\n"
    "  --state DIR     key, profiles, ledgers, log (default $TACTUS_STATE, /var/lib/tactus for\n"
    "                  root, else $XDG_STATE_HOME/tactus or ~/.local/state/tactus)\n"
    "  --host PATH     tactus-host (default beside this program)\n"
    "  --foreground    words on stderr, not in DIR/tactusd.log\n"
    "  --idle-exit S   end after S seconds without services and clients\n"
    "  --rights CLASS  use no more than this: deadline (default), fifo or other\n"
    "  --limit PERCENT of each CPU, in all reservations together (default: the kernel's 90)\n"
    "  --partitions N  take N CPUs from all else, each a cpuset partition for workers with a\n"
    "                  promise (default none; root, cgroup v2)\n"
    "  --metrics [ADDRESS:PORT]\n"
    "                  serve OpenMetrics there (default 127.0.0.1:9464), to whoever can\n"
    "                  connect: with the names of all users' services\n"
    "  --kernel-full   for tests: as if the kernel refused every reservation (EBUSY)\n";

static bool read_rights(const char *text, enum tt_right *ret)
{
    static const char *const names[] = {
        [TT_RIGHT_OTHER] = "other", [TT_RIGHT_FIFO] = "fifo", [TT_RIGHT_DEADLINE] = "deadline"};

    for (int n = TT_RIGHT_OTHER; n <= TT_RIGHT_DEADLINE; n++)
        if (strcmp(text, names[n]) == 0) {
            *ret = (enum tt_right)n;
            return true;
        }
    fprintf(stderr, "tactusd: --rights is deadline, fifo or other, not '%s'\n", text);
    return false;
}

static bool read_number(const char *name, const char *text, int64_t most, int64_t *ret)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    if (end == text || *end != '\0' || number <= 0 || number > most) {
        fprintf(stderr, "tactusd: %s wants a whole number from 1 to %lld, not '%s'\n", name,
                (long long)most, text);
        return false;
    }
    *ret = number;
    return true;
}

/* Returns the exit code of what needs no daemon, or -1. */
static int read_options(int argc, char **argv, struct options *ret)
{
    static const struct option known[] = {{"socket", 1, NULL, 's'},
                                          {"state", 1, NULL, 'd'},
                                          {"host", 1, NULL, 'h'},
                                          {"foreground", 0, NULL, 'f'},
                                          {"idle-exit", 1, NULL, 'i'},
                                          {"version", 0, NULL, 'v'},
                                          {"rights", 1, NULL, 'r'},
                                          {"limit", 1, NULL, 'l'},
                                          {"kernel-full", 0, NULL, 'k'},
                                          {"partitions", 1, NULL, 'p'},
                                          {"metrics", 2, NULL, 'm'},
                                          {"help", 0, NULL, '?' + 128},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (option) {
        case 's':
            ret->socket = optarg;
            break;
        case 'd':
            ret->state = optarg;
            break;
        case 'h':
            ret->host = optarg;
            break;
        case 'f':
            ret->is_foreground = true;
            break;
        case 'i':
            if (!read_number("--idle-exit", optarg, INT32_MAX, &ret->idle_exit_s))
                return 2;
            break;
        case 'r':
            if (!read_rights(optarg, &ret->rights))
                return 2;
            break;
        case 'l':
            if (!read_number("--limit", optarg, 100, &ret->limit_percent))
                return 2;
            break;
        case 'p':
            if (!read_number("--partitions", optarg, TT_PARTITIONS_MAX, &ret->partitions))
                return 2;
            break;
        case 'm':
            /* Its value may stand in a word of its own, as that of the others does. */
            if (optarg == NULL && optind < argc && argv[optind][0] != '-')
                optarg = argv[optind++];
            ret->metrics = optarg != NULL ? optarg : METRICS_PLACE;
            break;
        case 'k':
            ret->is_kernel_full = true;
            break;
        case 'v':
            printf("tactusd %s\n", TT_VERSION);
            return 0;
        case '?' + 128:
            fputs(help, stdout);
            return 0;
        default:
            fputs(help, stderr);
            return 2;
        }
    }
    if (optind < argc)
        fprintf(stderr, "tactusd: what is '%s'? See tactusd --help\n", argv[optind]);
    return optind < argc ? 2 : -1;
}

static void default_socket(char ret[PATH_MAX])
{
    const char *named = getenv("TACTUS_SOCKET"), *runtime = getenv("XDG_RUNTIME_DIR");

    if (named != NULL && named[0] != '\0')
        (void)snprintf(ret, PATH_MAX, "%s", named);
    else if (geteuid() == 0)
        (void)snprintf(ret, PATH_MAX, "/run/tactus/control");
    else if (runtime != NULL && runtime[0] == '/')
        (void)snprintf(ret, PATH_MAX, "%s/tactus/control", runtime);
    else
        (void)snprintf(ret, PATH_MAX, "/tmp/tactus-%u/control", (unsigned)geteuid());
}

/* A daemon leaves the folder it was started in, so its paths must not start from there. */
static void make_absolute(const char *path, char ret[PATH_MAX])
{
    char here[PATH_MAX];

    if (path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
        (void)snprintf(ret, PATH_MAX, "%s", path);
    else
        (void)snprintf(ret, PATH_MAX, "%.*s/%s", PATH_MAX / 2, here, path);
}

static int make_path(const char *path)
{
    char part[PATH_MAX];
    struct stat about;

    (void)snprintf(part, sizeof(part), "%s", path);
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(part, 0755);
        *slash = '/';
    }
    if (mkdir(part, 0755) < 0 && errno != EEXIST)
        return -errno;
    return stat(part, &about) == 0 && S_ISDIR(about.st_mode) ? 0 : -ENOTDIR;
}

static int choose_state(struct daemon *d, struct tt_error *err)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    const char *named = d->options.state != NULL ? d->options.state : getenv("TACTUS_STATE");
    char *ret = d->node.state, ledgers[PATH_MAX], absolute[PATH_MAX];
    size_t bytes = sizeof(d->node.state);
    int r;

    make_absolute(named != NULL ? named : "", absolute);
    if (named != NULL && named[0] != '\0')
        (void)snprintf(ret, bytes, "%.*s", (int)bytes - 1, absolute);
    else if (geteuid() == 0)
        (void)snprintf(ret, bytes, "/var/lib/tactus");
    else if (state != NULL && state[0] == '/')
        (void)snprintf(ret, bytes, "%s/tactus", state);
    else
        (void)snprintf(ret, bytes, "%s/.local/state/tactus", home != NULL ? home : "");
    (void)snprintf(ledgers, sizeof(ledgers), "%s/ledgers", ret);
    r = make_path(ledgers);
    /* Who owns a ledger is told its name; nobody lists those of others. */
    if (r == 0 && chmod(ledgers, 0711) < 0)
        r = -errno;
    return r < 0 ? tt_fail(err, r, "cannot make the state folder '%s': %s; name another by --state",
                           ret, strerror(-r))
                 : 0;
}

/* A log that says the same for years must not fill the disk; children write to it as well. */
static void bound_log(void)
{
    struct stat about;

    if (fstat(STDERR_FILENO, &about) == 0 && about.st_size > LOG_BYTES_MAX)
        (void)!ftruncate(STDERR_FILENO, 0);
}

static void open_log(const struct daemon *d)
{
    char path[PATH_MAX];
    int fd;

    if (d->options.is_foreground)
        return;
    (void)snprintf(path, sizeof(path), "%s/tactusd.log", d->node.state);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)dup2(fd, STDERR_FILENO);
    (void)close(fd);
    setvbuf(stderr, NULL, _IOLBF, 0);
    bound_log();
}

static void find_host(const struct options *options, char ret[PATH_MAX])
{
    static const char *const places[] = {"tactus-host", "../host/tactus-host",
                                         "../libexec/tactus/tactus-host"};
    ssize_t length;
    char *slash;

    if (options->host != NULL) {
        make_absolute(options->host, ret);
        return;
    }
    for (size_t n = 0; n < sizeof(places) / sizeof(places[0]); n++) {
        length = readlink("/proc/self/exe", ret, PATH_MAX - 64);
        if (length <= 0)
            break;
        ret[length] = '\0';
        slash = strrchr(ret, '/');
        (void)snprintf(slash + 1, 64, "%s", places[n]);
        if (access(ret, X_OK) == 0)
            return;
    }
    (void)snprintf(ret, PATH_MAX, "%s/tactus-host", TT_LIBEXEC);
}

static void stop_everything(struct daemon *d)
{
    struct service *service, *next;

    if (!d->node.is_stopping)
        d->stop_limit_ns = loop_now_ns() + STOP_LIMIT_S * SECOND;
    d->node.is_stopping = true;
    for (service = d->node.services; service != NULL; service = next) {
        next = service_next(service);
        service_stop(service);
    }
}

static void on_signal(void *ctx, uint32_t events)
{
    struct daemon *d = ctx;
    struct signalfd_siginfo info;

    (void)events;
    if (read(d->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    fprintf(stderr, "ending the services: signal=%u\n", info.ssi_signo);
    stop_everything(d);
}

static void on_tick(void *ctx, uint32_t events)
{
    struct daemon *d = ctx;
    int64_t now_ns = loop_now_ns();

    (void)events;
    if (!d->options.is_foreground)
        bound_log();
    (void)machine_wake_poll(&d->node.machine, d->node.profile);
    machine_refresh(&d->node.machine);
    if (d->node.services != NULL || d->node.clients != NULL)
        d->node.busy_ns = now_ns;
    if (d->node.is_stopping && (d->node.services == NULL || now_ns >= d->stop_limit_ns))
        d->is_over = true;
    if (d->options.idle_exit_s > 0 && now_ns - d->node.busy_ns >= d->options.idle_exit_s * SECOND)
        d->is_over = true;
    /* In step with what services are looked at for: one wake-up for all. */
    loop_set(d->node.loop, &d->tick, (now_ns / TICK_NS + 1) * TICK_NS);
}

static void on_wall_step(void *ctx, int64_t step_ns)
{
    service_wall_step(ctx, step_ns);
}

static int watch_signals(struct daemon *d, struct tt_error *err)
{
    sigset_t wanted;

    (void)sigemptyset(&wanted);
    (void)sigaddset(&wanted, SIGTERM);
    (void)sigaddset(&wanted, SIGINT);
    (void)sigaddset(&wanted, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &wanted, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    d->signal_fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
    if (d->signal_fd < 0)
        return tt_fail(err, -errno, "signalfd: %s", strerror(errno));
    d->signals = loop_add(d->node.loop, d->signal_fd, EPOLLIN, on_signal, d);
    return d->signals != NULL ? 0 : tt_fail(err, -ENOMEM, "no memory to watch signals");
}

static void collect_metrics(void *ctx, struct metrics_gauges *ret)
{
    static const char *const classes[] = {"other", "fifo", "deadline"};
    struct daemon *d = ctx;

    *ret = (struct metrics_gauges){.version = TT_VERSION,
                                   .class = classes[d->node.machine.plan.right],
                                   .reserved_ppm = books_ppm(&d->node.books, loop_now_ns()),
                                   .limit_ppm = machine_limit_ppm(&d->node.machine),
                                   .cpus = machine_cpus(&d->node.machine)};
    for (struct service *s = d->node.services; s != NULL; s = service_next(s))
        ret->services++;
}

static int serve_metrics(struct daemon *d, struct tt_error *err)
{
    d->node.metrics = metrics_open();
    if (d->node.metrics == NULL)
        return tt_fail(err, -ENOMEM, "no memory for the metrics");
    return metrics_http_open(d->node.loop, d->node.metrics, d->options.metrics, collect_metrics, d,
                             &d->metrics_http, err);
}

/* What one that was killed left is removed in any case. Without them all is as if nobody had asked:
 * each service's class says what it has. */
static void cut_machine(struct daemon *d)
{
    struct tt_error err = {0};
    char text[160] = "this tactusd's, for workers with a promise: CPU";
    uint32_t left = tt_cpusets_sweep();
    int r;

    if (left > 0)
        fprintf(stderr, "removed what a tactusd that died left: partitions=%u\n", left);
    if (d->options.partitions == 0)
        return;
    if (d->node.machine.plan.right != TT_RIGHT_DEADLINE)
        r = tt_fail(&err, -EPERM, "without reservations a CPU of their own serves nobody");
    else
        r = tt_cpusets_open((uint32_t)d->options.partitions, &d->node.cpusets, &err);
    if (r < 0) {
        fprintf(stderr, "no partitions, all CPUs serve all: %s\n", err.text);
        may_tell_partitions(err.text, false);
        return;
    }
    for (uint32_t n = 0; n < tt_cpusets_count(d->node.cpusets); n++)
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %u",
                       tt_cpusets_cpu(d->node.cpusets, n));
    may_tell_partitions(text, true);
    machine_cut(&d->node.machine, tt_cpusets_count(d->node.cpusets));
}

/* In an order that lets a second tactusd fail at the lock before it touches anything. */
static int begin(struct daemon *d, struct tt_error *err)
{
    char path[PATH_MAX], socket[PATH_MAX];
    int r;

    r = loop_open(&d->node.loop, err);
    if (r == 0)
        r = watch_signals(d, err);
    if (d->options.socket != NULL)
        (void)snprintf(path, sizeof(path), "%s", d->options.socket);
    else
        default_socket(path);
    make_absolute(path, socket);
    if (r == 0)
        r = control_open(&d->node, socket, &d->control, err);
    if (r == 0)
        r = choose_state(d, err);
    if (r < 0)
        return r;
    open_log(d);
    may_probe(); /* before there are threads and children */
    may_renounce(d->options.rights);
    machine_look(&d->node.machine, may_best());
    cut_machine(d);
    machine_limit(&d->node.machine, d->options.limit_percent);
    books_cut(&d->node.books, d->node.machine.partitions, d->node.machine.partition_limit_ppm,
              d->node.machine.partition_slack_ppm);
    d->node.is_kernel_full = d->options.is_kernel_full;
    find_host(&d->options, path);
    if (!d->options.is_foreground && chdir("/") < 0)
        return tt_fail(err, -errno, "cannot enter '/': %s", strerror(errno));
    r = zygote_open(d->node.loop, path, &d->node.zygote, err);
    if (r == 0)
        r = key_open(d->node.state, &d->node.key, err);
    (void)snprintf(path, sizeof(path), "%s/profiles.sqlite", d->node.state);
    if (r == 0)
        r = profile_open(path, &d->node.profile, err);
    if (r < 0)
        return r;
    r = wall_open(d->node.loop, on_wall_step, &d->node, &d->wall, err);
    if (r < 0)
        return r;
    d->node.journal = journal_open(control_log, &d->node);
    if (d->node.journal == NULL)
        return tt_fail(err, -ENOMEM, "no memory to remember what services say");
    if (d->options.metrics != NULL)
        r = serve_metrics(d, err);
    if (r < 0)
        return r;
    d->node.witness = witness_open();
    d->node.stock = stock_open(d->node.loop);
    d->node.shapes = shapes_open(d->node.loop);
    d->node.haste = haste_open(d->node.loop);
    machine_wake_start(&d->node.machine, d->node.profile);
    d->tick = (struct loop_timer){.fn = on_tick, .ctx = d};
    d->node.busy_ns = loop_now_ns();
    loop_set(d->node.loop, &d->tick, loop_now_ns());
    return 0;
}

/* What is left goes as it would with a kill: the kernel ends the children. */
static void end(struct daemon *d)
{
    while (d->node.services != NULL)
        service_abandon(d->node.services);
    set_close_all(&d->node);
    control_close(&d->control);
    journal_close(&d->node.journal);
    zygote_close(&d->node.zygote);
    tt_cpusets_close(&d->node.cpusets);
    metrics_http_close(&d->metrics_http);
    metrics_close(&d->node.metrics);
    witness_close(&d->node.witness);
    stock_close(&d->node.stock);
    shapes_close(&d->node.shapes);
    haste_close(&d->node.haste);
    handoff_desk_close(&d->node.handoff_desk);
    wall_close(&d->wall);
    profile_close(&d->node.profile);
    key_close(&d->node.key);
    if (d->node.loop != NULL)
        loop_remove(d->node.loop, &d->signals);
    if (d->signal_fd >= 0)
        (void)close(d->signal_fd);
    loop_close(&d->node.loop);
}

int main(int argc, char **argv)
{
    struct daemon *d = calloc(1, sizeof(*d));
    struct rlimit files;
    struct tt_error err = {0};
    int r;

    if (d == NULL)
        return 3;
    /* What is freed is joined then, not all at once when a service starts. */
    (void)mallopt(M_MXFAST, 0);
    d->signal_fd = -1;
    d->words_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    d->options.rights = TT_RIGHT_DEADLINE;
    r = read_options(argc, argv, &d->options);
    if (r >= 0) {
        free(d);
        return r;
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < OPEN_FILES ? files.rlim_max : OPEN_FILES;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    r = begin(d, &err);
    if (r < 0)
        (void)dprintf(d->words_fd, "tactusd: %s\n", err.text);
    if (d->words_fd >= 0)
        (void)close(d->words_fd); /* who started it sees that it serves */
    while (r == 0 && !d->is_over)
        loop_turn(d->node.loop);
    end(d);
    free(d);
    /* Of two starts at once one serves; the other has nothing to complain of. */
    return r == 0 || r == -EADDRINUSE ? 0 : 3;
}
