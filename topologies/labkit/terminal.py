"""Tables and colour for a terminal."""

import os
import sys
from typing import Sequence

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "cyan": "36"}


def use_colour() -> bool:
    """Colour only where someone looks (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if use_colour() else text


def heading(text: str) -> str:
    return "\n" + paint(text, "bold")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest cell; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(line[i]) for line in [list(columns), *cells]) for i in range(len(columns))]
    right = [bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(columns))]

    def line(values: Sequence[str]) -> str:
        padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right)]
        return ("  " + "  ".join(padded)).rstrip()

    return "\n".join([paint(line(columns), "dim"), *map(line, cells)])


def named(counters: dict[str, int]) -> str:
    """The counters that are not 0, by name."""
    return ", ".join(f"{name} {value:,}" for name, value in counters.items() if value) or "none"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
