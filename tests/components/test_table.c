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

int main(void)
{
    RUN(descriptions_are_complete);
    return 0;
}
