/* An edge's life: setup, the component, its loop, end. */
#include "edge/edge.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "components/table.h"
#include "edge/inside.h"
#include "platform/linux/stamp.h"
#include "tactus/format.h"

enum { SERVE_MS = 50, FDS_MAX = 64, FDS_EACH_MAX = 16 };

void edge_sleep(struct edge *edge, uint32_t seen, int64_t for_ns)
{
    (void)tt_bell_wait(&edge->seat->bells, edge->seat->number, seen, tt_linux_now() + for_ns, true);
}

/* How many descriptors the component has; at most max. */
static int list_fds(struct edge *edge, struct pollfd *ret, int max)
{
    int fds[FDS_MAX], count = 0;

    if (edge->component->edge->fds)
        count = edge->component->edge->fds(edge->state, fds, (uint32_t)max);
    count = count < max ? count : max;
    for (int n = 0; n < count; n++)
        ret[n] = (struct pollfd){.fd = fds[n],
                                 .events = edge->plan->is_source ? POLLIN : POLLIN | POLLOUT};
    return count;
}

int edge_poll(struct edge *edge, int timeout_ms)
{
    struct pollfd wanted[FDS_MAX];
    int count = list_fds(edge, wanted, FDS_MAX);

    if (count <= 0)
        return -ENOTSUP;
    return poll(wanted, (nfds_t)count, timeout_ms) > 0;
}

void edge_poll_all(struct edge_process *process, int timeout_ms, uint32_t *ret)
{
    struct pollfd wanted[TT_TOGETHER_MAX * FDS_EACH_MAX];
    uint32_t whose[TT_TOGETHER_MAX * FDS_EACH_MAX];
    nfds_t count = 0;

    *ret = 0;
    for (uint32_t n = 0; n < process->edge_count; n++) {
        int more = list_fds(process->edges[n], wanted + count, FDS_EACH_MAX);

        for (int m = 0; m < more; m++)
            whose[count++] = n;
    }
    if (poll(wanted, count, timeout_ms) <= 0)
        return;
    for (nfds_t n = 0; n < count; n++)
        if (wanted[n].revents != 0)
            *ret |= 1u << whose[n];
}

void edge_record(struct edge *edge, const struct tt_record *record)
{
    struct tt_port_world port = tt_linux_port(&edge->seat->world);
    struct tt_record lost = {.kind = TT_RECORD_LOST,
                             .component = (uint16_t)edge->number,
                             .value = (int64_t)edge->records_lost};

    if (edge->records_lost > 0 && port.ops->record_out(port.world, &lost))
        edge->records_lost = 0;
    if (edge->records_lost > 0 || !port.ops->record_out(port.world, record))
        edge->records_lost++;
}

/* Where the component reads or writes, as the user wrote it. */
static const char *place(const struct edge *edge)
{
    for (uint32_t n = 0; n < edge->component->param_count; n++)
        if (strcmp(edge->component->params[n].name, "url") == 0)
            return tt_setting_text(&edge->request, n);
    return "output";
}

static const char *cause(int error)
{
    switch (error) {
    case EPIPE:
        return "its reader has gone";
    case ETIMEDOUT:
        return "nothing came for longer than an input may be silent";
    case EBADMSG:
        return "there is no media in what follows";
    default:
        return strerror(error);
    }
}

/* A number in the ledger tells nobody why his file is short: a sentence goes to tactusd as well. */
static void say_note(const struct edge *edge, uint32_t id, int error)
{
    if (id == TT_NOTE_READ_ENDED)
        tt_seat_note(edge->seat, "%s: %s; it ends here", place(edge), cause(error));
    else if (id == TT_NOTE_PEER_LOST)
        tt_seat_note(edge->seat, "%s: lost: %s; called again until it is back", place(edge),
                     cause(error));
    else if (id == TT_NOTE_PEER_BACK)
        tt_seat_note(edge->seat, "%s: back after %d.%03d s", place(edge), error / 1000,
                     error % 1000);
    else if (id == TT_NOTE_WRITE_FAILED && (edge->component->flags & TT_DESKTOP))
        tt_seat_note(edge->seat, "the window was closed; what follows is not shown");
    else if (id == TT_NOTE_WRITE_FAILED && error == EPIPE)
        tt_seat_note(edge->seat, "%s: %s; what follows is discarded", place(edge), cause(error));
    else if (id == TT_NOTE_WRITE_FAILED)
        tt_seat_note(edge->seat, "%s: %s; the file up to here plays, what follows is discarded",
                     place(edge), cause(error));
}

