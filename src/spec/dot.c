/* A picture as Graphviz draws it. */
#include <stdio.h>
#include <stdlib.h>

#include "spec/picture_build.h"

static void put_component(FILE *out, const struct tt_picture *picture, uint32_t place)
{
    const struct tt_picture_component *component = &picture->components[place];
    const char *shape = component->flags & TT_EDGE ? "house" : "box";

    (void)fprintf(out, "  \"%s\" [shape=%s%s label=\"%s\\n%s", component->name, shape,
                  component->is_inserted ? " style=dashed" : "", component->name, component->kind);
    if (component->is_sink)
        (void)fprintf(out, "\\ndeadline %.6g ms", (double)component->deadline_ns / 1e6);
    (void)fputs("\"];\n", out);
}

static void put_flow(FILE *out, const struct tt_picture *picture, uint32_t number)
{
    const struct tt_picture_flow *flow = &picture->flows[number];
    const struct tt_picture_component *from = &picture->components[flow->from];
    const struct tt_picture_component *to = &picture->components[flow->to];
    char text[SPEC_FORMAT_TEXT_BYTES];

    (void)fprintf(out, "  \"%s\" -> \"%s\" [label=\"%s\\nqueue %u\"", from->name, to->name,
                  spec_format_text(&flow->format, text), flow->depth);
    if (from->out_count > 1)
        (void)fprintf(out, " taillabel=\"%s\"", from->out[flow->from_out].name);
    if (to->in_count > 1)
        (void)fprintf(out, " headlabel=\"%s\"", to->in[flow->to_in].name);
    (void)fputs("];\n", out);
}

char *tt_picture_dot(const struct tt_picture *picture)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    if (!out)
        return NULL;
    (void)fprintf(out, "digraph \"%s\" {\n  rankdir=LR;\n", picture->name);
    for (uint32_t n = 0; n < picture->component_count; n++)
        put_component(out, picture, n);
    for (uint32_t n = 0; n < picture->flow_count; n++)
        put_flow(out, picture, n);
    (void)fputs("}\n", out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}
