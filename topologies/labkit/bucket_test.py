"""The same bucket as the parts compute."""

import unittest

from labkit.bucket import bucket_of

TCP = 6


class BucketTest(unittest.TestCase):
    def test_what_the_parts_compute(self) -> None:
        """The sessions that the README shows."""
        self.assertEqual(bucket_of("198.51.100.2", 48356, "203.0.113.10", 80, TCP), 289)
        self.assertEqual(bucket_of("198.51.100.2", 48364, "203.0.113.10", 80, TCP), 153)


if __name__ == "__main__":
    unittest.main()
