"""What a runner leaves behind: the best weights, with what pictures of them need."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from scripted_wire import ScriptedWire, curve, many

from cnnlab import resolve
from cnnlab.fit import Fit
from cnnlab.registry import get
from services.figures import best_weights
from workers import pack_training as module
from workers.messages import (
    CheckpointSaved,
    EpochDone,
    Go,
    Message,
    Prepared,
    RowCheckpoint,
    Run,
    RunRow,
    SavedCheckpoint,
    StepsDone,
    Stop,
    Stopped,
    UseWays,
    WaysChosen,
)
from workers.pack_training import PackTraining
from workers.wire import Wire

torch.set_num_threads(1)  # as a runner has: with more, sums depend on the width


def messages(
    folder: Path,
    model: dict[str, Any],
    *answers: Message,
    start: int = 0,
    epochs: int = 1,
    saved: SavedCheckpoint | None = None,
    schedule: str = "constant",
    ends: bool = True,
) -> list[Message]:
    """What a runner sends about one trial, from its start or from where a shorter one has ended.

    It receives these answers; without any, `Go` after each epoch.
    """
    config = resolve(
        {
            "model": model,
            "data": {"name": "fashion-mnist-mini"},
            "train": {"batch_size": 500, "epochs": epochs, "optimizer": "adam", "schedule": schedule},
        }
    )
    checkpoint = RowCheckpoint(1, saved.path, saved.sha256, 0) if saved else None
    run = Run(
        pack=f"p{start}",
        device="cpu",
        files=str(folder),
        width=1,
        start_epoch=start,
        target_epoch=epochs,
        ends=ends,
        saves_end=True,
        checkpoint_every=0 if ends else 1000,
        metric="val/acc",
        goal="maximize",
        mixed=False,
        data_seed=0,
        plugins=None,
        rows=(RunRow(row=0, trial="t0", config=config, seed=1, replicate=0, checkpoint=checkpoint),),
    )
    to_runner, from_runner = os.pipe(), os.pipe()
    own, far = Wire(to_runner[0], from_runner[1]), Wire(from_runner[0], to_runner[1])
    sent = []
    try:
        for answer in answers:
            far.send(answer)
        training = PackTraining(run, own)
        if not answers:
            training._receive = lambda: Go(run.pack)  # type: ignore[method-assign]
        training.run()
        while far.readable() and (message := far.receive()):
            sent.append(message)
    finally:
        own.close()
        far.close()
    return sent


READING = ("tolist", "item", "cpu", "numpy", "__int__", "__float__", "__bool__", "__index__")


@pytest.mark.parametrize("rows", [1, 5])
def test_a_device_is_read_once_an_epoch_however_many_trials_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Metrics, divergence, best epochs; no state and no weights are copied where none are written."""
    config = resolve(
        {
            "model": {"name": "mlp", "hidden": [2]},
            "data": {"name": "fashion-mnist-mini"},
            "train": {"batch_size": 500, "epochs": 3, "optimizer": "adam", "test": "each-epoch"},
        }
    )
    run = Run(
        pack="p",
        device="cpu",
        files=str(tmp_path),
        width=rows,
        start_epoch=0,
        target_epoch=3,
        ends=True,
        saves_end=True,
        checkpoint_every=1000,
        metric="val/acc",
        goal="maximize",
        mixed=False,
        data_seed=0,
        plugins=None,
        rows=tuple(RunRow(row, f"t{row}", config, row, 0, None) for row in range(rows)),
    )
    reads: list[str] = []
    by_epoch: list[list[str]] = []

    def counting(name: str) -> Any:
        honest = getattr(torch.Tensor, name)

        def read(self: torch.Tensor, *given: Any) -> Any:
            reads.append(name)
            return honest(self, *given)

        return read

    class Counted:
        def readable(self) -> bool:
            return False

        def send(self, message: Message) -> None:
            if isinstance(message, EpochDone):
                by_epoch.append([*reads])
                assert [*message.best] == [*range(rows)]
            reads.clear()

        def receive(self) -> Message:
            return Go("p")

    training = PackTraining(run, Counted())  # type: ignore[arg-type]
    for name in READING:
        monkeypatch.setattr(torch.Tensor, name, counting(name))
    training.run()
    assert by_epoch[:2] == [["tolist"]] * 2
    # The last one also tests and writes: tensors of all rows are copied at once, each row's file once more.
    state, best, weights = 5 + 4, 2, 4
    assert by_epoch[2].count("cpu") <= 2 * (state + best) + 1 + weights * rows
    assert not {"item", "numpy", "__float__", "__bool__"} & {*by_epoch[2]}


