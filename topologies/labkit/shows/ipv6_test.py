"""What real servers say of their peers is read right, in both families."""

import unittest

from labkit.shows.ipv6 import is_ipv6, peer, per_rs


class AnswersTest(unittest.TestCase):
    def test_the_peer_of_an_answer(self) -> None:
        self.assertEqual(peer("rs1 198.18.0.3:5688"), "198.18.0.3")
        self.assertEqual(peer("rs2 2001:db8:18::3:5688"), "2001:db8:18::3")
        self.assertEqual([is_ipv6("198.18.0.3"), is_ipv6("2001:db8:18::3")], [False, True])

    def test_answers_of_each(self) -> None:
        self.assertEqual(per_rs(["rs1 a:1", "rs2 b:1", "rs1 c:1"]), {"rs1": 2, "rs2": 1})


if __name__ == "__main__":
    unittest.main()
