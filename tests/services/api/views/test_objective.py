"""An objective as JSON has its direction, even if the user left it out."""

from __future__ import annotations

import pytest

from services.api.views.objective import objective_view
from services.domain.spec.spec import Objective


@pytest.mark.parametrize(("metric", "goal"), [("val/acc", "maximize"), ("train/loss", "minimize")])
def test_it_is_complete(metric: str, goal: str) -> None:
    view = objective_view(Objective.model_validate({"metric": metric, "at": "last"}))
    assert view.model_dump(mode="json") == {"metric": metric, "goal": goal, "at": "last"}
