/* The places of each container's engine: components that run there, and the ends of the links that
 * lead to it and from it, in topological order. */
#include "spec/places.h"

#include <errno.h>
#include <stdlib.h>

#include "spec/ways.h"

static void add(struct tt_wiring_process *self, enum tt_wiring_role role,
                const struct tt_wiring_link *link, uint32_t number)
{
    if (self->places) /* else they are only counted */
        self->places[self->place_count] =
            (struct tt_wiring_place){role, link->component, link->pin, number};
    self->place_count++;
}

static void add_ends(const struct tt_wiring *wiring, struct tt_wiring_process *self,
                     uint32_t number, uint32_t component, enum tt_wiring_role role, bool is_between)
{
    for (uint32_t n = 0; n < wiring->link_count; n++) {
        const struct tt_wiring_link *link = &wiring->links[n];

        if (link->component == component && tt_wiring_is_between(wiring, n) == is_between &&
            tt_wiring_is_used(wiring, n) &&
            (role == TT_PLACE_INLET ? link->to : link->from) == number)
            add(self, role, link, n);
    }
}

/* What comes from elsewhere stands where its component would; what goes on stands right behind. */
static void add_places(const struct tt_picture *picture, const struct tt_wiring *wiring,
                       uint32_t number, struct tt_wiring_process *self)
{
    self->place_count = 0;
    for (uint32_t n = 0; n < picture->component_count; n++) {
        struct tt_wiring_link here = {.component = n};

        add_ends(wiring, self, number, n, TT_PLACE_OUTLET, false);
        add_ends(wiring, self, number, n, TT_PLACE_INLET, false);
        add_ends(wiring, self, number, n, TT_PLACE_INLET, true);
        if (wiring->process_of[n] == number)
            add(self, TT_PLACE_COMPONENT, &here, 0);
        add_ends(wiring, self, number, n, TT_PLACE_OUTLET, true);
    }
}

int tt_wiring_places(struct tt_wiring *wiring, const struct tt_picture *picture, uint32_t number,
                     struct tt_error *err)
{
    struct tt_wiring_process *self = &wiring->processes[number];

    free(self->places);
    self->places = NULL;
    add_places(picture, wiring, number, self);
    self->places = calloc(self->place_count + 1, sizeof(*self->places));
    if (!self->places)
        return tt_fail(err, -ENOMEM, "no memory for the service's wiring");
    add_places(picture, wiring, number, self);
    return 0;
}

int spec_places(const struct tt_picture *picture, struct tt_wiring *wiring, struct tt_error *err)
{
    int r = 0;

    for (uint32_t number = 0; r == 0 && number < wiring->container_count; number++)
        r = tt_wiring_places(wiring, picture, number, err);
    return r;
}
