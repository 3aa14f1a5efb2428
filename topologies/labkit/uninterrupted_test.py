"""A program that must not be cut off by Ctrl-C."""

import unittest
from unittest import mock

from labkit import uninterrupted


class RunTest(unittest.TestCase):
    def _run(self, *waits: object) -> int:
        popen = mock.Mock()
        popen.wait.side_effect = waits
        with mock.patch("subprocess.Popen", return_value=popen):
            try:
                return uninterrupted.run("setup")
            finally:
                popen.kill.assert_not_called()
                popen.terminate.assert_not_called()
                self.assertEqual(popen.wait.call_count, len(waits))

    def test_its_status_is_told(self) -> None:
        self.assertEqual(self._run(3), 3)

    def test_an_interrupt_is_raised_when_it_has_ended(self) -> None:
        with self.assertRaises(KeyboardInterrupt):
            self._run(KeyboardInterrupt(), KeyboardInterrupt(), 130)


if __name__ == "__main__":
    unittest.main()
