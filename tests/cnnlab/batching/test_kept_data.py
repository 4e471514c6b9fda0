"""The data of a fit are kept for the next one, and made anew as soon as anything of them differs."""

import gc
import weakref
from dataclasses import replace

import pytest
import torch

from cnnlab.batching.kept_data import KeptData
from cnnlab.batching.on_device import DeviceData
from cnnlab.config import resolve
from cnnlab.data import Images, Info
from cnnlab.fit import Fit, Row

CPU = torch.device("cpu")
DATA = {"name": "x", "validation": 0.2, "folds": 0, "fraction": 1.0, "label_noise": 0.0, "resize": 0}


def images(seed: int = 0) -> Images:
    x = torch.randint(256, (60, 1, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    y = torch.arange(60) % 3
    return Images(x, y, x[:20], y[:20])


IMAGES, INFO = images(), Info((1, 4, 4), 3, 60, 20)
GIVEN = (IMAGES, DATA, INFO, 0, CPU, torch.float32, 0)
OTHERS = {
    "images": (0, images()),  # equal ones are not looked through
    "validation": (1, DATA | {"validation": 0.4}),
    "fraction": (1, DATA | {"fraction": 0.5}),
    "label noise": (1, DATA | {"label_noise": 0.5}),
    "size": (1, DATA | {"resize": 8}),
    "facts": (2, replace(INFO, centred=False)),
    "data seed": (3, 1),
    "type": (5, torch.float64),
}


def tensors(data: DeviceData) -> list[torch.Tensor]:
    parts = (data.train, data.validation, data.test)
    return [tensor for part in parts for tensor in (part.x, part.y, part.scale, part.shift)]


def same(ones: list[torch.Tensor], others: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(ones, others, strict=True))


def test_equal_data_are_taken_again_and_any_other_are_made_anew() -> None:
    for place, value in OTHERS.values():
        kept = KeptData()
        first = kept.of(*GIVEN)
        assert kept.of(IMAGES, dict(reversed(DATA.items())), *GIVEN[2:]) is first
        given = (*GIVEN[:place], value, *GIVEN[place + 1 :])
        other = kept.of(*given)
        assert other is not first
        assert same(tensors(other), tensors(DeviceData(*given)))
        assert kept.of(*GIVEN) is not first  # one is kept, the last one


@pytest.mark.parametrize(("folds", "alike"), [(0, True), (3, False)])
def test_a_replicate_counts_by_its_fold(folds: int, alike: bool) -> None:
    kept, data = KeptData(), DATA | {"folds": folds, "validation": 0.0}
    first = kept.of(IMAGES, data, *GIVEN[2:6], 1)
    assert kept.of(IMAGES, data, *GIVEN[2:6], 4) is first  # the same fold of three
    assert (kept.of(IMAGES, data, *GIVEN[2:6], 2) is first) is alike


def test_the_data_before_are_gone_while_others_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = KeptData()
    first = weakref.ref(kept.of(*GIVEN))
    alive: list[bool] = []

    def made(*given: object) -> DeviceData:
        gc.collect()
        alive.append(first() is not None)
        return DeviceData(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("cnnlab.batching.kept_data.DeviceData", made)
    kept.of(*GIVEN[:3], 1, *GIVEN[4:])
    assert alive == [False]


def test_elsewhere_than_on_a_processor_each_fit_has_its_own() -> None:
    kept, device = KeptData(), torch.device("meta")
    given = (*GIVEN[:4], device, *GIVEN[5:])
    before = kept.of(*GIVEN)
    assert kept.of(*given) is not kept.of(*given)
    assert kept.of(*GIVEN) is before


@pytest.mark.compiled
def test_a_fit_writes_to_none_of_its_data_and_the_next_one_has_the_same_curve() -> None:
    changes = {"flip": 0.5, "cutmix": 1.0, "label_noise": 0.1, "validation": 0.1}
    train = {"epochs": 1, "batch_size": 500, "optimizer": "momentum"}
    config = resolve({"model": "lenet5", "data": {"name": "fashion-mnist-mini", **changes}, "train": train})

    def run() -> tuple[Fit, list[dict[str, float]]]:
        fit = Fit([Row(config, seed) for seed in range(2)])
        return fit, [report.metrics for report in fit.run_epoch() or []]

    first, curve = run()
    before = [tensor.clone() for tensor in tensors(first.data)]
    second, again = run()
    assert second.data is first.data
    assert again == curve
    assert same(tensors(first.data), before)
