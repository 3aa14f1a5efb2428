#include "forward/quota.h"

#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "forward/dataplane.h"
#include "forward/gcra.h"

enum {
    UNIT_TIME_BITS = 20,
    /* Of a burst of bytes 50 ms are for everybody and 50 ms for high priority alone, but never less
     * than four packets of this size, as in the switch. */
    TOLERANCE_MS = 100,
    TOLERANCE_BYTES_MIN = 2 * 4 * 1600,
    /* Of new sessions: a second's may come at once. */
    TOLERANCE_SESSIONS_MS = 1000,
    /* Part of a limit under pressure that is dealt evenly: what a worker begins with when its first
     * packet comes. */
    EVEN_PART = 20,
};

static uint64_t read_relaxed(const uint64_t *number) {
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static void write_relaxed(uint64_t *number, uint64_t value) {
    __atomic_store_n(number, value, __ATOMIC_RELAXED);
}

static uint64_t unit_time_of(uint64_t per_s) {
    uint64_t time = ((uint64_t)NS_PER_S << UNIT_TIME_BITS) / per_s;

    return time > 0 ? time : 1;
}

static uint64_t cost(uint64_t unit_time, uint64_t units) {
    return unit_time * units >> (UNIT_TIME_BITS - GCRA_TIME_BITS);
}

struct quota *quota_create(const char *name, uint32_t workers) {
    struct quota *quota = aligned_alloc(64, sizeof(*quota));
    size_t cell_bytes = workers * sizeof(*quota->cells);

    if (quota == NULL)
        return NULL;
    memset(quota, 0, sizeof(*quota));
    quota->references = 1;
    quota->workers = workers;
    quota->name = strdup(name);
    quota->seen = calloc((size_t)workers * (QUOTA_RATES + 1), sizeof(*quota->seen));
    quota->cells = aligned_alloc(64, cell_bytes);
    if (quota->name == NULL || quota->seen == NULL || quota->cells == NULL) {
        quota_put(quota);
        return NULL;
    }
    memset(quota->cells, 0, cell_bytes);
    return quota;
}

void quota_put(struct quota *quota) {
    if (quota == NULL || --quota->references != 0)
        return;
    free(quota->name);
    free(quota->seen);
    free(quota->cells);
    free(quota);
}

/* The same to everyone: nobody knows yet who will be asked. */
static void deal_evenly(struct quota *quota) {
    for (uint32_t id = 0; id < quota->workers; id++) {
        struct quota_cell *cell = &quota->cells[id];

        for (int rate = 0; rate < QUOTA_RATES; rate++)
            if (quota->limits.per_s[rate] != 0)
                write_relaxed(&cell->unit_time[rate],
                              unit_time_of(quota->limits.per_s[rate]) * quota->workers);
        write_relaxed(&cell->session_share, quota->limits.sessions / quota->workers +
                                                (id < quota->limits.sessions % quota->workers));
    }
}

static uint64_t tolerance_of(enum quota_rate rate, uint64_t unit_time) {
    uint64_t least = cost(unit_time, TOLERANCE_BYTES_MIN);
    uint64_t usual = gcra_ms(TOLERANCE_MS);

    if (rate == QUOTA_NEW_SESSIONS)
        return gcra_ms(TOLERANCE_SESSIONS_MS);
    return usual > least ? usual : least;
}

static bool is_exact(enum quota_rate rate, uint64_t per_s) {
    return per_s <= (rate == QUOTA_NEW_SESSIONS ? (uint64_t)QUOTA_EXACT_NEW_SESSIONS
                                                : (uint64_t)QUOTA_EXACT_BYTES_PER_S);
}

struct quota_use quota_use(struct quota *quota, const struct quota_limits *limits) {
    struct quota_use use = { .quota = quota, .limits = *limits };

    if (memcmp(&quota->limits, limits, sizeof(*limits)) != 0) {
        quota->limits = *limits;
        deal_evenly(quota);
    }
    use.exact_sessions = limits->sessions <= QUOTA_EXACT_SESSIONS;
    for (int rate = 0; rate < QUOTA_RATES; rate++) {
        if (limits->per_s[rate] == 0)
            continue;
        use.unit_time[rate] = unit_time_of(limits->per_s[rate]);
        use.tolerance[rate] = tolerance_of((enum quota_rate)rate, use.unit_time[rate]);
        use.exact_rate[rate] = is_exact((enum quota_rate)rate, limits->per_s[rate]);
    }
    return use;
}

/* What was asked since the last time. */
static uint64_t demand(uint64_t *seen, const uint64_t *asked) {
    uint64_t now = read_relaxed(asked), before = *seen;

    *seen = now;
    return now - before;
}

/* Who asks gets what they ask for, and what is left over is dealt evenly; when too little would be
 * left, they get parts in proportion, and the even part is as large as ever. */
static void redistribute_rate(struct quota *quota, enum quota_rate rate, uint64_t elapsed_ms) {
    uint64_t limit = quota->limits.per_s[rate], sum = 0;
    uint64_t demands[WORKERS_MAX];

    for (uint32_t id = 0; id < quota->workers; id++) {
        demands[id] = demand(&quota->seen[id * QUOTA_RATES + rate], &quota->cells[id].asked[rate]) *
                      1000 / elapsed_ms;
        sum += demands[id];
    }
    for (uint32_t id = 0; id < quota->workers && limit != 0; id++) {
        double share =
            sum <= limit / EVEN_PART * (EVEN_PART - 1)
                ? (double)demands[id] + (double)(limit - sum) / quota->workers
                : (double)limit * (EVEN_PART - 1) / EVEN_PART * (double)demands[id] / (double)sum +
                      (double)limit / EVEN_PART / quota->workers;

        write_relaxed(&quota->cells[id].unit_time[rate],
                      (uint64_t)((double)((uint64_t)NS_PER_S << UNIT_TIME_BITS) / share) + 1);
    }
}

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* Shares are lowered at once and raised by what is certainly free, which what has just been taken
 * from others is not before they have seen it: that comes with the next turn. */
static void redistribute_sessions(struct quota *quota) {
    uint64_t limit = quota->limits.sessions, open = 0, sum = 0, held = 0, unused, budget;
    uint64_t *seen = &quota->seen[quota->workers * QUOTA_RATES];
    uint64_t demands[WORKERS_MAX], sessions[WORKERS_MAX];

    for (uint32_t id = 0; id < quota->workers; id++) {
        const struct quota_cell *cell = &quota->cells[id];

        demands[id] = demand(&seen[id], &cell->sessions_asked) + 1;
        sessions[id] = read_relaxed(&cell->sessions);
        sum += demands[id];
        open += sessions[id];
        held += larger(cell->session_share, sessions[id]);
    }
    unused = limit > open ? limit - open : 0;
    budget = limit > held ? limit - held : 0;
    for (uint32_t id = 0; id < quota->workers && limit != 0; id++) {
        uint64_t *share = &quota->cells[id].session_share;
        uint64_t wanted =
            sessions[id] + (uint64_t)((double)unused * (double)demands[id] / (double)sum);

        if (wanted > *share) {
            uint64_t more = wanted - *share < budget ? wanted - *share : budget;

            budget -= more;
            wanted = *share + more;
        }
        write_relaxed(share, wanted);
    }
}

void quota_redistribute(struct quota *quota, uint64_t now_ms) {
    uint64_t elapsed_ms = now_ms - quota->redistributed_ms;

    if (elapsed_ms < QUOTA_REDISTRIBUTE_MS)
        return;
    quota->redistributed_ms = now_ms;
    if (quota->workers == 1)
        return;
    for (int rate = 0; rate < QUOTA_RATES; rate++)
        redistribute_rate(quota, (enum quota_rate)rate, elapsed_ms);
    redistribute_sessions(quota);
}

static bool count_shared(struct quota *quota, uint64_t limit) {
    if (read_relaxed(&quota->shared_sessions) >= limit)
        return false;
    if (__atomic_fetch_add(&quota->shared_sessions, 1, __ATOMIC_RELAXED) < limit)
        return true;
    __atomic_fetch_sub(&quota->shared_sessions, 1, __ATOMIC_RELAXED);
    return false;
}

bool quota_session_begin(const struct quota_use *use, uint32_t worker) {
    struct quota_cell *cell = &use->quota->cells[worker];

    write_relaxed(&cell->sessions_asked, cell->sessions_asked + 1);
    if (use->limits.sessions == 0) {
        /* counted all the same: a limit may come */
    } else if (use->exact_sessions) {
        if (!count_shared(use->quota, use->limits.sessions))
            return false;
        cell->counted++;
    } else if (cell->sessions >= read_relaxed(&cell->session_share)) {
        return false;
    }
    write_relaxed(&cell->sessions, cell->sessions + 1);
    return true;
}

void quota_session_over(const struct quota_use *use, uint32_t worker) {
    struct quota_cell *cell = &use->quota->cells[worker];

    if (cell->sessions == 0)
        return; /* opened where nobody was asked, such as on another LD */
    write_relaxed(&cell->sessions, cell->sessions - 1);
    if (cell->counted > cell->sessions) {
        cell->counted--;
        __atomic_fetch_sub(&use->quota->shared_sessions, 1, __ATOMIC_RELAXED);
    }
}

void quota_sessions_set(const struct quota_use *use, uint32_t worker, uint64_t sessions) {
    struct quota_cell *cell = &use->quota->cells[worker];
    uint64_t counted = use->limits.sessions != 0 && use->exact_sessions ? sessions : 0;

    write_relaxed(&cell->sessions, sessions);
    __atomic_fetch_add(&use->quota->shared_sessions, counted - cell->counted, __ATOMIC_RELAXED);
    cell->counted = counted;
}

/* To a later time; 0: none has been set. */
static void raise_to(uint64_t *number, uint64_t least) {
    uint64_t now = read_relaxed(number);

    while (
        (now == 0 || (int64_t)(least - now) > 0) &&
        !__atomic_compare_exchange_n(number, &now, least, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
}

/* A worker that has waited for its CPU since it read the clock is behind those that have taken
 * since: what they have been granted is no debt. So the time is the latest that is known. */
static bool take_shared(struct quota *quota, enum quota_rate rate, uint64_t now, uint64_t cost,
                        uint64_t tolerance) {
    uint64_t latest;

    raise_to(&quota->shared_now[rate], now);
    do {
        latest = __atomic_load_n(&quota->shared_now[rate], __ATOMIC_ACQUIRE);
        if (gcra_take_shared(&quota->shared_due[rate], latest, cost, tolerance))
            return true;
    } while (latest != read_relaxed(&quota->shared_now[rate]));
    return false;
}

bool quota_take(const struct quota_use *use, uint32_t worker, enum quota_rate rate, uint32_t units,
                bool high, uint64_t now_ms) {
    struct quota_cell *cell = &use->quota->cells[worker];
    uint64_t until = high ? use->tolerance[rate] : use->tolerance[rate] / 2;

    if (use->limits.per_s[rate] == 0)
        return true;
    write_relaxed(&cell->asked[rate], cell->asked[rate] + units);
    if (use->exact_rate[rate] && use->quota->workers > 1)
        return take_shared(use->quota, rate, gcra_ms(now_ms), cost(use->unit_time[rate], units),
                           until);
    return gcra_take(
        &cell->due[rate], gcra_ms(now_ms),
        cost(use->quota->workers > 1 ? read_relaxed(&cell->unit_time[rate]) : use->unit_time[rate],
             units),
        until);
}
