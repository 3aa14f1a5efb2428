"""What wrk says is read right."""

import unittest

from labkit.errors import LabError
from labkit.shows.stack_traffic import Wrk, wrk_said

TEXT = """\
Running 5s test @ http://203.0.113.10/
  35757 requests in 5.05s, 6.14MB read
{}Requests/sec:   7086.21
Transfer/sec:      1.22MB
"""


class WrkTest(unittest.TestCase):
    def test_all_well(self) -> None:
        self.assertEqual(wrk_said(TEXT.format("")), Wrk(35_757, 7086.21, 0))

    def test_errors_of_every_kind_count(self) -> None:
        errors = "  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 10\n"
        self.assertEqual(wrk_said(TEXT.format(errors)).errors, 20)

    def test_a_wrk_that_measured_nothing(self) -> None:
        with self.assertRaisesRegex(LabError, "unable to connect"):
            wrk_said("unable to connect to 203.0.113.10:http Connection refused")


if __name__ == "__main__":
    unittest.main()
