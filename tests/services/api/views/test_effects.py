"""services/api/views/effects.py."""

from __future__ import annotations

from services.api.views.effects import EXAMPLE, EffectsView, effects_view
from services.domain.plan.repeats import Repeats
from services.domain.results.common_epoch import ReachedEpoch
from services.domain.results.compared import LeftOutTrials
from services.domain.results.effects import AxisEffects, Effects, LevelEffect
from services.domain.results.importance import Importance
from services.domain.spec.objective import Objective


def test_the_example_is_an_answer() -> None:
    assert EffectsView.model_validate(EXAMPLE).model_dump() == EXAMPLE


def test_a_view_has_all_that_was_found() -> None:
    levels = [LevelEffect("0 … 0.2", 6, 0.8, 0.1, 0.05, 0.15), LevelEffect("0.3 … 0.5", 6, 0.6, -0.1)]
    axis = AxisEffects(
        "model.x", "x", True, levels, LevelEffect("none", 3, 0.7), Importance(0.5, 0.25, 0.75), ["y"]
    )
    found = Effects(15, 30, Repeats(2), 0.7, "alone", "points", [axis], LeftOutTrials(failed=2, pruned=3), 4)
    objective = Objective(metric="val/loss", goal="minimize", at="last")
    view = effects_view(found, objective, [ReachedEpoch(4, 15), ReachedEpoch(9, 5)])
    assert (view.epoch, [each.model_dump() for each in view.epochs]) == (
        4, [{"epoch": 4, "points": 15}, {"epoch": 9, "points": 5}],
    )  # fmt: skip
    assert (view.objective.metric, view.objective.goal, view.objective.at) == ("val/loss", "minimize", "last")
    assert (view.points, view.trials, view.seeds, view.mean, view.method) == (15, 30, 2, 0.7, "alone")
    assert (view.left_out.failed, view.left_out.words) == (2, "3 pruned, 2 failed")
    [shown] = view.axes
    assert (shown.bins, shown.together, shown.importance and shown.importance.share) == (2, ["y"], 0.5)
    assert shown.levels[0].model_dump() == {
        "text": "0 … 0.2", "n": 6, "mean": 0.8, "effect": 0.1, "low": 0.05, "high": 0.15,
        "shown": "+0.100 ± 0.050",
    }  # fmt: skip
    assert shown.inactive
    assert (shown.inactive.text, shown.inactive.effect, shown.inactive.shown) == ("none", None, None)
    assert shown.levels[1].low is None
