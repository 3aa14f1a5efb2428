"""What was answered when is put into the right phase."""

import unittest
from typing import Any

from labkit.shows.health import SERVICES, Answer, HealthShow, Phase


_WELL = [(5.0, "rs2"), (55.0, "rs2")]


def _show(names: "list[tuple[Any, ...]]", service: str = "web") -> HealthShow:
    """With these answers of one service, and nothing wrong with others."""
    show = HealthShow()
    show.answers = {
        name: [Answer(*one) for one in (names if name == service else _WELL)] for name in SERVICES
    }
    show.rising = {("ld1", service): 4.1}
    show.phases = tuple(Phase(f"phase {i}", 10.0 * i, 10.0 * (i + 1)) for i in range(6))
    show._judge()
    return show


class HealthTest(unittest.TestCase):
    def test_a_phase_counts_what_began_in_it(self) -> None:
        answers = [Answer(9.9, "rs1"), Answer(10.0, "rs2"), Answer(19.9, None), Answer(20.0, "rs3")]
        self.assertEqual(Phase("x", 10.0, 20.0).row(answers), ("x", "10.0 s", 0, 1, 0, 1))

    def test_requests_are_lost_only_until_the_lds_know(self) -> None:
        self.assertEqual(_show([(5.0, "rs2"), (15.0, None), (25.0, "rs1"), (55.0, "rs2")]).failures, [])

    def test_what_the_stop_cuts_off_is_no_failure_but_what_nobody_answers_is(self) -> None:
        self.assertEqual(_show([(5.0, "rs2"), (9.9, None, 10.1), (55.0, "rs2")]).failures, [])
        for ended in 9.95, 19.9:
            self.assertEqual(len(_show([(5.0, "rs2"), (9.9, None, ended), (55.0, "rs2")]).failures), 1)

    def test_a_request_to_a_server_that_is_known_to_be_down_is_a_failure(self) -> None:
        failures = _show([(5.0, "rs2"), (25.0, "rs2"), (55.0, "rs2")]).failures
        self.assertEqual(len(failures), 1)
        self.assertIn("while it was down: 1, not 0", failures[0])

    def test_so_is_one_that_nobody_answers_then(self) -> None:
        for service in SERVICES:
            self.assertEqual(len(_show([(5.0, "rs2"), (25.0, None), (55.0, "rs2")], service).failures), 1)

    def test_a_weight_that_is_back_at_once_is_a_failure_and_so_is_a_share_that_does_not_rise(self) -> None:
        show = _show(_WELL)
        show.rising["ld2", "web"] = 0.7
        show._judge()
        self.assertEqual(len(show.failures), 1)
        self.assertIn("at ld2 after 0.7 s", show.failures[0])
        self.assertIn("as large a share", _show([*_WELL, (45.0, "rs2")]).failures[0])


if __name__ == "__main__":
    unittest.main()
