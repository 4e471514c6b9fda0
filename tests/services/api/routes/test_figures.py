"""GET /v1/trials/{id}/figures/{figure}.svg: drawn when asked for, from SQL and the file of best weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_figures import all_of, parsed, texts
from fastapi.testclient import TestClient
from safetensors.numpy import save_file
from sqlalchemy import insert, update

from services.settings import Settings
from services.store.models import Report, Trial
from services.store.session import Store

METADATA = {
    "image": json.dumps((1, 8, 8)),
    "first_layer": "conv1.weight",
    "confusion_part": "val",
    "confusion": json.dumps([[9, 1], [3, 7]]),
    "class_names": json.dumps(["<b>cats</b>", "dogs"]),
}


class Drawn:
    """A trial on paper and its figures."""

    def __init__(self, api: TestClient, store: Store, files: Path, spec: dict[str, Any]) -> None:
        self._api, self._store, self._files = api, store, files
        self.trial_id = f"{api.post('/v1/sweeps', json=spec).json()['id']}-0001"

    def figure(self, name: str) -> Any:
        """Ask for one."""
        return self._api.get(f"/v1/trials/{self.trial_id}/figures/{name}.svg")

    def weights(self, metadata: dict[str, str], shape: tuple[int, ...] = (4, 1, 3, 3)) -> None:
        """Leave best weights."""
        save_file({"conv1.weight": np.ones(shape, np.float32)}, self._files / "best.safetensors", metadata)
        self.change(best_file="best.safetensors")

    def change(self, **values: Any) -> None:
        """Write columns of the trial."""
        self._store.write(lambda s: s.execute(update(Trial).where(Trial.id == self.trial_id).values(values)))

    def epochs(self, *metrics: dict[str, Any]) -> None:
        """Report some epochs."""
        rows = [
            {"trial_id": self.trial_id, "epoch": epoch, "at": epoch, "pack_id": self._pack(), "metrics": row}
            for epoch, row in enumerate(metrics, 1)
        ]
        self._store.write(lambda session: session.execute(insert(Report), rows))

    def _pack(self) -> str:
        pack: str = self._api.get(f"/v1/trials/{self.trial_id}").json()["attempts"][0]["pack"]
        return pack


@pytest.fixture
def drawn(
    sqlite_api: TestClient, sqlite_store: Store, sqlite_settings: Settings, spec: dict[str, Any]
) -> Drawn:
    return Drawn(sqlite_api, sqlite_store, sqlite_settings.files, spec)


def test_a_curve_is_drawn_while_the_trial_trains(drawn: Drawn) -> None:
    assert all_of(parsed(drawn.figure("curve").text), "circle") == []
    drawn.epochs({"train/loss": 2.0, "val/acc": 0.5}, {"train/loss": "inf", "val/acc": 0.75})
    answer = drawn.figure("curve")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; img-src data:"
    assert len(all_of(parsed(answer.text), "circle")) == 3
    assert texts(parsed(answer.text))[0].startswith("t001 ")


def test_the_best_weights_show_their_mistakes_and_their_first_layer(drawn: Drawn) -> None:
    drawn.weights(METADATA)
    found = texts(parsed(drawn.figure("confusion").text))
    assert found[1] == "validation images: 16 of 20 correct"
    assert "0 <b>cats</b>" in found
    assert len(all_of(parsed(drawn.figure("first-layer").text), "image")) == 1


@pytest.mark.parametrize("name", ["confusion", "first-layer"])
def test_without_best_weights_the_answer_says_when_there_are_some(drawn: Drawn, name: str) -> None:
    answer = drawn.figure(name)
    assert answer.status_code == 409
    assert "has no best weights to draw: it is queued" in answer.json()["detail"]


@pytest.mark.parametrize("file", ["nowhere.safetensors", "../elsewhere.safetensors", "damaged.safetensors"])
def test_weights_that_cannot_be_read_are_named(drawn: Drawn, sqlite_settings: Settings, file: str) -> None:
    (sqlite_settings.files.parent / "elsewhere.safetensors").write_bytes(b"of somebody else")
    (sqlite_settings.files / "damaged.safetensors").write_bytes(b"weights")
    drawn.change(best_file=file)
    answer = drawn.figure("confusion")
    assert answer.status_code == 409
    assert f"{file}, cannot be read" in answer.json()["detail"]


def test_what_has_no_picture_says_why(drawn: Drawn) -> None:
    drawn.weights({name: METADATA[name] for name in ("image", "first_layer")}, shape=(5, 63))
    assert "its targets are numbers" in drawn.figure("confusion").json()["detail"]
    assert "do not form images" in drawn.figure("first-layer").json()["detail"]


def test_other_figures_and_trials_are_refused(drawn: Drawn, sqlite_api: TestClient) -> None:
    assert drawn.figure("roc").status_code == 422
    assert sqlite_api.get("/v1/trials/none/figures/curve.svg").status_code == 404