/* The host that components see: edges are given all outputs beforehand, so frames cannot be made or
 * kept beside the call. */
static int host_note(void *ctx, uint32_t id, int64_t value)
{
    struct edge *edge = ctx;
    struct tt_record record = {.kind = TT_RECORD_NOTE,
                               .component = (uint16_t)edge->number,
                               .index = edge->call.index,
                               .origin_ns = edge->call.media_ns,
                               .due_ns = id,
                               .value = value};

    edge_record(edge, &record);
    say_note(edge, id, (int)value);
    return 0;
}

static int host_frame_new(void *ctx, uint32_t port, struct tt_frame *ret)
{
    return -ENOBUFS;
}

static int host_frame_emit(void *ctx, uint32_t port, uint32_t handle)
{
    return -ENOTSUP;
}

static int host_frame_keep(void *ctx, uint32_t handle)
{
    return -ENOTSUP;
}

static const void *host_kernels(void *ctx, const char *set)
{
    return NULL;
}

/* In the first of the process's components; the others borrow it. */
static int read_picture(struct edge *edge, struct tt_error *err)
{
    uint64_t bytes = 0;
    char *data = NULL;
    int r = tt_seat_picture(edge->seat, &data, &bytes, err);

    if (r == 0)
        r = tt_wiring_unpack(data, bytes, &edge->picture, &edge->wiring, err);
    free(data);
    return r;
}

static int find_component(struct edge *edge, const struct tt_jail *jail, struct tt_error *err)
{
    char name[TT_MESSAGE_NAME_BYTES];
    int r;

    edge->plan = &edge->picture->components[edge->number];
    if (edge->plan->plugin[0] && edge->place == 0) {
        tt_plugin_fd_name(edge->plan->plugin, name);
        r = tt_jail_plugin(jail, name, edge->plan->kind, tt_component_load, err);
        if (r < 0)
            return r;
    }
    edge->component = tt_component_find(edge->plan->kind);
    if (!edge->component || !edge->component->edge || !edge->component->edge->step)
        return tt_fail(err, -EINVAL, "this build has no edge component '%s'", edge->plan->kind);
    if (edge->place > 0 && !edge->component->edge->fds)
        return tt_fail(err, -EINVAL, "'%s' cannot share a process: it has no descriptors",
                       edge->plan->kind);
    return 0;
}

static struct edge *add_edge(struct edge_process *process, uint32_t number)
{
    struct edge *edge = calloc(1, sizeof *edge);

    if (!edge || process->edge_count == TT_TOGETHER_MAX) {
        free(edge);
        return NULL;
    }
    *edge = (struct edge){.process = process,
                          .seat = &process->seat,
                          .pools = process->pools,
                          .slots = &process->slots,
                          .place = process->edge_count,
                          .number = number};
    process->edges[process->edge_count++] = edge;
    return edge;
}

/* All that run in this process; the first stands in its name. */
static int find_components(struct edge_process *process, const struct tt_jail *jail,
                           struct tt_error *err)
{
    struct edge *first = process->edges[0];
    const struct tt_wiring *wiring = first->wiring;
    uint32_t number = process->seat.number;
    int r = 0;

    if (number == 0 || number >= wiring->process_count || wiring->processes[number].component < 0)
        return tt_fail(err, -EPROTO, "process %u of the service is no edge", number);
    first->number = (uint32_t)wiring->processes[number].component;
    for (uint32_t n = first->number + 1; n < first->picture->component_count; n++) {
        struct edge *edge;

        if ((first->picture->components[n].flags & TT_EDGE) == 0 || wiring->process_of[n] != number)
            continue;
        edge = add_edge(process, n);
        if (!edge)
            return tt_fail(err, -ENOMEM, "no memory for the components of process %u", number);
        edge->picture = first->picture;
        edge->wiring = first->wiring;
    }
    for (uint32_t n = 0; n < process->edge_count && r == 0; n++)
        r = find_component(process->edges[n], jail, err);
    return r;
}

static struct edge *edge_of(struct edge_process *process, uint32_t component)
{
    for (uint32_t n = 0; n < process->edge_count; n++)
        if (process->edges[n]->number == component)
            return process->edges[n];
    return NULL;
}

