/* Reading members of answers without trusting them, and writing JSON the same way every time. */
#ifndef TT_CLI_JSON_OUT_H
#define TT_CLI_JSON_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Missing or of another type: "" and 0. */
const char *json_text(const json_t *object, const char *name);
int64_t json_int(const json_t *object, const char *name);
double json_number(const json_t *object, const char *name);
bool json_flag(const json_t *object, const char *name);

/* Indented, members in the order they have, one newline at the end. */
void json_write(FILE *file, const json_t *value);
/* The same of an event, without its envelope ("event"). */
void json_write_event(FILE *file, const json_t *event);

#endif
