"""Every scenario of the catalogue exists, and the choice of them keeps their order."""

import unittest

from labkit import catalogue, shows


class CatalogueTest(unittest.TestCase):
    def test_every_scenario_has_its_show(self) -> None:
        self.assertEqual(list(shows.BY_NAME), list(catalogue.SCENARIOS))
        self.assertLessEqual(set(catalogue.DEFAULT), set(catalogue.SCENARIOS))

    def test_what_is_chosen(self) -> None:
        self.assertEqual(catalogue.chosen(None), list(catalogue.DEFAULT))
        self.assertEqual(catalogue.chosen(["eip", "vip"]), ["vip", "eip"])
        self.assertEqual(catalogue.chosen(["all"]), list(catalogue.SCENARIOS))


if __name__ == "__main__":
    unittest.main()
