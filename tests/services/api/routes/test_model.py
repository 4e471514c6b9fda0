"""GET /v1/trials/{id}/model and POST …/predict: a trial's best weights as files, and asked about images."""

from __future__ import annotations

import ast
import io
import zipfile
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image
from safetensors.torch import load
from trained_weights import leave_weights

from services.api import body
from services.settings import Settings
from services.store.session import Store

SPEC: dict[str, Any] = {
    "name": "small_nets",
    "model": {"name": "mlp", "hidden": [6]},
    "data": {"name": "fashion-mnist-mini"},
    "train": {"epochs": 2},
    "seeds": 2,
    "space": {"model.dropout": [0.0, 0.5]},
}


class TrainedSweep:
    """A sweep on paper, one trial of which has left its best weights."""

    def __init__(self, api: TestClient, store: Store, files: Path) -> None:
        self.api, self.store, self.files = api, store, files
        self.sweep_id = api.post("/v1/sweeps", json=SPEC).json()["id"]
        self.trial_id = f"{self.sweep_id}-0001"

    def trained(self, **metadata: str) -> dict[str, Any]:
        """Leave the weights; the trial's config."""
        return leave_weights(self.store, self.files, self.trial_id, **metadata)

    def archive(self) -> zipfile.ZipFile:
        """The model's files."""
        answer = self.api.get(f"/v1/trials/{self.trial_id}/model")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        assert f'filename="{self.trial_id}.zip"' in answer.headers["content-disposition"]
        return zipfile.ZipFile(io.BytesIO(answer.content))

    def predict(self, content: bytes, kind: str = "image/png") -> Any:
        """Send an image file."""
        address = f"/v1/trials/{self.trial_id}/predict"
        return self.api.post(address, content=content, headers={"Content-Type": kind})


@pytest.fixture
def lab(sqlite_api: TestClient, sqlite_store: Store, sqlite_settings: Settings) -> TrainedSweep:
    return TrainedSweep(sqlite_api, sqlite_store, sqlite_settings.files)


