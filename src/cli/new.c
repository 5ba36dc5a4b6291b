/* tactus new: a component of one's own that builds, with a test that runs it, to begin from. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/nearest.h"
#include "new_templates.h"

enum { NAME_BYTES = 41 };

/* In the templates the component is called so, which keeps them C that compiles. */
static const char stand_in[] = "skeleton";

struct kind {
    const char *name, *code;
    const char *check; /* the test's own line */
    const char *run;
};

static const struct kind kinds[] = {
    {"filter", filter_c, "must(first[0] == GREY + 20, \"a picture that is brighter by 20\");",
     "tactus run test.video width=320 height=180 ! ./libskeleton.so ! null --for 2s"},
    {"source", source_c, "must(first[2] == first[0] + 2, \"brighter with each frame\");",
     "tactus run ./libskeleton.so width=320 height=180 ! null --for 2s"},
    {"sink", sink_c, "must(noted == GREY, \"the mean brightness, noted\");",
     "tactus run test.video width=320 height=180 ! ./libskeleton.so --for 2s"},
};

enum { KIND_COUNT = sizeof(kinds) / sizeof(kinds[0]) };

/* It becomes a file's name, a struct's and a Makefile's target. */
static bool is_name(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length < NAME_BYTES && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static const struct kind *find_kind(struct cli *cli, const struct args *args)
{
    const char *wanted = args_has(args, OPTION_KIND) ? args->values[OPTION_KIND] : "filter";
    const char *names[KIND_COUNT];
    struct tt_error err = {0};

    for (uint32_t n = 0; n < KIND_COUNT; n++) {
        names[n] = kinds[n].name;
        if (strcmp(kinds[n].name, wanted) == 0)
            return &kinds[n];
    }
    (void)snprintf(err.token, sizeof(err.token), "%.60s", wanted);
    (void)snprintf(err.nearest, sizeof(err.nearest), "%s", nearest_word(wanted, names, KIND_COUNT));
    (void)tt_fail(&err, -EINVAL, "there is no kind '%s': filter, source or sink", err.token);
    (void)cli_fail_error(cli, CLI_USAGE, &err);
    return NULL;
}

struct words { /* what stands in a template, and what is put there */
    const char *from, *to;
};

/* Written in one go, so that a later word may stand in what an earlier one put there. */
static void put(FILE *file, const char *text, const struct words *words, uint32_t count)
{
    while (*text) {
        uint32_t n = 0;

        while (n < count && strncmp(text, words[n].from, strlen(words[n].from)) != 0)
            n++;
        if (n < count) {
            put(file, words[n].to, words + n + 1, count - n - 1);
            text += strlen(words[n].from);
        } else {
            fputc(*text++, file);
        }
    }
}

static int write_file(int folder, const char *name, const char *text, const struct words *words,
                      uint32_t count)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

    if (!file)
        return -errno;
    put(file, text, words, count);
    return fclose(file) == 0 ? 0 : -errno;
}

static int write_all(int folder, const char *name, const struct kind *kind)
{
    const struct words words[] = {
        {"/* CHECK */", kind->check}, {"@RUN@", kind->run}, {stand_in, name}};
    const uint32_t count = sizeof(words) / sizeof(words[0]);
    char code[NAME_BYTES + 2];
    int r;

    (void)snprintf(code, sizeof(code), "%s.c", name);
    r = write_file(folder, code, kind->code, words, count);
    if (r == 0)
        r = write_file(folder, "test.c", test_c, words, count);
    if (r == 0)
        r = write_file(folder, "Makefile", makefile, words, count);
    return r == 0 ? write_file(folder, "README.md", readme_md, words, count) : r;
}

static void tell(struct cli *cli, const char *kind, const char *name)
{
    if (cli->is_json) {
        char code[NAME_BYTES + 2];
        json_t *made;

        (void)snprintf(code, sizeof(code), "%s.c", name);
        made = json_pack("{s:s,s:s,s:[s,s,s,s]}", "folder", name, "kind", kind, "files", code,
                         "test.c", "Makefile", "README.md");
        json_write(cli->out, made);
        json_decref(made);
        return;
    }
    fprintf(cli->out,
            "a %s in %s/: %s.c, test.c, Makefile, README.md\n"
            "next        cd %s && make test && make run\n",
            kind, name, name, name);
}

int cli_new(struct cli *cli, const struct args *args)
{
    const char *name = args->word_count == 1 ? args->words[0] : "";
    const struct kind *kind;
    int folder, r;

    if (args->word_count != 1)
        return cli_fail(cli, CLI_USAGE, "one NAME: tactus new invert --kind filter");
    if (!is_name(name) || strcmp(name, "test") == 0)
        return cli_fail(cli, CLI_USAGE,
                        "'%.80s' is no name for it; write up to %d small letters, digits and _, "
                        "beginning with a letter, and not `test`",
                        name, NAME_BYTES - 1);
    kind = find_kind(cli, args);
    if (!kind)
        return CLI_USAGE;
    if (mkdir(name, 0777) < 0)
        return cli_fail(cli, errno == EEXIST ? CLI_USAGE : CLI_UNREACHABLE,
                        errno == EEXIST ? "'%s' is there already, and nothing in it is touched; "
                                          "take another name or remove it"
                                        : "cannot make the folder %s: %m",
                        name);
    folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = folder < 0 ? -errno : write_all(folder, name, kind);
    if (folder >= 0)
        (void)close(folder);
    if (r < 0)
        return cli_fail(cli, CLI_UNREACHABLE, "cannot write into %s: %s", name, strerror(-r));
    tell(cli, kind->name, name);
    return CLI_DONE;
}
