"""TOA is found among a segment's options."""

import unittest

from labkit.shows.capture import toa_of

TIMESTAMPS = bytes([1, 1, 8, 10, *range(8)])
TOA = bytes([254, 8, 0x9C, 0x40, 198, 51, 100, 2])


class ToaTest(unittest.TestCase):
    def test_behind_other_options(self) -> None:
        self.assertEqual(toa_of(TIMESTAMPS + TOA), "198.51.100.2:40000")

    def test_none(self) -> None:
        for options in (b"", TIMESTAMPS, TIMESTAMPS + b"\0" + TOA):
            self.assertEqual(toa_of(options), "")


if __name__ == "__main__":
    unittest.main()
