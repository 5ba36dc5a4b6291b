/* Scaling graphs of zimg that were seen to be right. */
#ifndef TT_COMPONENTS_ZIMG_GRAPH_H
#define TT_COMPONENTS_ZIMG_GRAPH_H

#include <zimg.h>

#include "tactus/format.h"

/* How zimg calls a format of I420, NV12 or RGBA. No matrix is named. */
void component_zimg_describe(const struct tt_format *format, zimg_image_format *ret);

/* Slow; for init(). *work_bytes grows to what a call of this graph needs. NULL: zimg refuses, and
 * zimg_get_last_error() says why. The caller frees the graph. */
zimg_filter_graph *component_zimg_graph(const zimg_image_format *from, const zimg_image_format *to,
                                        zimg_resample_filter_e filter, size_t *work_bytes);

/* 64-byte aligned and touched, so that a first call does not fault; NULL without memory. */
void *component_zimg_work(size_t work_bytes);

#endif
