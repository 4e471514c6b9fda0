"""The progress line, on a terminal and in a log."""

import io

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


def test_a_terminal_gets_a_bar_that_ends_full() -> None:
    first, *bars = _show(Terminal(), 2_000_000, 500_000, 1_500_000).split("\r")
    assert first == "fetching http://home/x.gz (2.00 MB)\n"
    assert bars[0] == f"[{'=' * 7}{' ' * 23}]  25% of 2.00 MB"
    assert bars[-1] == f"[{'=' * 30}] 100% of 2.00 MB\n"


def test_a_terminal_gets_a_count_where_no_size_was_announced() -> None:
    assert _show(Terminal(), None, 1_500_000) == "fetching http://home/x.gz\n\r1.50 MB\n"
