#include "session/index.h"

#include <errno.h>

#include "session/memory.h"

static size_t lines_bytes(uint32_t lines) {
    return (size_t)lines * sizeof(struct index_line);
}

int session_index_init(struct session_index *index, size_t entries) {
    index->line_count = (uint32_t)((entries + INDEX_LINE_ENTRIES - 1) / INDEX_LINE_ENTRIES);
    index->lines = memory_map(lines_bytes(index->line_count));
    return index->lines == NULL ? -ENOMEM : 0;
}

void session_index_free(struct session_index *index) {
    memory_unmap(index->lines, lines_bytes(index->line_count));
}

/* The first entry of @p ref, which no other one has (0: that is empty); INDEX_LINE_ENTRIES when
 * there is none. All are compared: where it lies, no CPU could predict. */
static uint32_t entry_of(const struct index_line *line, session_ref ref) {
    uint32_t matches = 1u << INDEX_LINE_ENTRIES;

    for (uint32_t i = 0; i < INDEX_LINE_ENTRIES; i++)
        matches |= (uint32_t)(line->ref[i] == ref) << i;
    return (uint32_t)__builtin_ctz(matches);
}

void session_index_insert(struct session_index *index, uint32_t hash, session_ref ref) {
    uint32_t number = session_index_home(index, hash);
    uint32_t entry;

    while ((entry = entry_of(&index->lines[number], 0)) == INDEX_LINE_ENTRIES)
        number = session_index_next(index, number);
    index->lines[number].hash[entry] = hash;
    index->lines[number].ref[entry] = ref;
}

/* True when an entry that belongs at `home` and lies at `line` would not be found if `hole`, from
 * which it cannot be reached but over full lines, had room. */
static bool crosses(uint32_t home, uint32_t hole, uint32_t line) {
    if (hole <= line)
        return home <= hole || home > line;
    return home <= hole && home > line;
}

static uint32_t entry_that_crosses(const struct session_index *index, uint32_t hole,
                                   uint32_t number) {
    const struct index_line *line = &index->lines[number];
    uint32_t entry = 0;

    while (entry < INDEX_LINE_ENTRIES &&
           (line->ref[entry] == 0 ||
            !crosses(session_index_home(index, line->hash[entry]), hole, number)))
        entry++;
    return entry;
}

/* Room in a line that was full ends searches there: what lies behind it and belongs before it has
 * to come back. No tombstones, so searches stay short however long the LD runs. */
static void fill_hole(struct session_index *index, uint32_t hole, uint32_t hole_entry) {
    bool was_full = true;

    for (uint32_t number = session_index_next(index, hole); was_full;
         number = session_index_next(index, number)) {
        struct index_line *line = &index->lines[number];
        uint32_t entry = entry_that_crosses(index, hole, number);

        was_full = index_line_full(line);
        if (entry == INDEX_LINE_ENTRIES)
            continue;
        index->lines[hole].hash[hole_entry] = line->hash[entry];
        index->lines[hole].ref[hole_entry] = line->ref[entry];
        line->hash[entry] = 0;
        line->ref[entry] = 0;
        hole = number;
        hole_entry = entry;
    }
}

void session_index_remove(struct session_index *index, uint32_t hash, session_ref ref) {
    uint32_t number = session_index_home(index, hash);
    struct index_line *line = &index->lines[number];
    uint32_t entry;
    bool was_full;

    while ((entry = entry_of(line, ref)) == INDEX_LINE_ENTRIES) {
        number = session_index_next(index, number);
        line = &index->lines[number];
    }
    was_full = index_line_full(line);
    line->hash[entry] = 0;
    line->ref[entry] = 0;
    if (unlikely(was_full))
        fill_hole(index, number, entry);
}
