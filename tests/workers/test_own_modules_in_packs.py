"""A module of one's own in a runner: its pack is trained, stopped, resumed, and leaves its best weights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from loaded_plugins import plugins_from
from safetensors import safe_open

from cnnlab import registry, resolve
from cnnlab.errors import RegistryError
from workers.messages import EpochDone, Go, Message, RowCheckpoint, Run, RunRow, SavedCheckpoint
from workers.pack_training import PackTraining

torch.set_num_threads(1)  # as a runner has

FOLDERS = ("whole", "parts")
NET = """
from torch import nn
from cnnlab.hyper import Int, Number
from cnnlab.own_model import own_model


@own_model
def net(channels: Int[2, 64] = 4, dropout: Number[0, 1] = 0.0, *, shape, classes):
    return nn.Sequential(
        nn.Conv2d(shape[0], channels, 3, 2), nn.BatchNorm2d(channels), nn.ReLU(), nn.MaxPool2d(3),
        nn.Flatten(), nn.Dropout(dropout), nn.LazyLinear(classes),
    )
"""


@pytest.fixture(autouse=True)
def _plugins(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "plugins" / "models").mkdir(parents=True)
    (tmp_path / "plugins" / "models" / "tried_net.py").write_text(NET)
    with plugins_from(tmp_path / "plugins"):
        yield


class Channel:
    """Collects what a runner sends, and lets it go on after each epoch."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def readable(self) -> bool:
        """Never: nothing stops it."""
        return False

    def send(self, message: Message) -> None:
        """Keep it."""
        self.sent.append(message)

    def receive(self) -> Message:
        """Let it go on."""
        return Go("p")


def train(
    folder: Path, start: int, target: int, saved: SavedCheckpoint | None = None, plugins: str | None = None
) -> list[EpochDone]:
    """Train two trials, which differ in their rates, from one epoch to another."""
    rows: list[RunRow] = []
    for place, rate in enumerate((0.0, 0.5)):
        config: Any = resolve(
            {
                "model": {"name": "tried-net", "dropout": rate},
                "data": "fashion-mnist-mini",
                "train": {"batch_size": 500, "epochs": 3, "optimizer": "adam"},
            }
        )
        mark = RowCheckpoint(1, saved.path, saved.sha256, place) if saved else None
        rows.append(RunRow(place, f"t{place}", config, seed=place, replicate=0, checkpoint=mark))
    run = Run(
        pack="p", device="cpu", files=str(folder), width=2, start_epoch=start, target_epoch=target,
        ends=target == 3, saves_end=True, checkpoint_every=1000, metric="val/acc", goal="maximize",
        mixed=False, data_seed=0, plugins=plugins, rows=tuple(rows), varied=("model.dropout",),
    )  # fmt: skip
    channel = Channel()
    PackTraining(run, channel).run()  # type: ignore[arg-type]
    return [message for message in channel.sent if isinstance(message, EpochDone)]


def test_a_pack_resumes_bit_for_bit_and_leaves_weights_that_the_module_loads(tmp_path: Path) -> None:
    whole = train(tmp_path / FOLDERS[0], 0, 3)
    begun = train(tmp_path / FOLDERS[1], 0, 1)
    assert begun[-1].saved is not None
    rest = train(tmp_path / FOLDERS[1], 1, 3, begun[-1].saved)
    assert [done.metrics for done in whole] == [done.metrics for done in (*begun, *rest)]
    finals = [part[-1].final for part in (whole, rest)]
    for row in range(2):
        files = [tmp_path / each / final[row].file for each, final in zip(FOLDERS, finals, strict=True)]
        with safe_open(files[0], "pt") as one, safe_open(files[1], "pt") as two:  # type: ignore[no-untyped-call]
            names, metadata = list(one.keys()), one.metadata()
            state = {name: one.get_tensor(name) for name in names}
            assert all(torch.equal(state[name], two.get_tensor(name)) for name in names)
        assert metadata["first_layer"] == "0.weight"
        shape = tuple(json.loads(metadata["image"]))
        entry = registry.get("models", "tried-net")()
        module = entry.module({"name": "tried-net", "channels": 4, "dropout": 0.0}, shape, 10)
        module.load_state_dict(state)
        assert int(state["1.num_batches_tracked"]) in (11, 22, 33)  # eleven batches an epoch


def test_a_runner_with_another_module_refuses_the_pack(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="the sweep was planned with plug-ins"):
        train(tmp_path, 0, 1, plugins="0" * 64)
