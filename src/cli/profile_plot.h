/* Pictures of what components cost: a line each in the terminal, a figure each on a page. */
#ifndef TT_CLI_PROFILE_PLOT_H
#define TT_CLI_PROFILE_PLOT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A line for each component, all on one axis of time. is_plain: no characters beyond ASCII. */
void profile_plot_words(FILE *out, const json_t *profile, bool is_plain);

/* The whole page, malloc'ed; NULL: no memory. */
char *profile_plot_page(const json_t *profile, bool is_html, size_t *ret_bytes);

#endif
