/* The reservations this node has given: their sum may not exceed what the planner was told. */
#ifndef TT_NODE_BOOKS_H
#define TT_NODE_BOOKS_H

#include <stdbool.h>
#include <stdint.h>

enum { BOOKS_MAX = 256 };

struct books {
    struct books_entry {
        uint64_t service; /* 0: free */
        int64_t ppm;
        int64_t period_ns, until_ns; /* until_ns INT64_MAX: held */
    } entries[BOOKS_MAX];
};

/* False: no room in the books. A service has one entry at most; a new one replaces it. */
bool books_enter(struct books *books, uint64_t service, int64_t budget_ns, int64_t period_ns);

/* The worker is reaped: the kernel keeps its bandwidth until its 0-lag time, so do we. */
void books_give_back(struct books *books, uint64_t service, int64_t now_ns);

int64_t books_ppm(struct books *books, int64_t now_ns);
/* Without what this service has. */
int64_t books_others_ppm(struct books *books, uint64_t service, int64_t now_ns);

#endif
