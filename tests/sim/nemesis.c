/* The nemesis: faults drawn from the seed, done at their times. Each fault tells the checkers what
 * it excuses: frames of its own service, or for a gap all frames, around its time. */
#include "nemesis.h"

#include "check.h"

#define MS INT64_C(1000000)

/* A process that died comes back within the longest back-off. */
static const int64_t restart_ns = 6000 * MS;

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[FAULT_KIND_COUNT] = {"slow component",
                                                        "component hangs",
                                                        "component hangs until asked",
                                                        "component fails",
                                                        "container dies",
                                                        "edge dies",
                                                        "edge stalls",
                                                        "rights refused",
                                                        "records not taken",
                                                        "stop",
                                                        "user gone",
                                                        "host takes a CPU"};

    return names[kind];
}

uint32_t nemesis_draw(struct draw *draw, struct node *node, struct service *services,
                      uint32_t service_count, int64_t from_ns, int64_t until_ns,
                      struct fault ret[FAULTS_MAX])
{
    /* Most seeds are without gaps, or gaps would excuse what others broke. */
    bool has_gaps = draw_below(draw, 4) == 0;
    uint32_t count = draw_below(draw, FAULTS_MAX + 1);
    /* What excuses all would hide whom an overrun harms. */
    bool is_overruns = node->has_standbys && draw_below(draw, 3) > 0;

    for (uint32_t n = 0; n < count; n++) {
        struct fault *fault = &ret[n];

        *fault = (struct fault){.node = node,
                                .service = &services[draw_below(draw, service_count)],
                                .kind = draw_below(draw, has_gaps ? FAULT_KIND_COUNT : FAULT_GAP),
                                .at_ns = draw_between(draw, from_ns, until_ns),
                                .length_ns = draw_between(draw, MS, 1000 * MS),
                                .pick = draw_below(draw, PICTURE_COMPONENTS),
                                .cpu = draw_below(draw, node->cpu_count)};
        if (is_overruns)
            fault->kind = FAULT_SLOW;
        if (fault->kind == FAULT_GAP && draw_below(draw, 2) == 0)
            fault->length_ns /= 20;
    }
    return count;
}

static void give_back(void *ctx)
{
    struct fault *fault = ctx;

    tt_machine_give_cpu(fault->node->machine, fault->cpu);
}

static void take_cpu(struct fault *fault)
{
    tt_machine_take_cpu(fault->node->machine, fault->cpu);
    tt_machine_at(fault->node->machine, fault->at_ns + fault->length_ns, give_back, fault);
    node_gap(fault->node, fault->at_ns, fault->at_ns + fault->length_ns);
}

/* An edge of the service, or 0. */
static uint32_t an_edge(const struct fault *fault)
{
    uint32_t containers = fault->service->wiring->container_count;
    uint32_t count = fault->service->wiring->process_count - containers;

    return count > 0 ? containers + fault->pick % count : 0;
}

/* Once, and so long that whoever waited for it would be late. */
static void overrun(struct fault *fault)
{
    struct service *service = fault->service;
    uint32_t component = fault->pick % service->made.picture.component_count;
    int64_t most_ns = service->made.components[component].shape.cost_max_ns;

    if ((service->made.components[component].flags & TT_EDGE) != 0 || most_ns == 0)
        return;
    service_overrun(service, component, 2 * most_ns + 60 * MS + fault->length_ns / 2);
}

static void do_to_component(struct fault *fault)
{
    struct service *service = fault->service;
    int64_t until_ns = fault->at_ns + fault->length_ns;

    if (fault->kind == FAULT_SLOW && fault->node->has_standbys) {
        overrun(fault);
        return;
    }
    service->fault_component = fault->pick % service->made.picture.component_count;
    service->slow_factor = 2 + fault->pick;
    if (fault->kind == FAULT_SLOW)
        service->slow_until_ns = until_ns;
    if (fault->kind == FAULT_ERROR)
        service->error_until_ns = until_ns;
    if (fault->kind == FAULT_HANG || fault->kind == FAULT_HANG_POLITE)
        service->hang_until_ns = until_ns;
    service->is_hang_polite = fault->kind == FAULT_HANG_POLITE;
    service_excuse(service, fault->at_ns, until_ns + restart_ns);
}

static void do_to_process(struct fault *fault)
{
    struct service *service = fault->service;
    uint32_t edge = an_edge(fault);
    int64_t until_ns = fault->at_ns + fault->length_ns;

    if (edge == 0 && fault->kind != FAULT_CONTAINER && fault->kind != FAULT_RIGHTS)
        return;
    service_excuse(service, fault->at_ns, until_ns + restart_ns);
    if (fault->kind == FAULT_STALL) {
        service->edges[edge].stalled_until_ns = until_ns;
        return;
    }
    if (fault->kind == FAULT_RIGHTS)
        service->is_right_refused = true;
    service_die(service,
                fault->kind == FAULT_EDGE ? edge : fault->pick % service->wiring->container_count);
}

static void happen(void *ctx)
{
    struct fault *fault = ctx;
    struct service *service = fault->service;
    uint64_t step[2] = {fault->kind, service->number};

    tt_machine_note(fault->node->machine, step, sizeof(step));
    if (fault->node->is_verbose)
        printf("%12.3f ms service %u: fault: %s, %.3f ms\n", (double)fault->at_ns / 1e6,
               service->number, fault_name(fault->kind), (double)fault->length_ns / 1e6);
    if (fault->kind == FAULT_GAP) {
        take_cpu(fault);
        return;
    }
    if (service->wiring == NULL || service->has_ended)
        return;
    if (fault->kind <= FAULT_ERROR)
        do_to_component(fault);
    else if (fault->kind <= FAULT_RIGHTS)
        do_to_process(fault);
    else if (fault->kind == FAULT_DEAF)
        service->deaf_until_ns = fault->at_ns + 20 * fault->length_ns;
    else
        service_feed(service, fault->kind == FAULT_STOP ? SUPERVISE_STOP : SUPERVISE_GONE, 0, NULL);
}

void nemesis_begin(struct fault *faults, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++)
        tt_machine_at(faults[n].node->machine, faults[n].at_ns, happen, &faults[n]);
}
