"""How many requests a trial costs: the client's session is watched in front of a real MLflow."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx2
import pytest
from mlflow_stage import MakeStage, Stage

from services.domain.states import TrialState


class Watched:
    """Requests to MLflow since the last `clear`, each as its path and all that it says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, str]] = []
        request = httpx2.Client.request

        def watched(client: httpx2.Client, method: str, url: str, **how: Any) -> httpx2.Response:
            path = url.partition("/mlflow/")[2] or url
            said = json.dumps([url, how.get("json"), how.get("params")])
            self.made.append((f"{method} {path}", said))
            return request(client, method, url, **how)

        monkeypatch.setattr(httpx2.Client, "request", watched)

    def of(self, words: str) -> Counter[str]:
        """Paths of the requests that hold these words."""
        return Counter(path for path, said in self.made if words in said)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def costs(stage: Stage, watched: Watched) -> list[Counter[str]]:
    """What each trial's run was asked for; a run is made under its trial's id."""
    made = list(watched.made)
    found = []
    for run in stage.runs():
        watched.made, run_id = made, run.info.run_id
        names = f'"run_id": "{run_id}"', f"/{run_id}/artifacts", f'"value": "{run.data.tags["trial.id"]}"'
        found.append(sum(map(watched.of, names), Counter()))
    return found


def finish(stage: Stage) -> None:
    """Train two more epochs, end the trials and the sweep."""
    stage.train(2)
    stage.train(3)
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED)
    stage.settle()


@pytest.mark.usefixtures("by_rest")
def test_a_trial_costs_five_requests_while_it_trains_and_after(stage: Stage, watched: Watched) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    finish(stage)
    assert stage.tracker().mirror(stage.sweep_id)
    expected = {
        "POST runs/create": 1,
        "POST runs/log-inputs": 1,
        "POST runs/log-batch": 2,
        "POST runs/update": 1,
    }
    assert costs(stage, watched) == [expected] * 4
    assert [run.info.status for run in stage.runs()] == ["FINISHED"] * 4


@pytest.mark.usefixtures("by_rest")
def test_a_trial_that_has_ended_costs_four(make_stage: MakeStage, watched: Watched) -> None:
    stage = make_stage()
    stage.train(1)
    finish(stage)
    assert stage.tracker().mirror(stage.sweep_id)
    expected = {
        "POST runs/create": 1,
        "POST runs/log-inputs": 1,
        "POST runs/log-batch": 1,
        "POST runs/update": 1,
    }
    assert costs(stage, watched) == [expected] * 4
    assert stage.runs()[3].data.tags["trial.state"] == "succeeded"


@pytest.mark.usefixtures("by_rest")
def test_an_epoch_more_is_one_request_a_trial_and_one_look_at_the_sweeps_run(
    stage: Stage, watched: Watched
) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    watched.made.clear()
    stage.train(2)
    assert stage.tracker().mirror(stage.sweep_id)
    paths = Counter(path for path, _ in watched.made)
    assert paths == {"GET runs/get": 1, "POST runs/log-batch": 5}  # the fifth is the sweep's own


@pytest.mark.usefixtures("by_rest")
def test_runs_that_may_be_there_are_searched_for_once(stage: Stage, watched: Watched) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    before = stage.everything()
    stage.change_mirrored_trials(run_id=None, begun=True, exported_epoch=0, exported_state=None)
    watched.made.clear()
    assert stage.tracker().mirror(stage.sweep_id)
    assert Counter(path for path, _ in watched.made)["POST runs/search"] == 1
    assert stage.everything() == before


def test_trials_are_written_in_one_request_for_all_of_them(stage: Stage, watched: Watched) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    watched.made.clear()
    finish(stage)
    assert stage.tracker().mirror(stage.sweep_id)
    paths = Counter(path for path, _ in watched.made)
    assert (paths["POST cnnlab/write-runs"], paths["POST cnnlab/find-runs"]) == (1, 2)
    assert {path for path in paths if path.startswith("POST runs/")} == {
        "POST runs/log-batch",
        "POST runs/update",
    }
    assert (paths["POST runs/log-batch"], paths["POST runs/update"]) == (1, 1)  # of the sweep's own run
    assert [run.info.status for run in stage.runs()] == ["FINISHED"] * 4
