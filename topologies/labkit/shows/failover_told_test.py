"""What is new of what programs count and log, some of which were started anew meanwhile."""

import unittest

from labkit.shows.failover_told import named, new_lines


class ToldTest(unittest.TestCase):
    def test_what_has_been_told_is_not_told_again(self) -> None:
        before = {("gw1", 1, "no_route"): 5, ("ld1", 2, "not_online"): 7}
        self.assertEqual(named(before, before), "none")
        self.assertEqual(named(before, {**before, ("gw1", 1, "no_route"): 1_234}), "gw1 no_route +1,229")

    def test_a_program_that_was_started_anew_counts_from_0(self) -> None:
        self.assertEqual(named({("ld1", 2, "not_online"): 7}, {("ld1", 3, "not_online"): 5}), "ld1 not_online +5")

    def test_lines_of_a_log_that_has_begun_anew_are_new(self) -> None:
        before = {("ld1", 2): ["offline: one"], ("ld2", 4): ["offline: two"]}
        now = {("ld1", 3): ["offline: three"], ("ld2", 4): ["offline: two", "offline: four"]}
        self.assertEqual(new_lines(before, now), [(("ld1", 3), "offline: three"), (("ld2", 4), "offline: four")])


if __name__ == "__main__":
    unittest.main()
