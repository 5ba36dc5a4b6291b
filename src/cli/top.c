/* tactus top: what each component of the running services does, once a second. One question to
 * tactusd a second, whose sums since the start are turned into rates here. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/quantity.h"
#include "cli/talk.h"

enum {
    ONCE_MS = 1000,
    REFRESH_MS = 1000,
    NAME_COLUMNS = 13,
    HEAD_COLUMNS = 18,
    REST_COLUMNS = 80 - HEAD_COLUMNS - 2
};

struct top {
    struct cli *cli;
    json_t *before, *now; /* watch events; before NULL: none yet */
};

/* The entry of the same name among the siblings of before; NULL: it is new. */
static const json_t *find_named(const json_t *list, const char *name)
{
    const json_t *entry;
    size_t n;

    json_array_foreach((json_t *)list, n, entry)
    {
        if (strcmp(json_text(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

/* How much a sum grew; a service that began again starts from nothing. */
static int64_t grown(const json_t *now, const json_t *before, const char *name)
{
    int64_t from = before ? json_int(before, name) : 0, to = json_int(now, name);

    return to >= from ? to - from : to;
}

/* What one second (or the time between the two looks) says of a component. */
struct figures {
    int64_t waiting_ns, busy_ns, busy_max_ns, budget_ns, misses, activations;
};

static struct figures measure(const json_t *now, const json_t *before)
{
    int64_t count = grown(now, before, "activations");
    struct figures ret = {.busy_max_ns = json_int(now, "busy_max_ns"),
                          .budget_ns = json_int(now, "budget_ns"),
                          .misses = json_int(now, "misses"),
                          .activations = count};

    if (count > 0) {
        ret.waiting_ns = grown(now, before, "waiting_ns") / count;
        ret.busy_ns = grown(now, before, "busy_ns") / count;
    }
    return ret;
}

static void put_name(FILE *out, const char *name, int columns)
{
    char cut[160];
    int length;

    (void)snprintf(cut, sizeof(cut), "%.*s", columns, name);
    length = (int)strlen(cut);
    paint_safe(out, cut);
    fprintf(out, "%*s", columns - length, "");
}

/* "12.3u", "4.56m": five columns hold any time. */
static void put_time(FILE *out, int64_t ns)
{
    static const char units[] = "num s";
    double value = (double)ns;
    int unit = 0;

    while (value >= 999.5 && unit < 2) {
        value /= 1000;
        unit++;
    }
    if (value >= 999.5)
        fprintf(out, " %6.1fs", value / 1000);
    else if (ns == 0)
        fprintf(out, " %7s", "0");
    else
        fprintf(out, value < 10 ? " %6.2f%c" : " %6.1f%c", value, units[unit]);
}

/* Which degrading level it is at, of how many below the best. */
static void put_level(const struct top *top, const json_t *component)
{
    const struct paint *paint = &top->cli->out_paint;
    int64_t level = json_int(component, "level"), levels = json_int(component, "levels");

    if (levels == 0)
        fprintf(top->cli->out, " %5s", "-");
    else
        fprintf(top->cli->out, " %s%3lld/%-lld%s",
                paint_on(paint, level > 0 ? PAINT_BAD : PAINT_PLAIN), (long long)level,
                (long long)levels, paint_off(paint));
}

static void put_component(const struct top *top, const json_t *component, const json_t *before)
{
    struct figures f = measure(component, before);
    const struct paint *paint = &top->cli->out_paint;
    const json_t *peak = json_object_get(component, "level_mdb");
    bool is_edge = strcmp(json_text(component, "process"), "edge") == 0;
    FILE *out = top->cli->out;

    fputs("  ", out);
    put_name(out, json_text(component, "name"), NAME_COLUMNS);
    if (is_edge && f.activations == 0) {
        fprintf(out, " %7s %7s %7s", "edge", "-", "-");
    } else {
        put_time(out, f.waiting_ns);
        put_time(out, f.busy_ns);
        put_time(out, f.busy_max_ns);
    }
    if (f.budget_ns > 0) {
        put_time(out, f.budget_ns);
        fprintf(out, " %s%4.0f%%%s",
                paint_on(paint, f.busy_max_ns > f.budget_ns ? PAINT_BAD : PAINT_PLAIN),
                100.0 * (double)f.busy_max_ns / (double)f.budget_ns, paint_off(paint));
    } else {
        fprintf(out, " %7s %5s", "-", "-");
    }
    fprintf(out, " %s%6lld%s", paint_on(paint, f.misses > 0 ? PAINT_BAD : PAINT_PLAIN),
            (long long)f.misses, paint_off(paint));
    fprintf(out, " %3lld/%-3lld", (long long)json_int(component, "queue"),
            (long long)json_int(component, "queue_max"));
    put_level(top, component);
    if (json_is_integer(peak))
        fprintf(out, " %5.1f", (double)json_integer_value(peak) / 1000);
    fputc('\n', out);
}

/* What is longer than the screen is wide is cut: a line that wraps would push the others down. */
static void put_headline(const struct top *top, const json_t *service)
{
    const json_t *slack = json_object_get(service, "slack_ns");
    const struct paint *paint = &top->cli->out_paint;
    int64_t late = json_int(service, "late"), lost = json_int(service, "lost");
    bool is_bad = late + lost > 0 || json_integer_value(slack) < 0;
    FILE *out = top->cli->out;
    char text[256];

    fputs(paint_on(paint, PAINT_BOLD), out);
    put_name(out, json_text(service, "name"), HEAD_COLUMNS);
    fprintf(out, "%s %s", paint_off(paint), paint_on(paint, is_bad ? PAINT_BAD : PAINT_PLAIN));
    (void)snprintf(text, sizeof(text), "%.10s, %.12s; slack %s; late %lld, lost %lld of %lld",
                   json_text(service, "state"), json_text(service, "class"),
                   json_is_integer(slack) ? quantity_time(json_integer_value(slack)).text : "-",
                   (long long)late, (long long)lost, (long long)json_int(service, "frames"));
    put_name(out, text, (int)strlen(text) < REST_COLUMNS ? (int)strlen(text) : REST_COLUMNS);
    fprintf(out, "%s\n", paint_off(paint));
}

/* What a worker has of a CPU now. */
static void put_worker(const struct top *top, const json_t *worker)
{
    const struct paint *paint = &top->cli->out_paint;
    const json_t *reservation = json_object_get(worker, "reservation");
    int64_t budget_ns = json_int(reservation, "budget_ns");
    int64_t period_ns = json_int(reservation, "period_ns");
    FILE *out = top->cli->out;

    fprintf(out, "  %s", paint_on(paint, PAINT_DIM));
    put_name(out, json_text(worker, "name"), HEAD_COLUMNS);
    if (period_ns > 0)
        fprintf(out, " reserved %s in %s, %s of a CPU", quantity_time(budget_ns).text,
                quantity_time(period_ns).text, quantity_ppm(budget_ns * 1000000 / period_ns).text);
    else
        fputs(" nothing reserved", out);
    fprintf(out, "%s\n", paint_off(paint));
}

/* Those of one process; process NULL: all, wherever they run. */
static void put_components(const struct top *top, const json_t *service, const json_t *before,
                           const char *process)
{
    const json_t *old = before ? json_object_get(before, "components") : NULL, *component;
    size_t n;

    json_array_foreach(json_object_get(service, "components"), n, component)
    {
        if (process == NULL || strcmp(json_text(component, "process"), process) == 0)
            put_component(top, component, find_named(old, json_text(component, "name")));
    }
}

/* Of several containers each is followed by what it runs, and edges come last. */
static void put_service(const struct top *top, const json_t *service, const json_t *before)
{
    const json_t *workers = json_object_get(service, "workers"), *worker;
    bool is_grouped = json_array_size(workers) > 1;
    size_t n;

    put_headline(top, service);
    json_array_foreach(workers, n, worker)
    {
        put_worker(top, worker);
        if (is_grouped)
            put_components(top, service, before, json_text(worker, "name"));
    }
    put_components(top, service, before, is_grouped ? "edge" : NULL);
}

static void put_screen(const struct top *top)
{
    const json_t *services = json_object_get(top->now, "services"), *service;
    const json_t *old = top->before ? json_object_get(top->before, "services") : NULL;
    const struct paint *paint = &top->cli->out_paint;
    FILE *out = top->cli->out;
    size_t n;

    fprintf(out, "tactus top: %zu service%s; %s of %s reserved on %lld CPUs\n",
            json_array_size(services), json_array_size(services) == 1 ? "" : "s",
            quantity_ppm(json_int(top->now, "reserved_ppm")).text,
            quantity_ppm(json_int(top->now, "limit_ppm")).text,
            (long long)json_int(top->now, "cpus"));
    fprintf(out, "%s  %-*s %7s %7s %7s %7s %5s %6s %7s %5s %5s%s\n", paint_on(paint, PAINT_DIM),
            NAME_COLUMNS, "COMPONENT", "WAITING", "BUSY", "BUSYMAX", "BUDGET", "SHARE", "MISSES",
            "QUEUE", "LEVEL", "PEAK", paint_off(paint));
    json_array_foreach(services, n, service)
    {
        put_service(top, service, find_named(old, json_text(service, "name")));
    }
    if (json_array_size(services) == 0)
        fputs("  none runs; start one: tactus run test.video ! null\n", out);
}

/* A new connection each time: an answer is a whole one, and a tactusd that was restarted is met. */
static int look(struct top *top)
{
    struct request request = {.json = json_pack("{s:s}", "op", "watch")};
    struct talk talk = {0};
    json_t *event = NULL;
    int r = talk_open(top->cli, &talk);

    if (r == CLI_DONE)
        r = talk_ask(top->cli, &talk, &request, "watch", &event);
    talk_close(&talk);
    json_decref(request.json);
    if (r != CLI_DONE) {
        json_decref(event);
        return r;
    }
    json_decref(top->before);
    top->before = top->now;
    top->now = event;
    return CLI_DONE;
}

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

/* True: the user wants to leave. Any other key looks again at once. */
static bool wait_for_key(int wait_ms)
{
    struct pollfd poll_fd = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;
    int r = poll(&poll_fd, 1, wait_ms);

    if (is_over)
        return true;
    if (r <= 0)
        return false;
    return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3;
}

/* What does not fit on the screen is cut, so that the head stays. */
static void show(struct top *top, char *text)
{
    struct paint size;
    uint32_t lines = 0;
    char *at = text;

    paint_init(&size, STDOUT_FILENO);
    for (; *at && lines + 2 < size.rows; at++)
        lines += *at == '\n';
    *at = 0;
    /* Each line is cleared to its end: clearing the screen first would flicker. */
    fputs("\033[H", stdout);
    for (char *line = text, *end; *line; line = end + (*end != 0)) {
        end = strchrnul(line, '\n');
        printf("%.*s\033[K\r\n", (int)(end - line), line);
    }
    printf("\033[J%sq: quit%s", paint_on(&top->cli->out_paint, PAINT_DIM),
           paint_off(&top->cli->out_paint));
    (void)fflush(stdout);
}

static int refresh(struct top *top)
{
    FILE *out = top->cli->out;
    size_t bytes = 0;
    char *text = NULL;
    int r = look(top);

    if (r != CLI_DONE)
        return r;
    top->cli->out = open_memstream(&text, &bytes);
    if (top->cli->out)
        put_screen(top);
    if (top->cli->out && fclose(top->cli->out) == 0)
        show(top, text);
    free(text);
    top->cli->out = out;
    return CLI_DONE;
}

static int run_screen(struct top *top)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct termios before, raw;
    bool has_keys = tcgetattr(STDIN_FILENO, &before) == 0;
    int r;

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    if (has_keys) {
        raw = before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l", stdout);
    do
        r = refresh(top);
    while (r == CLI_DONE && !wait_for_key(REFRESH_MS));
    fputs("\033[?25h\033[?1049l", stdout);
    (void)fflush(stdout);
    if (r != CLI_DONE) /* what was said of it went with the screen */
        fputs("tactus top: tactusd answers no more; tactus says why\n", stderr);
    if (has_keys)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
    return r;
}

static void sleep_ms(int ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static int run_once(struct top *top)
{
    int r = look(top);

    if (r == CLI_DONE && json_array_size(json_object_get(top->now, "services")) > 0 &&
        !top->cli->is_json) {
        sleep_ms(ONCE_MS);
        r = look(top);
    }
    if (r == CLI_DONE && top->cli->is_json)
        json_write_event(top->cli->out, top->now);
    else if (r == CLI_DONE)
        put_screen(top);
    return r;
}

int cli_top(struct cli *cli, const struct args *args)
{
    struct top top = {.cli = cli};
    bool is_screen = !args_has(args, OPTION_ONCE) && !cli->is_json && cli->out_paint.is_tty &&
                     isatty(STDIN_FILENO) == 1;
    int r;

    if (args->word_count > 0)
        return cli_fail(cli, CLI_USAGE, "top takes no words; '%s' is one too many", args->words[0]);
    r = is_screen ? run_screen(&top) : run_once(&top);
    json_decref(top.before);
    json_decref(top.now);
    return r;
}
