/* Costs as they were asked for last. A key is a hash: its first bytes say where its cost is kept.
 */
#include "node/recall.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1024 };

struct recall {
    struct kept {
        bool is_here;
        struct profile_key key;
        struct tt_rational loss;
        struct tt_cost cost;
    } places[PLACES];
};

struct recall *recall_open(void)
{
    return calloc(1, sizeof(struct recall));
}

void recall_close(struct recall **recall)
{
    free(*recall);
    *recall = NULL;
}

/* Windows of a segment differ in the last byte, losses in nothing of the key. */
static uint32_t place_of(const struct profile_key *key, struct tt_rational loss)
{
    uint32_t first;

    memcpy(&first, key->bytes, sizeof(first));
    return (first ^ key->bytes[PROFILE_KEY_BYTES - 1] * 17u ^
            (uint32_t)(loss.den ^ loss.num << 5) * 31u) %
           PLACES;
}

bool recall_find(const struct recall *recall, const struct profile_key *key,
                 struct tt_rational loss, struct tt_cost *ret)
{
    const struct kept *kept = recall != NULL ? &recall->places[place_of(key, loss)] : NULL;

    if (kept == NULL || !kept->is_here || kept->loss.num != loss.num ||
        kept->loss.den != loss.den || memcmp(&kept->key, key, sizeof(*key)) != 0)
        return false;
    *ret = kept->cost;
    return true;
}

void recall_keep(struct recall *recall, const struct profile_key *key, struct tt_rational loss,
                 const struct tt_cost *cost)
{
    if (recall != NULL)
        recall->places[place_of(key, loss)] =
            (struct kept){.is_here = true, .key = *key, .loss = loss, .cost = *cost};
}

void recall_learnt(struct recall *recall, const struct profile_key *key,
                   const struct tt_histogram *samples)
{
    for (uint32_t n = 0; recall != NULL && n < PLACES; n++) {
        struct kept *kept = &recall->places[n];

        if (kept->is_here && memcmp(&kept->key, key, sizeof(*key)) == 0)
            profile_cost(samples, kept->loss, &kept->cost);
    }
}

void recall_forget(struct recall *recall)
{
    for (uint32_t n = 0; recall != NULL && n < PLACES; n++)
        recall->places[n].is_here = false;
}
