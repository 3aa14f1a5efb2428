"""What curl and ping wrote is read right."""

import unittest

from labkit.shows.move import pings_in, requests_in

TEXT = """\
vm1 198.51.100.2:40000
#0 0
vm1 198.51.100.2:40002
#1 0
#2 56
vm2 198.51.100.2:40006
#3 0
vm1 198.51.100.2:400"""


class MoveTest(unittest.TestCase):
    def test_who_answered_which_request(self) -> None:
        requests = requests_in(TEXT)
        self.assertEqual(requests.answers, ["vm1", "vm1", None, "vm2"])
        self.assertEqual(requests.runs(), [("vm1", 1), ("vm2", 4)])
        self.assertEqual(requests.broken, 1)

    def test_an_answer_of_the_old_vm_after_the_move_shows(self) -> None:
        text = "".join(f"{name} x\n#0 0\n" for name in ("vm1", "vm2", "vm1", "vm2"))
        self.assertEqual([name for name, _ in requests_in(text).runs()], ["vm1", "vm2", "vm1", "vm2"])

    def test_pings(self) -> None:
        self.assertEqual(pings_in("\n101 packets transmitted, 100 received, 0.99% packet loss"), (101, 100))
        self.assertEqual(pings_in(""), (0, 0))


if __name__ == "__main__":
    unittest.main()
