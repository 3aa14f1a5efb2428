"""A real server is taken out of the right service."""

import unittest

from labkit.shows.guard import without_rs

_TEXT = """\
services:
  - name: web
    real_servers:
      - { name: rs1, port: 80 }
      - { name: rs2, port: 80 }
  - name: parting
    real_servers:
      - { name: rs1, port: 81 }
      - { name: rs2, port: 81 }
  - name: last
"""


class GuardTest(unittest.TestCase):
    def test_only_the_services_own_entry_goes(self) -> None:
        self.assertEqual(without_rs(_TEXT, "parting", "rs2"), _TEXT.replace("      - { name: rs2, port: 81 }\n", ""))


if __name__ == "__main__":
    unittest.main()
