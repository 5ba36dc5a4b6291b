/* What the catalogue knows: kinds, their ports, parameters, and values of parameters. */
#ifndef TT_SPEC_KINDS_H
#define TT_SPEC_KINDS_H

#include <stdbool.h>
#include <stdint.h>

#include "spec/complain.h"
#include "spec/service.h"

/* NULL when there is none. */
const struct tt_component *spec_kind(const struct tt_catalogue *catalogue, const char *name);

/* The same, with the error that lists the kinds. */
int spec_find_kind(const struct tt_catalogue *catalogue, const char *name, struct tt_place place,
                   const struct tt_component **ret, struct tt_error *err);

static inline bool spec_is_template(const struct tt_port *port)
{
    return port->name[0] == '*' && port->name[1] == 0;
}

/* The port of that name, or the template port that takes it as an instance; UINT32_MAX: none. */
uint32_t spec_port(const struct tt_component *kind, const char *name, bool is_output);
int spec_fail_port(const struct tt_component *kind, const char *component, const char *name,
                   bool is_output, struct tt_place place, struct tt_error *err);

/* Bits 1 << tt_media_kind of what a port may carry. */
uint32_t spec_port_media(const struct tt_port *port);

struct spec_param_ref {
    uint32_t param;
    char input[TT_NAME_BYTES]; /* of "*." parameters, else "" */
    bool is_option;            /* taken by a TT_PARAM_OPTIONS */
};

/* Whose value is written under this name: -EINVAL when nobody's. */
int spec_find_param(const struct tt_component *kind, const char *name, struct spec_param_ref *ret);

/* Reads a value: i, j and f of the setting. -EINVAL when it is none, -ERANGE outside the bounds. */
int spec_read_value(const struct tt_param *param, const char *text, struct tt_setting *ret);

/* Name and value against the kind, with all that an error can say. */
int spec_check_param(const struct tt_component *kind, const char *component, const char *name,
                     const char *value, struct tt_place name_place, struct tt_place value_place,
                     struct tt_error *err);

/* A word of enum tt_late_policy, 0 when it is none; and back. */
uint32_t spec_late_policy(const char *word);
const char *spec_late_word(uint32_t policy);
void spec_late_words(uint32_t policies, struct spec_words *words);

#endif
