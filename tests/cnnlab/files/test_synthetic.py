"""Conformance of the data sets that cnnlab makes itself: one content everywhere, or a refusal in words."""

import importlib
import os
import subprocess
import sys

import pytest
import torch

from cnnlab import registry
from cnnlab.data import DataError
from cnnlab.files.synthetic import Synthetic


def module(name):
    return importlib.import_module(registry.get("datasets", name).__module__)


NAMES = [
    name
    for name in registry.names("datasets")
    if isinstance(getattr(module(name), "CONTENT", None), Synthetic)
]


def load(name):
    entry = registry.get("datasets", name)()
    return entry.info({"name": name}), entry.load({"name": name})


@pytest.mark.parametrize("name", NAMES)
def test_info_is_what_loading_gives(name):
    info, images = load(name)
    assert module(name).CONTENT.name == name
    assert (info.digest, len(info.digest)) == (module(name).CONTENT.sha256[:16], 16)
    assert images.train_x.shape == (info.train, *info.shape)
    assert images.test_x.shape == (info.test, *info.shape)
    assert images.train_y.bincount().tolist() == [info.train // info.classes] * info.classes
    assert images.test_y.bincount().tolist() == [info.test // info.classes] * info.classes
    assert load(name)[1] is images, "packs follow one another: a process makes a data set once"


def test_contents_differ():
    assert len({load(name)[0].digest for name in NAMES}) == len(NAMES) > 1
    assert len({module(name).CONTENT.seed for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_a_function_of_its_number(name):
    info, images = load(name)
    for first, part, place in ((1_234, "train", 1_234), (info.train, "test", 0)):
        x, y = module(name).make(first, 600)
        assert torch.equal(x, getattr(images, f"{part}_x")[place : place + 600])
        assert torch.equal(y, getattr(images, f"{part}_y")[place : place + 600])


@pytest.mark.parametrize("name", NAMES)
def test_no_test_image_is_one_to_train_on(name):
    _, images = load(name)
    seen = {x.numpy().tobytes() for x in images.train_x}
    assert len(seen) == len(images.train_x)
    assert seen.isdisjoint(x.numpy().tobytes() for x in images.test_x)


def test_the_content_does_not_depend_on_how_it_is_computed():
    """Without vector instructions, in one thread: the digest is checked where the content is made."""
    program = (
        f"from cnnlab import registry\nfor n in {NAMES}: registry.get('datasets', n)().load({{'name': n}})"
    )
    plain = {**os.environ, "ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-c", program], env=plain, check=True)


@pytest.mark.parametrize("name", NAMES)
def test_other_content_is_refused(name):
    _, images = load(name)
    got = module(name).CONTENT.sha256
    with pytest.raises(DataError, match=rf"^{name} differs on this machine.* must be (12){{32}}, got {got}$"):
        Synthetic(name, "12" * 32).check(images)
    with pytest.raises(DataError, match="differs on this machine"):
        Synthetic(name, got[:-1] + ("1" if got[-1] == "0" else "0")).check(images)


def test_loading_checks(monkeypatch):
    for name in NAMES:
        monkeypatch.setattr(module(name), "CONTENT", Synthetic(name, "12" * 32))
        with pytest.raises(DataError, match="differs on this machine"):
            registry.get("datasets", name)().read()


@pytest.mark.parametrize("name", NAMES)
def test_one_changed_pixel_or_class_is_seen(name):
    _, images = load(name)
    assert module(name).CONTENT.check(images) is images
    for part in ("train_x", "train_y", "test_x", "test_y"):
        changed = getattr(images, part).clone()
        changed.view(-1)[-1] ^= 1
        with pytest.raises(DataError, match="differs on this machine"):
            module(name).CONTENT.check(type(images)(**{**vars(images), part: changed}))
