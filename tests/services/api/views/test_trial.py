"""A trial in brief and in full agree on what both have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from paper_sweep import fill, trials_of, write_sweep

from services.api.views.trial import TrialBase, trial_detail, trial_view
from services.domain.states import TrialState
from services.settings import Settings
from services.store import sweeps
from services.store.models import Report, Sweep, Trial
from services.store.session import Store


@pytest.fixture
def drawn(sqlite_store: Store) -> tuple[Trial, Sweep]:
    """A trial on paper and its sweep."""
    sweep_id = write_sweep(sqlite_store)
    fill(sqlite_store, sweep_id)
    trial = trials_of(sqlite_store, sweep_id)[1]
    return trial, sqlite_store.read(lambda session: sweeps.get(session, sweep_id))


def test_both_views_have_the_same_base(drawn: tuple[Trial, Sweep], sqlite_settings: Settings) -> None:
    trial, sweep = drawn
    trial.best_value, trial.best_epoch = 0.75, 2
    brief = trial_view(trial, sweep, sqlite_settings).model_dump()
    full = trial_detail(trial, sweep, [], [], None, [], [], sqlite_settings).model_dump()
    shared = list(TrialBase.model_fields)
    assert [full[name] for name in shared] == [brief[name] for name in shared]
    assert list(brief) == [*shared, "attempts"]
    assert brief["best"] == {"epoch": 2, "value": 0.75}
    assert (full["config"]["model"]["dropout"], full["checkpoint"]) == (trial.values["model.dropout"], None)


@pytest.mark.parametrize(
    ("state", "shown"),
    [(TrialState.FAILED, True), (TrialState.PENDING, True), (TrialState.SUCCEEDED, False)],
)
def test_a_failure_that_was_made_good_is_not_shown(
    drawn: tuple[Trial, Sweep], sqlite_settings: Settings, state: TrialState, shown: bool
) -> None:
    trial, sweep = drawn
    trial.failure, trial.state = {"kind": "host", "message": "gone"}, state
    assert (trial_view(trial, sweep, sqlite_settings).failure is not None) == shown


def test_the_path_of_the_best_weights_can_be_opened_from_anywhere(
    drawn: tuple[Trial, Sweep], sqlite_settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trial, sweep = drawn
    trial.best_file = "packs/p/best-t.safetensors"
    monkeypatch.chdir(tmp_path)
    settings = sqlite_settings.model_copy(update={"files": Path("files")})
    view = trial_detail(trial, sweep, [], [], None, [], [], settings)
    assert view.best_file == str(tmp_path / "files" / trial.best_file)


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_best_value_that_is_not_finite_is_none(
    drawn: tuple[Trial, Sweep], sqlite_settings: Settings, value: Any
) -> None:
    trial, sweep = drawn
    trial.best_value, trial.best_epoch = value, 1
    assert trial_view(trial, sweep, sqlite_settings).best is None


def test_a_curve_has_its_epochs_in_order(drawn: tuple[Trial, Sweep], sqlite_settings: Settings) -> None:
    trial, sweep = drawn
    reports = [Report(trial_id=trial.id, epoch=n, at=n, metrics={"val/acc": n / 10}) for n in (1, 2)]
    curve = trial_detail(trial, sweep, reports, [], None, [], [], sqlite_settings).curve
    assert [(point.epoch, point.metrics) for point in curve] == [(1, {"val/acc": 0.1}), (2, {"val/acc": 0.2})]