def test_a_stop_in_an_epoch_leaves_the_state_of_the_one_before(tmp_path: Path) -> None:
    """Bit for bit: what goes on from there is what goes on without a stop."""

    def row(checkpoint: RowCheckpoint | None = None) -> RunRow:
        train = {"batch_size": 1000, "epochs": 4, "optimizer": "adam", "schedule": "plateau"}
        model = {"name": "mlp", "hidden": [4], "dropout": 0.3}
        config = resolve({"model": model, "data": {"name": "fashion-mnist-mini"}, "train": train})
        return RunRow(row=0, trial="t0", config=config, seed=1, replicate=0, checkpoint=checkpoint)

    wire = ScriptedWire(Go("p0"), Go("p0"), Go("p0"))
    PackTraining(many(tmp_path, [row()], 0), wire).run()  # type: ignore[arg-type]
    undisturbed = wire.epochs()

    wire = ScriptedWire(Go("p0"), Go("p0"))
    training = PackTraining(many(tmp_path, [row()], 0), wire)  # type: ignore[arg-type]
    steps = iter(range(1000))
    training._stop_requested = lambda: next(steps) == 2 * 6 + 3  # type: ignore[method-assign]
    training.run()
    stopped = wire.sent[-1]
    assert isinstance(stopped, Stopped)
    assert stopped.saved is not None
    assert stopped.saved.epoch == 2
    went_on = RowCheckpoint(1, stopped.saved.path, stopped.saved.sha256, 0)
    wire = ScriptedWire(Go("p2"))
    PackTraining(many(tmp_path, [row(went_on)], 2), wire).run()  # type: ignore[arg-type]
    assert [curve(wire.epochs()[number], 0) for number in (3, 4)] == [
        curve(undisturbed[number], 0) for number in (3, 4)
    ]


def train(folder: Path, model: dict[str, Any]) -> Path:
    """One trial, one epoch; returns the file of its best weights."""
    last = messages(folder, model)[-1]
    assert isinstance(last, EpochDone)
    return folder / last.final[0].file


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_a_longer_trial_goes_on_from_the_end_of_a_shorter_one_bit_for_bit(
    tmp_path: Path, schedule: str
) -> None:
    def curve(sent: list[Message]) -> list[dict[str, float]]:
        return [each.metrics[0] for each in sent if isinstance(each, EpochDone)]

    model = {"name": "mlp", "hidden": [4], "dropout": 0.3}
    shorter = messages(tmp_path / "first", model, epochs=2, schedule=schedule)
    last = shorter[-1]
    assert isinstance(last, EpochDone)
    assert last.saved is not None
    assert last.saved.epoch == 2
    longer = messages(tmp_path / "first", model, start=2, epochs=4, saved=last.saved, schedule=schedule)
    whole = messages(tmp_path / "second", model, epochs=4, schedule=schedule)
    assert curve(shorter) + curve(longer) == curve(whole)
    assert longer[-1].best == whole[-1].best  # type: ignore[union-attr]


def test_at_a_rung_a_checkpoint_is_left_and_nothing_is_finished(tmp_path: Path) -> None:
    """Though none is due for a quarter of an hour."""
    first, last = (
        each
        for each in messages(tmp_path, {"name": "mlp", "hidden": [4]}, epochs=2, ends=False)
        if isinstance(each, EpochDone)
    )
    assert first.saved is None
    assert last.saved is not None
    assert (last.saved.epoch, last.final) == (2, {})


