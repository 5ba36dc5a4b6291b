/* tactus-host from outside: texts are shaped, services run, and nothing stays behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "driver.h"
#include "platform/linux/port.h"

static const char *host;
static char folder[] = "/tmp/tt-host-XXXXXX";

static struct tt_picture *shape(const char *graph)
{
    struct tt_picture *picture = driver_shape(graph, folder, NULL);

    CHECK(picture != NULL);
    return picture;
}

static void end_all(struct run *run)
{
    CHECK(driver_wait(run, 60000));
    for (uint32_t n = 0; n < run->wiring->process_count; n++) {
        if (run->children[n].pid == 0)
            continue;
        CHECK_TEXT(run->children[n].error, "");
        CHECK_INT(driver_reap(&run->children[n], 30000), 0);
        CHECK(run->children[n].has_ended);
    }
}

static void an_order_without_a_user_is_refused(void)
{
    driver_refused(json_pack("{ss}", "role", "shaper"));
    driver_refused(json_pack("{ss si}", "role", "shaper", "uid", 0));
    driver_refused(json_pack("{ss si si}", "role", "container", "uid", -1, "gid", 0));
    driver_refused(json_pack("{ss ss si}", "role", "edge", "uid", "0", "gid", 0));
}

/* The lines of /proc/PID/status that say what a process may do, once it may do no more than `until`
 * says. */
