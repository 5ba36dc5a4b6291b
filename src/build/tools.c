/* clang, wasm2c and gcc, one after the other, each behind walls. */
#include "build/tools.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "build/files.h"
#include "build/guest.h"
#include "build/jail.h"

/* --max-memory leaves the frame window's addresses alone; no bulk memory, for its copies are
 * checked against a memory's size and frames lie behind it. */
#define SOURCE_FLAGS                                                                               \
    "--target=wasm32-wasi", "-mexec-model=reactor", "-std=gnu17", "-O2", "-mno-bulk-memory",       \
        "-ffp-contract=off", "-fvisibility=hidden", "-fno-math-errno"
#define LINK_FLAGS                                                                                 \
    "-Wl,--stack-first", "-Wl,-z,stack-size=65536", "-Wl,--max-memory=251658240",                  \
        "-Wl,--export=tactus_record", "-Wl,--strip-debug"
#define NATIVE_FLAGS                                                                               \
    "-std=gnu17", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-ffp-contract=off",           \
        "-fno-math-errno", "-fno-strict-aliasing", "-fstack-clash-protection",                     \
        "-fcf-protection=none", "-fno-reorder-blocks-and-partition", "-fno-partial-inlining",      \
        "-DNDEBUG", "-w"

static const char *const source_words[] = {SOURCE_FLAGS, LINK_FLAGS, NULL};
static const char *const native_words[] = {NATIVE_FLAGS, NULL};

static const char *joined(const char *const *words, char *ret, size_t bytes)
{
    size_t used = 0;

    if (ret[0])
        return ret;
    for (; *words && used < bytes; words++)
        used += (size_t)snprintf(ret + used, bytes - used, "%s%s", used ? " " : "", *words);
    return ret;
}

const char *tt_source_flags(void)
{
    static char text[512];

    return joined(source_words, text, sizeof(text));
}

const char *tt_compiler_flags(void)
{
    static char text[512];

    return joined(native_words, text, sizeof(text));
}

/* Where the programs are; a test has other folders. */
static int find_tool(const char *name, const char *package, char ret[PATH_MAX],
                     struct tt_error *err)
{
    const char *folder = getenv("TACTUS_TOOLS");
    int r = build_path(ret, folder ? folder : "/usr/bin", name, err);

    if (r == 0 && access(ret, X_OK) < 0)
        r = tt_fail(err, -ENOENT, "there is no %s: apt install %s", ret, package);
    return r;
}

static int write_guest(const char *folder, const struct guest_file *file, struct tt_error *err)
{
    char path[PATH_MAX], *slash;
    int r = build_path(path, folder, file->name, err);

    if (r < 0)
        return r;
    slash = strchr(path + strlen(folder) + 1, '/');
    if (slash) {
        *slash = 0;
        (void)mkdir(path, 0700);
        *slash = '/';
    }
    return build_file_write(path, file->text, strlen(file->text), 0600, err);
}

int tt_workshop_open(struct tt_workshop *ret, struct tt_error *err)
{
    struct tt_workshop workshop = {.walls = UINT32_MAX};
    int r = build_folder_make(workshop.folder, err);

    if (r < 0)
        return r;
    for (size_t n = 0; n < sizeof(guest_files) / sizeof(guest_files[0]) && r == 0; n++)
        r = write_guest(workshop.folder, &guest_files[n], err);
    if (r < 0)
        build_folder_remove(workshop.folder);
    else
        *ret = workshop;
    return r;
}

void tt_workshop_close(struct tt_workshop *workshop, bool is_kept)
{
    if (workshop->folder[0] && !is_kept)
        build_folder_remove(workshop->folder);
    free(workshop->warnings);
    *workshop = (struct tt_workshop){0};
}

/* Runs one to its end; -ENOEXEC with its words when it is not content. */
static int run(struct tt_workshop *workshop, const struct tt_tool *tool, char **ret_says,
               struct tt_error *err)
{
    struct tt_tool_result result;
    int r = tt_tool_run(tool, &result, err);

    if (r < 0)
        return r;
    workshop->walls &= result.walls;
    if (result.is_late)
        r = tt_fail(err, -ETIME, "%s did not end and was stopped", tool->words[0]);
    else if (WIFSIGNALED(result.status))
        r = tt_fail(err, -ENOEXEC, "%s was ended by signal %d%s", tool->words[0],
                    WTERMSIG(result.status),
                    WTERMSIG(result.status) == SIGXCPU ? ": it took too much time" : "");
    else if (WEXITSTATUS(result.status) != 0)
        r = tt_fail(err, -ENOEXEC, "%s refuses it", tool->words[0]);
    *ret_says = result.says;
    return r;
}

