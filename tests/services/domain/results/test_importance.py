"""services/domain/results/importance.py, beside Optuna and Rustuna where these are installed."""

from __future__ import annotations

import math
import random
import warnings
from typing import Any

import pytest

from services.domain.plan.axis import Axis, ListedAxis, RangeAxis
from services.domain.results import importance
from services.domain.results.importance import MIN_POINTS, Importance, importances
from services.domain.results.parzen import CellAxis, cells_of

KERNELS = [3, 5, 7]
AXES: list[Axis] = [
    RangeAxis(name="lr", path="lr", row=True, low=1e-4, high=1e-1, log=True),
    RangeAxis(name="dropout", path="dropout", row=True, low=0, high=1),
    RangeAxis(name="width", path="width", row=True, low=1, high=8, step=1, whole=True),
    RangeAxis(name="beta", path="beta", row=True, low=0.8, high=0.99),  # where the kernel is 3
    ListedAxis(name="kernel", path="kernel", row=True, values=KERNELS, written=KERNELS),
]


def drawn(count: int) -> tuple[list[dict[str, Any]], list[float]]:
    """Points, and scores that depend on the rate, less on the kernel and on beta."""
    chance, points, scores = random.Random(count), [], []
    for _ in range(count):
        point = {
            "lr": 10 ** chance.uniform(-4, -1), "dropout": chance.random(),
            "width": chance.randrange(1, 9), "kernel": chance.choice(KERNELS),
        }  # fmt: skip
        if point["kernel"] == 3:
            point["beta"] = chance.uniform(0.8, 0.99)
        points.append(point)
        scores.append(
            0.1 * (math.log10(point["lr"]) + 2) ** 2
            + abs(point.get("beta", 0.95) - 0.85)
            + chance.gauss(0, 0.02)
        )
    return points, scores


def found_at(count: int) -> dict[str, Importance]:
    points, scores = drawn(count)
    found = importances([cells_of(axis, points) for axis in AXES], scores)
    assert found is not None
    return {axis.path: each for axis, each in zip(AXES, found, strict=True)}


def distributions(module: Any) -> dict[str, Any]:
    return {
        "lr": module.FloatDistribution(1e-4, 1e-1, log=True),
        "dropout": module.FloatDistribution(0, 1),
        "width": module.IntDistribution(1, 8),
        "beta": module.FloatDistribution(0.8, 0.99),
        "kernel": module.CategoricalDistribution(KERNELS),
    }


@pytest.mark.parametrize(
    ("library", "tolerance"),
    [("optuna", 1e-8), ("rustuna", 0.02)],  # 0.2.0 of the second has somewhat other densities of ranges
)
@pytest.mark.parametrize("count", [12, 60, 300])
def test_shares_are_those_of_a_library(
    library: str, tolerance: float, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "RESAMPLES", 0)  # of the interval, which they do not have
    theirs = pytest.importorskip(library)
    judges = pytest.importorskip(f"{library}.importance")
    points, scores = drawn(count)
    known = distributions(theirs.distributions)
    study = theirs.create_study(direction="minimize")
    create = theirs.create_trial if library == "rustuna" else theirs.trial.create_trial
    for point, score in zip(points, scores, strict=True):
        own = {name: known[name] for name in point}
        study.add_trial(create(value=score, params=point, distributions=own))
    evaluator = judges.PedAnovaImportanceEvaluator(target_quantile=max(0.1, 5 / count))
    with warnings.catch_warnings(action="ignore"):
        wanted = judges.get_param_importances(study, evaluator=evaluator)
    shares = {path: each.share for path, each in found_at(count).items()}
    assert shares == pytest.approx(wanted, abs=tolerance)


def test_one_cell_decides_by_hand() -> None:
    """Ten points, of which the five best lie in the first of two cells; the other axis says nothing."""
    axes = [CellAxis(2, False, [0] * 5 + [1] * 5), CellAxis(2, False, [0, 1] * 5)]
    found = importances(axes, list(map(float, range(10))))
    assert found
    # All: 1/2 in each cell. The best: one observed cell with a kernel of 3/4 and 1/4.
    top = (5 * 1.5 / 2 + 0.5) / 6
    decisive = 0.5 * (top / 0.5 - 1) ** 2 + 0.5 * ((1 - top) / 0.5 - 1) ** 2
    # The other one: 3 of 5 in the first cell, both observed: kernels of 4/5 and 1/5.
    top = (3 * 0.8 + 2 * 0.2 + 0.5) / 6
    idle = 0.5 * (top / 0.5 - 1) ** 2 + 0.5 * ((1 - top) / 0.5 - 1) ** 2
    assert [each.share for each in found] == pytest.approx(
        [decisive / (decisive + idle), idle / (decisive + idle)]
    )


def test_the_axis_that_decides_stands_out_and_its_interval_narrows() -> None:
    few, many = found_at(60), found_at(300)
    assert sum(each.share for each in many.values()) == pytest.approx(1)
    assert max(many, key=lambda path: many[path].share) == "lr"
    assert many["lr"].low > many["dropout"].high
    assert many["lr"].high - many["lr"].low < few["lr"].high - few["lr"].low
    assert all(0 <= each.low <= each.share <= each.high <= 1 for each in (*few.values(), *many.values()))
    assert few == found_at(60)  # the same resamples


def test_the_interval_is_the_basic_bootstraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends by hand, from the shares of resamples made again here."""
    monkeypatch.setattr(importance, "RESAMPLES", 41)
    count = 24
    axes = [CellAxis(3, False, [place * 7 % 3 for place in range(count)]), CellAxis(2, False, [0, 1] * 12)]
    scores = [float(place * 5 % count) for place in range(count)]
    found = importances(axes, scores)
    assert found
    order = sorted(range(count), key=scores.__getitem__)
    chance, shares = random.Random(importance.SEED), [found[0].share]
    for _ in range(41):
        chosen = [order[place] for place in sorted(chance.choices(range(count), k=count))]
        monkeypatch.setattr(importance, "RESAMPLES", 0)
        again = importances([axis.reordered(chosen) for axis in axes], [scores[place] for place in chosen])
        shares.append(again[0].share if again else math.nan)
    low, high = sorted(shares)[1], sorted(shares)[40]  # of 42: at places ⌊0.025 · 42⌋ and ⌊0.975 · 42⌋
    share = found[0].share
    assert found[0].low == pytest.approx(max(0.0, min(share, 2 * share - high)))
    assert found[0].high == pytest.approx(min(1.0, max(share, 2 * share - low)))


def test_equal_scores_are_all_among_the_best() -> None:
    """Of twelve points eight share the best score, and all eight count, whatever their order."""
    axes = [CellAxis(2, False, [0] * 8 + [1] * 4), CellAxis(2, False, [0, 1] * 6)]
    first = importances(axes, [0.0] * 8 + [1.0] * 4)
    second = importances([each.reordered(range(11, -1, -1)) for each in axes], [1.0] * 4 + [0.0] * 8)
    assert first
    assert second
    assert [each.share for each in first] == pytest.approx([each.share for each in second])
    assert first[0].share > 0.9


@pytest.mark.parametrize(
    ("axes", "scores"),
    [
        (1, list(map(float, range(20)))),
        (2, list(map(float, range(MIN_POINTS - 1)))),
        (2, [0.5] * 20),
    ],
    ids=["one axis", "few points", "equal"],
)
def test_there_is_none_where_nothing_can_be_compared(axes: int, scores: list[float]) -> None:
    assert (
        importances([CellAxis(2, False, [place % 2 for place in range(len(scores))])] * axes, scores) is None
    )
