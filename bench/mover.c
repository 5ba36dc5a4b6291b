/* A component's state goes to and fro between two processes over TCP on loopback, as `bench/run
 * move` counts it.
 *
 * Each process has the component's module, its image and one slot. One of them runs a frame every
 * PERIOD; the parent is what tactusd is: it orders by src/core/move.h. Down-time is from the last
 * boundary at the source until the target's first frame is processed, by the one clock that both
 * read. At the end the state's sum is compared with that of an instance that ran the same frames
 * and never moved.
 *
 * mover KIB PAGES_A_FRAME MOVES: one line a move (down ns, from the order until it is over ns,
 * rounds, bytes), and a last one (frames, frames that the twin has, 1 when sums are the same). */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "core/move.h"
#include "sandbox/carry.h"
#include "sandbox/walker.h"

#define CHUNK (128u << 10)

enum order { ROUND = 1, CUT, RESUME, RETIRE, PREPARE, DISCARD, STOP };

struct word { /* between the parent and a process */
    uint32_t what, pages;
};

struct shared {
    int64_t cut_ns, took_ns, index;
    struct tt_sum sum;
    uint64_t bytes;
    uint32_t delta, has_taken; /* what a process said before it died, without waking anybody */
};

struct carrier {
    struct tt_space space;
    struct tt_module module;
    struct tt_image image;
    struct tt_slot *slot;
    struct tt_carry_out out;
    struct tt_carry_in in;
    struct shared *shared;
    int orders, stream;
    struct tt_carry_marks marks;
    bool has, is_telling, is_taking;
    enum tt_source_state source;
    enum tt_target_state target;
    int64_t next_ns;
    uint8_t chunk[CHUNK];
    uint32_t filled;
};

static int64_t period_ns;
static const uint8_t name[32] = "the walker's WebAssembly";
static struct tt_error err;

void tt_assert_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "mover: %s:%d: not so: %s\n", file, line, fact);
    _exit(1);
}

