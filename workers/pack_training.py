"""The training of one pack in a runner: epochs reported, checkpoints written, best weights left behind."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from workers import checkpoints
from workers.checkpoints import NewFile
from workers.kept_fit import KeptFit
from workers.messages import (
    CheckpointSaved,
    Engine,
    EpochDone,
    FinalResult,
    Go,
    Prepared,
    Run,
    SavedCheckpoint,
    SpeedMeasured,
    StepsDone,
    Stop,
    Stopped,
    UseWays,
    WaysChosen,
)
from workers.wire import Wire

STEPS_SECONDS = 1.0  # between two messages of an epoch's progress
MAX_CONFUSION_CLASSES = 100  # more make no picture that one can read


def check_plugins(wanted: str | None) -> None:
    """Refuse to train with other entry files than those that a sweep was planned with."""
    from cnnlab import errors, registry

    if wanted and wanted != (here := registry.plugins_digest()):
        raise errors.RegistryError(
            f"the sweep was planned with plug-ins {wanted[:12]}, but this runner read "
            f"{here[:12] or 'none'}: they changed after its worker started; start the worker again"
        )


class PackTraining:
    """One pack from its starting epoch to its target."""

    def __init__(self, run: Run, wire: Wire, kept: KeptFit | None = None) -> None:
        import torch

        from cnnlab.config import shape_key
        from cnnlab.fit import Fit, Row

        check_plugins(run.plugins)
        self._message, self._wire = run, wire
        self._folder = Path(run.files)
        self._own = {row.row: row for row in run.rows}
        self._rows: list[Row | None] = [None] * run.width
        for row in run.rows:
            self._rows[row.row] = Row(row.config, row.seed, row.replicate, run.data_seed)
        self._kept = kept or KeptFit()
        if run.device == "cuda":
            torch.cuda.reset_peak_memory_stats()  # what the pack takes is its own
        shape = shape_key(run.rows[0].config)
        self._fit = self._kept.build(
            (shape, run.device, run.width, run.mixed, run.metric, run.varied),
            lambda: Fit(self._rows, run.device, (run.metric, run.goal), mixed=run.mixed, varied=run.varied),
        )
        self._load()
        self._saved_at = time.monotonic()
        self._saved_epoch = run.start_epoch  # the last one that needs no checkpoint any more
        self._steps, self._steps_sent_at = 0, time.monotonic()
        # Not at once: while a service starts, everything is slow.
        self._measure_after = min(run.start_epoch + 2, run.target_epoch)

    def run(self) -> None:
        """Train until the target, a `Stop`, or the last row's end."""
        from cnnlab.throughput import work_clock

        run = self._message
        clock = work_clock(run.device)
        if not self._settle_ways():
            self._wire.send(Stopped(run.pack, None))
            return
        fit = self._fit = self._kept.replace(self._fit)
        self._wire.send(Prepared(run.pack, len(fit.data.train)))
        while fit.live and fit.epoch < run.target_epoch:
            started, worked, self._steps = time.monotonic(), clock(), 0
            reports = fit.run_epoch(should_stop=self._before_step)
            if reports is None:
                self._wire.send(Stopped(run.pack, self._write_checkpoint()))
                return
            busy, work = time.monotonic() - started, clock() - worked
            if run.measure and fit.epoch == self._measure_after:
                self._measure()
            last = fit.epoch == run.target_epoch
            ends = last and run.ends
            live = [report.row for report in reports]
            self._wire.send(
                EpochDone(
                    pack=run.pack,
                    number=fit.epoch,
                    metrics={report.row: report.metrics for report in reports},
                    best={report.row: report.best for report in reports if report.best},
                    diverged=tuple(report.row for report in reports if report.diverged),
                    saved=self._checkpoint(due=last) if run.saves_end or not ends else None,
                    final=self._finish(live) if ends else {},
                    busy_ms=round(busy * 1000),
                    work_ms=round(work * 1000),
                    images_per_s=fit.images_per_s,
                    engine=Engine(**asdict(fit.execution)),
                )
            )
            if last:
                return
            answer = self._receive()
            if not isinstance(answer, Go):
                self._wire.send(Stopped(run.pack, self._write_checkpoint()))
                return
            if answer.save and (saved := self._write_checkpoint()):
                self._wire.send(CheckpointSaved(run.pack, saved))
            for row in answer.drop:
                fit.kill(row)

    def _load(self) -> None:
        """Put every row that goes on from a checkpoint where it stood; each file is read once."""
        files = {row.checkpoint.id: row.checkpoint for row in self._message.rows if row.checkpoint}
        tensors = {
            number: checkpoints.read(self._folder / file.path, file.sha256, number)
            for number, file in files.items()
        }
        for row in self._message.rows:
            if row.checkpoint:
                own = {
                    name: tensor[row.checkpoint.row] for name, tensor in tensors[row.checkpoint.id].items()
                }
                self._fit.load_row(row.row, own, self._message.start_epoch)
                if row.checkpoint.inherited:
                    self._fit.forget_best(row.row)  # it is that of the other trial

    def _settle_ways(self) -> bool:
        """On a GPU, have it recorded how convolutions are computed, before any number depends on it.

        False if the pack is to stop.
        """
        chosen = self._fit.choose_ways(self._message.ways)
        for way, reason in self._fit.array.ways.left_out.items():
            sys.stderr.write(f"left out of the ways to convolve, {way}: {reason}\n")
        if not chosen:
            return True
        self._wire.send(WaysChosen(self._message.pack, chosen))
        answer = self._receive()
        if not isinstance(answer, UseWays):
            return False
        self._fit.array.ways.use(answer.ways)
        return True

    def _receive(self) -> UseWays | Go | Stop | None:
        """The next message about this pack, None at the end; one about an earlier pack came too late."""
        while message := self._wire.receive():
            if isinstance(message, UseWays | Go | Stop) and message.pack == self._message.pack:
                return message
        return None

    def _before_step(self) -> bool:
        """Report now and then how many steps of the epoch are done; whether to stop."""
        now = time.monotonic()
        if now - self._steps_sent_at >= STEPS_SECONDS:
            self._steps_sent_at = now
            self._wire.send(StepsDone(self._message.pack, self._fit.epoch + 1, self._steps))
        self._steps += 1
        return self._stop_requested()

    def _stop_requested(self) -> bool:
        """Whether a `Stop`, or the end, waits; between two steps nothing else is sent about this pack."""
        return self._wire.readable() and not isinstance(self._receive(), Go)

    def _measure(self) -> None:
        """Report how fast a plain loop trains one trial, unless trials' steps differ in kind.

        It stands between two epochs, where the pack waits for a second at most: beside an epoch it would take
        processor time from the step that it is compared with.
        """
        from cnnlab.throughput import comparable, plain_images_per_s

        rows = [row for row in self._rows if row]
        if not all(comparable(row) for row in rows):
            return
        try:
            speed = plain_images_per_s(rows[0], self._fit.array.net, self._fit.data.train)
        except Exception as error:  # a net without a plain form has no price, and trains as any other
            sys.stderr.write(f"no plain loop to compare with: {error}\n")
            return
        self._wire.send(SpeedMeasured(self._message.pack, speed))

    def _checkpoint(self, due: bool) -> SavedCheckpoint | None:
        """Write the state at an epoch's end if it is due or the last checkpoint is old."""
        old = time.monotonic() - self._saved_at >= self._message.checkpoint_every
        return self._write_checkpoint() if due or old else None

    def _write_checkpoint(self) -> SavedCheckpoint | None:
        """Write all rows after the last whole epoch; None if that is written already, or cannot be."""
        epoch = self._fit.epoch
        if epoch == self._saved_epoch:
            return None
        self._saved_epoch = epoch
        self._saved_at = time.monotonic()
        try:
            name = f"packs/{self._message.pack}/epoch-{epoch:05d}.safetensors"
            path, sha256, size = checkpoints.write(self._folder, NewFile(name, self._fit.state()))
        except OSError as error:  # a full disk: the last one still stands
            sys.stderr.write(f"no checkpoint at epoch {epoch}: {error}\n")
            return None
        return SavedCheckpoint(epoch, path, sha256, size)

    def _finish(self, live: Sequence[int]) -> dict[int, FinalResult]:
        """Write the best weights of trials, each to a file of its own; all are evaluated at once."""
        tests = self._message.rows[0].config["train"]["test"] == "best"
        tested = self._fit.test_best() if tests else [{}] * len(self._rows)
        part, counts = ("", None) if self._fit.task == "regression" else self._fit.confusion()
        best, common, files = self._fit.best(), self._metadata(), {}
        for row in live:
            metadata = dict(common)
            if counts is not None and counts.shape[2] <= MAX_CONFUSION_CLASSES:
                metadata |= {"confusion_part": part, "confusion": json.dumps(counts[row].tolist())}
            name = f"packs/{self._message.pack}/best-{self._own[row].trial}.safetensors"
            files[row] = NewFile(name, best[row][2], metadata)
        checkpoints.write_all(self._folder, list(files.values()))
        return {row: FinalResult(file.name, tested[row]) for row, file in files.items()}

    def _metadata(self) -> dict[str, str]:
        """What using best weights needs, and a picture of them: how pixels become inputs."""
        net, data = self._fit.array.net, self._fit.data
        first = next((own.name for own in net.table if own.role == "weight"), None)
        metadata = {"image": json.dumps(net.shape)} | ({"first_layer": first} if first else {})
        metadata |= {"mean": json.dumps(data.mean), "std": json.dumps(data.std)}
        if self._fit.class_names:
            metadata["class_names"] = json.dumps(self._fit.class_names)
        return metadata