def test_progress_is_reported_from_the_first_step_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS_SECONDS", 0.0)
    first, *steps, last = messages(tmp_path, {"name": "mlp", "hidden": [4]})
    assert isinstance(first, Prepared)
    assert isinstance(last, EpochDone)
    assert first.images > 500  # of a batch
    assert (last.engine.steps, last.engine.precision) == ("recorded", "float32")
    assert steps == [StepsDone("p0", 1, done) for done in range(-(-first.images // 500))]


def test_progress_is_reported_once_a_second_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STEPS_SECONDS", 1000.0)
    sent = messages(tmp_path, {"name": "mlp", "hidden": [4]})
    assert [type(each) for each in sent] == [Prepared, EpochDone]


def test_the_best_weights_tell_their_first_layer_and_their_mistakes(tmp_path: Path) -> None:
    file = train(tmp_path, {"name": "lenet5"})
    found = best_weights.read(file)
    assert found.first.shape[1:] == (1, 5, 5)
    assert found.image == (1, 28, 28)
    assert found.part == "val"
    assert found.confusion is not None
    assert [len(row) for row in found.confusion] == [10] * 10
    assert {sum(row) for row in found.confusion} == {60}  # a row for each true class, all equally many
    with safe_open(file, framework="np") as opened:
        assert json.loads(opened.metadata()["image"]) == [1, 28, 28]


def test_a_dense_net_has_a_first_layer_too(tmp_path: Path) -> None:
    found = best_weights.read(train(tmp_path, {"name": "mlp", "hidden": [7]}))
    assert found.first.shape == (7, 784)


def test_the_best_weights_hold_how_a_pixel_becomes_an_input(tmp_path: Path) -> None:
    file = train(tmp_path, {"name": "mlp", "hidden": [3]})
    with safe_open(file, framework="np") as opened:
        metadata = opened.metadata()
    (mean,), (std,) = json.loads(metadata["mean"]), json.loads(metadata["std"])
    images = get("datasets", "fashion-mnist-mini")().load({}).train_x.double() / 255
    assert (mean, std) == pytest.approx((images.mean().item(), images.std().item()), rel=0.02)  # 90 % of them
    assert json.loads(metadata["class_names"])[:2] == ["T-shirt/top", "trouser"]
    assert best_weights.read(file).class_names == json.loads(metadata["class_names"])


@pytest.mark.long
def test_convolutions_are_computed_as_is_settled_not_as_was_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, used = Fit.choose_ways, []
    monkeypatch.setattr(module, "STEPS_SECONDS", 1000.0)

    def timed(self: Fit, recorded: Mapping[str, str]) -> dict[str, str]:
        def timer(name: str, function: object) -> float:
            return 1.0 if name == "columns" else 2.0

        used.append(self.array.ways)
        return honest(self, recorded, timer)

    model = {"name": "maxout-conv", "maps": [2, 2], "hidden": [4]}
    monkeypatch.setattr(Fit, "choose_ways", timed)
    stopped = messages(tmp_path, model, Stop("p0"))
    assert [type(each) for each in stopped] == [WaysChosen, Stopped]
    chosen = stopped[0]
    assert isinstance(chosen, WaysChosen)
    assert {*chosen.ways.values()} == {"columns"}
    settled = dict.fromkeys(chosen.ways, "branches")
    sent = messages(tmp_path, model, UseWays("p0", settled))
    assert [type(each) for each in sent] == [WaysChosen, Prepared, EpochDone]
    assert used[-1].chosen == settled


@pytest.mark.long
@pytest.mark.parametrize("model", [{"name": "mlp", "hidden": [6], "dropout": 0.2}, {"name": "lenet5"}])
@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_a_row_goes_on_elsewhere_from_the_checkpoint_that_was_asked_for(
    tmp_path: Path, model: dict[str, Any], optimizer: str
) -> None:
    """Alone, in another row of another width, it has the curve that it has undisturbed, bit for bit."""

    def row(number: int, lr: float, checkpoint: RowCheckpoint | None = None) -> RunRow:
        train = {"batch_size": 1000, "epochs": 4, "optimizer": {"name": optimizer, "lr": lr}}
        data = {"name": "fashion-mnist-mini"}
        config = resolve({"model": model, "data": data, "train": train})
        return RunRow(
            row=number, trial=f"t{number}", config=config, seed=5 + number, replicate=0, checkpoint=checkpoint
        )

    first = many(tmp_path, [row(0, 0.02), row(1, 0.01), row(2, 0.002)], 0)
    wire = ScriptedWire(Go("p0"), Go("p0", save=True), Go("p0", (0,)))
    PackTraining(first, wire).run()  # type: ignore[arg-type]
    [saved] = [message.saved for message in wire.sent if isinstance(message, CheckpointSaved)]
    assert saved.epoch == 2
    assert [type(message) for message in wire.sent if not isinstance(message, StepsDone)] == [
        *(Prepared, EpochDone, EpochDone, CheckpointSaved, EpochDone, EpochDone)
    ]
    undisturbed = wire.epochs()

    went_on = RowCheckpoint(1, saved.path, saved.sha256, 1, inherited=True)
    alone = row(0, 0.01, went_on)
    wire = ScriptedWire(Go("p2"))
    PackTraining(many(tmp_path, [replace(alone, seed=6)], 2), wire).run()  # type: ignore[arg-type]
    own = wire.epochs()
    assert own.keys() == {3, 4}
    assert [curve(own[number], 0) for number in (3, 4)] == [
        curve(undisturbed[number], 1) for number in (3, 4)
    ]

    wire = ScriptedWire(Go("p2"))
    spoilt = row(0, 50.0, went_on)
    PackTraining(many(tmp_path, [spoilt], 2), wire).run()  # type: ignore[arg-type]
    own = wire.epochs()
    values = {number: own[number].metrics[0]["val/acc"] for number in (3, 4)}
    best = max(values, key=lambda number: (values[number], -number))
    assert values[best] <= undisturbed[2].best[1][1]
    assert own[4].best == {0: (best, values[best])}, "only its own epochs count"
