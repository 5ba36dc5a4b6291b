/* What the planner asks of a picture besides its fields, answered by the test: names of sinks, and
 * pools of a size that the test chooses. */
#include <errno.h>

#include "check.h"
#include "pictures.h"
#include "spec/wiring.h"

uint64_t test_pool_bytes = 1 << 20;

void tt_picture_sink_name(const struct tt_picture *picture, uint32_t sink, char *ret,
                          uint32_t bytes)
{
    for (uint32_t n = 0; n < picture->component_count; n++) {
        const struct tt_picture_component *component = &picture->components[n];

        if (component->sink >= 0 && sink >= (uint32_t)component->sink &&
            sink - (uint32_t)component->sink < component->in_count)
            (void)tt_format_text(ret, bytes, "%s.%s", component->name,
                                 component->in[sink - (uint32_t)component->sink].name);
    }
}

int tt_wiring_make(const struct tt_picture *picture, struct tt_wiring **ret, struct tt_error *err)
{
    if (test_pool_bytes > (uint64_t)64 << 30)
        return tt_fail(err, -E2BIG, "the pool of process 0 would be above 64 GiB");
    *ret = calloc(1, sizeof(**ret));
    CHECK(*ret != NULL);
    (*ret)->pool_bytes = test_pool_bytes;
    return 0;
}

void tt_wiring_close(struct tt_wiring **wiring)
{
    free(*wiring);
    *wiring = NULL;
}

struct test_picture *picture_make(int64_t deadline_ns, struct tt_rational rate)
{
    struct test_picture *made = calloc(1, sizeof(*made));
    struct tt_picture *picture;

    CHECK(made != NULL);
    picture = &made->picture;
    (void)strcpy(picture->name, "test");
    picture->rate = rate;
    picture->deadline_ns = deadline_ns;
    picture->loss = (struct tt_rational){1, 100};
    picture->is_live = true;
    picture->components = made->components;
    picture->flows = made->flows;
    picture->segments = made->segments;
    return made;
}

uint32_t picture_segment(struct test_picture *made, const char *name, uint32_t head,
                         struct tt_rational rate)
{
    struct tt_picture_segment *segment = &made->segments[made->picture.segment_count];

    (void)tt_format_text(segment->name, sizeof(segment->name), "%s", name);
    segment->head = head;
    segment->rate = rate;
    return made->picture.segment_count++;
}

uint32_t picture_component(struct test_picture *made, const char *name, uint32_t segment,
                           uint32_t flags)
{
    struct tt_picture_component *component = &made->components[made->picture.component_count];

    (void)tt_format_text(component->name, sizeof(component->name), "%s", name);
    component->segment = segment;
    component->flags = flags;
    component->sink = -1;
    component->is_source = true;
    component->ratio_max = 1;
    return made->picture.component_count++;
}

void picture_flow(struct test_picture *made, uint32_t from, uint32_t to)
{
    struct tt_picture_component *source = &made->components[from], *sink = &made->components[to];
    uint32_t flow = made->picture.flow_count++;
    struct tt_picture_pin *pin = &sink->in[sink->in_count];

    made->flows[flow] = (struct tt_picture_flow){
        .from = from, .to = to, .to_in = sink->in_count, .from_out = source->out_count};
    (void)tt_format_text(pin->name, sizeof(pin->name), "in%u", sink->in_count);
    pin->flow = (int32_t)flow;
    sink->in_count++;
    source->out[source->out_count++].flow = -1;
    sink->is_source = false;
}

void picture_sink(struct test_picture *made, uint32_t component, int64_t deadline_ns)
{
    struct tt_picture_component *sink = &made->components[component];

    sink->is_sink = true;
    sink->sink = (int32_t)made->picture.sink_count;
    sink->deadline_ns = deadline_ns;
    sink->loss = made->picture.loss;
    made->picture.sink_count += sink->in_count;
}
