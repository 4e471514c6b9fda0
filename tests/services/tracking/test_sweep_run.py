"""What a sweep's run is called, and where it stands."""

from __future__ import annotations

from paper_catalog import paper_plan, paper_spec

from services.domain.plan.plan import Pin
from services.store.models import Sweep
from services.tracking import sweep_run


def test_a_repetition_stands_in_the_experiment_of_the_sweep_that_it_repeats() -> None:
    plan = paper_plan(paper_spec())
    pin = Pin(trial="4711-0007", name="grid", replicate=0, seed=1, segments=[])
    repeating = plan.model_copy(update={"pin": pin})
    sweep = Sweep(project="letters", name="grid t007 again", plan=repeating)
    assert sweep_run.experiment(sweep) == "letters/grid"
    assert "**grid** of" in sweep_run.experiment_tags(sweep, paper_spec())["mlflow.note.content"]
    sweep = Sweep(project="letters", name="grid", plan=plan)
    assert sweep_run.experiment(sweep) == "letters/grid"
    assert sweep_run.experiment(Sweep(project="letters", name="other", plan=plan)) == "letters/other"
