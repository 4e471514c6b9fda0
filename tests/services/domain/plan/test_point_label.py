"""services/domain/plan/point_label.py: labels show what varies and what trains, and no two are the same."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from paper_catalog import paper_plan, paper_spec

from services.domain.errors import SpecError
from services.domain.plan.axis import Axis, ListedAxis
from services.domain.plan.plan import Plan
from services.domain.plan.point_label import Cell, PointLabels, short_names
from services.domain.plan.value_text import value_text

ADAM, SLOW_ADAM, SHARP_ADAM = "adam", {"name": "adam", "lr": 0.01}, {"name": "adam", "beta": 0.5}


def labels(plan: Plan) -> list[str]:
    shown = PointLabels(plan.axes)
    return [shown.label(plan.values(point)) for point in range(plan.points)]


def labels_of(**changes: Any) -> list[str]:
    return labels(paper_plan(paper_spec(**changes)))


def listed(path: str, *values: Any) -> Axis:
    return ListedAxis(name=path, path=path, row=True, values=list(values), written=list(values))


def test_the_rate_that_is_shown_is_the_one_that_trains() -> None:
    space = {"train.optimizer": ["sgd", ADAM], "train.optimizer.lr": [0.05, 0.2]}
    assert labels_of(space=space) == ["sgd, lr 0.05", "sgd, lr 0.2", "adam, lr 0.05", "adam, lr 0.2"]


def test_only_what_varies_is_shown() -> None:
    space = {"train.l2": [0.0001, 0.5], "model.depth": [4], "model.dropout": 0.5}
    assert labels_of(space=space) == ["l2 1e-4", "l2 0.5"]


def test_a_sweep_without_axes_has_only_one_point() -> None:
    assert labels_of(space={}) == labels_of(space={"model.dropout": [0.5]}) == ["the only point"]


def test_entries_of_one_name_add_what_tells_them_apart() -> None:
    space = {"train.optimizer": ["sgd", SLOW_ADAM, SHARP_ADAM]}
    assert labels_of(space=space) == ["sgd", "adam, lr 0.01, beta 0.9", "adam, lr 0.001, beta 0.5"]


def test_what_another_axis_sets_is_shown_by_that_axis_alone() -> None:
    space = {"train.optimizer": [SLOW_ADAM, SHARP_ADAM], "train.optimizer.lr": [0.1, 0.2]}
    assert labels_of(space=space)[0] == "adam, beta 0.9, lr 0.1"


def test_where_that_axis_has_no_value_the_entry_shows_its_own() -> None:
    rate = {"choice": [0.1, 0.2], "when": {"train.optimizer": "sgd"}}
    space = {"train.optimizer": ["sgd", ADAM, SLOW_ADAM], "train.optimizer.lr": rate}
    assert labels_of(space=space) == ["sgd, lr 0.1", "sgd, lr 0.2", "adam, lr 0.001", "adam, lr 0.01"]


def test_choices_that_another_axis_makes_equal_are_numbered() -> None:
    space = {"train.optimizer": [ADAM, SLOW_ADAM], "train.optimizer.lr": [0.1, 0.2]}
    assert labels_of(space=space)[0] == "adam (choice 1), lr 0.1"
    assert labels_of(space=space)[-1] == "adam (choice 2), lr 0.2"


def test_an_object_without_a_name_goes_by_what_differs() -> None:
    weak, strong = {"strength": 0.001, "scope": "weights"}, {"strength": 0.1, "scope": "weights"}
    assert labels_of(space={"train.l2": [weak, strong]}) == ["l2 0.001", "l2 0.1"]
    everywhere = {"strength": 0.001, "scope": "all"}
    shown = labels_of(space={"train.l2": [weak, strong, everywhere]})
    assert shown[2] == "l2 (strength 0.001, scope all)"


def test_a_range_goes_by_the_name_that_the_user_wrote() -> None:
    space = {"train.l2": {"log_uniform": [0.0001, 0.1]}, "dropout": {"uniform": [0.1, 0.5]}}
    plan = paper_plan(paper_spec(space=space, search="random", max_trials=3))
    values = plan.values(0)
    l2, dropout = values["train.l2.strength"], values["model.dropout"]
    assert set(labels(plan)[0].split(", ")) == {
        f"l2 {value_text(l2, exact=True)}",
        f"dropout {dropout}",
    }


def test_lists_booleans_null_and_options_stand_behind_their_axis() -> None:
    axes = [
        listed("model.hidden", [16, 32], [8]),
        listed("data.augment", True, False),
        listed("train.schedule", None, {"name": "cosine"}),
        listed("train.test", "never", "best"),
    ]
    values = {
        "model.hidden": [16, 32],
        "data.augment": True,
        "train.schedule": None,
        "train.test": "best",
    }
    shown = PointLabels(axes)
    assert shown.label(values) == "hidden [16, 32], augment true, schedule none, test best"
    assert shown.label({"train.schedule": {"name": "cosine"}}) == "cosine"


def test_values_that_look_alike_are_written_in_full() -> None:
    close = listed("train.lr", 0.12345678, 0.12345679, 0.5)
    assert PointLabels([close]).label({"train.lr": 0.12345678}) == "lr 0.12345678"
    kinds = listed("data.tag", "1", 1)
    assert PointLabels([kinds]).label({"data.tag": "1"}) == 'tag "1"'


def test_a_name_that_two_axes_can_have_stands_behind_its_axis() -> None:
    relu, tanh = {"name": "relu"}, {"name": "tanh"}
    axes = [listed("model.activation", relu, tanh), listed("model.head.activation", relu, tanh)]
    values = {"model.activation": relu, "model.head.activation": tanh}
    assert PointLabels(axes).label(values) == "model.activation relu, head.activation tanh"


def test_a_key_that_is_called_like_an_axis_carries_its_path() -> None:
    wide, narrow = {"name": "net", "dropout": 0.5}, {"name": "net", "dropout": 0.1}
    axes = [listed("model.body", wide, narrow), listed("model.dropout", 0.0, 0.2)]
    shown = PointLabels(axes).label({"model.body": wide, "model.dropout": 0.2})
    assert shown == "net, body.dropout 0.5, dropout 0.2"


def test_nested_entries_are_told_apart_by_their_names() -> None:
    axis = listed(
        "train.optimizer",
        {"name": "sgd", "rate": {"name": "cosine", "to": 0.0}},
        {"name": "sgd", "rate": {"name": "step", "to": 0.0}},
    )
    assert PointLabels([axis]).label({"train.optimizer": (axis.values or [])[0]}) == "sgd, rate cosine"


def test_cells_have_a_place_for_every_axis_that_varies() -> None:
    space = {
        "train.optimizer": ["sgd", ADAM],
        "train.optimizer.beta": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
        "model.depth": [3],
    }
    plan = paper_plan(paper_spec(space=space))
    cells = PointLabels(plan.axes).cells(plan.values(0))
    assert cells == [
        Cell("train.optimizer", "optimizer", "sgd"),
        Cell("train.optimizer.beta", "beta", None),
    ]


def test_short_names_are_as_short_as_can_be() -> None:
    axes = [
        listed(path, 0, 1) for path in ("train.l2", "model.head.dropout", "model.dropout", "model.head.lr")
    ]
    assert list(short_names(axes).values()) == ["l2", "head.dropout", "model.dropout", "lr"]


@st.composite
def sweeps(draw: st.DrawFn) -> dict[str, Any]:
    """A sweep whose axes lie in one another, look alike, depend on one another, or are ranges."""

    def some(*values: Any, least: int = 1) -> list[Any]:
        return draw(st.lists(st.sampled_from(values), min_size=least, max_size=4, unique_by=repr))

    optimizers = some("sgd", ADAM, SLOW_ADAM, SHARP_ADAM, {"name": "sgd", "lr": 0.3})
    space: dict[str, Any] = {"train.optimizer": optimizers}
    changes: dict[str, Any] = {"space": space, "max_trials": 2000}
    names = {value if isinstance(value, str) else value["name"] for value in optimizers}
    if draw(st.booleans()):
        rates: Any = some(0.01, 0.1, 0.05, 1e-5)
        when = draw(st.sampled_from([None, *sorted(names)]))
        space["train.optimizer.lr"] = {"choice": rates, "when": {"optimizer": when}} if when else rates
    if "adam" in names and draw(st.booleans()):
        space["train.optimizer.beta"] = {"choice": some(0.5, 0.8, 0.95), "when": {"optimizer": "adam"}}
    if draw(st.booleans()):
        space["train.l2"] = some(0, 1e-4, {"strength": 1e-4, "scope": "all"}, {"strength": 1, "scope": "all"})
    if draw(st.booleans()):
        space["model.depth"] = some(2, 4, 5)
    kind = draw(st.sampled_from(["list", "range", "steps", "none"]))
    if kind == "list":
        space["model.dropout"] = some(0, 0.12345678, 0.12345679, 0.5)
        if len(space["model.dropout"]) == len(space.get("model.depth", ())) and draw(st.booleans()):
            changes["zip"] = [["model.depth", "model.dropout"]]
    elif kind == "range":
        space["model.dropout"] = {"uniform": [0.01234567891, 0.5]}
        changes |= {"search": "random", "max_trials": 40}
    elif kind == "steps":
        space["model.dropout"] = {"log_uniform": [1e-5, 0.5], "step": draw(st.sampled_from([3.1623, 10]))}
    return changes


def trained_texts(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Every path of a config, with each way in which its value may be written."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from trained_texts(value, f"{path}.{key}")
        else:
            yield from (
                (f"{path}.{key}", text) for text in (value_text(value), value_text(value, exact=True))
            )


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(sweeps())
def test_labels_are_all_different_and_show_what_trains(changes: dict[str, Any]) -> None:
    try:
        plan = paper_plan(paper_spec(**changes))
    except SpecError:
        assume(False)
    found = labels(plan)
    assert len(set(found)) == len(found)
    shown = PointLabels(plan.axes)
    for point, label in enumerate(found):
        values = plan.values(point)
        trained = list(trained_texts(plan.config(point)))
        for cell in shown.cells(values):
            assert (cell.text is None) == (cell.path not in values)
            if cell.text is None:
                continue
            assert cell.text in label
            first, *details = re.sub(r" \(choice \d+\)$", "", cell.text).strip("()").split(", ")
            if " " in first:  # an object without a name
                details.append(first)
            else:
                assert any(path.startswith(f".{cell.path}") and text == first for path, text in trained)
            for key, text in (detail.split(" ") for detail in details):
                assert any(path.endswith(f"{cell.path}.{key}") and text == own for path, own in trained)
