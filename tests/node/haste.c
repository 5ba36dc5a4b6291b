/* Haste has its bounds, and what it changed is put back. */
#include "node/haste.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "platform/linux/reserve.h"

enum { NICE = 3 };

static void check_pace(void)
{
    struct haste_pace pace = {0};

    CHECK(!haste_pace_end(&pace, 5));
    CHECK(haste_pace_begin(&pace, 1000));
    CHECK(!haste_pace_begin(&pace, 1001));
    CHECK(haste_pace_end(&pace, 1100));
    CHECK(!haste_pace_end(&pace, 1100));
    CHECK(!haste_pace_begin(&pace, 1399)); /* three times as long as it was */
    CHECK(haste_pace_begin(&pace, 1400));
}

static int policy_of(pid_t pid)
{
    return tt_reserve_get(pid, NULL, NULL);
}

static pid_t fork_companion(void)
{
    pid_t pid = fork();

    while (pid == 0)
        (void)pause();
    CHECK(pid > 0);
    return pid;
}

/* Ended by whoever asked for it, and by the limit when he does not. */
static void check_classes(struct loop *loop, pid_t companion, bool is_ended)
{
    struct haste *haste = haste_open(loop);

    CHECK(haste != NULL);
    haste_begin(haste);
    CHECK_INT(policy_of(0), SCHED_FIFO);
    haste_take_along(haste, companion);
    CHECK_INT(policy_of(companion), SCHED_FIFO);
    if (is_ended) {
        haste_end(haste);
        CHECK_INT(policy_of(0), SCHED_OTHER);
    }
    while (policy_of(companion) == SCHED_FIFO)
        loop_turn(loop);
    CHECK_INT(policy_of(companion), SCHED_OTHER);
    CHECK_INT(policy_of(0), SCHED_OTHER);
    CHECK_INT(getpriority(PRIO_PROCESS, (id_t)companion), NICE);
    haste_close(&haste);
}

/* What has got another place since keeps it. */
static void check_favoured(struct loop *loop, pid_t companion)
{
    struct haste *haste = haste_open(loop);

    haste_begin(haste);
    haste_take_along(haste, companion);
    CHECK_INT(tt_reserve_fifo(companion, 20, NULL), 0);
    haste_close(&haste);
    CHECK_INT(policy_of(companion), SCHED_FIFO);
    CHECK_INT(policy_of(0), SCHED_OTHER);
}

int main(void)
{
    struct loop *loop = NULL;
    pid_t companion;

    check_pace();
    if (tt_reserve_fifo(0, 1, NULL) < 0)
        return CHECK_SKIP;
    CHECK_INT(tt_reserve_leave(NULL), 0);
    CHECK_INT(setpriority(PRIO_PROCESS, 0, NICE), 0);
    CHECK_INT(loop_open(&loop, NULL), 0);
    companion = fork_companion();
    check_classes(loop, companion, true);
    check_classes(loop, companion, false);
    check_favoured(loop, companion);
    (void)kill(companion, SIGKILL);
    (void)waitpid(companion, NULL, 0);
    loop_close(&loop);
    return 0;
}
