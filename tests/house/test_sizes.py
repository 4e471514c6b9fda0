"""Files stay small: one that grows is a sign that two things live in it."""

from __future__ import annotations

import statistics
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("cnnlab", "services", "workers", "migrations", "scripts", "tests", "benchmarks")
LARGEST, MEDIAN = 400, 120


def lengths() -> dict[str, int]:
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in paths}


def test_no_file_is_too_long() -> None:
    long = {name: length for name, length in lengths().items() if length > LARGEST}
    assert not long, f"more than {LARGEST} lines: {long}; find the second thing in them"


def test_the_median_file_is_short() -> None:
    assert statistics.median(lengths().values()) < MEDIAN
