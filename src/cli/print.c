/* tactus run --print and --dot: a service as it was understood, without running it. */
#include "cli/print.h"

#include "cli/json_out.h"
#include "cli/talk.h"

static void tell_notes(struct cli *cli, const json_t *picture)
{
    json_t *notes = json_object_get(picture, "notes"), *note;
    size_t n;

    json_array_foreach(notes, n, note)
    {
        const char *text = json_string_value(note);

        if (text && !talk_is_watch(text))
            talk_note(cli, text);
    }
}

int print_service(struct cli *cli, const struct args *args)
{
    const char *member = args_has(args, OPTION_DOT) ? "dot" : "print";
    struct request request;
    struct talk talk = {0};
    json_t *picture = NULL;
    int r;

    if (args_has(args, OPTION_DOT) && args_has(args, OPTION_PRINT))
        return cli_fail(cli, CLI_USAGE, "--print and --dot: one at a time");
    r = request_init(cli, args, "shape", &request);
    if (r != CLI_DONE)
        return r;
    r = talk_open(cli, &talk);
    if (r == CLI_DONE)
        r = talk_ask(cli, &talk, &request, "picture", &picture);
    if (r == CLI_DONE && cli->is_json)
        json_write_event(cli->out, picture);
    else if (r == CLI_DONE)
        fputs(json_text(picture, member), cli->out);
    tell_notes(cli, picture);
    json_decref(picture);
    talk_close(&talk);
    request_fini(&request);
    return r;
}
