"""A runner without torch: it speaks the runner's protocol and trains nothing."""

from __future__ import annotations

import signal
import sys

from services.host import end_with_parent
from workers.messages import Engine, EpochDone, FinalResult, Machine, Prepared, Run, RunnerReady
from workers.wire import Wire

METRICS = {"train/loss": 0.5, "train/acc": 0.75, "lr": 0.01}


def main() -> int:
    """Answer every `Run` with its epochs, until the supervisor closes the wire."""
    parent, read_fd, write_fd = (int(word) for word in sys.argv[1:4])
    end_with_parent(parent, signal.SIGKILL)
    wire = Wire(read_fd, write_fd)
    wire.send(RunnerReady(Machine("scripted", "none", 1, "none")))
    while message := wire.receive():
        if isinstance(message, Run):
            train(message, wire)
    return 0


def train(run: Run, wire: Wire) -> None:
    """Report each epoch of a pack, with the same numbers for every row."""
    wire.send(Prepared(run.pack, 1))
    metrics = METRICS | {run.metric: 0.75}
    for epoch in range(run.start_epoch + 1, run.target_epoch + 1):
        last = epoch == run.target_epoch
        files = {row.row: f"packs/{run.pack}/best-{row.trial}.safetensors" for row in run.rows if last}
        wire.send(
            EpochDone(
                pack=run.pack,
                number=epoch,
                metrics={row.row: metrics for row in run.rows},
                best={row.row: (1, 0.75) for row in run.rows},
                diverged=(),
                saved=None,
                final={row: FinalResult(file, {}) for row, file in files.items()},
                busy_ms=0,
                work_ms=0,
                images_per_s=1.0,
                engine=Engine("called", "none", "float32", "together"),
            )
        )
        if not last:
            wire.receive()


if __name__ == "__main__":
    sys.exit(main())
