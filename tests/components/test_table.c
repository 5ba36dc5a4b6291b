/* The table of all components: each is described to the end, and no two have one name. */
#include "check.h"
#include "components/table.h"
#include "harness.h"

static void descriptions_are_complete(void)
{
    CHECK(tt_component_count > 0);
    for (uint32_t n = 0; n < tt_component_count; n++) {
        fprintf(stderr, "  %s\n", tt_components[n]->name);
        harness_check_description(tt_components[n]);
        for (uint32_t other = 0; other < n; other++)
            CHECK(strcmp(tt_components[n]->name, tt_components[other]->name) != 0);
    }
}

/* Who says nothing about a recording wants all of it. */
static void writers_keep(void)
{
    uint32_t writers = 0;

    for (uint32_t n = 0; n < tt_component_count; n++) {
        const struct tt_component *one = tt_components[n];

        if (strcmp(one->name, "av.write") != 0 && strcmp(one->name, "raw.write") != 0)
            continue;
        writers++;
        for (uint32_t port = 0; port < one->port_count; port++)
            CHECK_INT(tt_port_late_default(&one->ports[port]), TT_LATE_KEEP);
    }
    CHECK_INT(writers, 2);
}

int main(void)
{
    RUN(descriptions_are_complete);
    RUN(writers_keep);
    return 0;
}
