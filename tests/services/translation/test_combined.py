"""services/translation/combined.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.translation.combined import combine
from services.translation.parameter import Fixed, ForeignParameter, Interval, OneOfValues


def combined(**parameters: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Values by name, and what is lost; a tuple is a listed parameter, anything else one value."""
    lost: dict[str, str] = {}
    given = [
        ForeignParameter(
            name,
            value if isinstance(value, Interval)
            else OneOfValues(value) if isinstance(value, tuple)
            else Fixed(value),
        )
        for name, value in parameters.items()
    ]  # fmt: skip
    found = combine(given, lost.__setitem__)
    return {each.name: each.domain for each in found}, lost


def test_the_rate_of_one_cycle_is_its_greatest() -> None:
    found, lost = combined(lr=0.1, max_lr=0.5, scheduler="OneCycleLR")
    assert found == {"max_lr": Fixed(0.5), "scheduler": Fixed("OneCycleLR")}
    assert lost == {"lr": "one-cycle rises to max_lr, wherever it begins; 0.1 in the file"}
    found, lost = combined(lr=0.1, max_lr=0.5, scheduler=("onecycle", "step"))
    assert "max_lr" not in found
    assert lost == {"max_lr": "one-cycle rises to train.optimizer.lr, which is lr here; 0.5 in the file"}
    found, lost = combined(lr=0.1, max_lr=0.5)
    assert lost == {"max_lr": "one-cycle alone has it; train.optimizer.lr is lr here; 0.5 in the file"}
    assert combined(max_lr=0.5, scheduler="step") == (
        {"max_lr": Fixed(0.5), "scheduler": Fixed("step")},
        {},
    )


def test_milestones_and_gamma_are_pieces() -> None:
    found, lost = combined(milestones=[30, 60], gamma=0.5, scheduler="MultiStepLR")
    assert found == {"milestones": Fixed([[30, 0.5], [60, 0.25]]), "scheduler": Fixed("MultiStepLR")}
    assert lost == {}
    found, _ = combined(milestones=([4], [4, 8]), gamma=(0.1, 0.5))
    assert found == {
        "milestones": OneOfValues(([[4, 0.1]], [[4, 0.5]], [[4, 0.1], [8, 0.01]], [[4, 0.5], [8, 0.25]]))
    }
    assert combined(milestones=[8, 4])[0] == {"milestones": Fixed([[4, 0.1], [8, 0.01]])}
    assert combined(milestones=[8], gamma=0.5, scheduler=("step", "multistep"))[0]["gamma"] == Fixed(0.5)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"milestones": 3}, "milestones are a list of epochs, as [30, 60]"),
        ({"milestones": ["a"]}, "is no number"),
        ({"milestones": [3], "gamma": Interval(0.1, 0.5)}, "a range of gamma cannot be written"),
    ],
)
def test_milestones_that_cannot_be_pieces_are_named(parameters: dict[str, Any], words: str) -> None:
    found, lost = combined(**parameters)
    assert "milestones" not in found
    assert words in lost["milestones"]


def test_pairs_of_betas() -> None:
    assert combined(betas=[0.9, 0.99]) == ({"beta1": Fixed("0.9"), "beta2": Fixed("0.99")}, {})
    found, lost = combined(betas=([0.9, 0.99], [0.8, 0.99]))
    assert (found, lost) == ({"beta1": OneOfValues(("0.9", "0.8")), "beta2": Fixed("0.99")}, {})
    found, lost = combined(betas=([0.9, 0.99], [0.8, 0.999]))
    assert found == {}
    assert "both numbers vary" in lost["betas"]
    assert "must be pairs" in combined(betas=0.9)[1]["betas"]


@pytest.mark.parametrize(
    ("use", "amount", "expected"),
    [
        (True, 0.4, Fixed(0.4)),
        (False, 0.4, Fixed(0)),
        ("true", 0.4, Fixed(0.4)),
        ((True, False), 0.4, OneOfValues((0, 0.4))),
        ((False,), (0.2, 0.4), Fixed(0)),
        ((False, True), (0.2, 0.4), OneOfValues((0, 0.2, 0.4))),
        (True, Interval(0.1, 0.4), Interval(0.1, 0.4)),
    ],
)
def test_a_switch_beside_an_amount(use: Any, amount: Any, expected: Any) -> None:
    assert combined(use_mixup=use, mixup_alpha=amount) == ({"mixup_alpha": expected}, {})


def test_a_range_keeps_no_off_beside_it() -> None:
    found, lost = combined(use_mixup=(True, False), mixup_alpha=Interval(0.1, 0.4))
    assert found == {"mixup_alpha": Interval(0.1, 0.4)}
    assert "0 is off" in lost["use_mixup"]


def test_the_depth_of_a_resnet_decides_its_family() -> None:
    assert combined(model="resnet", depth=(18, 34)) == ({"model": OneOfValues(("resnet18", "resnet34"))}, {})
    assert combined(arch="resnet", num_layers=20)[0] == {"arch": Fixed("resnet20")}
    assert combined(model="resnet", depth=(2, 3))[0].keys() == {"model", "depth"}
