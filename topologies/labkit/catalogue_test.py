"""Every scenario of the catalogue exists, and the choice of them keeps their order."""

import unittest

from labkit import catalogue, shows


class CatalogueTest(unittest.TestCase):
    def test_every_scenario_has_its_show(self) -> None:
        self.assertEqual(list(shows.BY_NAME), list(catalogue.SCENARIOS))
        self.assertLessEqual(set(catalogue.DEFAULT), set(catalogue.SCENARIOS))

    def test_what_is_chosen(self) -> None:
        self.assertEqual(catalogue.chosen(None, "softswitch"), list(catalogue.DEFAULT))
        self.assertEqual(catalogue.chosen(["eip", "vip"], "softswitch"), ["vip", "eip"])
        every = [name for name in catalogue.SCENARIOS if name != "migrate-many"]
        self.assertEqual(catalogue.chosen(["all"], "softswitch"), every)

    def test_what_a_target_leaves_out_can_be_named(self) -> None:
        self.assertEqual(list(catalogue.left_out(["all"], "softswitch")), ["migrate-many"])
        self.assertEqual(catalogue.left_out(["failover"], "bmv2"), {})
        self.assertEqual(catalogue.chosen(["failover"], "bmv2"), ["failover"])
        for name in catalogue.left_out(["all"], "bmv2"):
            self.assertNotIn(name, catalogue.chosen(["all"], "bmv2"))
            self.assertIn(name, catalogue.chosen(["all", name], "bmv2"))


if __name__ == "__main__":
    unittest.main()
