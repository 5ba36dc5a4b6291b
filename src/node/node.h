/* What all of tactusd shares: one of each. */
#ifndef TT_NODE_NODE_H
#define TT_NODE_NODE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "node/books.h"
#include "node/child.h"
#include "node/key.h"
#include "node/loop.h"
#include "node/machine.h"
#include "node/profile.h"
#include "node/quota.h"
#include "node/stagger.h"
#include "node/witness.h"

struct service;
struct client;
struct set;
struct stock;
struct journal;
struct metrics;
struct handoff_desk;
struct tt_cpusets;
struct haste;
struct shapes;

struct node {
    struct loop *loop;
    struct zygote *zygote;
    struct stock *stock;   /* NULL: no memory for it */
    struct shapes *shapes; /* likewise */
    struct haste *haste;   /* likewise */
    struct profile *profile;
    struct key *key;
    struct witness *witness;
    struct handoff_desk *handoff_desk; /* NULL: no live service has run yet */
    struct metrics *metrics;           /* NULL: nobody asked for them */
    struct tt_cpusets *cpusets;        /* NULL: no CPU is a partition */
    struct machine machine;
    struct books books;
    struct stagger stagger;
    char state[PATH_MAX - 256]; /* folder; room for the names in it */
    struct service *services;   /* newest first */
    struct client *clients;
    struct quota quota;    /* of what clients ask */
    uint64_t client_count; /* ever */
    struct set *sets;
    struct journal *journal;
    uint64_t service_count; /* ever */
    bool is_stopping;
    bool is_kernel_full; /* tests: every reservation is refused as if the kernel had none left */
    int64_t busy_ns;     /* when there was last a service or a client */
};

#endif
