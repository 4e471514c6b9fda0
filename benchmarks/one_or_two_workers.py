"""Run the demo with one worker and with two, and say which trials' float32 curves are bit-equal.

    python -m benchmarks.one_or_two_workers

Each demo runs in a folder of its own; the curves are read from its SQL.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

Curves = dict[int, dict[int, dict[str, float]]]  # trial → epoch → metrics, speeds aside


def demo(folder: Path, workers: int) -> Path:
    """Run the demo; the database it leaves."""
    code = "from services.cli import main; main()"
    command = [sys.executable, "-c", code, "demo", "--workers", str(workers)]
    sys.stdout.write(f"demo with {workers} worker{'s' * (workers > 1)} …\n")
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / ".cnnlab" / "state.db"


def curves(database: Path) -> Curves:
    """Every trial's metrics."""
    found: Curves = {}
    with sqlite3.connect(database) as connection:
        for number, epoch, metrics in connection.execute(
            "SELECT t.number, r.epoch, r.metrics FROM reports r JOIN trials t ON t.id = r.trial_id"
        ):
            kept = {name: v for name, v in json.loads(metrics).items() if not name.startswith("perf/")}
            found.setdefault(number, {})[epoch] = kept
    return found


def packing(database: Path) -> dict[int, tuple[int, int, str]]:
    """Width, row and worker of every trial's last attempt."""
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT t.number, p.width, r.row, p.worker FROM trials t JOIN pack_rows r ON r.trial_id = t.id "
            "JOIN packs p ON p.id = r.pack_id ORDER BY p.created_at"
        )
        return {number: (width, row, worker) for number, width, row, worker in rows}


def main() -> None:
    """Compare and print."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = demo(Path(one), 1), demo(Path(two), 2)
        a, b = curves(first), curves(second)
        pack_a, pack_b = packing(first), packing(second)
        workers = [len({worker for *_, worker in pack.values()}) for pack in (pack_a, pack_b)]
    equal = sorted(number for number in a if a[number] == b.get(number))
    other = sorted(set(a) - set(equal))
    sys.stdout.write(f"workers that trained: {workers[0]} and {workers[1]}\n")
    sys.stdout.write(f"bit-equal: {len(equal)} of {len(a)} trials: {equal}\n")
    for number in other:
        places = f"width, row {pack_a[number][:2]} and {pack_b[number][:2]}"
        worst = max(abs(a[number][e][m] - b[number][e][m]) for e in a[number] for m in a[number][e])
        sys.stdout.write(f"  trial {number}: differs by up to {worst:.2g}; {places}\n")


if __name__ == "__main__":
    main()
