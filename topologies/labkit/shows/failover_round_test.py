"""What is made of what the clients saw of a fault."""

import unittest

from labkit.shows.failover_round import Outage, Round, drawing

_PEER = "rs1 198.18.0.1:1024"


def _connection(answers: "list[tuple[float, float]]", **more: object) -> "dict[str, object]":
    return {
        "patient": False,
        "answers": answers,
        "peers": [_PEER],
        "page_bytes": 1000,
        "error": None,
        "unanswered": 0,
        **more,
    }


def _round() -> Round:
    result = Round("killed", began=10.0, outages=[Outage("ld1", 11.0, 12.0, 12.4)], ended=14.0)
    result.stayed = [
        _connection([(10.0, 0.01), (10.9, 0.3), (11.5, 0.02), (12.1, 0.04)]),
        _connection([(10.0, 0.01)], peers=[_PEER, "rs2 b"], error="ConnectionResetError: ", unanswered=2),
        _connection([(11.1, 0.21)], patient=True),
    ]
    return result


class RoundTest(unittest.TestCase):
    def test_a_stall_is_of_requests_that_were_open_in_the_time(self) -> None:
        result = _round()
        self.assertEqual(result.stalls(result.failing(), False), [0.3, 0.0])  # begun before, answered after
        self.assertEqual(result.stalls(result.coming_back(), False), [0.04, 0.0])
        self.assertEqual(result.stalls(result.failing(), True), [0.21])
        self.assertEqual(result.longest_stall(), 0.3)

    def test_of_two_faults_each_has_its_times(self) -> None:
        result = _round()
        result.outages.append(Outage("ld2", 13.0, 13.5, 13.6))
        self.assertEqual(result.failing(), [(11.0, 12.0), (13.0, 13.5)])
        self.assertEqual(result.coming_back(), [(12.0, 13.0), (13.5, 14.0)])

    def test_the_time_before_is_of_answers_that_were_there_before(self) -> None:
        self.assertAlmostEqual(_round().longest_before(), 0.0)  # one begins with the round, one is open at the fault
        result = _round()
        result.stayed = [_connection([(9.0, 0.9), (10.1, 0.04), (10.99, 0.2)])]
        self.assertAlmostEqual(result.longest_before(), 0.04)

    def test_what_is_forgotten_changes_no_number(self) -> None:
        result, condensed = _round(), _round()
        condensed.stayed[0]["answers"].append((11.9, 0.001))
        condensed.condense()
        self.assertEqual(len(condensed.stayed[0]["answers"]), 4)
        self.assertEqual(condensed.stalls(condensed.failing(), False), result.stalls(result.failing(), False))
        self.assertEqual(condensed.picture[0], drawing(result)[0])

    def test_what_went_wrong_is_counted(self) -> None:
        result = _round()
        self.assertEqual(list(result.wrong().values()), [1, 1, 2, 0])
        self.assertEqual((result.resets(), result.moved(), result.unanswered(), result.lost_bytes()), (1, 1, 2, 2000))

    def test_new_connections_that_had_something_sent_again_by_whether_they_met_the_fault(self) -> None:
        result = _round()
        result.outages[0].made = 11.1
        times = {10.97: 1.0, 10.99: 1.0, 11.16: 1.0, 11.18: 1.0, 11.05: 0.5}  # the fault, and the hold time after it
        result.came = [{"began": began, "took": took, "error": None} for began, took in times.items()]
        met, others = result.sent_again(hold_s=0.05)
        self.assertEqual([one["began"] for one in met], [10.99, 11.16])
        self.assertEqual([one["began"] for one in others], [10.97, 11.18])

    def test_the_bar(self) -> None:
        result = _round()
        result.stayed = [_connection([(11.1, 0.199)])]
        self.assertTrue(result.meets_the_bar())
        result.stayed = [_connection([(11.1, 0.2)])]
        self.assertFalse(result.meets_the_bar())
        result.stayed = [_connection([], unanswered=1)]
        self.assertFalse(result.meets_the_bar())

    def test_an_outage_ends_with_the_first_datagram_that_is_answered_in_time(self) -> None:
        result = _round()
        sent = [11.0, 11.01, 11.02, 11.03, 11.04, 13.0]
        result.probes = [
            {"sent": sent, "took": [0.001, None, 2.0, None, 0.001, None]},
            {"sent": sent, "took": [0.001] * 6},
        ]
        self.assertAlmostEqual(result.network_outage(result.failing()), 0.03)
        result.probes[0]["took"] = [0.001, 0.001, 0.001, None, None, None]  # to the end
        self.assertAlmostEqual(result.network_outage(result.failing()), 1.97)

    def test_the_drawing_marks_failure_and_return(self) -> None:
        _, bars, marks = drawing(_round())
        self.assertEqual((marks.index("✗"), marks.index("✓")), (4 + 10, 4 + 24))
        self.assertEqual(bars[4], "█")  # two answers in the first tenth of a second
        self.assertEqual(bars[4 + 10], " ")
        self.assertNotEqual(bars[4 + 12], " ")  # the late one, when it came


if __name__ == "__main__":
    unittest.main()
