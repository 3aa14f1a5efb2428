"""What a lab that died left behind is found by its mark, and nothing else is touched."""

import errno
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from labkit import run_dir
from labkit.errors import LabError


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

    def test_what_goes_away_meanwhile_or_is_no_lab_is_left_alone(self) -> None:
        folder = Path(self._tmp.name)
        (folder / f"{run_dir.PREFIX}file").touch()
        paths = [folder / f"{run_dir.PREFIX}file", folder / f"{run_dir.PREFIX}gone"]
        with mock.patch.object(Path, "glob", lambda _self, _pattern: iter(paths)):
            self.assertEqual(run_dir.sweep_stale(), 0)
        self.assertTrue(paths[0].exists())

    def test_one_that_cannot_be_made_leaves_nothing(self) -> None:
        full = OSError(errno.ENOSPC, "No space left on device")
        with mock.patch("builtins.open", side_effect=full), self.assertRaises(OSError):
            run_dir.RunDir()
        self.assertEqual(os.listdir(self._tmp.name), [])

    def test_a_full_disk_is_told_of(self) -> None:
        directory = run_dir.RunDir()
        self.addCleanup(directory.remove)
        self.assertEqual(directory.why_full(), "")
        for bfree, ffree in ((0, 100), (100, 0)):
            with mock.patch("os.statvfs", return_value=mock.Mock(f_bfree=bfree, f_ffree=ffree, f_files=200)):
                self.assertRegex(directory.why_full(), f"{directory.path}.*TMPDIR=")
        with mock.patch("os.statvfs", return_value=mock.Mock(f_bfree=100, f_ffree=0, f_files=0)):
            self.assertEqual(directory.why_full(), "")  # a file system that makes them as they are needed

    def test_a_path_that_programs_would_misread_is_refused(self) -> None:
        for name, why in (("with space", "letters"), ("a$b", "letters"), ("x" * 90, "Unix socket")):
            with self.subTest(name):
                (Path(self._tmp.name) / name).mkdir()
                with mock.patch.object(tempfile, "tempdir", f"{self._tmp.name}/{name}"):
                    with self.assertRaisesRegex(LabError, f"{re.escape(name)}.*{why}.*TMPDIR="):
                        run_dir.RunDir()
                self.assertEqual(os.listdir(f"{self._tmp.name}/{name}"), [])

    def test_a_running_labs_directory_stays(self) -> None:
        running = run_dir.RunDir()
        self.assertEqual(run_dir.sweep_stale(), 0)
        self.assertTrue(running.path.is_dir())
        running.remove()
        self.assertFalse(running.path.exists())


if __name__ == "__main__":
    unittest.main()
