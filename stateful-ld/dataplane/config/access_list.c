#include "config/access_list.h"

#include <stdlib.h>

enum {
    ADDRESS_BITS = 128
};

/* From here up to the next range all addresses are treated alike. */
struct range {
    struct access_address first;
    bool allow;
};

struct access_list {
    uint32_t count;
    struct range ranges[]; /* ascending; the first begins at 0 */
};

static int compare(struct access_address a, struct access_address b) {
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return (a.low > b.low) - (a.low < b.low);
}

/* A prefix before those it holds. */
static int by_place(const void *a, const void *b) {
    const struct access_prefix *x = a, *y = b;
    int order = compare(x->address, y->address);

    return order != 0 ? order : (int)x->bits - (int)y->bits;
}

/* The address behind a prefix; false when there is none, because the prefix ends where all do. */
static bool end_of(const struct access_prefix *prefix, struct access_address *end) {
    uint32_t host_bits = ADDRESS_BITS - prefix->bits;

    *end = prefix->address;
    if (host_bits >= ADDRESS_BITS)
        return false;
    if (host_bits >= 64) {
        end->high += 1ULL << (host_bits - 64);
        return end->high != 0;
    }
    end->low += 1ULL << host_bits;
    if (end->low == 0)
        end->high++;
    return end->low != 0 || end->high != 0;
}

/* Ranges that begin at the same address: the last one said counts. */
static void add_range(struct access_list *list, struct access_address first, bool allow) {
    struct range *last = list->count > 0 ? &list->ranges[list->count - 1] : NULL;

    if (last != NULL && compare(last->first, first) == 0)
        last->allow = allow;
    else
        list->ranges[list->count++] = (struct range){ .first = first, .allow = allow };
}

/* Prefixes that hold the address that has been reached, the longest last. */
struct open_prefixes {
    const struct access_prefix *prefix[ADDRESS_BITS + 1];
    int depth;
    bool otherwise;
};

static bool verdict(const struct open_prefixes *open) {
    return open->depth > 0 ? open->prefix[open->depth - 1]->allow : open->otherwise;
}

/* Close the prefixes that end at or before `until`, or all when it is NULL. */
static void close_prefixes(struct access_list *list, struct open_prefixes *open,
                           const struct access_address *until) {
    struct access_address end;

    while (open->depth > 0) {
        bool ends = end_of(open->prefix[open->depth - 1], &end);

        if (until != NULL && (!ends || compare(end, *until) > 0))
            return;
        open->depth--;
        if (ends)
            add_range(list, end, verdict(open));
    }
}

static bool any_allows(const struct access_prefix *prefixes, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (prefixes[i].allow)
            return true;
    return false;
}

struct access_list *access_list_build(struct access_prefix *prefixes, uint32_t count) {
    struct access_list *list =
        malloc(sizeof(*list) + (2 * (size_t)count + 1) * sizeof(list->ranges[0]));
    struct open_prefixes open = { .otherwise = !any_allows(prefixes, count) };

    if (list == NULL)
        return NULL;
    list->count = 0;
    add_range(list, (struct access_address){ 0 }, open.otherwise);
    qsort(prefixes, count, sizeof(*prefixes), by_place);
    for (uint32_t i = 0; i < count; i++) {
        close_prefixes(list, &open, &prefixes[i].address);
        open.prefix[open.depth++] = &prefixes[i];
        add_range(list, prefixes[i].address, prefixes[i].allow);
    }
    close_prefixes(list, &open, NULL);
    return list;
}

void access_list_free(struct access_list *list) {
    free(list);
}

bool access_list_allows(const struct access_list *list, struct access_address client) {
    uint32_t first = 0, behind;

    if (list == NULL)
        return true;
    behind = list->count;
    while (behind - first > 1) {
        uint32_t middle = first + (behind - first) / 2;

        if (compare(list->ranges[middle].first, client) <= 0)
            first = middle;
        else
            behind = middle;
    }
    return list->ranges[first].allow;
}
