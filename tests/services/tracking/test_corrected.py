"""A value that came out different the second time is written anew."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from mlflow_stage import Stage

from services.domain.states import TrialState
from services.tracking.mlflow_server import Server
from services.tracking.run_change import RunChange


def test_a_corrected_value_is_written_anew(stage: Stage) -> None:
    for epoch in (1, 2):
        stage.train(epoch)
    assert stage.tracker().mirror(stage.sweep_id)
    old = stage.runs()[0].info.run_id
    stage.train(2, val_loss=0.125)
    assert stage.trial(0).mirror.exported_epoch == -1
    assert stage.tracker().behind() == [stage.sweep_id]
    assert stage.tracker().mirror(stage.sweep_id)
    assert len(stage.runs()) == 4
    assert stage.runs()[0].info.run_id != old
    assert [point.value for point in stage.history(0, "val/loss")] == [2, 0.125]


def test_a_correction_while_trials_are_written_together_is_not_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.train(1)
    write = Server.write_runs

    def during(self: Server, changes: Sequence[RunChange]) -> list[str | None]:
        monkeypatch.setattr(Server, "write_runs", write)
        stage.train(1, val_loss=0.125)
        return write(self, changes)

    monkeypatch.setattr(Server, "write_runs", during)
    stage.tracker().mirror(stage.sweep_id)
    assert stage.tracker().behind() == [stage.sweep_id]
    assert stage.tracker().mirror(stage.sweep_id)
    assert [stage.history(index, "val/loss")[0].value for index in range(4)] == [0.125] * 4
    assert len(stage.runs()) == 4


@pytest.mark.long
@pytest.mark.usefixtures("by_rest")
def test_a_correction_during_an_export_is_not_lost(
    each_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = each_stage
    stage.train(1)
    log = Server.log

    def during(self: Server, run_id: str, points: object = (), **more: object) -> None:
        if points:
            monkeypatch.setattr(Server, "log", log)
            stage.train(1, val_loss=0.125)
        log(self, run_id, points, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Server, "log", during)
    stage.tracker().mirror(stage.sweep_id)
    assert stage.tracker().behind() == [stage.sweep_id]
    assert stage.tracker().mirror(stage.sweep_id)
    assert [stage.history(index, "val/loss")[0].value for index in range(4)] == [0.125] * 4


def test_a_killed_correction_is_finished(stage: Stage) -> None:
    stage.train(1)
    assert stage.tracker().mirror(stage.sweep_id)
    stage.train(1, val_loss=0.125)
    assert stage.settings.mlflow_url
    Server(stage.settings.mlflow_url).retire(stage.runs()[0].info.run_id)
    assert stage.tracker().mirror(stage.sweep_id)
    assert [stage.history(index, "val/loss")[0].value for index in range(4)] == [0.125] * 4
    assert stage.trial(0).mirror.exported_state == TrialState.RUNNING
