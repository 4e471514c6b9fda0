"""workers/kept_fit.py: a second pack of a sweep uses the recordings of the first; no number changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import made_graphs
import pytest
import torch
from made_graphs import MadeGraph
from scripted_wire import ScriptedWire, curve, many

from cnnlab import resolve
from cnnlab.engine.recorded import Recorder
from cnnlab.fit import Fit, Row
from workers.kept_fit import KeptFit
from workers.messages import Go, Run, RunRow
from workers.pack_training import PackTraining


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[MadeGraph]:
    """What is recorded, on a processor that records."""
    honest = Recorder.__init__

    def records(self: Recorder, device: torch.device) -> None:
        honest(self, device)
        self.records = True

    monkeypatch.setattr(Recorder, "__init__", records)
    return made_graphs.install(monkeypatch)


def row(number: int, seed: int, optimizer: str = "adam", batch: Any = 1000) -> RunRow:
    train = {"batch_size": batch, "epochs": 4, "optimizer": {"name": optimizer}}
    model = {"name": "mlp", "hidden": [4], "dropout": 0.1 * (1 + seed % 3)}
    config = resolve({"model": model, "data": {"name": "fashion-mnist-mini"}, "train": train})
    return RunRow(row=number, trial=f"t{seed}", config=config, seed=seed, replicate=0, checkpoint=None)


def train(run: Run, kept: KeptFit, drop: tuple[int, ...] = ()) -> list[dict[str, float]]:
    """Train a pack, of which rows may be dropped after the first epoch; the curves of its rows."""
    wire = ScriptedWire(Go(run.pack, drop), Go(run.pack), Go(run.pack))
    PackTraining(run, wire, kept).run()  # type: ignore[arg-type]
    epochs = wire.epochs()
    assert list(epochs) == [1, 2, 3, 4]
    return [curve(epochs[number], own) for number in epochs for own in epochs[number].metrics]


def pack(folder: Path, first: int, **change: Any) -> Run:
    run = many(folder, [row(0, first, **change), row(1, first + 1, **change)], 0)
    return replace(run, pack=f"p{first}", varied=("model.dropout",))


def test_packs_of_one_kind_are_recorded_once_and_have_their_own_curves(
    tmp_path: Path, graphs: list[MadeGraph]
) -> None:
    kept = KeptFit()
    packs = [pack(tmp_path, 1), pack(tmp_path, 5), pack(tmp_path, 8)]
    found = [train(packs[0], kept, drop=(1,)), train(packs[1], kept), train(packs[2], kept, drop=(0,))]
    assert kept.not_used == ""
    recorded = len(graphs)
    assert found == [
        train(packs[0], KeptFit(), drop=(1,)),
        train(packs[1], KeptFit()),
        train(packs[2], KeptFit(), drop=(0,)),
    ]
    assert len(graphs) == 4 * recorded, "three times anew, and once for three packs"


@pytest.mark.parametrize("change", [{"optimizer": "momentum"}, {"batch": 500}])
def test_a_pack_of_another_kind_records_anew(
    tmp_path: Path, graphs: list[MadeGraph], change: dict[str, Any]
) -> None:
    kept = KeptFit()
    train(pack(tmp_path, 1), kept)
    recorded = len(graphs)
    assert train(pack(tmp_path, 5, **change), kept) == train(pack(tmp_path, 5, **change), KeptFit())
    assert kept.not_used
    assert len(graphs) == 3 * recorded


def fit(seed: int = 0) -> Fit:
    return Fit([Row(row(0, seed).config, seed)])


def test_nothing_is_kept_where_nothing_is_recorded() -> None:
    kept = KeptFit()
    for seed in range(2):
        own = kept.build("one", lambda seed=seed: fit(seed))
        assert kept.replace(own) is own
    assert kept.not_used == "nothing is recorded"


def test_a_fit_of_another_kind_is_built_without_the_kept_one(graphs: list[MadeGraph]) -> None:
    kept = KeptFit()
    first = kept.replace(kept.build("one", fit))
    seen = []

    def make() -> Fit:
        seen.append(kept._fit)
        return fit()

    assert kept.replace(kept.build("one", make)) is first
    kept.build("other", make)
    assert seen == [first, None]


def test_memory_that_is_short_is_that_of_the_kept_fit(graphs: list[MadeGraph]) -> None:
    kept = KeptFit()
    kept.replace(kept.build("one", fit))
    held = []

    def make() -> Fit:
        held.append(kept._fit is not None)
        if held[-1]:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return fit()

    own = kept.build("one", make)
    assert held == [True, False]
    assert kept.replace(own) is own
    kept.drop()
    with pytest.raises(torch.OutOfMemoryError):
        kept.build("one", lambda: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory")))