static int attach_link(struct edge_process *process, uint32_t number, struct tt_error *err)
{
    const struct tt_wiring_link *plan = &process->edges[0]->wiring->links[number];
    struct edge *edge = edge_of(process, plan->component);
    bool is_writer = plan->from == process->seat.number;
    char name[TT_MESSAGE_NAME_BYTES];
    void *memory, *end;
    int r;

    if (!edge)
        return tt_fail(err, -EPROTO, "link %u is of no component of this process", number);
    (void)snprintf(name, sizeof name, "link:%u", number);
    r = tt_seat_map(edge->seat, name, tt_link_bytes(plan->depth), true, &memory, err);
    if (r < 0)
        return r;
    end = aligned_alloc(64, (tt_link_end_bytes() + 63) / 64 * 64);
    if (!end || plan->pin >= TT_PORTS_MAX)
        return tt_fail(err, -ENOMEM, "no memory for link %u", number);
    if (is_writer) {
        edge->out[plan->pin] = tt_link_writer(end, memory, plan->depth);
        edge->out_depth[plan->pin] = plan->depth;
        edge->out_to[plan->pin] = plan->to;
        edge->out_rate[plan->pin] = edge->picture->flows[plan->flow].format.rate;
    } else {
        edge->in[plan->pin] = tt_link_reader(end, memory, plan->depth);
        edge->in_from[plan->pin] = plan->from;
    }
    return 0;
}

static void take_classes(struct edge *edge)
{
    const struct tt_wiring_process *own = &edge->wiring->processes[edge->seat->number];

    for (uint32_t n = 0; n < TT_PORTS_MAX; n++)
        edge->out_class[n] = own->class_of ? own->class_of[edge->number][n] : TT_NO_PORT;
}

static int map_memory(struct edge_process *process, struct tt_error *err)
{
    const struct tt_wiring *wiring = process->edges[0]->wiring;
    uint32_t number = process->seat.number;
    int r;

    for (uint32_t n = 0; n < wiring->process_count; n++)
        process->pools[n] = wiring->processes[n].pool;
    r = tt_seat_pools(&process->seat, process->pools, wiring->process_count, err);
    if (r == 0)
        r = tt_seat_world(&process->seat, wiring->process_count,
                          wiring->processes[number].record_slots, NULL, NULL, err);
    for (uint32_t n = 0; n < wiring->link_count && r == 0; n++)
        if (wiring->links[n].from == number || wiring->links[n].to == number)
            r = attach_link(process, n, err);
    for (uint32_t n = 0; n < process->edge_count; n++)
        take_classes(process->edges[n]);
    if (r == 0 && slots_open(&process->slots, &process->pools[number], number) < 0)
        r = tt_fail(err, -EINVAL, "the pool of '%s' is not divided as the picture says",
                    process->edges[0]->plan->name);
    return r;
}

/* What `-` means to a component: descriptors 0 and 1, whatever they were before. */
static int take_streams(struct edge *edge, struct tt_error *err)
{
    static const char *const names[] = {"stdin", "stdout"};

    for (int n = 0; n < 2; n++) {
        int fd = tt_message_take(&edge->seat->setup, names[n]);

        if (fd < 0)
            continue;
        if (dup2(fd, n) < 0)
            return tt_fail(err, -errno, "cannot take over %s: %s", names[n], strerror(errno));
        (void)close(fd);
    }
    return 0;
}

