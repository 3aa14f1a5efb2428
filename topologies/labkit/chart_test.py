"""Numbers over time, drawn."""

import unittest

from labkit.chart import bars, histogram, marks, per_slot


class ChartTest(unittest.TestCase):
    def test_moments_are_counted_by_slot(self) -> None:
        self.assertEqual(per_slot([9.9, 10.0, 10.09, 10.25, 11.0], 10.0, 10.3, 0.1), [2, 0, 1, 0])

    def test_only_nothing_has_no_bar(self) -> None:
        self.assertEqual(bars([0, 1, 50, 100]), " ▁▄█")
        self.assertEqual(bars([0, 0]), "  ")
        self.assertEqual(bars([]), "")

    def test_marks_stand_below_their_slots(self) -> None:
        self.assertEqual(marks([(10.0, "a"), (10.31, "b")], 10.0, 0.1), "a  b")

    def test_an_edge_belongs_to_what_is_above_it(self) -> None:
        self.assertEqual(histogram([0, 9.9, 10, 25, 30], (10, 20, 30)), [2, 1, 1, 1])


if __name__ == "__main__":
    unittest.main()
