"""A trial with a value ranks before one without, and one that failed behind its equals."""

from __future__ import annotations

import pytest

from services.domain.results.ranking import rank
from services.domain.spec.objective import Objective


@pytest.mark.parametrize(("goal", "good", "bad"), [("maximize", 0.9, 0.1), ("minimize", 0.1, 0.9)])
def test_values_come_first_then_what_failed_then_the_better_value(goal: str, good: float, bad: float) -> None:
    objective = Objective.model_validate({"metric": "val/loss", "goal": goal})
    ranked: list[tuple[str, float | None]] = [
        ("succeeded", good),
        ("running", bad),
        ("failed", good),
        ("failed", bad),
        ("pending", None),
        ("failed", None),
    ]
    ranks = [rank(*trial, objective) for trial in ranked]
    assert ranks == sorted(set(ranks))
