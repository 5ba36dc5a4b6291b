/* Deaths at the steps of supervision. */
#include "crashes.h"

#include "check.h"

#define MS INT64_C(1000000)

enum {
    CRASHES_MAX = 8, /* of a service: more than it is started anew for */
    STEPS_A_CRASH = 5,
    STEPS_A_STOP = 60
};

/* A process that died comes back within the longest back-off. */
static const int64_t restart_ns = 6000 * MS;

enum blow { BLOW_DEATH, BLOW_KILL, BLOW_STOP, BLOW_GONE };

struct crash {
    struct service *service;
    enum blow blow;
    uint32_t process, life; /* KILL: of that life alone */
};

static void strike(void *ctx)
{
    struct crash crash = *(struct crash *)ctx;
    struct service *service = crash.service;

    free(ctx);
    if (service->has_ended || service->wiring == NULL)
        return;
    switch (crash.blow) {
    case BLOW_KILL:
        if (service->spawned[crash.process] == crash.life)
            service_die(service, crash.process);
        break;
    case BLOW_DEATH:
        service_excuse(service, tt_machine_now(service->node->machine),
                       tt_machine_now(service->node->machine) + restart_ns);
        service_die(service, crash.process);
        break;
    case BLOW_STOP:
    case BLOW_GONE:
        service_feed(service, crash.blow == BLOW_STOP ? SUPERVISE_STOP : SUPERVISE_GONE, 0, NULL);
        break;
    }
}

static void strike_later(struct service *service, enum blow blow, uint32_t process,
                         int64_t delay_ns)
{
    struct crash *crash = malloc(sizeof(*crash));

    CHECK(crash != NULL);
    *crash = (struct crash){service, blow, process, service->spawned[process]};
    tt_machine_at(service->node->machine, tt_machine_now(service->node->machine) + delay_ns, strike,
                  crash);
}

void crashes_begin(struct service *service, uint64_t seed)
{
    service->crash_draw.state = seed ^ 0xdead;
    service->crashes_left = draw_below(&service->crash_draw, CRASHES_MAX + 1);
}

/* Within the time that most steps take, so that it falls on, before or behind the next one. */
static int64_t soon(struct draw *draw)
{
    return draw_below(draw, 4) == 0 ? 0 : draw_between(draw, 0, 45 * MS);
}

void crashes_step(struct service *service)
{
    struct draw *draw = &service->crash_draw;

    if (service->has_ended)
        return;
    if (service->crashes_left > 0 && draw_below(draw, STEPS_A_CRASH) == 0) {
        service->crashes_left--;
        strike_later(service, BLOW_DEATH, draw_below(draw, service->wiring->process_count),
                     soon(draw));
    }
    if (draw_below(draw, STEPS_A_STOP) == 0)
        strike_later(service, draw_below(draw, 2) ? BLOW_STOP : BLOW_GONE, 0, soon(draw));
}

void crashes_kill(struct service *service, uint32_t process)
{
    strike_later(service, BLOW_KILL, process, draw_between(&service->crash_draw, 0, 5 * MS));
}
