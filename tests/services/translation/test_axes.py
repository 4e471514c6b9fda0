"""services/translation/axes.py."""

from __future__ import annotations

from typing import Any

import pytest

from services.domain.spec.axis_forms import AXIS_FORMS
from services.translation import axes, vocabulary
from services.translation.axes import Values
from services.translation.parameter import Domain, Fixed, Interval, OneOfValues


def values(name: str, domain: Domain) -> Values:
    target = vocabulary.target(name)
    assert target is not None
    return axes.values(domain, target)


@pytest.mark.parametrize(
    ("name", "domain", "written", "words"),
    [
        ("lr", Fixed("0.1"), 0.1, ""),
        ("lr", OneOfValues((0.1, "0.1", 0.2)), [0.1, 0.2], ""),
        ("lr", OneOfValues((0.1,)), 0.1, ""),
        ("lr", Interval(0.01, 0.1), {"uniform": [0.01, 0.1]}, ""),
        ("lr", Interval(0.01, 0.1, log=True), {"log_uniform": [0.01, 0.1]}, ""),
        ("lr", Interval(0.1, 0.9, step=0.1), {"uniform": [0.1, 0.9], "step": 0.1}, ""),
        ("lr", Interval(0, 0.1), {"uniform": [1e-8, 0.1]}, "begins at 1e-08 here: it cannot be 0"),
        ("lr", Interval(0, 0.5, step=0.1), {"uniform": [0.1, 0.5], "step": 0.1}, "begins at 0.1 here"),
        ("lr", Interval(0.1, 0.8, log=True, step=0.1), {"log_uniform": [0.1, 0.8]}, "multiples of 0.1"),
        ("momentum", Interval(0, 1), {"uniform": [0, 0.9999]}, "ends at 0.9999 here: it cannot be 1"),
        ("batch_size", Interval(16, 64, step=16, whole=True), {"int": [16, 64], "step": 16}, ""),
        ("batch_size", Interval(1, 9, step=1, whole=True), {"int": [1, 9]}, ""),
        ("batch_size", Interval(32, 256, log=True, step=8, whole=True),
            {"int": [32, 256], "step": 2, "log": True}, "powers of 2"),
        ("batch_size", Interval(30, 250, log=True, step=10, whole=True),
            {"int": [30, 250], "step": 10}, "not their logarithms"),
        ("epochs", Interval(2.5, 9.5), {"int": [3, 9]}, "integers here"),
        ("epochs", Interval(0, 1, whole=True), 1, "begins at 1"),
        ("hidden_size", OneOfValues((64, 128)), {"choice": [64, 128]}, ""),
        ("hidden_size", OneOfValues(([64, 32], 128)), [[64, 32], 128], ""),
        ("keep_prob", Interval(0.5, 0.9, step=0.1), {"uniform": [0.1, 0.5], "step": 0.1}, ""),
        ("keep_prob", Interval(0.5, 0.9, log=True), {"uniform": [0.1, 0.5]}, "evenly spread"),
        ("keep_prob", OneOfValues((0.5, 0.8)), [0.5, 0.2], ""),
    ],
)  # fmt: skip
def test_a_domain_as_an_axis(name: str, domain: Domain, written: Any, words: str) -> None:
    found = values(name, domain)
    assert found.written == written
    assert words in " ".join(found.notes)
    assert bool(words) == bool(found.notes)
    if isinstance(written, dict):
        form = next(key for key in AXIS_FORMS if key in written)
        AXIS_FORMS[form].model_validate({key: value for key, value in written.items() if key != "log"})


@pytest.mark.parametrize(
    ("name", "domain", "words"),
    [
        ("optimizer", Fixed("ftrl"), "ftrl is no name that is translated"),
        ("lr", OneOfValues(("a", True)), "a is no number"),
        ("optimizer", Interval(0, 1), "0 to 1 is a range, but it has single values here"),
        ("epochs", Interval(2.2, 2.8), "2.2 to 2.8 has no integer"),
        ("lr", Interval(-2, -1), "-2 to -1 lies outside"),
    ],
)
def test_what_cannot_stand_there_is_unread(name: str, domain: Domain, words: str) -> None:
    found = values(name, domain)
    assert found.written is None
    assert words in " ".join(found.unread)


