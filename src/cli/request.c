/* From FILE|GRAPH and options to the request that tactusd understands. The text itself is not
 * looked at here: parsing it is the business of a jailed process. */
#include "cli/request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "spec/service.h"

enum { TEXT_BYTES_MAX = 1 << 20 /* of a service; tactusd has the same limit */ };

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool names_file(const char *word)
{
    return ends_with(word, ".yaml") || ends_with(word, ".yml");
}

/* A single word names a file when it says so or when one is there; all else is a graph. */
static bool is_file(const char *word)
{
    struct stat status;

    return names_file(word) || stat(word, &status) == 0;
}

static int read_all(struct cli *cli, int fd, const char *title, char **ret)
{
    size_t used = 0, capacity = 16384;
    char *text = malloc(capacity + 1), *bigger;
    ssize_t got = -1;

    while (text && (got = read(fd, text + used, capacity - used)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        used += (size_t)got;
        if (used > TEXT_BYTES_MAX)
            break;
        if (used == capacity) {
            bigger = realloc(text, 2 * capacity + 1);
            if (!bigger)
                break;
            capacity *= 2;
            text = bigger;
        }
    }
    if (text && got == 0 && !memchr(text, 0, used)) {
        text[used] = 0;
        *ret = text;
        return CLI_DONE;
    }
    free(text);
    if (!text || (got > 0 && used <= TEXT_BYTES_MAX))
        return cli_fail(cli, CLI_UNREACHABLE, "no memory to read %s", title);
    if (got < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot read %s: %s", title, strerror(errno));
    if (got > 0)
        return cli_fail(cli, CLI_USAGE, "%s is larger than 1 MiB, which no service is", title);
    return cli_fail(cli, CLI_USAGE, "%s holds a zero byte: it is not the text of a service", title);
}

/* The folder that relative paths of the service start from. */
static int set_base(struct cli *cli, struct request *request, const char *path)
{
    char *copy = path ? strdup(path) : strdup("."), *slash = copy ? strrchr(copy, '/') : NULL;
    char base[PATH_MAX];
    const char *found;

    if (path && slash == copy && copy)
        slash[1] = 0;
    else if (path && slash)
        *slash = 0;
    found = copy ? realpath(path && !slash ? "." : copy, base) : NULL;
    free(copy);
    if (!found)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot find the folder of %s: %s", request->title,
                        strerror(errno));
    if (json_object_set_new(request->json, "base", json_string(base)) != 0)
        return cli_fail(cli, CLI_UNREACHABLE, "the name of the folder %s is not UTF-8", base);
    return CLI_DONE;
}

static int read_file(struct cli *cli, struct request *request, const char *path)
{
    struct stat status;
    int fd, r;

    request->title = strdup(path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot read %s: %s", path, strerror(errno));
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        r = cli_fail(cli, CLI_UNREACHABLE, "%s is a folder, not the file of a service", path);
    else
        r = read_all(cli, fd, path, &request->text);
    (void)close(fd);
    return r == CLI_DONE ? set_base(cli, request, path) : r;
}

/* A shell took the quotes of  format="%H %M"  away: a value with spaces gets them back. */
static bool needs_quotes(const char *word)
{
    const char *equals = strchr(word, '=');

    return equals && equals > word && strcspn(word, " \t\n\"'") > (size_t)(equals - word) &&
           equals[1 + strcspn(equals + 1, " \t\n!")] != 0 && equals[1] != '"' && equals[1] != '\'';
}

static void put_word(FILE *file, const char *word)
{
    const char *value;

    if (!needs_quotes(word)) {
        fputs(word, file);
        return;
    }
    value = strchr(word, '=') + 1;
    fprintf(file, "%.*s\"", (int)(value - word), word);
    for (; *value != 0; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', file);
        fputc(*value, file);
    }
    fputc('"', file);
}

static int join_words(struct cli *cli, struct request *request, const struct args *args)
{
    size_t bytes = 0;
    FILE *file = open_memstream(&request->text, &bytes);

    request->title = strdup("graph");
    for (uint32_t n = 0; file && n < args->word_count; n++) {
        if (n > 0)
            fputc(' ', file);
        if (args->word_count > 1)
            put_word(file, args->words[n]);
        else
            fputs(args->words[n], file);
    }
    if (!file || fclose(file) != 0)
        return cli_fail(cli, CLI_UNREACHABLE, "no memory for the graph");
    return set_base(cli, request, NULL);
}

static bool is_service_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length < TT_NAME_BYTES && name[0] != '-' && name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               length;
}

static int add_options(struct cli *cli, const struct args *args, json_t *json)
{
    static const struct {
        enum option_id id;
        const char *name;
    } texts[] = {{OPTION_NAME, "name"}, {OPTION_DEADLINE, "deadline"}, {OPTION_LOSS, "loss"}};
    json_t *sets = args->set_count > 0 ? json_array() : NULL;
    int r = 0;

    if (args_has(args, OPTION_NAME) && !is_service_name(args->values[OPTION_NAME]))
        return cli_fail(cli, CLI_USAGE,
                        "'%.80s' is no service's name; write up to 63 letters, digits, -, _ and .",
                        args->values[OPTION_NAME]);
    for (uint32_t n = 0; n < sizeof(texts) / sizeof(texts[0]); n++)
        if (args_has(args, texts[n].id))
            r |= json_object_set_new(json, texts[n].name, json_string(args->values[texts[n].id]));
    for (uint32_t n = 0; n < args->set_count; n++)
        r |= json_array_append_new(sets, json_string(args->sets[n]));
    if (sets)
        r |= json_object_set_new(json, "sets", sets);
    if (args_has(args, OPTION_BEST_EFFORT))
        r |= json_object_set_new(json, "best_effort", json_true());
    if (r != 0)
        return cli_fail(cli, CLI_USAGE, "an option's value is not UTF-8 text");
    return CLI_DONE;
}

/* Where the first byte stands that is no UTF-8, so that the author finds it. */
static int refuse_text(struct cli *cli, const struct request *request)
{
    uint32_t line = 1, column = 1;
    size_t rest = strlen(request->text);
    const char *at = request->text;

    for (size_t step; rest > 0; at += step, rest -= step) {
        for (step = 1; step <= 4 && step <= rest; step++) {
            json_t *one = json_stringn(at, step);

            json_decref(one);
            if (one)
                break;
        }
        if (step > 4 || step > rest)
            break;
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
    }
    return cli_fail(cli, CLI_USAGE, "%s:%u:%u: byte 0x%02x is not UTF-8; save the file as UTF-8",
                    request->title, line, column, (unsigned)(unsigned char)*at);
}

static int read_words(struct cli *cli, const struct args *args, struct request *request,
                      const char **form)
{
    *form = "yaml";
    if (args->word_count == 0)
        return cli_fail(cli, CLI_USAGE, "what? Name a FILE, or write a GRAPH: test.video ! null");
    if (args->word_count == 1 && strcmp(args->words[0], "-") == 0) {
        request->title = strdup("stdin");
        int r = read_all(cli, STDIN_FILENO, "stdin", &request->text);
        return r == CLI_DONE ? set_base(cli, request, NULL) : r;
    }
    if (args->word_count == 1 && is_file(args->words[0]) && !tt_kind_is_path(args->words[0]))
        return read_file(cli, request, args->words[0]);
    if (names_file(args->words[0]))
        return cli_fail(cli, CLI_USAGE,
                        "one FILE at a time; '%.80s' is one word too many (a parameter is changed "
                        "by --set component.parameter=value)",
                        args->words[1]);
    *form = "graph";
    return join_words(cli, request, args);
}

int request_init(struct cli *cli, const struct args *args, const char *op, struct request *ret)
{
    struct request request = {.json = json_object()};
    const char *form;
    int r;

    r = read_words(cli, args, &request, &form);
    if (r == CLI_DONE)
        r = add_options(cli, args, request.json);
    if (r == CLI_DONE) {
        (void)json_object_set_new(request.json, "op", json_string(op));
        (void)json_object_set_new(request.json, "form", json_string(form));
        if (json_object_set_new(request.json, "text", json_string(request.text)) != 0)
            r = refuse_text(cli, &request);
    }
    if (r != CLI_DONE) {
        request_fini(&request);
        return r;
    }
    *ret = request;
    return CLI_DONE;
}

void request_fini(struct request *request)
{
    json_decref(request->json);
    free(request->title);
    free(request->text);
    *request = (struct request){0};
}

void request_pass(struct request *request, const char *name, int fd)
{
    json_t *names = json_object_get(request->json, "fds");

    tt_assert(request->fd_count < REQUEST_FDS_MAX);
    if (!names) {
        names = json_array();
        (void)json_object_set_new(request->json, "fds", names);
    }
    (void)json_array_append_new(names, json_string(name));
    request->fds[request->fd_count++] = fd;
}
