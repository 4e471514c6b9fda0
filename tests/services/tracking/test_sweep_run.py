"""What a sweep's run is called, and where it stands."""

from __future__ import annotations

from paper_catalog import paper_spec

from services.store.models import Sweep
from services.tracking import sweep_run


def test_a_repetition_stands_in_the_experiment_of_the_sweep_that_it_repeats() -> None:
    sweep = Sweep(project="letters", name="grid t007 again", plan={"pin": {"name": "grid"}})
    assert sweep_run.experiment(sweep) == "letters/grid"
    assert "**grid** of" in sweep_run.experiment_tags(sweep, paper_spec())["mlflow.note.content"]
    sweep = Sweep(project="letters", name="grid", plan={"pin": None})
    assert sweep_run.experiment(sweep) == "letters/grid"
    assert sweep_run.experiment(Sweep(project="letters", name="other", plan={"pin": None})) == "letters/other"
