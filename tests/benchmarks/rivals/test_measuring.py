"""A benchmark in parts: what is added belongs to the last one."""

from pathlib import Path

from benchmarks.rivals import records
from benchmarks.rivals.measuring import Measuring


def begun(home: Path, machine: str) -> Measuring:
    return Measuring(Path("python"), home, "mnist", [], 1, 1.0, True, machine)


def test_what_is_added_is_of_the_last_benchmark(tmp_path: Path) -> None:
    first, last = begun(tmp_path, "first"), begun(tmp_path, "last")
    first.began, last.began = "2026-01-01 10:00:00", "2026-01-02 10:00:00"
    for each in (first, last):
        each._write("plain", "mlp", "warm", {"wall": 1.0})
    more = begun(tmp_path, "now")
    more.go_on_from(records.read(more.file))
    assert (more.began, more.machine) == (last.began, "last")


def test_nothing_measured_is_nothing_to_add_to(tmp_path: Path) -> None:
    more = begun(tmp_path, "now")
    before = more.began
    more.go_on_from(records.read(more.file))
    assert (more.began, more.machine) == (before, "now")
