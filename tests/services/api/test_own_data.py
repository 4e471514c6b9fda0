"""Own data over HTTP: planned with its digest, refused at the place in the spec that is wrong."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from services.store import sweeps
from services.store.session import Store


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CNNLAB_DATA with two files of images, one of something else, and a link out of it."""
    data = tmp_path / "data"
    data.mkdir()
    x, y = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 2
    np.savez(data / "a.npz", train_x=x, train_y=y, class_names=["left", "right"])
    np.savez(data / "b.npz", train_x=x + 1, train_y=y)
    np.savez(data / "floats.npz", train_x=x / 255, train_y=y)
    (tmp_path / "secret.npz").write_bytes((data / "a.npz").read_bytes())
    (data / "out.npz").symlink_to(tmp_path / "secret.npz")
    monkeypatch.setenv("CNNLAB_DATA", str(data))
    return data


def submit(api: TestClient, spec: dict[str, Any], data: dict[str, Any], **changes: Any) -> Any:
    return api.post("/v1/sweeps", json={**spec, "data": {"name": "npz", **data}, "space": {}, **changes})


def test_the_plan_holds_the_content_s_digest(
    sqlite_api: TestClient, sqlite_store: Store, spec: dict[str, Any], folder: Path
) -> None:
    made = submit(sqlite_api, spec, {"path": "a.npz"})
    assert made.status_code == 201, made.text
    sweep = sqlite_store.read(lambda session: sweeps.get(session, made.json()["id"]))
    digest = hashlib.sha256((folder / "a.npz").read_bytes()).hexdigest()
    assert made.json()["class_names"] == [["left", "right"]]
    held = {"name": "npz", "path": "a.npz", "sha256": digest, "validation": 0.1}
    assert sweep.plan.base["data"].items() >= held.items()
    (folder / "a.npz").unlink()
    assert sqlite_api.get(f"/v1/sweeps/{made.json()['id']}").status_code == 200
    assert sqlite_api.get("/v1/sweeps").status_code == 200


def test_two_contents_are_two_shapes(sqlite_api: TestClient, spec: dict[str, Any], folder: Path) -> None:
    choices = [{"name": "npz", "path": name} for name in ("a.npz", "b.npz")]
    made = submit(sqlite_api, spec, {"path": "a.npz"}, space={"data": choices})
    assert made.status_code == 201, made.text
    assert len({shape["key"] for shape in made.json()["shapes"]}) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"path": "../secret.npz"}, "must be below CNNLAB_DATA"),
        ({"path": "/etc/passwd"}, "must be below CNNLAB_DATA"),
        ({"path": "out.npz"}, "out.npz is a link that points out of CNNLAB_DATA"),
        ({"path": "c.npz"}, "c.npz is not below CNNLAB_DATA"),
        ({"path": "floats.npz"}, "floats.npz: train_x must be uint8"),
        ({"path": "a.npz", "sha256": "0" * 64}, "but the sweep was planned with 000"),
        ({"path": "x" * 501}, "at most 500 characters"),
        ({"path": 3}, "must be a text"),
        ({}, "data.path is missing"),
    ],
)
def test_a_fault_is_reported_at_the_path(
    sqlite_api: TestClient, spec: dict[str, Any], folder: Path, data: dict[str, Any], words: str
) -> None:
    refused = submit(sqlite_api, spec, data)
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == ("/data/path" if data else "/data")
    assert words in error["detail"]


def test_sweeping_the_path_alone_is_refused_with_the_way_that_works(
    sqlite_api: TestClient, spec: dict[str, Any], folder: Path
) -> None:
    refused = submit(sqlite_api, spec, {"path": "a.npz"}, space={"data.path": ["a.npz", "b.npz"]})
    assert refused.status_code == 422
    assert "sweep data as a whole" in refused.json()["detail"]


def test_small_classes_are_refused_at_submit_or_validated_on(
    sqlite_api: TestClient, spec: dict[str, Any], folder: Path
) -> None:
    for name, counts in {"tens.npz": [5] * 10, "rare.npz": [20, 1]}.items():
        labels = np.repeat(np.arange(len(counts)), counts)
        np.savez(folder / name, train_x=np.zeros((len(labels), 28, 28), np.uint8), train_y=labels)
    assert submit(sqlite_api, spec, {"path": "tens.npz"}).status_code == 201
    for written, pointer in (({"validation": 0.2}, "/data/validation"), ({}, "/data")):
        refused = submit(sqlite_api, spec, {"path": "rare.npz", **written})
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert error["pointer"] == pointer
        assert "must be 0: the class 1 has a single image" in error["detail"]
        assert ("data.validation, which is not set" in error["detail"]) == (not written)
