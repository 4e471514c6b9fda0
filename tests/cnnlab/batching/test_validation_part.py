"""The validation part has an image of every class, or the share is refused before anything trains."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cnnlab import registry, resolve
from cnnlab.batching import batch_order, validation_part
from cnnlab.data import Images, Info
from cnnlab.engine.cost import inspect
from cnnlab.errors import CnnlabError, ConfigError
from cnnlab.fit import Fit, Row, fit


def npz(folder: Path, counts: list[int], side: int = 12) -> dict[str, Any]:
    """Write images of as many classes, and return the section that names them."""
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), side, side), dtype=np.uint8)
    file = io.BytesIO()
    np.savez(file, train_x=pixels, train_y=labels)
    (folder / "small.npz").write_bytes(file.getvalue())
    return {"name": "npz", "path": "small.npz"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path


def config(data: Any, **train: Any) -> dict[str, Any]:
    model = {"name": "mlp", "hidden": [4]}
    resolved: dict[str, Any] = resolve({"model": model, "data": data, "train": {"epochs": 1, **train}})
    return resolved


@pytest.mark.parametrize("counts", [[5] * 10, [200, 3, 4], [2, 50], [6] * 3, [5, 6]])
def test_every_class_is_in_both_parts_with_the_default_share(folder: Path, counts: list[int]) -> None:
    own = config(npz(folder, counts))
    assert inspect(own).classes == len(counts)
    one = Fit([Row(own, 0)])
    for part in (one.data.train, one.data.validation):
        assert part.y.bincount(minlength=len(counts)).min() >= 1
    (report,) = one.run_epoch() or []
    assert "val/acc" in report.metrics


@pytest.mark.parametrize(
    ("counts", "validation", "words"),
    [
        ([1, 1], 0.1, "must be 0: the classes 0, 1 have a single image each"),
        ([1, 2], 0.1, "must be 0: the class 0 has a single image"),
        ([1] * 30 + [9], 0.5, "must be 0: the classes 0, 1, 2, 3, 4 and 25 more have a single image each"),
        ([4] * 10, 0.1, r"must be 0 or at least 0\.13: each of the 10 classes needs an image .* got 0\.1 of"),
        ([600, 500], 1e-4, r"must be 0 or at least 0\.00091: each of the 2 classes needs an image"),
    ],
)
def test_a_share_that_cannot_be_is_refused_with_one_that_can(
    folder: Path, counts: list[int], validation: float, words: str
) -> None:
    data = npz(folder, counts) | {"validation": validation}
    with pytest.raises(ConfigError, match=words) as caught:
        inspect(config(data))
    assert caught.value.path == "data.validation"
    share = 0.0 if "least" not in words else float(caught.value.message.split("least ")[1].split(":")[0])
    assert inspect(config(data | {"validation": share})).classes == len(counts)


@given(st.lists(st.integers(1, 60), min_size=2, max_size=8), st.floats(0, 0.5))
def test_what_is_accepted_gives_each_class_its_share(counts: list[int], share: float) -> None:
    info = Info((1, 8, 8), len(counts), sum(counts), 0, class_counts=tuple(counts))
    targets = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    train, held = batch_order.split(targets, share, 0)
    got = targets[held].bincount(minlength=len(counts)).tolist()
    data = {"validation": share, "folds": 0, "fraction": 1.0}
    assert validation_part.sizes(info, data) == (len(train), len(held))
    try:
        validation_part.check(info, data)
    except ConfigError:
        return
    for n, of in zip(got, counts, strict=True):
        assert n == (min(max(1, round(share * of)), of - 1) if share else 0)
        assert n < of


def test_numbers_are_validated_on_as_one_class(folder: Path) -> None:
    data = {"name": "rotated", "of": npz(folder, [2, 3])}
    own = config(data)
    inspect(own)
    one = Fit([Row(own, 0)])
    assert (len(one.data.train), len(one.data.validation)) == (4, 1)
    (report,) = one.run_epoch() or []
    assert report.metrics["val/mae"] >= 0


def test_one_image_to_train_on_has_no_variance(folder: Path) -> None:
    data = {"name": "rotated", "of": npz(folder, [1, 1], 28), "validation": 0.5}
    own = resolve({"model": {"name": "lenet5", "norm": "batch"}, "data": data})
    with pytest.raises(ConfigError, match="at least 2 images to train on with batch normalization, got 1"):
        inspect(own)


class _Lying:
    """A data set whose facts are not those of its images, as a plug-in's can be."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, info: Info, targets: list[int]) -> None:
        entry = registry.get("datasets", "fashion-mnist-mini")
        x = torch.zeros(len(targets), *info.shape, dtype=torch.uint8)
        images = Images(
            x, torch.tensor(targets, dtype=torch.int64), x[:0], torch.tensor([], dtype=torch.int64)
        )
        monkeypatch.setattr(entry, "info", lambda self, data: info)
        monkeypatch.setattr(entry, "load", lambda self, data: images)


@pytest.mark.parametrize(
    ("info", "targets", "words"),
    [
        (Info((1, 8, 8), 2, 4, 0), [0, 0, 1, 2], "targets must be classes 0 … 1, got 0 to 2"),
        (Info((1, 8, 8), 2, 5, 0), [0, 0, 1, 1], "must have 5 images to train on, got 4"),
        (Info((1, 8, 8), 2, 4, 3), [0, 0, 1, 1], "must have 3 images to test on, got 0"),
        (Info((1, 8, 8), 2, 4, 0), [0, 0, 0, 1], "must be 0: the class 1 has a single image"),
        (Info((1, 8, 8), 1, 4, 0, task="regression"), [0, 0, 0, 1], "numbers, float32, got int64"),
    ],
)
def test_images_that_are_not_as_announced_are_refused_before_training(
    monkeypatch: pytest.MonkeyPatch, info: Info, targets: list[int], words: str
) -> None:
    _Lying(monkeypatch, info, targets)
    loss = {"loss": "square"} if info.task == "regression" else {}
    with pytest.raises(CnnlabError, match=words):
        fit(config("fashion-mnist-mini", **loss))


def test_a_data_set_without_images_is_refused_at_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    _Lying(monkeypatch, Info((1, 8, 8), 2, 0, 0), [])
    with pytest.raises(ConfigError, match="has no images to train on"):
        inspect(config("fashion-mnist-mini"))


NONE = "the validation part has no image of"


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        ([0, 1, 2, 1], None),
        ([0, 1, 1], f"{NONE} the class 2"),
        ([1], f"{NONE} the classes 0, 2"),
    ],
)
def test_a_class_without_a_validation_image_is_noted(
    folder: Path, labels: list[int], note: str | None
) -> None:
    """Of a part of its own and of indices, with the same sentence."""
    train_y = np.repeat(np.arange(3), 8)
    x = np.random.default_rng(0).integers(0, 256, (24 + len(labels), 12, 12), dtype=np.uint8)
    np.savez(folder / "own.npz", train_x=x[:24], train_y=train_y, val_x=x[24:], val_y=np.array(labels))
    indices = [8 * label + place for place, label in enumerate(labels)]
    (folder / "val.json").write_text(str(indices))
    given = {**npz(folder, [8, 8, 8]), "validation_indices": "val.json"}
    for data in ({"name": "npz", "path": "own.npz"}, given):
        first, *others = inspect(config(data)).notes
        assert first.startswith(f"validated on the {len(labels)} ")
        assert others == ([note] if note else [])
