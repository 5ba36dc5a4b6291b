/* The loop serves descriptors whatever its timers do, and each timer that is due in its turn. */
#include "node/loop.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "check.h"

static struct loop *loop;
static struct loop_timer eager, patient;
static uint32_t eager_count, patient_count, word_count;

static void on_eager(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
    eager_count++;
    loop_set(loop, &eager, 0);
}

static void on_patient(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
    patient_count++;
}

static void on_word(void *ctx, uint32_t events)
{
    (void)ctx, (void)events;
    word_count++;
}

static void a_timer_in_the_past_keeps_nobody_waiting(void)
{
    struct loop_watch *watch;
    int ends[2];

    CHECK_INT(loop_open(&loop, NULL), 0);
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(write(ends[1], "x", 1), 1);
    watch = loop_add(loop, ends[0], EPOLLIN, on_word, NULL);
    CHECK(watch != NULL);
    eager = (struct loop_timer){.fn = on_eager};
    patient = (struct loop_timer){.fn = on_patient};
    loop_set(loop, &eager, 0);
    loop_set(loop, &patient, loop_now_ns());
    for (uint32_t n = 1; n <= 100; n++) {
        loop_turn(loop);
        CHECK_INT(word_count, n);
        CHECK_INT(eager_count, n);
        CHECK_INT(patient_count, 1);
    }
    loop_clear(loop, &eager);
    loop_remove(loop, &watch);
    (void)close(ends[0]);
    (void)close(ends[1]);
    loop_close(&loop);
}

int main(void)
{
    (void)alarm(200); /* a loop that never comes back */
    RUN(a_timer_in_the_past_keeps_nobody_waiting);
    return 0;
}