/* The compiler was told an absolute path; people know the file by the name that they gave. */
static char *with_own_name(const char *says, const char *absolute, const char *own)
{
    size_t bytes, length = strlen(absolute);
    char *text = NULL;
    FILE *file = open_memstream(&text, &bytes);

    if (!file)
        return NULL;
    while (*says) {
        if (strncmp(says, absolute, length) == 0) {
            fputs(own, file);
            says += length;
        } else {
            fputc(*says++, file);
        }
    }
    return fclose(file) == 0 ? text : NULL;
}

/* What is not the source's fault, and what a newcomer would not guess. */
static int explain(const char *says, const char *source, struct tt_error *err)
{
    static const struct {
        const char *sign, *package;
    } missing[] = {
        {"crt1-reactor.o", "wasi-libc"},
        {"-lc", "wasi-libc"},
        {"libclang_rt.builtins-wasm32", "libclang-rt-14-dev-wasm32"},
        {"unable to execute command", "lld"},
        {"wasm-ld\" failed", "lld"},
    };

    if (strstr(says, "undefined symbol: tt_plugin"))
        return tt_fail(err, -ENOEXEC,
                       "%s defines no `const struct tt_component tt_plugin`, by which a component "
                       "is known; tactus new NAME writes one to begin from",
                       source);
    for (size_t n = 0; n < sizeof(missing) / sizeof(missing[0]); n++)
        if (strstr(says, missing[n].sign))
            return tt_fail(err, -ENOENT, "clang misses a part of its own: apt install %s",
                           missing[n].package);
    if (strstr(says, "undefined symbol: "))
        return tt_fail(err, -ENOEXEC,
                       "%s uses what is neither in it nor in a sandboxed component's C library",
                       source);
    return tt_fail(err, -ENOEXEC, "%s does not compile for the sandbox", source);
}

int tt_compile_wasm(struct tt_workshop *workshop, const char *source, char **ret_says,
                    struct tt_error *err)
{
    char clang[PATH_MAX], absolute[PATH_MAX], folder[PATH_MAX];
    const char *words[TT_TOOL_WORDS_MAX] = {clang, SOURCE_FLAGS, LINK_FLAGS};
    struct tt_tool tool = {.words = words, .folder = workshop->folder, .reads = folder};
    char *says = NULL;
    struct stat about;
    size_t count = 0;
    int r;

    *ret_says = NULL;
    r = find_tool("clang", "clang lld wasi-libc libclang-rt-14-dev-wasm32", clang, err);
    if (r < 0)
        return r;
    if (!realpath(source, absolute) || stat(absolute, &about) < 0)
        return tt_fail(err, -errno, "cannot read %s: %s", source, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return tt_fail(err, -EINVAL, "%s is %s; name a source in C, such as mirror.c", source,
                       S_ISDIR(about.st_mode) ? "a folder" : "no file");
    (void)snprintf(folder, sizeof(folder), "%s", absolute);
    *(strrchr(folder, '/') + (strrchr(folder, '/') == folder)) = 0;
    while (words[count])
        count++;
    words[count++] = "-Wall";
    words[count++] = "-Wextra";
    words[count++] = "-Wno-unused-parameter";
    words[count++] = "-I.";
    words[count++] = "-o";
    words[count++] = "component.wasm";
    words[count++] = absolute;
    words[count++] = "shim.c";
    words[count++] = "base/error.c";
    words[count++] = "base/format.c";
    r = run(workshop, &tool, &says, err);
    if (r == -ENOEXEC)
        r = explain(says, source, err);
    if (says && says[0])
        *(r < 0 ? ret_says : &workshop->warnings) = with_own_name(says, absolute, source);
    free(says);
    return r;
}

/* One line that a tool prints for an option. */
static int ask(struct tt_workshop *workshop, const char *program, const char *option,
               char ret[TT_TOOL_NAME_BYTES], struct tt_error *err)
{
    const char *words[] = {program, option, NULL};
    struct tt_tool tool = {
        .words = words, .folder = workshop->folder, .cpu_s = 10, .takes_stdout = true};
    char *says = NULL;
    int r = run(workshop, &tool, &says, err);

    if (r == 0)
        (void)snprintf(ret, TT_TOOL_NAME_BYTES, "%.*s", (int)strcspn(says, "\n"), says);
    free(says);
    return r;
}

int tt_translator_name(struct tt_workshop *workshop, char ret[TT_TOOL_NAME_BYTES],
                       struct tt_error *err)
{
    char path[PATH_MAX], version[TT_TOOL_NAME_BYTES];
    int r = find_tool("wasm2c", "wabt", path, err);

