"""Training, in a process of its own: it knows neither SQL nor Celery nor MLflow.

    python -m workers.runner PARENT_PID READ_FD WRITE_FD

It says `ready`, then serves packs one after another: for each epoch but the last it says `epoch` and waits
for `go` (the epoch is committed) or `stop`. After an error it says `failed` and ends, because a failed
process may be poisoned. Every message names its pack, so one that comes too late is recognised.
"""

from __future__ import annotations

import json
import math
import platform
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.domain import json_numbers
from workers import checkpoints
from workers.runner_process import die_with_parent
from workers.wire import Message, Wire

if TYPE_CHECKING:
    from torch import Tensor

MOST_CLASSES = 100  # more make no picture that one can read


def main() -> int:
    """Serve packs until the supervisor closes the wire."""
    parent, read_fd, write_fd = (int(word) for word in sys.argv[1:4])
    die_with_parent(parent)
    import torch

    from cnnlab import errors, registry
    from cnnlab.data import DataError

    wire = Wire(read_fd, write_fd)
    torch.set_num_threads(torch.get_num_threads())  # fixes the pool to what OMP_NUM_THREADS asked for
    registry.plugins_digest()  # read now, as the supervisor has: a later edit is for a later process
    wire.send({"say": "ready", "machine": machine()})
    while message := wire.receive():
        if message["do"] != "run":
            continue
        order = message["order"]
        end = {"pack": order["id"], "say": "failed"}
        try:
            Segment(order, wire).run()
        except checkpoints.Damaged as error:
            wire.send({**end, "say": "damaged", "checkpoint": error.checkpoint, "message": str(error)})
        except (DataError, errors.RegistryError) as error:
            wire.send({**end, "kind": "host", "message": str(error), "trace": traceback.format_exc()})
        except errors.CnnlabError as error:
            wire.send({**end, "kind": "spec", "message": str(error), "trace": traceback.format_exc()})
        except Exception as error:
            kind = "out of memory" if _out_of_memory(error) else type(error).__name__
            trace = traceback.format_exc()
            why = "host" if isinstance(error, OSError) else "crashed"
            wire.send({**end, "kind": why, "message": f"{kind}: {error}", "trace": trace})
            return 1
    return 0


def machine() -> dict[str, Any]:
    """What a float32 result depends on besides width and row."""
    import torch

    kind = torch.cuda.get_device_name() if torch.cuda.is_available() else _processor()
    return {"kind": kind, "torch": torch.__version__, "threads": torch.get_num_threads()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )


def _out_of_memory(error: Exception) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def check_plugins(wanted: str | None) -> None:
    """Refuse to train with other entry files than those that a sweep was planned with."""
    from cnnlab import errors, registry

    if wanted and wanted != (here := registry.plugins_digest()):
        raise errors.RegistryError(
            f"the sweep was planned with plug-ins {wanted[:12]}, but this runner read "
            f"{here[:12] or 'none'}: they changed since its worker started; start the worker again"
        )


