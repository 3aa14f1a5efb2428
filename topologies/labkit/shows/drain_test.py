"""What a drain must not do is found in what clients saw."""

import unittest
from typing import Any

from labkit.shows.drain import DRAINED, DrainShow
from labkit.shows.failover_round import Round
from labkit.shows.health import Answer, Phase


class _Load:
    def __init__(self, answers: "list[tuple[float, float]]") -> None:
        one = {"port": 40000, "peers": [f"{DRAINED} 198.18.0.1:2000"], "answers": answers, "error": None, "unanswered": 0}
        self.result = Round("drained", began=0.0, ended=20.0, stayed=[one])

    def judge(self, show: Any) -> None:
        """What was lost is judged elsewhere."""


def _failures(names: "list[tuple[float, str | None]]", last_answer: float = 15.0, **changes: Any) -> "list[str]":
    show = DrainShow()
    show.answers = [Answer(began, name) for began, name in [(5.0, DRAINED), (35.0, DRAINED), *names]]
    show.phases = tuple(Phase(f"phase {i}", 10.0 * i, 10.0 * (i + 1)) for i in range(4))
    show.load = _Load([(1.0, 0.01), (last_answer, 0.01)])  # type: ignore[assignment]
    show.left, show.after, show.was_waited_for, show.drained_at = 1, 0, True, 10.0
    for name, value in changes.items():
        setattr(show, name, value)
    show._judge()
    return show.failures


class DrainTest(unittest.TestCase):
    def test_its_connections_go_on_and_new_ones_go_elsewhere(self) -> None:
        self.assertEqual(_failures([(15.0, "rs1"), (25.0, "rs3")]), [])

    def test_what_is_wrong_is_found(self) -> None:
        for failures, message in (
            (_failures([(15.0, DRAINED)]), "got while it was drained: 1, not 0"),
            (_failures([(25.0, None)]), "requests that nobody answered: 1, not 0"),
            (_failures([], last_answer=9.0), "without an answer while it was drained: [40000], not []"),
            (_failures([], after=2), "when its drain was complete: 2, not 0"),
            (_failures([], left=0), "0 sessions were left, of 1 connections"),
            (_failures([], was_waited_for=False), "did not wait"),
        ):
            with self.subTest(message=message):
                self.assertEqual(len(failures), 1)
                self.assertIn(message, failures[0])


if __name__ == "__main__":
    unittest.main()
