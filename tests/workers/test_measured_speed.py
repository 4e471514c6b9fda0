"""A plain loop that is measured between two epochs of a pack: it changes and delays nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from module_clock import set_clock
from scripted_wire import ScriptedWire, curve, many

from cnnlab import resolve, throughput
from cnnlab.errors import CnnlabError
from workers import pack_training
from workers.messages import EpochDone, Go, Message, RunRow, SpeedMeasured, StepsDone
from workers.pack_training import PackTraining

torch.set_num_threads(1)  # as a runner has


def trained(folder: Path, measure: bool, optimizer: str = "momentum") -> ScriptedWire:
    """Train two trials for four epochs."""
    model = {"name": "mlp", "hidden": [1], "dropout": 0.3}
    train = {"batch_size": 1000, "epochs": 4, "optimizer": optimizer}
    config = resolve({"model": model, "data": "fashion-mnist-mini", "train": train})
    rows = [RunRow(row, f"t{row}", config, row, 0, None) for row in range(2)]
    wire = ScriptedWire(*[Go("p0")] * 3)
    PackTraining(replace(many(folder, rows, 0), measure=measure), wire).run()  # type: ignore[arg-type]
    return wire


def order(wire: ScriptedWire) -> list[type[Message]]:
    """The kinds of what was sent, epochs and speeds."""
    return [type(each) for each in wire.sent if isinstance(each, EpochDone | SpeedMeasured)]


def test_it_stands_between_two_epochs_and_changes_no_bit(tmp_path: Path) -> None:
    plain, measured = trained(tmp_path / "a", False), trained(tmp_path / "b", True)
    assert order(plain) == [EpochDone] * 4
    assert order(measured) == [EpochDone, SpeedMeasured, *[EpochDone] * 3]
    (speed,) = (each for each in measured.sent if isinstance(each, SpeedMeasured))
    assert speed.images_per_s > 0
    for number, epoch in measured.epochs().items():
        for row in range(2):
            assert curve(epoch, row) == curve(plain.epochs()[number], row)


def test_its_time_is_no_training_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]

    def slow(*_: Any) -> float:
        now[0] += 1000.0
        return 5.0

    set_clock(monkeypatch, pack_training, monotonic=lambda: now[0])
    monkeypatch.setattr(throughput, "work_clock", lambda _: lambda: now[0])
    monkeypatch.setattr(throughput, "plain_images_per_s", slow)
    wire = trained(tmp_path, True)
    assert now == [1000.0]
    assert [(epoch.busy_ms, epoch.work_ms) for epoch in wire.epochs().values()] == [(0, 0)] * 4


def test_a_net_without_a_plain_form_trains_as_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: Any) -> float:
        raise CnnlabError("the layer odd has no plain form")

    monkeypatch.setattr(throughput, "plain_images_per_s", fails)
    wire = trained(tmp_path, True)
    assert order(wire) == [EpochDone] * 4
    assert "no plain loop to compare with: the layer odd has no plain form" in capsys.readouterr().err


def test_steps_of_another_kind_are_not_compared(tmp_path: Path) -> None:
    wire = trained(tmp_path, True, "adagrad-full")
    assert SpeedMeasured not in order(wire)
    assert [type(each) for each in wire.sent if not isinstance(each, StepsDone)][-1] is EpochDone
