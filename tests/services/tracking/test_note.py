"""What the sweep's run says: leaderboard, interval, comparison, links; and the report's page."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState
from services.store import early_ends, speeds, sweeps

SEEDS = {"seeds": 2, "space": {"model.dropout": [0.0, 0.5]}}


def note(stage: Stage) -> str:
    text: str = stage.parent().data.tags["mlflow.note.content"]
    return text


def test_several_seeds_are_shown_as_mean_and_interval(make_stage: MakeStage) -> None:
    stage = make_stage(SEEDS)
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    text = note(stage)
    assert "2 points × 2 seeds = 4 trials (4 running)" in text
    assert re.search(r"\*\*Best so far\*\*: dropout 0.5 with val/acc \(best\) \*\*0.5\d+ ± 0.\d+\*\*", text)
    assert "95 % interval of the mean over 2 seeds" in text
    assert "The best is ahead by 0.010 on each of 2 seeds" in text  # the comparison's words
    assert re.search(r"\| 1 \| 0.5 \| 0.5\d+ ± 0.\d+ \| 2/2 \| \[t00\d\]", text)
    for key in (f"sweep-{stage.sweep_id}", f"sweep-{stage.sweep_id}-means"):
        assert f"viewStateShareKey={key}&" in text
    assert f"/v1/sweeps/{stage.sweep_id})" in text
    assert "&orderByAsc=false&workflowType=machine_learning)" in text


def test_a_rule_that_has_ended_the_sweep_is_named(stage: Stage) -> None:
    stage.train(1)
    stage.store.write(
        lambda s: early_ends.end(s, sweeps.lock(s, stage.sweep_id), "target", "val/acc has reached 0.5")
    )
    assert stage.tracker().mirror(stage.sweep_id)
    assert "(4 running), ended by target: val/acc has reached 0.5" in note(stage)


def test_one_seed_says_so(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    text = note(stage)
    assert text.count("ne seed: no interval") == 1
    assert text.count("±") == text.count("choice of 100 images alone: ±") == 1
    assert "means)" not in text


def test_runs_of_several_seeds_are_told_apart(make_stage: MakeStage) -> None:
    stage = make_stage(SEEDS)
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    names = {run.info.run_name for run in stage.runs()}
    assert {name.split(" ", 1)[1] for name in names} == {
        *("s0 dropout 0", "s1 dropout 0", "s0 dropout 0.5", "s1 dropout 0.5"),
    }
    assert {run.data.params["trial.replicate"] for run in stage.runs()} == {"0", "1"}
    assert len({run.data.tags["trial.config"] for run in stage.runs()}) == 2


def test_other_addresses_make_notes_anew(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    assert stage.tracker().behind() == []
    moved = stage.tracker(public_url="http://api.example:9999")
    assert moved.behind() == [stage.sweep_id]
    assert moved.mirror(stage.sweep_id)
    assert "http://api.example:9999/v1/sweeps/" in note(stage)
    assert moved.behind() == []


def test_a_space_of_ranges_is_quoted_as_written(make_stage: MakeStage) -> None:
    space = {"model.dropout": {"uniform": [0.1, 0.5]}, "train.l2": {"log_uniform": [1e-4, 1e-1]}}
    stage = make_stage({"space": space, "search": "random", "max_trials": 4})
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    params = stage.parent().data.params
    assert params["space.model.dropout"] == '{"uniform": [0.1, 0.5]}'
    run = stage.runs()[0]
    assert 0.1 <= float(run.data.params["model.dropout"]) <= 0.5
    assert -4 <= float(run.data.params["log10 l2"]) <= -1


def test_an_axis_without_a_value_is_absent(make_stage: MakeStage) -> None:
    space = {
        "train.optimizer": ["sgd", "adam"],
        "train.optimizer.beta": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
    }
    stage = make_stage({"space": space})
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    params = [run.data.params for run in stage.runs()]
    by_optimizer = {own["train.optimizer"]: own.get("train.optimizer.beta") for own in params}
    assert by_optimizer["sgd"] is None
    assert by_optimizer["adam"] in ("0.8", "0.9")
    assert "| sgd |  | " in note(stage)


def test_the_report_is_one_page_that_runs_nothing(make_stage: MakeStage, tmp_path: Path) -> None:
    stage = make_stage({**SEEDS, "description": "<script>alert(1)</script>"})
    stage.train(1)
    stage.train(2)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    page = stage.artifact(stage.parent(), "report/report.html", tmp_path).decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert not re.search(r'(src|href)="http', page)
    assert re.search(r"0\.5\d+ ± 0\.\d+", page)
    assert "<svg" in page
    assert "dropout 0.5" in page
    rows = list(
        csv.DictReader(
            stage.artifact(stage.parent(), "report/leaderboard.csv", tmp_path).decode().splitlines()
        )
    )
    shown = [(row["rank"], row["model.dropout"], row["n"]) for row in rows]
    assert shown == [("1", "0.5", "2"), ("2", "0.0", "2")]
    assert float(rows[0]["low"]) < float(rows[0]["mean"]) < float(rows[0]["high"])


def test_the_price_is_in_tag_note_and_report_once_the_sweep_has_ended(stage: Stage, tmp_path: Path) -> None:
    """Of 900 images an epoch takes 5 ms alone; two of four trials took 18 ms together."""
    key = stage.sweep().plan.shapes[0].key
    stage.store.write(lambda session: speeds.record(session, key, "host", speeds.PLAIN, 180_000.0))
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    assert "plain ones" not in note(stage)
    stage.train(2)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    words = "4 trials in the time of 1.8 plain ones"  # 2 × 9 ms against 4 × 2 × 5 ms
    assert stage.parent().data.tags["sweep.price"] == words
    assert "plain ones: 45% of the device time of plain torch loops" in note(stage)
    page = stage.artifact(stage.parent(), "report/report.html", tmp_path).decode()
    assert f"<p>{words}: 45% of the device time" in page


def test_without_a_plain_loop_there_is_no_price(stage: Stage) -> None:
    stage.train(1)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    assert "sweep.price" not in stage.parent().data.tags
    assert "plain ones" not in note(stage)
