/* Times, counts and sizes as people read them. */
#ifndef TT_CLI_QUANTITY_H
#define TT_CLI_QUANTITY_H

#include <stdint.h>

struct quantity {
    char text[32];
};

struct quantity quantity_time(int64_t ns);                      /* 214.3 ms, 35 us, 1.25 s */
struct quantity quantity_count(int64_t count);                  /* 12,345 */
struct quantity quantity_bytes(int64_t bytes);                  /* 1.5 MiB */
struct quantity quantity_ppm(int64_t ppm);                      /* 12.5 % */
struct quantity quantity_share(double share);                   /* 1 %, 0.1 % */
struct quantity quantity_unit(int64_t value, const char *unit); /* by "ns", "ppm", "bytes", "" */

#endif