static void *memory_for(uint64_t bytes)
{
    void *memory;

    if (bytes == 0)
        return NULL;
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
                  -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* Where a source goes on: at the index that is on, and behind what its predecessor has handed over
 * already. Of several outputs the one that got least counts. */
static int64_t resume_ns(struct edge *edge)
{
    int64_t first_ns = tt_seat_plan(edge->seat, "first_ns", 0), behind_ns = INT64_MAX, index;

    for (uint32_t n = 0; n < edge->plan->out_count; n++) {
        struct tt_rational rate = edge->out_rate[n];
        int64_t next_ns = 0;

        edge->handed_over[n] = -1;
        if (!edge->out[n] || rate.num <= 0)
            continue;
        if (tt_link_last_put(edge->out[n], &index)) {
            edge->handed_over[n] = index;
            next_ns = tt_index_ns(index + 1, rate);
        }
        behind_ns = next_ns < behind_ns ? next_ns : behind_ns;
    }
    return behind_ns != INT64_MAX && behind_ns > first_ns ? behind_ns : first_ns;
}

static int start_component(struct edge *edge, struct tt_error *err)
{
    const struct tt_shape *shape = &edge->plan->shape;
    int r = 0;

    edge->host = (struct tt_host){.abi = TT_ABI,
                                  .size = sizeof edge->host,
                                  .ctx = edge,
                                  .frame_new = host_frame_new,
                                  .frame_emit = host_frame_emit,
                                  .frame_keep = host_frame_keep,
                                  .frame_drop = host_frame_keep,
                                  .note = host_note,
                                  .kernels = host_kernels};
    tt_picture_request(edge->picture, edge->number, &edge->store, &edge->request);
    edge->request.resume_ns = resume_ns(edge);
    edge->state = memory_for(shape->state_bytes);
    edge->scratch = memory_for(shape->scratch_bytes);
    if ((shape->state_bytes && !edge->state) || (shape->scratch_bytes && !edge->scratch))
        return tt_fail(err, -ENOMEM, "no memory for the state of '%s'", edge->plan->name);
    if (edge->component->init)
        r = edge->component->init(edge->state, &edge->request, err);
    if (r == 0 && edge->component->open) {
        r = edge->component->open(edge->state, edge->scratch, &edge->host, &edge->request);
        if (r < 0 && err->text[0] == 0)
            (void)tt_fail(err, r, "%s", strerror(-r));
    }
    if (r < 0)
        return tt_wrap(err, r, "'%s' (%s) cannot start", edge->plan->name, edge->plan->kind);
    edge->call = (struct tt_call){.abi = TT_ABI,
                                  .size = sizeof edge->call,
                                  .in_count = edge->plan->in_count,
                                  .out_count = edge->plan->out_count,
                                  .frames = (uintptr_t)edge->frames};
    return 0;
}

static void run_edges(void *ctx)
{
    struct edge_process *process = ctx;
    struct edge *edge = process->edges[0];
    struct tt_error err = {0};
    int r = edge->plan->is_source ? edge_run_sources(process, &edge) : edge_run_sink(edge);

    if (r < 0) {
        err.code = tt_fail(&err, r, "'%s' (%s) cannot go on: %s: %s", edge->plan->name,
                           edge->plan->kind, place(edge), cause(-r));
        tt_seat_fail(process->seat.control, &err);
    }
    for (uint32_t n = 0; n < process->edge_count; n++)
        if (process->edges[n]->component->close)
            process->edges[n]->component->close(process->edges[n]->state);
    tt_seat_done(&process->seat);
}

static int set_up(struct edge_process *process, int control, const struct tt_jail *jail,
                  struct tt_error *err)
{
    struct edge *first = add_edge(process, 0);
    int r = first ? tt_seat_receive(&process->seat, control, err) : -ENOMEM;

    tt_stamp("edge set-up heard");
    if (r == 0)
        r = read_picture(first, err);
    if (r == 0)
        r = find_components(process, jail, err);
    if (r == 0)
        r = map_memory(process, err);
    if (r == 0)
        r = take_streams(first, err);
    tt_stamp("edge built");
    if (r == 0)
        r = tt_jail_close(jail, err);
    tt_stamp("edge filtered");
    for (uint32_t n = 0; n < process->edge_count && r == 0; n++)
        r = start_component(process->edges[n], err);
    tt_stamp("edge opened");
    return r == 0 ? tt_seat_start(&process->seat, run_edges, process, err) : r;
}

static void stop_calls(struct edge_process *process)
{
    for (uint32_t n = 0; n < process->edge_count; n++)
        __atomic_store_n(&process->edges[n]->call.stop, 1, __ATOMIC_RELEASE);
}

static void serve(struct edge_process *process)
{
    struct tt_seat *seat = &process->seat;
    bool is_source = process->edges[0]->plan->is_source;

    for (;;) {
        struct tt_message message;
        /* Before stop there is nothing to look at without a message. */
        int r = tt_seat_serve(seat, tt_seat_is_stopped(seat) ? SERVE_MS : -1, &message);

        if (r == -EPIPE)
            _exit(1);
        if (r == 2)
            return;
        if (r == 1)
            tt_message_fini(&message);
        if (!tt_seat_is_stopped(seat))
            continue;
        /* A source's step may be long; a sink is given the time to take what is under way. */
        if (is_source || tt_linux_now() - seat->stopped_ns > LINGER_NS)
            stop_calls(process);
        if (!tt_seat_is_go(seat) && !is_source)
            return; /* nothing was written yet */
        /* A source that is stuck in a read ends all the same: its inlets have ended by themselves.
         */
        if (is_source && tt_linux_now() - seat->stopped_ns > LINGER_NS)
            return;
    }
}

void tt_edge_main(int control, const struct tt_jail *jail)
{
    struct edge_process *process = calloc(1, sizeof *process);
    struct tt_error err = {0};
    int r = -ENOMEM;

    if (process)
        r = set_up(process, control, jail, &err);
    if (r == -EPIPE)
        _exit(1);
    if (r < 0) {
        err.code = r;
        tt_seat_fail(control, &err);
    }
    serve(process);
    tt_seat_say(control, "ended", NULL);
    _exit(0);
}