def test_values_that_can_be_read_stay_when_others_cannot() -> None:
    found = values("optimizer", OneOfValues(("sgd", "ftrl", "adam")))
    assert found.written == ["sgd", "adam"]
    assert found.unread == [
        "ftrl is no name that is translated; cnnlab catalog optimizers has those there are"
    ]


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ([1, 2, 3], 3),
        ({"choice": [1, 2]}, 2),
        ({"int": [3, 9]}, 7),
        ({"int": [16, 100], "step": 16}, 6),
        ({"int": [32, 256], "step": 2, "log": True}, 4),
        ({"uniform": [0.1, 0.5], "step": 0.1}, 5),
        ({"uniform": [0, 1]}, 0),
        ({"log_uniform": [0.1, 1]}, 0),
        ({"name": "adam", "lr": 0.1}, 1),
        (0.5, 1),
    ],
)
def test_how_many_values_an_axis_has(written: Any, size: int) -> None:
    assert Values(written).size() == size
    assert Values({**written, "when": {"a": "b"}}).size() == size if isinstance(written, dict) else True


def test_a_condition_goes_into_the_object_or_makes_one() -> None:
    when = {"train.optimizer": "sgd"}
    assert Values([1, 2]).under(when) == {"choice": [1, 2], "when": when}
    assert Values(0.9, fixed=True).under(when) == {"choice": [0.9], "when": when}
    assert Values({"uniform": [0, 1]}).under(when) == {"uniform": [0, 1], "when": when}


def test_a_range_gets_five_values_where_each_is_an_array() -> None:
    even = axes.stepped(Values({"uniform": [0.0, 1.0], "when": {}}))
    assert even.written == {"uniform": [0.0, 1.0], "when": {}, "step": 0.25}
    assert even.size() == 5
    assert axes.stepped(Values({"log_uniform": [0.01, 100.0]})).written["step"] == pytest.approx(10)
    for kept in ({"int": [1, 9]}, [1, 2], {"uniform": [0, 1], "step": 0.1}):
        assert axes.stepped(found := Values(kept)) is found


def test_a_range_of_integers_gets_fewer_values_down_to_three() -> None:
    found, sizes = Values({"int": [32, 512]}), []
    while (less := axes.coarser(found)) is not found:
        found = less
        sizes.append(found.size())
        assert found.written["int"] == [32, 512]
    assert sizes[0] <= 9
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] in (2, 3)
    assert axes.coarser(logarithmic := Values({"int": [1, 64], "step": 2, "log": True})) is logarithmic


def test_what_decides_the_shape() -> None:
    assert all(axes.is_shape(path) for path in ("model.filters", "data.mixup", "train.batch_size", "model"))
    assert not any(
        axes.is_shape(path) for path in ("model.dropout", "train.l2", "train.optimizer.lr", "train.loss")
    )


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("momentum", 1, "1 is above 0.9999, the most that it can be"),
        ("lr", -0.1, "-0.1 is below 1e-08, the least that it can be"),
        ("grad_clip", -1, "-1 is below 1e-12"),
        ("dropout", 2, "2 is above 1"),
    ],
)
def test_a_listed_value_outside_of_what_it_can_be_is_unread(name: str, given: Any, words: str) -> None:
    found = values(name, OneOfValues((given, 0.5)))
    assert (found.written, found.fixed) == (0.5, True)
    assert words in found.unread[0]


def test_a_switch_that_is_on_has_a_usual_amount() -> None:
    for name, amount in {"use_mixup": 0.2, "cutmix": 1.0, "hflip": 0.5, "random_crop": 4}.items():
        on, both, off = (
            values(name, given) for given in (Fixed(True), OneOfValues((False, True)), Fixed("no"))
        )
        assert (on.written, both.written, off.written) == (amount, [0, amount], 0)
        assert on.notes == [f"on in the file; {amount:g} is chosen here"]
        assert off.notes == []


def test_the_integers_of_an_axis() -> None:
    assert axes.integers(Values({"int": [2, 9], "step": 3})) == [2, 5, 8]
    assert axes.integers(Values({"int": [2, 4]})) == [2, 3, 4]
    assert axes.integers(Values({"int": [4, 17], "step": 2, "log": True})) == [4, 8, 16]
    assert axes.integers(Values([1, 5])) == [1, 5]
    assert axes.integers(Values(3, fixed=True)) == [3]