def picture(size: tuple[int, int], mode: str = "L", form: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.radial_gradient("L").resize(size).convert(mode).save(content, form)
    return content.getvalue()


def test_a_model_is_taken_out_whole(lab: TrainedSweep) -> None:
    lab.trained()
    with lab.archive() as archive:
        assert archive.namelist() == ["card.md", "model.onnx", "model.py", "model.safetensors"]
        code, card = (archive.read(name).decode() for name in ("model.py", "card.md"))
        state = load(archive.read("model.safetensors"))
        session = onnxruntime.InferenceSession(archive.read("model.onnx"))
    ast.parse(code)
    names: dict[str, Any] = {"__file__": "model.py", "__name__": "model"}
    exec(code, names)
    net = names["Net"]()
    net.load_state_dict(state)
    images = torch.arange(2 * 784).view(2, 1, 28, 28) % 256
    scores = net.eval()(images).detach()
    (other,) = session.run(None, {"images": images.float().numpy()})
    torch.testing.assert_close(torch.from_numpy(other), scores, rtol=0, atol=1e-5)
    assert names["CLASSES"][3] == "kind 3"
    for line in (
        rf"# small\_nets, trial {lab.trial_id}: dropout 0.5",
        "**val/acc 0.9** after epoch 2",
        "| digest of its content | ",
        "| licence | MIT, copyright 2017 Zalando SE |",
        '"hidden": [',
        "| **2** | 0.5 | 0.9 |",
        "| kind 1 | 1 | 2 | 3 |",
        f"cnnlab reproduce {lab.trial_id}",
        "probabilities = scores.softmax(1)",
        "takes `images`, float32",
    ):
        assert line in card
    assert "over 1 of 2 seeds" in card


def test_without_weights_a_trial_has_no_model(lab: TrainedSweep) -> None:
    for answer in (lab.api.get(f"/v1/trials/{lab.trial_id}/model"), lab.predict(picture((28, 28)))):
        assert answer.status_code == 409
        assert "has no weights to use: it is queued with 0 of 2 epochs" in answer.json()["detail"]
    assert lab.api.get("/v1/trials/none/model").status_code == 404


def test_weights_that_are_gone_or_damaged_are_named(lab: TrainedSweep) -> None:
    lab.trained()
    file = lab.files / f"{lab.trial_id}.safetensors"
    file.write_bytes(b"damaged")
    damaged = lab.api.get(f"/v1/trials/{lab.trial_id}/model")
    assert damaged.status_code == 409
    assert f"{file.name} cannot be read as weights" in damaged.json()["detail"]
    assert f"{file.name} cannot be read as weights" in lab.predict(picture((9, 9))).json()["detail"]
    file.unlink()
    gone = lab.api.get(f"/v1/trials/{lab.trial_id}/model")
    assert f"are gone: there is no {file.name} below CNNLAB_FILES" in gone.json()["detail"]


@pytest.mark.parametrize(
    ("size", "mode", "form"),
    [((28, 28), "L", "PNG"), ((300, 200), "RGB", "JPEG"), ((5, 9), "RGBA", "WEBP")],
    ids=str,
)
def test_an_image_of_any_size_is_predicted(
    lab: TrainedSweep, size: tuple[int, int], mode: str, form: str
) -> None:
    lab.trained()
    answer = lab.predict(picture(size, mode, form), "application/octet-stream")
    assert answer.status_code == 200, answer.text
    classes = answer.json()["classes"]
    assert sum(each["probability"] for each in classes) == pytest.approx(1)
    assert [each["score"] for each in classes] == sorted((each["score"] for each in classes), reverse=True)
    assert {each["name"] for each in classes} == {f"kind {i}" for i in range(10)}
    assert answer.json()["value"] is None


def test_a_prediction_is_that_of_the_model_that_is_taken_out(lab: TrainedSweep) -> None:
    lab.trained()
    with lab.archive() as archive:
        names: dict[str, Any] = {"__file__": "model.py", "__name__": "model"}
        exec(archive.read("model.py"), names)
        net = names["Net"]()
        net.load_state_dict(load(archive.read("model.safetensors")))
    pixels = torch.arange(784, dtype=torch.uint8).view(28, 28)
    content = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(content, "PNG")
    scores = net.eval()(pixels[None, None])[0]
    best = lab.predict(content.getvalue()).json()["classes"][0]
    assert best["index"] == scores.argmax()
    assert best["score"] == pytest.approx(scores.max().item(), abs=1e-6)
    assert best["probability"] == pytest.approx(scores.softmax(0).max().item(), abs=1e-6)


@pytest.mark.parametrize(
    ("content", "kind", "status", "said"),
    [
        (b"hello", "image/png", 422, "is not a PNG, JPEG, BMP or WebP image"),
        (picture((40, 40))[:-20], "image/png", 422, "the image is damaged"),
        (b"", "image/png", 422, "the image is empty: it has 0 bytes"),
        (
            b"{}",
            "application/json",
            415,
            "must be an image file, image/png or the like, got application/json",
        ),
        (b"text", "text/plain", 415, "got text/plain"),
    ],
    ids=["text", "broken", "empty", "json", "plain"],
)
def test_what_is_no_image_is_refused(
    lab: TrainedSweep, content: bytes, kind: str, status: int, said: str
) -> None:
    lab.trained()
    answer = lab.predict(content, kind)
    assert answer.status_code == status
    assert said in answer.text


def test_an_image_may_be_larger_than_a_spec_but_not_of_any_size(
    lab: TrainedSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.trained()
    large = picture((1200, 1200), "RGB", "BMP")
    assert len(large) > body.MAX_BODY_BYTES
    assert lab.predict(large, "image/bmp").status_code == 200
    monkeypatch.setattr(body, "MAX_IMAGE_BYTES", 1_000_000)
    answer = lab.predict(large, "image/bmp")
    assert answer.status_code == 413
    assert "an image file must have at most 1,000,000 bytes" in answer.json()["detail"]


def test_missing_packages_leave_out_the_onnx_file_alone(
    lab: TrainedSweep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab.trained()
    blocker = tmp_path / "without"
    blocker.mkdir()
    (blocker / "sitecustomize.py").write_text(
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'onnxscript' else found(name, *a)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{blocker}:{Path(__file__).parents[4]}")
    with lab.archive() as archive:
        assert archive.namelist() == ["card.md", "model.py", "model.safetensors"]
        card = archive.read("card.md").decode()
    assert "`model.onnx` is left out" in card
    assert "needs onnxscript, which the API's process does not have" in card.replace("\\", "")


def test_the_best_of_a_sweep_names_its_best_trial(lab: TrainedSweep) -> None:
    lab.trained()
    assert lab.api.get(f"/v1/sweeps/{lab.sweep_id}/best").json()["trial"] == lab.trial_id
