"""A schedule for the rest of training: its length in configs and identities, beside any axes."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.library import Library
from services.domain.errors import SpecError
from services.domain.plan.plan import Plan
from services.domain.planning.extension import extended
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec

LIBRARY = Library()


def spec(**fields: Any) -> Spec:
    return Spec.model_validate({"name": "a", "model": "lenet5", "data": "fashion-mnist-mini"} | fields)


def plan(**fields: Any) -> Plan:
    return make_plan(spec(**fields), LIBRARY, limit=1000, memory=1 << 30)


def overs(made: Plan) -> list[tuple[int, float, int | None]]:
    """Epochs, warm-up and `over` of every point."""
    trains = [made.config(point)["train"] for point in range(made.points)]
    return [(each["epochs"], each["warmup"], each["schedule"].get("over")) for each in trains]


def test_it_is_the_number_of_epochs() -> None:
    made = plan(train={"epochs": 30, "schedule": "cosine"})
    assert overs(made) == [(30, 0, 30)]
    assert made.shape_config(0)["train"]["schedule"]["over"] == 30


def test_it_follows_each_trial_s_epochs_and_warm_up() -> None:
    made = plan(train={"schedule": "cosine"}, space={"train.epochs": [10, 20], "train.warmup": [0, 2.5]})
    assert overs(made) == [(10, 0, 10), (10, 2.5, 8), (20, 0, 20), (20, 2.5, 18)]


def test_a_schedule_of_an_axis_has_it_too() -> None:
    space = {
        "train.epochs": [10, 20],
        "train.schedule": ["constant", "one-cycle", {"name": "cosine", "over": 40}],
    }
    found = {(epochs, over) for epochs, _, over in overs(plan(space=space))}
    assert found == {(epochs, over) for epochs in (10, 20) for over in (None, epochs, 40)}


def test_identities_have_the_number() -> None:
    """So a longer trial is not taken for a shorter one's rest, and equals one whose number is written."""
    code = dict.fromkeys(
        ("", "lenet5", "fashion-mnist-mini", "softmax", "momentum", "cosine", "constant", "relu"), "d"
    )
    code |= {"fan-in-uniform": "d"}

    def texts(**fields: Any) -> list[str | None]:
        made = plan(**fields).model_copy(update={"code": code})
        return [made.config_text.of(made.values(point)) for point in range(made.points)]

    ten, twenty = texts(train={"schedule": "cosine"}, space={"train.epochs": [10, 20]})
    assert None not in (ten, twenty)
    assert ten != twenty
    for over, text in ((10, ten), (20, twenty)):
        written = {"name": "cosine", "over": over}
        assert texts(train={"epochs": over, "schedule": written}) == [text]
        assert texts(train={"epochs": over}, space={"train.schedule": [written]}) == [text]


@pytest.mark.parametrize(
    "fields",
    [
        {"train": {"schedule": "cosine"}},
        {"space": {"train.schedule": ["constant", "cosine"]}},
        {"train": {"schedule": "cosine"}, "space": {"train.schedule.over": [30, "rest"]}},
    ],
)
def test_more_epochs_would_be_another_schedule(fields: dict[str, Any]) -> None:
    with pytest.raises(SpecError) as caught:
        extended(spec(**fields), plan(**fields), epochs=20)
    (problem,) = caught.value.problems
    assert problem.pointer == "/epochs"
    assert problem.detail.startswith("train.schedule.over is rest, what is left of training: with 20 epochs")


def test_more_seeds_are_the_same_schedule() -> None:
    fields: dict[str, Any] = {"train": {"schedule": "cosine"}}
    assert extended(spec(**fields), plan(**fields), seeds=2).spec.seeds == 2


def test_a_schedule_with_a_number_goes_on() -> None:
    fields: dict[str, Any] = {"train": {"schedule": {"name": "cosine", "over": 40}}}
    assert extended(spec(**fields), plan(**fields), epochs=20).spec.train["epochs"] == 20
