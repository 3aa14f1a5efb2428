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

/* INDEX_LINE_ENTRIES when the line is full. */
static uint32_t empty_entry(const struct index_line *line) {
    uint32_t entry = 0;

    while (entry < INDEX_LINE_ENTRIES && line->ref[entry] != 0)
        entry++;
    return entry;
}

void session_index_insert(struct session_index *index, uint32_t hash, session_ref ref) {
    uint32_t number = session_index_home(index, hash);
    uint32_t entry;

    while ((entry = empty_entry(&index->lines[number])) == INDEX_LINE_ENTRIES)
        number = session_index_next(index, number);
    index->lines[number].hash[entry] = hash;
    index->lines[number].ref[entry] = ref;
}

static uint32_t find_entry(const struct index_line *line, uint32_t hash, session_ref ref) {
    uint32_t entry = 0;

    while (entry < INDEX_LINE_ENTRIES && (line->ref[entry] != ref || line->hash[entry] != hash))
        entry++;
    return entry;
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

    while ((entry = find_entry(line, hash, ref)) == INDEX_LINE_ENTRIES) {
        number = session_index_next(index, number);
        line = &index->lines[number];
    }
    was_full = index_line_full(line);
    line->hash[entry] = 0;
    line->ref[entry] = 0;
    if (unlikely(was_full))
        fill_hole(index, number, entry);
}
