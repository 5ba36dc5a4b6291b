/* A binary heap of nodes by key; equal keys go in topological order. */
#include "core/inside.h"

static bool is_before(const struct heap *heap, uint32_t a, uint32_t b)
{
    return heap->key[a] != heap->key[b] ? heap->key[a] < heap->key[b] : a < b;
}

static void set(struct heap *heap, uint32_t place, uint32_t node)
{
    heap->nodes[place] = node;
    heap->place[node] = place;
}

static void rise(struct heap *heap, uint32_t place)
{
    uint32_t node = heap->nodes[place];

    while (place > 0 && is_before(heap, node, heap->nodes[(place - 1) / 2])) {
        set(heap, place, heap->nodes[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set(heap, place, node);
}

static void sink(struct heap *heap, uint32_t place)
{
    uint32_t node = heap->nodes[place];

    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child >= heap->count)
            break;
        if (child + 1 < heap->count && is_before(heap, heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (!is_before(heap, heap->nodes[child], node))
            break;
        set(heap, place, heap->nodes[child]);
        place = child;
    }
    set(heap, place, node);
}

void engine_heap_put(struct heap *heap, uint32_t node, int64_t key)
{
    uint32_t place = heap->place[node];

    if (place != NONE && heap->key[node] == key)
        return;
    heap->key[node] = key;
    if (place == NONE) {
        heap->nodes[heap->count] = node;
        rise(heap, heap->count++);
        return;
    }
    rise(heap, place);
    sink(heap, heap->place[node]);
}

void engine_heap_take_out(struct heap *heap, uint32_t node)
{
    uint32_t place = heap->place[node], moved;

    tt_assert(place != NONE);
    heap->place[node] = NONE;
    moved = heap->nodes[--heap->count];
    if (moved == node)
        return;
    set(heap, place, moved);
    if (place > 0)
        rise(heap, place);
    sink(heap, heap->place[moved]);
}

void engine_heap_check(const struct heap *heap, uint32_t node_count)
{
    uint32_t present = 0;

    tt_assert(heap->count <= node_count);
    for (uint32_t n = 1; n < heap->count; n++)
        tt_assert(!is_before(heap, heap->nodes[n], heap->nodes[(n - 1) / 2]));
    for (uint32_t n = 0; n < node_count; n++) {
        if (heap->place[n] == NONE)
            continue;
        present++;
        tt_assert(heap->place[n] < heap->count);
        tt_assert(heap->nodes[heap->place[n]] == n);
    }
    tt_assert(present == heap->count);
}