class Segment:
    """One pack from its starting epoch to its target."""

    def __init__(self, order: Message, wire: Wire) -> None:
        from cnnlab.fit import Fit, Row

        check_plugins(order["plugins"])
        self.order, self.wire = order, wire
        self.folder = Path(order["files"])
        self.rows: list[Row | None] = [None] * order["width"]
        for row in order["rows"]:
            self.rows[row["row"]] = Row(row["config"], row["seed"], row["replicate"], order["data_seed"])
        objective = (order["metric"], order["goal"])
        self.fit = Fit(self.rows, order["device"], objective, mixed=order["mixed"])
        files = {saved["id"]: saved for row in order["rows"] if (saved := row["checkpoint"])}
        read = {
            number: checkpoints.read(self.folder / saved["path"], saved["sha256"], number)
            for number, saved in files.items()
        }
        for row in order["rows"]:
            if saved := row["checkpoint"]:
                own = {name: tensor[row["row"]] for name, tensor in read[saved["id"]].items()}
                self.fit.load_row(row["row"], own, order["start_epoch"])
        self.saved_at = time.monotonic()
        self.kept: tuple[int, dict[str, Tensor]] | None = None  # an epoch whose state is in no file yet
        # Not at once: while a service starts, everything is slow.
        self.measure_after = min(order["start_epoch"] + 2, order["target_epoch"])

    def run(self) -> None:
        """Train until the target, a `stop`, or the last row's end."""
        from cnnlab.throughput import work_clock

        clock = work_clock(self.order["device"])
        while self.fit.live and self.fit.epoch < self.order["target_epoch"]:
            started, worked = time.monotonic(), clock()
            reports = self.fit.run_epoch(should_stop=self._told_to_stop)
            if reports is None:
                return self._say("stopped", saved=self._save())
            busy, work = time.monotonic() - started, clock() - worked
            if self.order["measure"] and self.fit.epoch == self.measure_after:
                self._measure()
            last = self.fit.epoch == self.order["target_epoch"]
            live = [report.row for report in reports]
            self._say(
                "epoch",
                number=self.fit.epoch,
                metrics={report.row: json_numbers.encode(report.metrics) for report in reports},
                diverged=[report.row for report in reports if report.diverged],
                best={row: best for row in live if (best := self._best(row))},
                saved=None if last else self._keep(),
                final={row: self._finish(row) for row in live} if last else None,
                busy_ms=round(busy * 1000),
                work_ms=round(work * 1000),
                images_per_s=self.fit.images_per_s,
            )
            if last:
                return None
            answer = self._hear()
            if answer is None or answer["do"] == "stop":
                return self._say("stopped", saved=self._save())
            for row in answer["drop"]:
                self.fit.kill(row)
        return None

    def _say(self, what: str, **more: Any) -> None:
        self.wire.send({"pack": self.order["id"], "say": what, **more})

    def _hear(self) -> Message | None:
        """The next message about this pack; one about an earlier pack came too late to matter."""
        while (message := self.wire.receive()) and message["pack"] != self.order["id"]:
            pass
        return message

    def _told_to_stop(self) -> bool:
        """Whether a `stop` waits; between two steps nothing else is said to this pack."""
        return self.wire.waiting() and ((message := self._hear()) is None or message["do"] == "stop")

    def _measure(self) -> None:
        """Say how fast one trial would train alone, unless trials' steps differ in kind."""
        from cnnlab.throughput import comparable, solo_images_per_s

        rows = [row for row in self.rows if row]
        if not all(comparable(row) for row in rows):
            return
        row = rows[0]
        self._say("speed", images_per_s=solo_images_per_s(row, self.order["device"], steps=20))

    def _keep(self) -> Message | None:
        """Keep the state at an epoch's end, and write it unless the last checkpoint is recent."""
        self.kept = self.fit.epoch, self.fit.state()
        due = time.monotonic() - self.saved_at >= self.order["checkpoint_every"]
        return self._save() if due else None

    def _save(self) -> Message | None:
        """A checkpoint of all rows as they were kept; none if that one is written already."""
        if self.kept is None:
            return None
        (epoch, state), self.kept = self.kept, None
        self.saved_at = time.monotonic()
        try:
            name = f"packs/{self.order['id']}/epoch-{epoch:05d}.safetensors"
            path, sha256, size = checkpoints.write(self.folder, name, state)
        except OSError as error:  # a full disk: the last one still stands
            sys.stderr.write(f"no checkpoint at epoch {epoch}: {error}\n")
            return None
        return {"epoch": epoch, "path": path, "sha256": sha256, "bytes": size}

    def _best(self, row: int) -> tuple[int, float] | None:
        """The best epoch so far and the objective there, if it ever was a number."""
        epoch, value, _ = self.fit.best(row)
        return (epoch, value) if math.isfinite(value) else None

    def _finish(self, row: int) -> Message:
        """Write a trial's best weights, under the names of its layers, to a file of its own."""
        own = next(own for own in self.order["rows"] if own["row"] == row)
        name = f"packs/{self.order['id']}/best-{own['trial']}.safetensors"
        checkpoints.write(self.folder, name, self.fit.best(row)[2], self._told(row))
        wanted = own["config"]["train"]["test"] == "best"
        return {"file": name, "metrics": json_numbers.encode(self.fit.test_best(row)) if wanted else {}}

    def _told(self, row: int) -> dict[str, str]:
        """What pictures of the best weights need: the first layer, the images' shape, the mistakes."""
        net = self.fit.array.net
        first = next((own.name for own in net.table if own.role == "weight"), None)
        told = {"image": json.dumps(net.shape)} | ({"first_layer": first} if first else {})
        if self.fit.task == "regression":
            return told
        part, counts = self.fit.confusion(row)
        if len(counts) > MOST_CLASSES:
            return told
        return told | {"confusion_part": part, "confusion": json.dumps(counts.tolist())}


if __name__ == "__main__":
    sys.exit(main())
