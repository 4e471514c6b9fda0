"""Reports: an epoch is written once, in its order, with the scores and the event that follow from it."""

from __future__ import annotations

import math
from functools import partial

import pytest
from paper_sweep import fill, report, reports_of, row_of, take, trials_of, write_sweep

from services.domain.errors import Fenced, ServiceError
from services.domain.states import TrialState
from services.store import endings, events, reports
from services.store.leases import Lease
from services.store.models import MirrorTrial, Pack
from services.store.reports import Epoch
from services.store.session import Session, Store


def test_an_epoch_must_follow_the_one_before(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    with pytest.raises(ServiceError, match="4 trials report epoch 2, but 0 of them"):
        report(store, held, 2, ids)
    assert report(store, held, 1, ids)
    assert not report(store, held, 1, ids)
    assert [trial.epoch for trial in trials_of(store, sweep_id)] == [1] * 4
    assert len(reports_of(store, ids[0])) == 1


def test_scores_are_the_last_finite_value_and_the_best_that_the_runner_names(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    first, second, third, fourth = (trial.id for trial in trials_of(store, sweep_id))
    metrics = {first: 0.5, second: math.nan, third: math.inf, fourth: 0.25}
    epoch = Epoch(
        number=1,
        metrics={trial_id: {"val/acc": value} for trial_id, value in metrics.items()},
        best={first: (1, 0.5)},
        saved=None,
        busy_ms=10,
        work_ms=9,
    )
    store.write(lambda session: reports.commit(session, held, epoch))
    scores = [(trial.last_value, trial.best_value, trial.best_epoch) for trial in trials_of(store, sweep_id)]
    assert scores == [(0.5, 0.5, 1), (None, None, None), (None, None, None), (0.25, None, None)]
    pack = row_of(store, Pack, held.pack_id)
    assert (pack.busy_ms, pack.work_ms) == (10, 9)


def test_a_value_that_comes_out_different_is_corrected_and_a_speed_is_not(store: Store) -> None:
    sweep_id = write_sweep(store)
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids, {"val/acc": 0.5, "perf/images_per_s": 10.0})
    at = reports_of(store, ids[0])[0].at
    faster = {"val/acc": 0.5, "perf/images_per_s": 20.0}
    report(store, held, 1, ids, dict.fromkeys(ids, faster) | {ids[0]: {"val/acc": 0.75}})
    marks = [store.read(lambda s, i=i: s.get_one(MirrorTrial, i)).exported_epoch for i in ids]  # type: ignore[misc]
    assert marks == [-1, 0, 0, 0]
    corrected, kept = reports_of(store, ids[0])[0], reports_of(store, ids[1])[0]
    assert (corrected.metrics, corrected.at) == ({"val/acc": 0.75}, at)
    assert kept.metrics["perf/images_per_s"] == 10.0


def test_the_last_epoch_ends_all_trials_and_the_pack_as_three_steps_would(store: Store) -> None:
    ends = []
    for at_once in (False, True):
        sweep_id = write_sweep(store, train={"epochs": 1})
        held = take(store, fill(store, sweep_id))
        ids = [trial.id for trial in trials_of(store, sweep_id)]
        epoch = Epoch(1, {key: {"val/acc": 0.5} for key in ids}, {ids[0]: (1, 0.5)}, None, 7, 6)

        def write(
            session: Session, held: Lease = held, epoch: Epoch = epoch, at_once: bool = at_once
        ) -> None:
            if at_once:
                reports.commit_last(session, held, epoch)
                return
            reports.commit(session, held, epoch)
            endings.end_trials(session, held, epoch.metrics, TrialState.SUCCEEDED, failure=None)
            endings.close(session, held, "reached epoch 1")

        store.write(write)
        pack = row_of(store, Pack, held.pack_id)
        trials = trials_of(store, sweep_id)
        assert pack.progress_at
        assert pack.closed_at
        assert all(trial.finished_at for trial in trials)
        events_of = store.read(partial(events.after, position=events.BEGINNING, sweep_id=sweep_id))
        ends.append(
            (
                [(t.state, t.epoch, t.last_value, t.best_value, t.pack_id, t.failure) for t in trials],
                [found.metrics for i in ids for found in reports_of(store, i)],
                (pack.state, pack.outcome, pack.busy_ms, pack.work_ms),
                sorted(event.kind for event in events_of),
            )
        )
    assert ends[0] == ends[1]
    assert ends[1][0][0] == ("succeeded", 1, 0.5, 0.5, None, None)
    assert ends[1][2] == ("closed", "reached epoch 1", 7, 6)


def test_a_last_epoch_that_was_reported_before_ends_the_trials_too(store: Store) -> None:
    sweep_id = write_sweep(store, train={"epochs": 1})
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    report(store, held, 1, ids[:2], {"val/acc": 0.25})
    epoch = Epoch(1, {key: {"val/acc": 0.5} for key in ids}, {}, None, 1, 1)
    store.write(lambda session: reports.commit_last(session, held, epoch))
    assert {trial.state for trial in trials_of(store, sweep_id)} == {"succeeded"}
    assert [found.metrics for i in ids for found in reports_of(store, i)] == [{"val/acc": 0.5}] * 4
    marks = [store.read(lambda s, i=i: s.get_one(MirrorTrial, i)).exported_epoch for i in ids]  # type: ignore[misc]
    assert marks == [-1, -1, 0, 0]


def test_a_pack_of_which_another_trial_runs_does_not_close_with_the_end_of_some(store: Store) -> None:
    sweep_id = write_sweep(store, train={"epochs": 1})
    held = take(store, fill(store, sweep_id))
    ids = [trial.id for trial in trials_of(store, sweep_id)]
    epoch = Epoch(1, {key: {"val/acc": 0.5} for key in ids[1:]}, {}, None, 1, 1)
    with pytest.raises(ServiceError, match="with the end of 3 trials: 4 of its trials are running"):
        store.write(lambda session: reports.commit_last(session, held, epoch))
    assert {trial.state for trial in trials_of(store, sweep_id)} == {"running"}
    assert row_of(store, Pack, held.pack_id).state == "running"
    forged = Lease(held.pack_id, "forged")
    with pytest.raises(Fenced):
        store.write(lambda session: reports.commit_last(session, forged, epoch))
