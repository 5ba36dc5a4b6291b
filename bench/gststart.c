/* GStreamer warm: a pipeline is made, started and torn down again and again in one process that has
 * all plugins loaded; a line for each round, the ns from the words to the first buffer.
 *
 * Usage: gststart ROUNDS PIPELINE; its sink is a fakesink named `sink`. */
#include <gst/gst.h>
#include <stdlib.h>

#include "clock.h"

static int64_t first_ns;

static void on_buffer(GstElement *sink, GstBuffer *buffer, GstPad *pad, gpointer data)
{
    int64_t none = 0;

    (void)__atomic_compare_exchange_n(&first_ns, &none, bench_now_ns(), false, __ATOMIC_ACQ_REL,
                                      __ATOMIC_ACQUIRE);
}

int main(int argc, char **argv)
{
    gst_init(&argc, &argv);
    if (argc != 3) {
        fprintf(stderr, "usage: gststart ROUNDS PIPELINE\n");
        return 2;
    }
    for (int round = 0; round < atoi(argv[1]); round++) {
        int64_t began_ns = bench_now_ns();
        GstElement *pipeline, *sink;

        first_ns = 0;
        pipeline = gst_parse_launch(argv[2], NULL);
        sink = pipeline ? gst_bin_get_by_name(GST_BIN(pipeline), "sink") : NULL;
        if (!sink)
            return 1;
        g_object_set(sink, "signal-handoffs", TRUE, NULL);
        g_signal_connect(sink, "handoff", G_CALLBACK(on_buffer), NULL);
        gst_element_set_state(pipeline, GST_STATE_PLAYING);
        while (__atomic_load_n(&first_ns, __ATOMIC_ACQUIRE) == 0)
            bench_sleep_until(bench_now_ns() + 20000);
        printf("%lld\n", (long long)(first_ns - began_ns));
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(sink);
        gst_object_unref(pipeline);
    }
    return 0;
}
