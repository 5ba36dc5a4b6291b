/* What a compiler that was taken over could do: a shell in its place tries, and fails. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "build/jail.h"
#include "scratch.h"

static struct tt_tool_result ran;

static const char *run(const char *script, uint32_t cpu_s)
{
    static char last[TT_TOOL_SAYS_BYTES];
    const char *words[] = {"/usr/bin/bash", "-c", script, NULL};
    struct tt_tool tool = {.words = words, .folder = scratch, .cpu_s = cpu_s, .takes_stdout = true};
    struct tt_error err = {0};

    if (tt_tool_run(&tool, &ran, &err) < 0)
        fprintf(stderr, "%s\n", err.text);
    CHECK_TEXT(err.text, "");
    (void)snprintf(last, sizeof(last), "%s", ran.says);
    free(ran.says);
    return last;
}

static void it_works_in_its_folder(void)
{
    CHECK_TEXT(run("echo one >file && cat file && echo $PATH && rm file && exit 7", 5),
               "one\n/usr/bin:/bin\n");
    CHECK_INT(WEXITSTATUS(ran.status), 7);
    CHECK((ran.walls & (TT_WALL_FILTER | TT_WALL_LIMITS)) == (TT_WALL_FILTER | TT_WALL_LIMITS));
}

/* Each line does something that must fail; what succeeds is named. */
static void nothing_else_is_in_reach(void)
{
    char script[4096];
    const char *said;

    CHECK(snprintf(script, sizeof(script),
                   "exec 2>/dev/null\n"
                   "(exec 3<>/dev/tcp/127.0.0.1/80) && echo tcp\n"
                   "(exec 3<>/dev/udp/127.0.0.1/53) && echo udp\n"
                   "kill -0 %d && echo kill\n"
                   "setsid true && echo setsid\n"
                   "unshare -U true && echo unshare\n"
                   "nsenter -t %d -n true && echo setns\n"
                   "mount -t tmpfs none . && echo mount\n"
                   "mknod device c 1 3 && echo mknod\n"
                   "nice -n -5 true && [ $(nice -n -5 nice) -lt 0 ] && echo nice\n"
                   "chrt -f 5 true && echo chrt\n"
                   "echo end\n",
                   (int)getpid(), (int)getpid()) < (int)sizeof(script));
    said = run(script, 5);
    CHECK_TEXT(said, "end\n");
    if (!(ran.walls & TT_WALL_FILES))
        return;
    CHECK(snprintf(script, sizeof(script),
                   "exec 2>/dev/null\n"
                   "read -r line </etc/passwd && echo read\n"
                   "ls /root /home /tmp /var >/dev/null && echo list\n"
                   "echo x >/tmp/tactus-jail-%d && echo write\n"
                   "echo x >/usr/x && echo usr\n"
                   "read -r line <%s/../other && echo other\n"
                   "echo end\n",
                   (int)getpid(), scratch) < (int)sizeof(script));
    CHECK_TEXT(run(script, 5), "end\n");
}

static void it_has_an_end(void)
{
    (void)run("while :; do :; done", 1);
    CHECK(WIFSIGNALED(ran.status) &&
          (WTERMSIG(ran.status) == SIGXCPU || WTERMSIG(ran.status) == SIGKILL));
    CHECK_TEXT(
        run("exec 2>/dev/null; truncate -s 100M large; truncate -s 400M large; stat -c %s large",
            5),
        "104857600\n");
    /* What it leaves running is ended with it. */
    CHECK_TEXT(run("sleep 100 >/dev/null 2>&1 & echo gone", 5), "gone\n");
}

int main(void)
{
    scratch_open(false);
    it_works_in_its_folder();
    nothing_else_is_in_reach();
    it_has_an_end();
    scratch_close();
    return 0;
}
