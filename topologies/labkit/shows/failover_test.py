"""What the failover show makes of what its connections saw."""

import unittest

from labkit.shows.failover import Round, drawing


def _round() -> Round:
    result = Round("killed", began=10.0, failed=11.0, returned=12.0)
    answers = [(10.0, 0.01), (10.9, 0.3), (11.5, 0.02), (12.1, 0.04)]
    result.stayed = [
        {"answers": answers, "peers": ["rs1 198.18.0.1:1024"], "error": None, "unanswered": 0},
        {"answers": [(10.0, 0.01)], "peers": ["rs1 a", "rs2 b"], "error": "ConnectionResetError: ", "unanswered": 1},
    ]
    return result


class RoundTest(unittest.TestCase):
    def test_the_longest_wait_is_of_requests_that_were_open(self) -> None:
        result = _round()
        self.assertEqual(result.longest(result.failed, result.returned), 0.3)  # begun before, answered after
        self.assertEqual(result.longest(result.returned, 13.0), 0.04)
        self.assertEqual(result.longest(13.0, 14.0), 0.0)

    def test_what_went_wrong_is_counted(self) -> None:
        result = _round()
        self.assertEqual((result.resets(), result.moved(), result.unanswered()), (1, 1, 1))

    def test_the_drawing_marks_failure_and_return(self) -> None:
        _, bars, marks = drawing(_round())
        self.assertEqual((marks.index("✗"), marks.index("✓")), (4 + 10, 4 + 20))
        self.assertEqual(bars[4], "█")  # two answers in the first tenth of a second
        self.assertEqual(bars[4 + 10], " ")
        self.assertNotEqual(bars[4 + 12], " ")  # the late one, when it came


if __name__ == "__main__":
    unittest.main()