    if (r == 0)
        r = ask(workshop, path, "--version", version, err);
    if (r < 0)
        return r;
    /* The adapter is written for the C that this one writes. */
    if (strcmp(version, "1.0.32") != 0)
        return tt_fail(err, -ENOTSUP,
                       "%s is of version %.20s, and this Tactus translates with 1.0.32, Debian "
                       "12's",
                       path, version);
    (void)snprintf(ret, TT_TOOL_NAME_BYTES, "wasm2c %.20s, adapter 2", version);
    return 0;
}

int tt_compiler_name(struct tt_workshop *workshop, char ret[TT_TOOL_NAME_BYTES],
                     struct tt_error *err)
{
    char path[PATH_MAX], version[TT_TOOL_NAME_BYTES], machine[TT_TOOL_NAME_BYTES];
    int r = find_tool("gcc", "gcc", path, err);

    if (r == 0)
        r = ask(workshop, path, "-dumpfullversion", version, err);
    if (r == 0)
        r = ask(workshop, path, "-dumpmachine", machine, err);
    if (r == 0)
        (void)snprintf(ret, TT_TOOL_NAME_BYTES, "gcc %.30s %.50s", version, machine);
    return r;
}

static void put_functions(FILE *file, const struct tt_wasm *wasm)
{
    fputs("#define FACT_FUNCTIONS(one)", file);
    for (uint32_t n = wasm->import_count; n < wasm->function_count; n++) {
        const struct tt_wasm_body *function = &wasm->functions[n];

        /* wasm2c calls what is exported by that name, and the rest by number. */
        fprintf(file, " \\\n    one(%u, w2c_", n);
        if (n == wasm->enter || n == wasm->initialize)
            fputs(n == wasm->enter ? "tactus_enter" : "_initialize", file);
        else
            fprintf(file, "f%u", n);
        fprintf(file, ", \"%.*s\")", (int)function->name_bytes,
                function->name ? function->name : "");
    }
    fputc('\n', file);
}

static int write_facts(struct tt_workshop *workshop, const struct tt_wasm *wasm,
                       struct tt_error *err)
{
    char path[PATH_MAX], *text = NULL;
    size_t bytes;
    FILE *file = open_memstream(&text, &bytes);
    int r;

    if (!file)
        return tt_fail(err, -ENOMEM, "no memory for a module's facts");
    fprintf(file,
            "/* What the builder read in the module. */\n"
            "#define FACT_PAGES %u\n#define FACT_PAGES_MAX %u\n#define FACT_TABLE %u\n"
            "#define FACT_HAS_TABLE %d\n#define FACT_IMPORTS %d\n#define FACT_RECORD_AT %u\n",
            wasm->pages, wasm->pages_max, wasm->table_count, wasm->has_table,
            wasm->import_count > 0, wasm->record_at);
    put_functions(file, wasm);
    r = fclose(file) == 0 ? build_path(path, workshop->folder, "facts.h", err)
                          : tt_fail(err, -ENOMEM, "no memory for a module's facts");
    if (r == 0)
        r = build_file_write(path, text, bytes, 0600, err);
    free(text);
    return r;
}

int tt_translate(struct tt_workshop *workshop, const struct tt_wasm *wasm, struct tt_error *err)
{
    char wasm2c[PATH_MAX], path[PATH_MAX];
    const char *words[] = {wasm2c, "-n", "tactus", "stripped.wasm", "-o", "module.c", NULL};
    struct tt_tool tool = {.words = words, .folder = workshop->folder};
    uint8_t *stripped = NULL;
    uint64_t bytes;
    char *says = NULL;
    int r = find_tool("wasm2c", "wabt", wasm2c, err);

    if (r == 0)
        r = build_path(path, workshop->folder, "stripped.wasm", err);
    if (r == 0)
        r = tt_wasm_strip(wasm, &stripped, &bytes, err);
    if (r == 0)
        r = build_file_write(path, stripped, bytes, 0600, err);
    if (r == 0)
        r = write_facts(workshop, wasm, err);
    if (r == 0)
        r = run(workshop, &tool, &says, err);
    if (r < 0 && says && says[0])
        r = tt_fail(err, r, "the module cannot be translated: %.*s", (int)strcspn(says, "\n"),
                    says);
    free(says);
    free(stripped);
    return r;
}

int tt_compile_native(struct tt_workshop *workshop, struct tt_error *err)
{
    char gcc[PATH_MAX];
    const char *words[TT_TOOL_WORDS_MAX] = {gcc, NATIVE_FLAGS};
    struct tt_tool tool = {.words = words, .folder = workshop->folder, .cpu_s = 120};
    char *says = NULL;
    size_t count = 0;
    int r = find_tool("gcc", "gcc", gcc, err);

    if (r < 0)
        return r;
    while (words[count])
        count++;
    words[count++] = "-I.";
    words[count++] = "-o";
    words[count++] = "module.so";
    words[count++] = "adapter.c";
    words[count++] = "-lm";
    r = run(workshop, &tool, &says, err);
    if (r < 0 && says && says[0])
        r = tt_fail(err, r, "what was translated does not compile: %.*s", (int)strcspn(says, "\n"),
                    says);
    free(says);
    return r;
}
