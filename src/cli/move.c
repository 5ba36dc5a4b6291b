/* tactus move: a component of a service that runs goes to another of its containers. */
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/json_out.h"
#include "cli/live.h"

static void tell_move(const json_t *moved)
{
    int64_t rounds = json_int(moved, "rounds"), bytes = json_int(moved, "bytes");

    paint_safe(stderr, json_text(moved, "component"));
    fputs(" is in ", stderr);
    paint_safe(stderr, json_text(moved, "to"));
    fprintf(stderr, " from index %lld on; it stood still for %.1f us",
            (long long)json_int(moved, "index"), (double)json_int(moved, "down_ns") / 1e3);
    if (bytes > 0)
        fprintf(stderr, ", after %lld round%s of %lld KiB\n", (long long)rounds,
                rounds == 1 ? "" : "s", (long long)(bytes + 1023) / 1024);
    else
        fputs(" and began there anew\n", stderr);
}

int cli_move(struct cli *cli, const struct args *args)
{
    json_t *moved = NULL;
    int r;

    if (args->word_count != 3)
        return cli_fail(cli, CLI_USAGE,
                        "it wants a service, a component of it and a container: tactus move show "
                        "blur container.audio; tactus top tells where each component runs");
    r = live_ask(cli,
                 json_pack("{s:s,s:s,s:s,s:s}", "op", "move", "name", args->words[0], "component",
                           args->words[1], "container", args->words[2]),
                 "moved", &moved);
    if (r == CLI_DONE && cli->is_json)
        json_write_event(cli->out, moved);
    else if (r == CLI_DONE)
        tell_move(moved);
    json_decref(moved);
    return r;
}
