"""Modules of one's own as the API sees them: swept by their hyperparameters, refused with file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from loaded_plugins import plugins_from
from pydantic import SecretStr

from services.api.app import make_app
from services.settings import Settings

NET = """
from torch import nn
from cnnlab.hyper import Int, Number
from cnnlab.own_model import own_model


@own_model
def net(groups: Int[1, 8] = 1, dropout: Number[0, 2] = 0.0, *, shape, classes):
    first = nn.Conv2d(shape[0] * 4, 4, 3, groups=groups)
    return nn.Sequential(
        nn.PixelUnshuffle(2), first, nn.Flatten(), nn.Dropout(dropout), nn.LazyLinear(classes)
    )
"""
GRU = """
from torch import nn
from cnnlab.hyper import Int
from cnnlab.own_model import own_model


class Reader(nn.Module):
    def __init__(self, hidden, shape, classes):
        super().__init__()
        self.gru = nn.GRU(shape[0] * shape[2], hidden, batch_first=True)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.out(self.gru(x.transpose(1, 2).flatten(2))[0][:, -1])


@own_model
def reader(hidden: Int[1, 64] = 4, *, shape, classes):
    return Reader(hidden, shape, classes)
"""


@pytest.fixture
def api(sqlite_settings: Settings, tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "plugins" / "models").mkdir(parents=True)
    for name, text in (("tried_net", NET), ("tried_reader", GRU)):
        (tmp_path / "plugins" / "models" / f"{name}.py").write_text(text)
    key = "a key of twenty chars"
    with plugins_from(tmp_path / "plugins"):
        app = make_app(sqlite_settings.model_copy(update={"api_key": SecretStr(key)}))
        with TestClient(app, headers={"Authorization": f"Bearer {key}"}) as client:
            yield client


def submit(api: TestClient, spec: dict[str, Any], model: Any, space: dict[str, Any], **params: Any) -> Any:
    return api.post("/v1/sweeps", json={**spec, "space": space, "model": model}, params=params)


def test_numbers_are_rows_and_whole_numbers_are_shapes(api: TestClient, spec: dict[str, Any]) -> None:
    space = {"model.groups": [1, 2], "model.dropout": [0.0, 0.25, 0.5]}
    made = submit(api, spec, "tried-net", space)
    assert made.status_code == 201, made.text
    assert [axis["path"] for axis in made.json()["axes"]] == ["model.groups", "model.dropout"]
    assert len(made.json()["shapes"]) == 2
    assert [shape["row_by_row"] for shape in made.json()["shapes"]] == [None, None]


def test_a_net_that_trains_row_by_row_says_so_with_the_reason(api: TestClient, spec: dict[str, Any]) -> None:
    space = {"model.hidden": [2, 4]}
    planned = submit(api, spec, "tried-reader", space, dry_run="true").json()
    made = submit(api, spec, "tried-reader", space).json()
    shown = api.get(f"/v1/sweeps/{made['id']}").json()
    for view in (planned, made, shown):
        assert all("aten::gru" in shape["row_by_row"] for shape in view["shapes"])
    note = next(each for each in shown["blockers"] if each["kind"] == "row-by-row")
    assert "aten::gru" in note["message"]
    assert "row" not in (shown["blocked_by"] or "")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (
            {"model.groups": [1, 3]},
            "models/tried_net.py, line 9, net: net(groups=3, dropout=0.0) failed: ValueError",
        ),
        (
            {"model.dropout": [0.5, 1.5]},
            "net(groups=1, dropout=1.5) failed: ValueError: dropout probability has to",
        ),
    ],
)
def test_a_value_that_the_constructor_refuses_is_refused_at_submit(
    api: TestClient, spec: dict[str, Any], space: dict[str, Any], words: str
) -> None:
    refused = submit(api, spec, "tried-net", space)
    assert refused.status_code == 422
    assert words in refused.json()["detail"]


def test_images_that_do_not_fit_are_refused_at_submit(api: TestClient, spec: dict[str, Any]) -> None:
    data = {"name": "fashion-mnist-mini", "resize": 9}
    refused = api.post("/v1/sweeps", json={**spec, "space": {}, "model": "tried-net", "data": data})
    assert refused.status_code == 422
    assert "net: net(groups=1, dropout=0.0) failed: RuntimeError: " in refused.json()["detail"]
