"""The verdict finds what is wrong; the picture carries the counted numbers."""

import unittest
from collections import Counter

from labkit import plan
from labkit.measure import Ld, Measured, Service
from labkit.shows.vip import picture, verdict
from labkit.shows.vip_traffic import Result
from labkit.terminal import named, table


def lab(per_rs: dict[str, int], sessions: tuple[int, int]) -> tuple[Result, Measured]:
    result = Result(requests=sum(per_rs.values()), per_rs=Counter(per_rs))
    lds = [Ld(name, total, 512, 9, 9, {}) for name, total in zip(plan.LDS, sessions)]
    services = [Service("web", "203.0.113.10:80/tcp", "edge", 77, 1)]
    return result, Measured(lds, services, {"ld1": 500, "ld2": 524}, {"TTL_EXCEEDED": 0}, [])


class VerdictTest(unittest.TestCase):
    def test_all_well(self) -> None:
        self.assertEqual(verdict(*lab({"rs1": 1, "rs2": 2, "rs3": 3}, (3, 3))), [])

    def test_a_real_server_without_requests(self) -> None:
        self.assertEqual(verdict(*lab({"rs1": 3, "rs3": 3}, (3, 3))), ["real server rs2 got no request"])

    def test_an_ld_without_sessions(self) -> None:
        self.assertEqual(verdict(*lab({"rs1": 1, "rs2": 2, "rs3": 3}, (6, 0))), ["ld2 got no session"])

    def test_fewer_sessions_than_requests(self) -> None:
        self.assertIn("5 sessions for 6", verdict(*lab({"rs1": 1, "rs2": 2, "rs3": 3}, (3, 2)))[0])


class PictureTest(unittest.TestCase):
    def test_numbers_are_where_they_were_counted(self) -> None:
        traffic, measured = lab({"rs1": 11, "rs2": 12, "rs3": 13}, (17, 19))
        lines = picture(traffic, 9, measured).splitlines()
        self.assertIn("36 requests", lines[0])
        self.assertIn("9 pings", lines[0])
        self.assertIn("77 packets", lines[4])
        self.assertRegex(lines[5], r"├─ VXLAN ─► ld1 17 sessions ─┬─► rs1 11 answers")
        self.assertRegex(lines[6], r"└─ VXLAN ─► ld2 19 sessions ─┼─► rs2 12 answers")
        self.assertRegex(lines[7], r" └─► rs3 13 answers")


class TableTest(unittest.TestCase):
    def test_numbers_go_right_and_text_left(self) -> None:
        self.assertEqual(table(("a", "n"), [("x", 1), ("yy", 1000)]), "  a       n\n  x       1\n  yy  1,000")

    def test_counters_at_zero_are_left_out(self) -> None:
        self.assertEqual(named({"a": 0, "b": 2}), "b 2")
        self.assertEqual(named({"a": 0}), "none")


if __name__ == "__main__":
    unittest.main()
