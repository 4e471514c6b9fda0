"""Reports: an epoch is written once, in its order, with the scores and the event that follow from it."""

from __future__ import annotations

import math

import pytest
from paper_sweep import fill, report, reports_of, row_of, take, trials_of, write_sweep

from services.domain.errors import ServiceError
from services.store import reports
from services.store.models import MirrorTrial, Pack
from services.store.reports import Epoch
from services.store.session import Store


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
