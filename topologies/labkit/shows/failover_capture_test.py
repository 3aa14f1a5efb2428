"""Where captures are to be."""

import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from ..errors import LabError
from .failover_capture import directory


class Directory(unittest.TestCase):
    def test_without_the_variable_nothing_is_captured(self) -> None:
        with mock.patch.dict(os.environ):
            os.environ.pop("SLUICE_CAPTURE", None)
            self.assertIsNone(directory())

    def test_it_has_to_be_there(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            with mock.patch.dict(os.environ, SLUICE_CAPTURE=name):
                self.assertEqual(directory(), Path(name))
            with mock.patch.dict(os.environ, SLUICE_CAPTURE=f"{name}/none"), self.assertRaisesRegex(LabError, "none"):
                directory()


if __name__ == "__main__":
    unittest.main()
