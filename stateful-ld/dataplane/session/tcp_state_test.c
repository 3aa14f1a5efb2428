#include "session/tcp_state.h"

#include "packet/flow.h"
#include "testing/test.h"

struct step {
    enum direction direction;
    uint8_t flags;
    enum session_state after;
};

static void walk_from(enum session_state state, const struct step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) {
        state = tcp_next_state(state, steps[i].direction, steps[i].flags);
        assert_int_equal(state, steps[i].after);
    }
}

#define WALK_FROM(state, steps) walk_from(state, steps, sizeof(steps) / sizeof(steps[0]))
#define WALK(steps)             WALK_FROM(STATE_SYN_SENT, steps)

static void client_closes_first(void **state) {
    static const struct step steps[] = {
        { FROM_CLIENT, TCP_SYN, STATE_SYN_SENT }, /* retransmitted */
        { FROM_RS, TCP_SYN | TCP_ACK, STATE_SYN_RECV },
        { FROM_CLIENT, TCP_ACK, STATE_ESTABLISHED },
        { FROM_RS, TCP_ACK, STATE_ESTABLISHED },
        { FROM_CLIENT, TCP_FIN | TCP_ACK, STATE_CLOSE_WAIT },
        { FROM_RS, TCP_ACK, STATE_CLOSE_WAIT },
        { FROM_RS, TCP_FIN | TCP_ACK, STATE_LAST_ACK },
        { FROM_CLIENT, TCP_ACK, STATE_CLOSE },
    };

    (void)state;
    WALK(steps);
}

static void rs_closes_first(void **state) {
    static const struct step steps[] = {
        { FROM_RS, TCP_SYN | TCP_ACK, STATE_SYN_RECV },
        { FROM_CLIENT, TCP_ACK, STATE_ESTABLISHED },
        { FROM_RS, TCP_FIN | TCP_ACK, STATE_FIN_WAIT },
        { FROM_CLIENT, TCP_ACK, STATE_FIN_WAIT },
        { FROM_CLIENT, TCP_FIN | TCP_ACK, STATE_TIME_WAIT },
        { FROM_RS, TCP_ACK, STATE_TIME_WAIT },
    };

    (void)state;
    WALK(steps);
}

static void refused_connection(void **state) {
    static const struct step steps[] = {
        { FROM_RS, TCP_RST | TCP_ACK, STATE_CLOSE },
        { FROM_CLIENT, TCP_ACK, STATE_CLOSE },
    };

    (void)state;
    WALK(steps);
}

static void opened_by_a_cookie(void **state) {
    static const struct step steps[] = {
        { FROM_CLIENT, TCP_ACK, STATE_SYN_ACK }, /* says nothing about the RS */
        { FROM_CLIENT, TCP_FIN | TCP_ACK, STATE_SYN_ACK },
        { FROM_RS, TCP_SYN | TCP_ACK, STATE_SYN_RECV },
        { FROM_CLIENT, TCP_ACK, STATE_ESTABLISHED },
    };
    static const struct step refused[] = {
        { FROM_RS, TCP_RST | TCP_ACK, STATE_CLOSE },
    };

    (void)state;
    WALK_FROM(STATE_SYN_ACK, steps);
    WALK_FROM(STATE_SYN_ACK, refused);
}

static void challenges_change_nothing(void **state) {
    (void)state;
    /* RFC 5961 4: a SYN in a synchronised state is answered by a challenge ACK. */
    assert_int_equal(tcp_next_state(STATE_ESTABLISHED, FROM_CLIENT, TCP_SYN), STATE_ESTABLISHED);
    /* An RS that still has the old connection answers a SYN with an ACK. */
    assert_int_equal(tcp_next_state(STATE_SYN_SENT, FROM_RS, TCP_ACK), STATE_SYN_SENT);
    /* RFC 1337: a RST must not cut TIME-WAIT short. */
    assert_int_equal(tcp_next_state(STATE_TIME_WAIT, FROM_CLIENT, TCP_RST), STATE_TIME_WAIT);
}

static void every_transition_is_to_a_state(void **state) {
    (void)state;
    for (int from = STATE_SYN_SENT; from < STATE_COUNT; from++)
        for (int direction = 0; direction < 2; direction++)
            for (int flags = 0; flags < 64; flags++) {
                enum session_state next = tcp_next_state((enum session_state)from,
                                                         (enum direction)direction, (uint8_t)flags);

                assert_in_range(next, STATE_SYN_SENT, STATE_COUNT - 1);
                assert_int_equal(next == STATE_UDP_ACTIVE, from == STATE_UDP_ACTIVE);
                assert_true(from == STATE_SYN_ACK || next != STATE_SYN_ACK);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_closes_first),
        cmocka_unit_test(rs_closes_first),
        cmocka_unit_test(refused_connection),
        cmocka_unit_test(opened_by_a_cookie),
        cmocka_unit_test(challenges_change_nothing),
        cmocka_unit_test(every_transition_is_to_a_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