static void read_walls(pid_t pid, const char *until, char *ret, size_t bytes)
{
    static const char *const wanted[] = {"Uid:",    "Gid:",    "Groups:",     "CapPrm:", "CapEff:",
                                         "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:"};
    char path[64], line[256];

    for (int tries = 0; tries < 500; tries++) {
        FILE *file;

        (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
        file = fopen(path, "re");
        CHECK(file != NULL);
        ret[0] = 0;
        while (fgets(line, sizeof line, file))
            for (size_t n = 0; n < sizeof wanted / sizeof *wanted; n++)
                if (strncmp(line, wanted[n], strlen(wanted[n])) == 0)
                    (void)strncat(ret, line, bytes - strlen(ret) - 1);
        (void)fclose(file);
        if (strstr(ret, until))
            return;
        (void)usleep(10000);
    }
    CHECK(!"the walls stand");
}

static json_t *order_of(const char *role, bool is_spare, bool has_network)
{
    return json_pack("{ss sb sb s[s] s[]}", "role", role, "spare", is_spare, "network", has_network,
                     "files", folder, "writes");
}

static void end_child(pid_t pid, int control, int code)
{
    struct child child = {.pid = pid, .control = control};

    (void)close(control);
    CHECK_INT(driver_reap(&child, 30000), code);
}

static void a_spare_container_has_the_walls_of_a_container(void)
{
    char walls[2][2048];

    for (int n = 0; n < 2; n++) {
        int control;
        pid_t pid = driver_spawn(order_of("container", n == 1, false), &control);

        read_walls(pid, "Seccomp:\t2", walls[n], sizeof walls[n]);
        end_child(pid, control, 1);
    }
    CHECK_TEXT(walls[1], walls[0]);
}

/* Before it has its order it has no walls; with it the same as one that was forked for it. */
static void a_spare_edge_has_the_walls_of_its_order(void)
{
    char walls[2][2048];

    for (int n = 0; n < 2; n++) {
        int control;
        pid_t pid = driver_spawn(order_of("edge", n == 1, false), &control);
        json_t *told = order_of("edge", false, false);

        if (n == 1)
            CHECK_INT(tt_message_send_new(control,
                                          json_pack("{ss so si si ss}", "op", "spawn", "files",
                                                    json_incref(json_object_get(told, "files")),
                                                    "uid", (int)geteuid(), "gid", (int)getegid(),
                                                    "role", "edge"),
                                          NULL, NULL, 0, NULL),
                      0);
        json_decref(told);
        read_walls(pid, "NoNewPrivs:\t1", walls[n], sizeof walls[n]);
        end_child(pid, control, 1);
    }
    CHECK_TEXT(walls[1], walls[0]);
}

static void a_spare_edge_takes_no_order_of_another_kind(void)
{
    static const struct {
        const char *role;
        bool is_spare, has_network;
    } wrong[] = {{"container", false, false},
                 {"shaper", false, false},
                 {"edge", false, true},
                 {"edge", true, false}};

    for (size_t n = 0; n < sizeof wrong / sizeof *wrong; n++) {
        int control;
        pid_t pid = driver_spawn(order_of("edge", true, false), &control);
        json_t *order = order_of(wrong[n].role, wrong[n].is_spare, wrong[n].has_network);
        struct tt_message answer;

        json_object_set_new(order, "uid", json_integer(geteuid()));
        json_object_set_new(order, "gid", json_integer(getegid()));
        CHECK_INT(tt_message_send_new(control, order, NULL, NULL, 0, NULL), 0);
        do {
            CHECK_INT(tt_message_receive_within(control, 30000, &answer, NULL), 0);
        } while (strcmp(tt_message_text(&answer, "event"), "note") == 0);
        CHECK_TEXT(tt_message_text(&answer, "event"), "error");
        tt_message_fini(&answer);
        end_child(pid, control, 1);
    }
}

static void a_graph_is_shaped(void)
{
    struct tt_picture *picture = shape("test.video width=320 height=180 rate=50 ! null");

    CHECK_INT(picture->component_count, 2);
    CHECK(picture->is_live);
    CHECK_INT(picture->flows[0].format.width, 320);
    tt_picture_close(&picture);
}

static void a_mistake_comes_back_with_its_place(void)
{
    json_t *error = NULL;

    CHECK(driver_shape("test.video widht=320 ! null", folder, &error) == NULL);
    CHECK_TEXT(json_string_value(json_object_get(error, "nearest")), "width");
    CHECK(json_integer_value(json_object_get(error, "column")) > 0);
    json_decref(error);
}

static void a_missing_file_is_named(void)
{
    json_t *error = NULL;

    CHECK(driver_shape("raw.read url=there-is-none.yuv width=64 height=48 ! null", folder,
                       &error) == NULL);
    CHECK(strstr(json_string_value(json_object_get(error, "text")), "there-is-none.yuv") != NULL);
    json_decref(error);
}

/* A parameter of the input says how long it is looked at; tactusd is told before the look begins.
 */
static void a_long_look_is_announced(void)
{
    static const struct {
        const char *graph;
        int64_t look_s;
    } looks[] = {{"av.read name=r url=none.ts probe=20s r.video ! av.decode ! null", 21},
                 {"av.read name=r url=none.ts probe=60s r.video ! av.decode ! null", 61},
                 {"av.read name=r url=none.ts probe=1s r.video ! av.decode ! null", 5},
                 {"raw.read url=there-is-none.yuv width=64 height=48 ! null", 5},
                 {"test.video ! null", 0}};

    for (size_t n = 0; n < sizeof looks / sizeof *looks; n++) {
        json_t *error = NULL;
        struct tt_picture *picture = driver_shape(looks[n].graph, folder, &error);

        tt_picture_close(&picture);
        json_decref(error);
        CHECK_INT(driver_look_s, looks[n].look_s);
    }
}

static void a_live_service_runs_to_its_end(void)
{
    struct run run;
    struct tt_record record;
    int64_t frames = 0, lost = 0, ends = 0, hops = 0;

    driver_open(&run, shape("test.video width=320 height=180 rate=50 ! null"));
    run.end_ns = 400000000;
    driver_begin(&run);
    driver_go(&run);
    end_all(&run);
    while (driver_record(&run, 0, &record)) {
        if (record.kind == TT_RECORD_FRAME) {
            CHECK_INT(record.index, frames);
            /* On a busy machine some of a live service's are lost. */
            if (record.outcome == TT_LOST_FRAME)
                lost++;
            else
                CHECK(record.delivered_ns >= record.origin_ns);
            frames++;
        }
        ends += record.kind == TT_RECORD_END;
        hops += record.kind == TT_RECORD_HOP;
    }
    CHECK_INT(frames, 20);
    CHECK_INT(ends, 1);
    CHECK(lost < frames);
    CHECK(hops >= 2 * (frames - lost));
    CHECK(run.engine_stats->first_delivery_ns >= run.epoch_ns);
    CHECK((int64_t)run.cost_samples >= frames - lost);
    driver_close(&run);
}

static void stop_ends_a_service_in_order(void)
{
    struct run run;

    driver_open(&run, shape("test.video width=64 height=64 rate=100 ! null"));
    driver_begin(&run);
    driver_go(&run);
    CHECK(!driver_wait(&run, 200));
    driver_say(&run, 0, "stop");
    end_all(&run);
    driver_close(&run);
}

static void write_pattern(const char *path, uint32_t bytes)
{
    FILE *file = fopen(path, "wbe");

    CHECK(file != NULL);
    for (uint32_t n = 0; n < bytes; n++)
        CHECK(fputc((int)(n * 2654435761u >> 24), file) != EOF);
    CHECK_INT(fclose(file), 0);
}

static void check_pattern(const char *path, uint32_t bytes)
{
    FILE *file = fopen(path, "rbe");

    CHECK(file != NULL);
    for (uint32_t n = 0; n < bytes; n++)
        CHECK_INT(fgetc(file), (int)(n * 2654435761u >> 24));
    CHECK_INT(fgetc(file), EOF);
    CHECK_INT(fclose(file), 0);
}

enum { RAW_BYTES = 64 * 48 * 3 / 2 * 100 };

static const char raw_graph[] =
    "raw.read url=in.yuv width=64 height=48 format=I420 rate=25 ! raw.write url=out.yuv";

static void edges_carry_every_byte(void)
{
    struct run run;
    struct tt_record record;
    int64_t sent = 0;
    char in[64], out[64];

    (void)snprintf(in, sizeof in, "%s/in.yuv", folder);
    (void)snprintf(out, sizeof out, "%s/out.yuv", folder);
    write_pattern(in, RAW_BYTES);
    driver_open(&run, shape(raw_graph));
    CHECK(!run.picture->is_live);
    CHECK_INT(run.wiring->process_count, 3);
    driver_begin(&run);
    driver_go(&run);
    end_all(&run);
    check_pattern(out, RAW_BYTES);
    for (uint32_t n = 1; n < 3; n++)
        while (driver_record(&run, n, &record))
            if (record.kind == TT_RECORD_SENT)
                CHECK_INT(record.index, sent++);
    CHECK_INT(sent, 100);
    driver_close(&run);
    CHECK_INT(unlink(in) | unlink(out), 0);
}

static void streams_reach_the_edges(void)
{
    struct run run;
    char in[64], out[64];

    (void)snprintf(in, sizeof in, "%s/in.yuv", folder);
    (void)snprintf(out, sizeof out, "%s/out.yuv", folder);
    write_pattern(in, RAW_BYTES);
    driver_open(&run, shape("raw.read url=- width=64 height=48 format=I420 rate=25 ! "
                            "raw.write url=-"));
    run.stdin_fd = open(in, O_RDONLY | O_CLOEXEC);
    run.stdout_fd = open(out, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(run.stdin_fd >= 0 && run.stdout_fd >= 0);
    driver_begin(&run);
    driver_go(&run);
    end_all(&run);
    (void)close(run.stdin_fd);
    (void)close(run.stdout_fd);
    check_pattern(out, RAW_BYTES);
    driver_close(&run);
    CHECK_INT(unlink(in) | unlink(out), 0);
}

static void a_profile_needs_no_sink(void)
{
    struct run run;

    driver_open(&run, shape("test.video width=320 height=180 rate=50 ! raw.write url=none.yuv"));
    run.is_profile = true;
    driver_begin(&run);
    driver_go(&run);
    end_all(&run);
    CHECK(run.cost_samples >= 400);
    CHECK(run.engine_stats->nodes[0].activations >= 400);
    driver_close(&run);
}

static void a_refused_start_is_explained(void)
{
    struct run run;
    char in[64];

    (void)snprintf(in, sizeof in, "%s/in.yuv", folder);
    write_pattern(in, RAW_BYTES);
    driver_open(&run, shape(raw_graph));
    CHECK_INT(unlink(in), 0);
    driver_begin(&run);
    CHECK(strstr(run.children[1].error, "in.yuv") || strstr(run.children[2].error, "in.yuv"));
    for (uint32_t n = 0; n < 3; n++) {
        (void)kill(run.children[n].pid, SIGKILL);
        CHECK(driver_reap(&run.children[n], 30000) != -1000);
    }
    driver_close(&run);
    (void)snprintf(in, sizeof in, "%s/out.yuv", folder);
    (void)unlink(in);
}

/* A daemon that is killed takes zygote, containers and edges with it. */
static void nothing_outlives_the_daemon(void)
{
    pid_t pids[2] = {0, 0}, daemon;
    int pipe_fds[2], status;

    CHECK_INT(pipe2(pipe_fds, O_CLOEXEC), 0);
    daemon = fork();
    CHECK(daemon >= 0);
    if (daemon == 0) {
        struct run run;

        driver_start(host);
        driver_open(&run, shape("test.video width=64 height=64 rate=100 ! null"));
        driver_begin(&run);
        driver_go(&run);
        pids[0] = driver_zygote();
        pids[1] = run.children[0].pid;
        (void)!write(pipe_fds[1], pids, sizeof pids);
        (void)pause();
        _exit(0);
    }
    /* Orphans come to this process instead of the machine's first one, and can be waited for. */
    CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
    (void)close(pipe_fds[1]);
    CHECK_INT(read(pipe_fds[0], pids, sizeof pids), sizeof pids);
    CHECK_INT(kill(daemon, SIGKILL), 0);
    CHECK_INT(waitpid(daemon, &status, 0), daemon);
    for (int n = 0; n < 2; n++) {
        struct child orphan = {.pid = pids[n]};
        int r = driver_reap(&orphan, 30000);

        CHECK(r == -SIGKILL || r == 0 || r == 1);
    }
    (void)close(pipe_fds[0]);
}

int main(int argc, char **argv)
{
    CHECK_INT(argc, 2);
    host = argv[1];
    CHECK(mkdtemp(folder) != NULL);
    RUN(nothing_outlives_the_daemon);
    driver_start(host);
    RUN(an_order_without_a_user_is_refused);
    RUN(a_spare_container_has_the_walls_of_a_container);
    RUN(a_spare_edge_has_the_walls_of_its_order);
    RUN(a_spare_edge_takes_no_order_of_another_kind);
    RUN(a_graph_is_shaped);
    RUN(a_mistake_comes_back_with_its_place);
    RUN(a_missing_file_is_named);
    RUN(a_long_look_is_announced);
    RUN(a_live_service_runs_to_its_end);
    RUN(stop_ends_a_service_in_order);
    RUN(edges_carry_every_byte);
    RUN(streams_reach_the_edges);
    RUN(a_refused_start_is_explained);
    RUN(a_profile_needs_no_sink);
    driver_stop();
    CHECK_INT(rmdir(folder), 0);
    return 0;
}