static void need(bool is_so, const char *what)
{
    if (is_so)
        return;
    fprintf(stderr, "mover: %s: %s %s\n", what, err.text, errno ? strerror(errno) : "");
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void write_all(int fd, const void *data, uint64_t bytes)
{
    while (bytes > 0) {
        ssize_t done = send(fd, data, bytes, MSG_NOSIGNAL);

        if (done < 0 && errno == EINTR)
            continue;
        need(done > 0, "cannot send");
        data = (const uint8_t *)data + done;
        bytes -= (uint64_t)done;
    }
}

static void flush(struct carrier *c)
{
    write_all(c->stream, c->chunk, c->filled);
    c->shared->bytes += c->filled;
    c->filled = 0;
}

static int put(void *ctx, const void *data, uint64_t bytes)
{
    struct carrier *c = ctx;

    if (c->filled + bytes > CHUNK)
        flush(c);
    memcpy(c->chunk + c->filled, data, bytes);
    c->filled += (uint32_t)bytes;
    return 0;
}

static void tell(const struct carrier *c, enum tt_move_event_kind kind, uint32_t pages)
{
    struct word word = {.what = kind, .pages = pages};

    write_all(c->orders, &word, sizeof(word));
}

static void run_frame(struct carrier *c)
{
    int32_t ret;

    need(tt_slot_enter(c->slot, TT_ENTRY_PROCESS, (uint32_t)c->shared->index, &ret), "it trapped");
    c->shared->index++;
}

/* At a boundary: the last delta, when it was ordered. */
static void look_at_boundary(struct carrier *c)
{
    if (!tt_source_boundary(&c->source))
        return;
    c->shared->cut_ns = now_ns();
    need(tt_carry_cut(&c->out, c->shared->index, false, &err) == 0, "cannot cut");
    c->shared->delta = c->out.pages;
    flush(c);
}

static void tell_round(struct carrier *c)
{
    uint32_t pages;

    if (!c->is_telling) {
        need(tt_carry_begin(&c->out, c->slot, name, 0, c->marks, (struct tt_writer){c, put},
                            &err) == 0,
             "cannot tell");
        c->is_telling = true;
    }
    need(tt_carry_round(&c->out, &pages) == 0, "cannot tell a round");
    flush(c);
}

/* The place is as the image has it again, for the next time. */
static void retire(struct carrier *c)
{
    c->source = tt_source_order(c->source, TT_SOURCE_ON_RETIRE);
    tt_carry_out_close(&c->out);
    c->has = c->is_telling = false;
    need(tt_slot_reset(c->slot) == 0, "cannot begin anew");
}

static void obey(struct carrier *c)
{
    struct word word;

    need(recv(c->orders, &word, sizeof(word), MSG_WAITALL) == sizeof(word), "no orders");
    switch ((enum order)word.what) {
    case ROUND:
        tell_round(c);
        break;
    case CUT:
        c->source = tt_source_order(c->source, TT_SOURCE_ON_CUT);
        break;
    case RESUME:
        c->source = tt_source_order(c->source, TT_SOURCE_ON_RESUME);
        break;
    case RETIRE:
        retire(c);
        break;
    case PREPARE:
        need(tt_carry_in_begin(&c->in, c->slot, name, &err) == 0, "cannot make a place");
        c->is_taking = true;
        c->target = TT_TARGET_FILLING;
        tell(c, TT_MOVE_READY, 0);
        break;
    case DISCARD:
        if (tt_target_step(&c->target, TT_TARGET_ON_DISCARD) != 0)
            tell(c, TT_MOVE_GAVE_UP, 0);
        break;
    case STOP:
        if (c->has)
            c->shared->sum = tt_carry_sum(c->slot);
        exit(0);
    }
}

static void take(struct carrier *c)
{
    enum tt_move_event_kind told = tt_target_step(&c->target, TT_TARGET_ON_CUT);

    __atomic_store_n(&c->shared->has_taken, 1, __ATOMIC_RELEASE);
    c->source = TT_SOURCE_RUNNING;
    c->has = true;
    c->is_taking = false;
    need(c->in.index == c->shared->index, "an index is lost or comes twice");
    run_frame(c);
    c->shared->took_ns = now_ns();
    c->next_ns = c->shared->took_ns + period_ns;
    tell(c, told, 0);
    tt_carry_in_close(&c->in);
}

static void read_stream(struct carrier *c)
{
    static uint8_t bytes[CHUNK];
    ssize_t count = recv(c->stream, bytes, sizeof(bytes), MSG_DONTWAIT);
    uint32_t rounds = c->in.reader.rounds;

    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    need(count > 0 && c->is_taking, "the stream ended");
    need(tt_carry_feed(&c->in, bytes, (uint64_t)count, &err) == 0, "what came was refused");
    if (c->in.reader.rounds != rounds)
        tell(c, TT_MOVE_ACKED, c->in.reader.pages);
    if (c->in.reader.is_over)
        take(c);
}

static void carrier_main(struct carrier *c)
{
    for (;;) {
        struct pollfd fds[] = {{c->orders, POLLIN, 0}, {c->stream, POLLIN, 0}};
        int64_t wait_ns =
            c->has && tt_source_may_run(c->source) ? c->next_ns - now_ns() : INT64_C(1000000000);
        struct timespec wait = {0, wait_ns > 0 ? wait_ns % INT64_C(1000000000) : 0};

        if (wait_ns == INT64_C(1000000000))
            wait = (struct timespec){1, 0};
        (void)ppoll(fds, 2, &wait, NULL);
        if (c->is_taking && (fds[1].revents & (POLLIN | POLLHUP)))
            read_stream(c);
        if (fds[0].revents & (POLLIN | POLLHUP))
            obey(c);
        if (!c->has || !tt_source_may_run(c->source) || now_ns() < c->next_ns)
            continue;
        run_frame(c);
        c->next_ns += period_ns;
        look_at_boundary(c);
    }
}

static void make_place(struct carrier *c, uint32_t kib)
{
    uint32_t pages = kib / 64;
    struct tt_slot_params params = {.space = &c->space, .instance_bytes = sizeof(struct walker)};

    c->module = walker_module(pages, pages);
    need(tt_space_open(&c->space, 2, &err) == 0, "no slots");
    need(tt_slot_new(&params, &c->slot, &err) == 0, "no slot");
    need(tt_slot_start(c->slot, &c->module, 0, &err) == 0, "it does not start");
    need(tt_slot_save(c->slot, &c->image, &err) == 0, "no image");
    need(tt_slot_load(c->slot, &c->module, &c->image, 0, &err) == 0, "it does not load");
    c->marks.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    c->marks.uffd = tt_watch_open_uffd();
}

static pid_t start(struct carrier *c, uint32_t kib, bool has, int orders, int stream,
                   struct shared *shared)
{
    pid_t pid = fork();

    need(pid >= 0, "no process");
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    make_place(c, kib);
    c->shared = shared;
    c->orders = orders;
    c->stream = stream;
    c->has = has;
    c->next_ns = now_ns() + period_ns;
    tell(c, TT_MOVE_READY, 0);
    carrier_main(c);
    return 0;
}

/* Both ends of a connection, the delay for small packets off. */
static void connect_tcp(int *ret)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, room = 4 << 20;

    need(bind(listener, (struct sockaddr *)&address, bytes) == 0 && listen(listener, 1) == 0 &&
             getsockname(listener, (struct sockaddr *)&address, &bytes) == 0,
         "no port");
    ret[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    need(connect(ret[0], (struct sockaddr *)&address, bytes) == 0, "no connection");
    ret[1] = accept(listener, NULL, NULL);
    need(ret[1] >= 0, "no connection");
    for (int n = 0; n < 2; n++) {
        (void)setsockopt(ret[n], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(ret[n], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    }
    (void)close(listener);
}

/* --- what tactusd does --- */

static void order(int fd, enum order what)
{
    struct word word = {.what = what};

    write_all(fd, &word, sizeof(word));
}

/* True: it is over. */
static bool perform(const struct tt_move_actions *actions, int source, int target)
{
    for (uint32_t n = 0; n < actions->count; n++) {
        switch (actions->list[n].verb) {
        case TT_MOVE_PREPARE:
            order(target, PREPARE);
            break;
        case TT_MOVE_SEND_ROUND:
            order(source, ROUND);
            break;
        case TT_MOVE_SEND_CUT:
            order(source, CUT);
            break;
        case TT_MOVE_RESUME:
            order(source, RESUME);
            break;
        case TT_MOVE_RETIRE:
            order(source, RETIRE);
            break;
        case TT_MOVE_DISCARD:
            order(target, DISCARD);
            break;
        case TT_MOVE_TIMER:
            break;
        case TT_MOVE_KILL_TARGET:
        case TT_MOVE_END:
            need(actions->list[n].where == TT_MOVE_AT_TARGET, actions->list[n].reason);
            return true;
        }
    }
    return false;
}

static struct word hear(int fd)
{
    struct word word;

    need(recv(fd, &word, sizeof(word), MSG_WAITALL) == sizeof(word), "a process died");
    return word;
}

static uint32_t move_once(int source, int target, uint32_t pages_a_frame)
{
    struct tt_move_params params = {.rounds_max = 4,
                                    .pages_enough = 2 * pages_a_frame + 2,
                                    .step_ns = INT64_C(5000000000),
                                    .cut_ns = INT64_C(5000000000)};
    struct tt_move_actions actions;
    struct tt_move move;

    tt_move_begin(&move, &params, now_ns(), &actions);
    while (!perform(&actions, source, target)) {
        struct word word = hear(target);

        tt_move_step(&move, &(struct tt_move_event){.kind = word.what, .pages = word.pages},
                     now_ns(), &actions);
    }
    return move.rounds;
}

/* An instance that never moves, over the same frames. */
static struct tt_sum twin_sum(struct carrier *c, uint32_t kib, int64_t frames)
{
    int32_t ret;

    make_place(c, kib);
    for (int64_t n = 0; n < frames; n++)
        need(tt_slot_enter(c->slot, TT_ENTRY_PROCESS, (uint32_t)n, &ret), "the twin trapped");
    return tt_carry_sum(c->slot);
}

int main(int argc, char **argv)
{
    static struct carrier carriers[3];
    int stream[2], orders[2][2], at = 0;
    struct shared *shared;
    struct tt_sum sum;
    uint32_t kib, moves;
    pid_t pids[2];

    need(argc == 5, "usage: mover KIB PAGES_A_FRAME PERIOD_US MOVES");
    kib = (uint32_t)strtoul(argv[1], NULL, 10);
    walker_pages_a_frame = (uint32_t)strtoul(argv[2], NULL, 10);
    period_ns = strtoll(argv[3], NULL, 10) * 1000;
    moves = (uint32_t)strtoul(argv[4], NULL, 10);
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    need(shared != MAP_FAILED, "no memory");
    connect_tcp(stream);
    for (int n = 0; n < 2; n++) {
        need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, orders[n]) == 0, "no sockets");
        pids[n] = start(&carriers[n], kib, n == 0, orders[n][1], stream[n], shared);
        (void)hear(orders[n][0]);
    }
    for (uint32_t n = 0; n < moves; n++, at = !at) {
        struct timespec pause = {0, 5000000 + n % 7 * 100000};
        int64_t begin_ns;
        uint32_t rounds;

        (void)nanosleep(&pause, NULL);
        shared->bytes = 0;
        shared->has_taken = 0;
        begin_ns = now_ns();
        rounds = move_once(orders[at][0], orders[!at][0], walker_pages_a_frame);
        while (__atomic_load_n(&shared->has_taken, __ATOMIC_ACQUIRE) == 0 ||
               shared->took_ns < shared->cut_ns)
            (void)poll(NULL, 0, 1);
        printf("%lld %lld %u %llu %u\n", (long long)(shared->took_ns - shared->cut_ns),
               (long long)(shared->took_ns - begin_ns), rounds, (unsigned long long)shared->bytes,
               shared->delta);
        (void)fflush(stdout);
    }
    for (int n = 0; n < 2; n++)
        order(orders[n][0], STOP);
    for (int n = 0; n < 2; n++)
        (void)waitpid(pids[n], NULL, 0);
    sum = twin_sum(&carriers[2], kib, shared->index);
    printf("end %lld %d\n", (long long)shared->index,
           sum.low == shared->sum.low && sum.high == shared->sum.high);
    return 0;
}
