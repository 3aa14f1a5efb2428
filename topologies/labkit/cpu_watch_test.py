"""Shares of a CPU, out of samples, and of a program that really runs."""

import os
import time
import unittest

from labkit.cpu_watch import STOLEN, CpuWatch, Share, shares_of

_MS = 1_000_000


class SharesTest(unittest.TestCase):
    def test_what_ran_is_summed_and_the_longest_wait_counts(self) -> None:
        samples = [
            (1.0, {("gw1", 1): (0, 0), ("gw1", 2): (5 * _MS, 0)}),
            (1.1, {("gw1", 1): (40 * _MS, 30 * _MS), ("gw1", 2): (15 * _MS, 50 * _MS)}),
        ]
        share = shares_of(samples)["gw1"]
        self.assertAlmostEqual(share.ran, 0.5)
        self.assertAlmostEqual(share.waited, 0.5)

    def test_a_thread_that_begins_or_ends_counts_while_it_is_there(self) -> None:
        samples = [
            (1.0, {("ld1", 1): (0, 0)}),
            (1.1, {("ld1", 1): (10 * _MS, 0), ("ld1", 2): (1000 * _MS, 0)}),
            (1.2, {("ld1", 2): (1010 * _MS, 20 * _MS)}),
        ]
        share = shares_of(samples)["ld1"]
        self.assertAlmostEqual(share.ran, 0.1)
        self.assertAlmostEqual(share.waited, 0.1)

    def test_without_two_samples_nothing_is_known(self) -> None:
        self.assertEqual(shares_of([]), {})
        self.assertEqual(shares_of([(1.0, {("ld1", 1): (1, 1)})]), {})

    def test_what_the_host_took(self) -> None:
        watch = CpuWatch({})
        watch._samples = [(9.9, {(STOLEN, 0): (0, 0)})]
        watch._samples += [(10.0 + i / 20, {(STOLEN, 0): (100 * _MS + i * 10 * _MS, 0)}) for i in range(5)]
        self.assertAlmostEqual(watch.stolen_s(10.0, 11.0), 0.04)
        self.assertAlmostEqual(watch.stolen_s(10.1, 11.0), 0.02)

    def test_a_real_program(self) -> None:
        watch = CpuWatch({"me": os.getpid(), "gone": 0})
        began = time.monotonic()
        watch.start()
        while not watch.shares(began, time.monotonic()):
            sum(range(10_000))
        watch.end()
        share = watch.shares(began, time.monotonic())["me"]
        self.assertIsInstance(share, Share)
        self.assertGreater(share.ran, 0.0)
        self.assertGreaterEqual(watch.stolen_s(began, time.monotonic()), 0.0)
        watch.begin()
        self.assertEqual(watch.stolen_s(began, time.monotonic()), 0.0)
        self.assertEqual(watch.shares(began, time.monotonic()), {})


if __name__ == "__main__":
    unittest.main()
