"""A round that is not as it should be says what was wrong, where, and what the machine did then."""

import unittest

from labkit.cpu_watch import IDLE, STOLEN, Share
from labkit.shows.failover_round import Outage, Round
from labkit.shows.failover_why import why

_PEER = "rs1 198.18.0.1:1024"


def _connection(port: int, **more: object) -> "dict[str, object]":
    seen = {"patient": False, "port": port, "answers": [(10.9, 0.01)], "peers": [_PEER], "page_bytes": 1000}
    return {**seen, "error": None, "unanswered": 0, "slowest": (0.0, 0.0, 0), **more}


def _round(*stayed: "dict[str, object]") -> Round:
    result = Round("killed", began=10.0, outages=[Outage("ld1", 11.0, 13.0, 13.4, 11.1)], ended=14.0)
    result.stayed = list(stayed)
    result.cpu_at_fault = {IDLE: Share(0.1, 0.0), STOLEN: Share(0.2, 0.0), "gw1": Share(0.6, 0.25)}
    result.stolen_s = 0.34
    return result


def _new(began: float, took: float, error: "str | None" = None) -> "dict[str, object]":
    return {"began": began, "took": took, "opened": max(0.0, took - 0.01), "port": 9, "error": error}


def _ld_of(port: int) -> str:
    return f"ld{port % 2 + 1}"


class WhyTest(unittest.TestCase):
    def test_nothing_is_said_of_a_round_without_fault(self) -> None:
        self.assertEqual(why(_round(_connection(1)), _ld_of, 0.05), [])
        before = _connection(1, slowest=(10.2, 0.5, 0))
        patient = _connection(2, patient=True, slowest=(11.0, 0.22, 1))
        self.assertEqual(why(_round(before, patient), _ld_of, 0.05), [])

    def test_a_lost_connection(self) -> None:
        lines = why(_round(_connection(7, error="ConnectionResetError: ", unanswered=1)), _ld_of, 0.05)
        self.assertEqual(
            lines[0], "connection of port 7, ld2's: ConnectionResetError: ; its last answer came 90 ms before ld1's fault"
        )
        self.assertIn("gw1 25 %", lines[-1])
        self.assertNotIn(IDLE, lines[-1])
        self.assertIn("the host had 340 ms of this machine's CPUs; waiting for a CPU", lines[-1])

    def test_another_session_and_no_answer(self) -> None:
        lines = why(_round(_connection(6, unanswered=2, peers=[_PEER, "rs2 b"])), _ld_of, 0.05)
        self.assertEqual(lines[0], "connection of port 6, ld1's: 2 requests without an answer")
        self.assertEqual(lines[1], f"connection of port 6, ld1's: answered by {_PEER}, then rs2 b")

    def test_stalls_the_longest_first_and_no_more_than_three(self) -> None:
        lines = why(_round(*(_connection(n, slowest=(11.0 + n / 1000, 0.2 + n / 1000, 2)) for n in range(5))), _ld_of, 0.05)
        self.assertEqual(
            lines[0],
            "connection of port 4, ld1's: asked 4 ms after ld1's fault, answered 204 ms later;"
            " the client's TCP had sent 2 segments again",
        )
        self.assertEqual(lines[3], "and 2 more like these")

    def test_a_new_connection_that_failed_and_datagrams(self) -> None:
        result = _round(_connection(1))
        result.came = [_new(11.02, 0.0, "no answer"), _new(11.03, 1.0)]
        result.probes = [{"ld": "ld1", "sent": [11.0, 11.05, 11.1], "took": [None, None, 0.001]}]
        lines = why(result, _ld_of, 0.05)
        self.assertEqual(lines[0], "new connection of port 9, opened 20 ms after ld1's fault: no answer")
        self.assertEqual(lines[1], "datagrams, ld1's: no answer in time for 100 ms, from 0 ms after ld1's fault")

    def test_a_new_connection_that_was_slow_without_a_fault(self) -> None:
        result = _round(_connection(1))
        result.came = [_new(11.1, 1.02), _new(12.5, 1.03)]
        lines = why(result, _ld_of, 0.05)
        self.assertEqual(
            lines[0],
            "new connection of port 9, ld2's: opened 1500 ms after ld1's fault, its handshake took 1020 ms, all 1030 ms",
        )

    def test_a_machine_that_was_busy_before(self) -> None:
        result = _round(_connection(1, unanswered=1))
        result.calm = False
        self.assertTrue(why(result, _ld_of, 0.05)[-1].startswith("not calm before"))


if __name__ == "__main__":
    unittest.main()
