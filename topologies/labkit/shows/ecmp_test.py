"""What counts as a flow that moved."""

import unittest

from labkit.shows.ecmp import LEAVES, moved


class MovedTest(unittest.TestCase):
    def test_flows_of_the_one_that_leaves_and_of_others(self) -> None:
        before = {1: "r1", 2: LEAVES, 3: "r3"}
        self.assertEqual(moved(before, before), 0)
        self.assertEqual(moved(before, {1: "r1", 2: "r1", 3: "r3"}), 1)
        self.assertEqual(moved(before, {1: "r1", 2: "r1", 3: "r3"}, of_others=True), 0)
        self.assertEqual(moved(before, {1: "r3", 2: "r1", 3: "r3"}, of_others=True), 1)


if __name__ == "__main__":
    unittest.main()
