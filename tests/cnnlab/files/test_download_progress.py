"""The progress line, on a terminal and in a log."""

import io

import pytest
from module_clock import set_clock

from cnnlab.files import download_progress as module
from cnnlab.files.download_progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _show(out: io.StringIO, total: int | None, *counts: int) -> str:
    progress = Progress("http://home/x.gz", total, out)
    for count in counts:
        progress.add(count)
    progress.close()
    return out.getvalue()


def test_a_log_gets_one_line() -> None:
    text = _show(io.StringIO(), 2_000_000, 1_000_000, 1_000_000)
    assert text == "fetching http://home/x.gz (2.00 MB)\n"


def test_a_log_gets_a_line_a_minute_of_a_long_download(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 59.0, 60.0, 61.0, 121.0])
    set_clock(monkeypatch, module, monotonic=lambda: next(now))
    lines = _show(io.StringIO(), 4_000_000, *[1_000_000] * 4).splitlines()
    assert [line.partition("] ")[2].strip() for line in lines[1:]] == ["50% of 4.00 MB", "100% of 4.00 MB"]


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    first, *bars = _show(Terminal(), 2_000_000, 500_000, 1_500_000).split("\r")
    assert first == "fetching http://home/x.gz (2.00 MB)\n"
    assert bars[0] == f"[{'=' * 7}{' ' * 23}]  25% of 2.00 MB"
    assert bars[-1] == f"[{'=' * 30}] 100% of 2.00 MB\n"


def test_a_terminal_gets_a_count_where_no_size_was_announced() -> None:
    assert _show(Terminal(), None, 1_500_000) == "fetching http://home/x.gz\n\r1.50 MB\n"
