"""A progress line for downloads, so that a first run does not look stuck."""

import sys
import time
from typing import TextIO

_WIDTH = 30  # cells of the bar
_PERIOD = 0.1  # seconds between two drawings of a bar
_LOG_PERIOD = 60.0  # seconds between two lines in a log


class Progress:
    """Show how much of a download has arrived, on stderr.

    A terminal gets a bar that is redrawn in place; a log gets a line when the download begins, and then one a
    minute while data arrives, which shows whoever watches the process that it is not stuck.
    """

    def __init__(self, url: str, total: int | None, out: TextIO | None = None) -> None:
        self._out = sys.stderr if out is None else out
        self._total = total
        self._done = 0
        self._drawn = 0.0
        size = "" if total is None else f" ({_megabytes(total)} MB)"
        self._write(f"fetching {url}{size}\n")
        self._logged = time.monotonic()

    def add(self, count: int) -> None:
        """Count bytes that have arrived; the last ones are always drawn."""
        self._done += count
        now = time.monotonic()
        if self._out.isatty() and (self._done == self._total or now - self._drawn >= _PERIOD):
            self._drawn = now
            self._write(f"\r{self._line()}")
        if not self._out.isatty() and now - self._logged >= _LOG_PERIOD:
            self._logged = now
            self._write(f"{self._line()}\n")

    def close(self) -> None:
        """Leave the bar standing and begin a new line."""
        if self._out.isatty():
            self._write("\n")

    def _line(self) -> str:
        if not self._total:
            return f"{_megabytes(self._done)} MB"
        share = min(self._done / self._total, 1.0)
        bar = ("=" * int(share * _WIDTH)).ljust(_WIDTH)
        return f"[{bar}] {share:4.0%} of {_megabytes(self._total)} MB"

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.2f}"
