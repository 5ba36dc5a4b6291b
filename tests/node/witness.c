/* The witness: what was taken counts where it overlaps, and it does not blame the host for us. */
#include "node/witness.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define MILLI INT64_C(1000000)

static void overlap_is_what_counts(void)
{
    struct witness *witness = witness_open();

    CHECK(witness != NULL);
    CHECK_INT(witness_taken_ns(witness, 0, INT64_MAX), 0);
    witness_add(witness, &(struct witness_gap){10 * MILLI, 16 * MILLI, 5 * MILLI});
    CHECK_INT(witness_taken_ns(witness, 0, 10 * MILLI), 0);
    CHECK_INT(witness_taken_ns(witness, 0, 12 * MILLI), 2 * MILLI);
    CHECK_INT(witness_taken_ns(witness, 0, 100 * MILLI), 5 * MILLI);
    CHECK_INT(witness_taken_ns(witness, 15 * MILLI, 100 * MILLI), 1 * MILLI);
    CHECK_INT(witness_taken_ns(witness, 17 * MILLI, 100 * MILLI), 0);
    for (int n = 0; n < 5000; n++)
        witness_add(witness, &(struct witness_gap){n * MILLI, n * MILLI + 2, 2});
    CHECK_INT(witness_taken_ns(witness, 0, INT64_MAX), 2); /* the ring forgets the old */
    CHECK_INT(witness_taken_ns(NULL, 0, INT64_MAX), 0);
    witness_close(&witness);
    CHECK(witness == NULL);
}

static void it_stops_and_goes(void)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    struct witness *witness = witness_open();

    for (int n = 0; n < 3; n++) {
        witness_run(witness, WITNESS_STEP_MIN_NS << n);
        (void)nanosleep(&pause, NULL);
        witness_run(witness, 0);
    }
    CHECK(witness_taken_ns(witness, 0, INT64_MAX) < INT64_C(60000000000));
    witness_close(&witness);
}

/* A gap as long as the slack is never stepped over, and no service is looked at for nothing. */
static void the_slack_says_how_often(void)
{
    CHECK_INT(witness_step_ns(-5 * MILLI), 2 * MILLI);
    CHECK_INT(witness_step_ns(0), 2 * MILLI);
    CHECK_INT(witness_step_ns(7 * MILLI), 7 * MILLI);
    CHECK_INT(witness_step_ns(INT64_MAX), 20 * MILLI);
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* The stopped one: what its witness calls taken while it was stopped for 200 ms. */
static int watch_and_stop(void)
{
    const struct timespec pause = {.tv_nsec = 50 * 1000000};
    struct witness *witness = witness_open();
    int64_t before_ns;

    witness_run(witness, WITNESS_STEP_MIN_NS);
    (void)nanosleep(&pause, NULL);
    before_ns = now_ns();
    (void)raise(SIGSTOP);
    (void)nanosleep(&pause, NULL);
    return (int)(witness_taken_ns(witness, before_ns, before_ns + 200 * MILLI) / MILLI);
}

/* Somebody stops the whole program: that is not the host. */
static void who_is_stopped_has_seen_nothing(void)
{
    const struct timespec pause = {.tv_nsec = 200 * 1000000};
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(watch_and_stop());
    CHECK_INT(waitpid(pid, &status, WUNTRACED), pid);
    CHECK(WIFSTOPPED(status));
    (void)nanosleep(&pause, NULL);
    (void)kill(pid, SIGCONT);
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    fprintf(stderr, "  stopped for 200 ms, of which the host is said to have taken %d\n",
            WEXITSTATUS(status));
    CHECK(WEXITSTATUS(status) < 100);
}

int main(void)
{
    RUN(the_slack_says_how_often);
    RUN(overlap_is_what_counts);
    RUN(it_stops_and_goes);
    RUN(who_is_stopped_has_seen_nothing);
    return 0;
}
