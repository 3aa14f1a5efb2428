"""What a lab that died left behind is found by its mark, and nothing else is touched."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from labkit import run_dir


class SweepTest(unittest.TestCase):
    def setUp(self) -> None:
        self._tmp = tempfile.TemporaryDirectory()
        self.addCleanup(self._tmp.cleanup)
        patch = mock.patch.object(tempfile, "tempdir", self._tmp.name)
        patch.start()
        self.addCleanup(patch.stop)
        self.addCleanup(os.environ.pop, run_dir.MARK, None)

    def _sleeper(self, mark: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(["sleep", "60"], env={**os.environ, run_dir.MARK: mark})
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_a_dead_labs_directory_and_processes_go(self) -> None:
        dead = Path(self._tmp.name) / f"{run_dir.PREFIX}dead"
        dead.mkdir()
        (dead / "lock").touch()
        its_own, other = self._sleeper(str(dead)), self._sleeper(f"{dead}-not")
        self.assertEqual(run_dir.sweep_stale(), 1)
        self.assertFalse(dead.exists())
        self.assertEqual(its_own.wait(5), -9)
        self.assertIsNone(other.poll())

    def test_a_running_labs_directory_stays(self) -> None:
        running = run_dir.RunDir()
        self.assertEqual(run_dir.sweep_stale(), 0)
        self.assertTrue(running.path.is_dir())
        running.remove()
        self.assertFalse(running.path.exists())


if __name__ == "__main__":
    unittest.main()
