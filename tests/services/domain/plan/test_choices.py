"""What row axes can have together within a shape."""

from __future__ import annotations

from services.domain.plan.axis import ListedAxis
from services.domain.plan.choices import Choices, Group, row_choices


def axis(path: str, size: int, row: bool) -> ListedAxis:
    return ListedAxis(name=path, path=path, row=row, values=list(range(size)), written=list(range(size)))


def listed(choices: Choices) -> list[dict[str, float]]:
    return [choices[index] for index in range(len(choices))]


def test_an_axis_that_depends_on_no_other_has_all_its_values() -> None:
    axes = [axis("depth", 2, row=False), axis("rate", 3, row=True)]
    [part] = row_choices(axes, [Group(paths=["depth"]), Group(paths=["rate"])])
    assert listed(part.in_shape({"depth": 1})) == [{"rate": 0}, {"rate": 1}, {"rate": 2}]


def test_what_row_axes_have_depends_on_the_shape() -> None:
    axes = [axis("depth", 2, row=False), axis("rate", 3, row=True), axis("decay", 2, row=True)]
    group = Group(
        paths=["depth", "rate", "decay"],
        combinations=[[0, 0, 1], [0, 2, 0], [1, 1, None]],
    )
    [part] = row_choices(axes, [group])
    assert listed(part.in_shape({"depth": 0})) == [{"rate": 0, "decay": 1}, {"rate": 2, "decay": 0}]
    assert listed(part.in_shape({"depth": 1})) == [{"rate": 1}]  # decay has no value here
    assert listed(part.in_shape({})) == []


def test_a_shape_axis_without_a_value_is_a_key_of_its_own() -> None:
    axes = [axis("hidden", 2, row=False), axis("rate", 2, row=True)]
    [part] = row_choices(axes, [Group(paths=["hidden", "rate"], combinations=[[None, 0], [1, 1]])])
    assert listed(part.in_shape({})) == [{"rate": 0}]
    assert listed(part.in_shape({"hidden": 1})) == [{"rate": 1}]
