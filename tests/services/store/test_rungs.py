"""Rungs: trials wait there, one decision is taken for all, and those that go on get new places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from paper_sweep import fill, report, row_of, take, trials_of, write_sweep
from sqlalchemy import update

from services import dispatch
from services.domain.retry import Failure
from services.domain.states import PackState, SweepState, TrialState
from services.store import early_ends, endings, rung_decisions, rungs, sweep_verbs, sweeps, trial_verbs
from services.store.models import Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store

HALVING = {"name": "halving", "eta": 2, "first": 1}
NINE = {"model.dropout": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]}


def to_rung(store: Store, pack: Pack, values: Mapping[int, float]) -> None:
    """Train a pack to its target, which is a rung; `values` are the objective's by number, if given."""
    held = take(store, pack)
    mine = [trial for trial in trials_of(store, pack.sweep_id) if trial.pack_id == pack.id]
    for number in range(pack.start_epoch + 1, pack.target_epoch + 1):
        last = number == pack.target_epoch
        saved = Saved(number, f"packs/{pack.id}/{number}", "0" * 64, 10) if last else None
        metrics = {trial.id: {"val/acc": values.get(trial.number, 0.0)} for trial in mine}
        report(store, held, number, list(metrics), metrics, saved)
    ids = [trial.id for trial in mine]
    store.write(lambda session: endings.end_trials(session, held, ids, TrialState.HELD, failure=None))
    store.write(lambda session: endings.close(session, held, "reached a rung"))
    set_values(store, values, ids)


def set_values(store: Store, values: Mapping[int, float], ids: Sequence[str]) -> None:
    def write(session: Any) -> None:
        for trial_id in ids:
            trial = session.get_one(Trial, trial_id)
            trial.best_value = values.get(trial.number)

    store.write(write)


def all_to_rung(store: Store, sweep_id: str, values: Mapping[int, float]) -> None:
    while (pack := store.write(lambda s: dispatch.fill(s, sweep_id))) is not None:
        to_rung(store, pack, values)


def states(store: Store, sweep_id: str) -> list[str]:
    return [trial.state for trial in trials_of(store, sweep_id)]


@pytest.fixture
def nine(sqlite_store: Store) -> str:
    """Nine points of four epochs, of which half go on after one epoch and a quarter after two."""
    return write_sweep(sqlite_store, space=NINE, train={"epochs": 4}, stop=HALVING)


def test_packs_end_at_the_first_rung(sqlite_store: Store, nine: str) -> None:
    pack = fill(sqlite_store, nine)
    assert (pack.start_epoch, pack.target_epoch) == (0, 1)
    assert {trial.until_epoch for trial in trials_of(sqlite_store, nine)} == {1}
    assert {trial.target_epoch for trial in trials_of(sqlite_store, nine)} == {4}


def test_nothing_is_decided_before_all_trials_wait(sqlite_store: Store, nine: str) -> None:
    first = fill(sqlite_store, nine)
    to_rung(sqlite_store, first, {})
    assert rungs.decide_all(sqlite_store) == 0, "the others are not drawn yet"
    second = fill(sqlite_store, nine)
    assert rungs.decide_all(sqlite_store) == 0, "the others wait for a worker"
    to_rung(sqlite_store, second, {})
    assert rungs.decide_all(sqlite_store) == 9
    assert rungs.decide_all(sqlite_store) == 0


def test_trials_that_come_while_a_rung_is_decided_are_compared_too(
    sqlite_store: Store, nine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL a worker's commit may fall between two statements of a decision."""
    all_to_rung(sqlite_store, nine, {number: number / 10 for number in range(9)})
    honest = rungs._is_complete
    late = trials_of(sqlite_store, nine)[8].id

    def set_state(session: Session, state: str) -> None:
        session.execute(update(Trial).where(Trial.id == late).values(state=state))

    def commit_meanwhile(session: Session, *rung: Any) -> bool:
        set_state(session, "held")
        return honest(session, *rung)

    sqlite_store.write(lambda session: set_state(session, "pending"))
    monkeypatch.setattr(rungs, "_is_complete", commit_meanwhile)
    rungs.decide_all(sqlite_store)
    (decision,) = sqlite_store.read(lambda session: rung_decisions.of_sweep(session, nine))
    assert decision.kept == [8, 7, 6, 5]


def test_the_best_half_goes_on_and_the_others_say_why_not(sqlite_store: Store, nine: str) -> None:
    all_to_rung(sqlite_store, nine, {number: number / 10 for number in range(9)})
    rungs.decide_all(sqlite_store)
    found = trials_of(sqlite_store, nine)
    assert [trial.state for trial in found] == ["pruned"] * 5 + ["pending"] * 4
    assert found[0].stopped == {
        "rule": "halving",
        "rung": 1,
        "reason": "place 9 of 9 points, of which 4 went on",
    }
    assert found[0].finished_at is not None
    assert {(trial.until_epoch, trial.width, trial.row, trial.saved_epoch) for trial in found[5:]} == {
        (2, None, None, 1)
    }
    (decision,) = sqlite_store.read(lambda session: rung_decisions.of_sweep(session, nine))
    assert (decision.rule, decision.cohort, decision.epoch, decision.kept) == ("halving", 0, 1, [8, 7, 6, 5])
    assert decision.inputs[3] == {"point": 3, "trials": [3], "value": 0.3}


def test_survivors_of_several_packs_share_a_full_array_and_know_their_old_rows(
    sqlite_store: Store, nine: str
) -> None:
    all_to_rung(sqlite_store, nine, {0: 0.9, 3: 0.8, 5: 0.7, 8: 0.6})
    rungs.decide_all(sqlite_store)
    before = {trial.number: trial.saved_row for trial in trials_of(sqlite_store, nine)}
    pack = fill(sqlite_store, nine)
    found = [trial for trial in trials_of(sqlite_store, nine) if trial.pack_id == pack.id]
    assert (pack.width, pack.start_epoch, pack.target_epoch) == (4, 1, 2)
    assert [(trial.number, trial.row, trial.width) for trial in found] == [
        (0, 0, 4),
        (3, 1, 4),
        (5, 2, 4),
        (8, 3, 4),
    ]
    assert [trial.saved_row for trial in found] == [before[number] for number in (0, 3, 5, 8)]


def test_the_last_stage_goes_to_the_end_and_the_sweep_succeeds(sqlite_store: Store, nine: str) -> None:
    all_to_rung(sqlite_store, nine, {number: number / 10 for number in range(9)})
    rungs.decide_all(sqlite_store)
    all_to_rung(sqlite_store, nine, {number: number / 10 for number in range(9)})
    rungs.decide_all(sqlite_store)
    pack = fill(sqlite_store, nine)
    assert (pack.start_epoch, pack.target_epoch, pack.width) == (2, 4, 2)
    held = take(sqlite_store, pack)
    ids = [trial.id for trial in trials_of(sqlite_store, nine) if trial.pack_id == pack.id]
    for number in (3, 4):
        report(sqlite_store, held, number, ids)
    sqlite_store.write(lambda s: endings.end_trials(s, held, ids, TrialState.SUCCEEDED, failure=None))
    sqlite_store.write(lambda s: endings.close(s, held, "reached the end"))
    assert sqlite_store.write(lambda s: sweeps.settle(s, nine))
    assert row_of(sqlite_store, Sweep, nine).state == SweepState.SUCCEEDED
    assert states(sqlite_store, nine).count("pruned") == 7


def test_a_point_is_judged_by_the_mean_of_its_replicates(sqlite_store: Store) -> None:
    sweep_id = write_sweep(
        sqlite_store, space={"model.dropout": [0.1, 0.2]}, train={"epochs": 4}, stop=HALVING, seeds=2
    )
    by_place = {(0, 0): 0.9, (0, 1): 0.1, (1, 0): 0.6, (1, 1): 0.6}
    while (pack := sqlite_store.write(lambda s: dispatch.fill(s, sweep_id))) is not None:
        values = {t.number: by_place[t.point, t.replicate] for t in trials_of(sqlite_store, sweep_id)}
        to_rung(sqlite_store, pack, values)
    rungs.decide_all(sqlite_store)
    kept = [trial.point for trial in trials_of(sqlite_store, sweep_id) if trial.state == "pending"]
    assert kept == [1, 1], "0.6 on average, the other point 0.5"


def test_a_failed_trial_is_not_waited_for_and_is_judged_later_by_the_same_decision(
    sqlite_store: Store, nine: str
) -> None:
    first = fill(sqlite_store, nine)
    held = take(sqlite_store, first)
    ids = [trial.id for trial in trials_of(sqlite_store, nine)]
    report(sqlite_store, held, 1, ids, saved=Saved(1, "a", "0" * 64, 10))
    failure = {"kind": "diverged", "message": ""}
    sqlite_store.write(lambda s: endings.end_trials(s, held, ids[:1], TrialState.FAILED, failure=failure))
    sqlite_store.write(lambda s: endings.end_trials(s, held, ids[1:], TrialState.HELD, failure=None))
    sqlite_store.write(lambda s: endings.close(s, held, "reached a rung"))
    values = {number: number / 10 for number in range(9)}
    set_values(sqlite_store, values, ids[1:])
    all_to_rung(sqlite_store, nine, values)
    rungs.decide_all(sqlite_store)
    assert states(sqlite_store, nine).count("pending") == 4
    for value, state in ((0.45, "pruned"), (0.5, "pending")):
        sqlite_store.write(lambda s: trial_verbs.retry(s, ids[0]))
        lone = fill_until(sqlite_store, nine, ids[0])
        to_rung(sqlite_store, lone, {0: value})
        rungs.decide_all(sqlite_store)
        assert trials_of(sqlite_store, nine)[0].state == state
        if state == "pruned":
            sqlite_store.write(lambda s: setattr(s.get_one(Trial, ids[0]), "stopped", None))
            make_failed(sqlite_store, ids[0])


def make_failed(store: Store, trial_id: str) -> None:
    """Put a trial back to where it was before it was retried."""

    def write(session: Any) -> None:
        trial = session.get_one(Trial, trial_id)
        trial.state, trial.until_epoch = "failed", 1
        trial.saved_epoch, trial.checkpoint_id, trial.saved_row = 0, None, None

    store.write(write)


def fill_until(store: Store, sweep_id: str, trial_id: str) -> Pack:
    """The pack with one trial, formed before or after others."""
    while row_of(store, Trial, trial_id).pack_id is None:
        fill(store, sweep_id)
    return row_of(store, Pack, row_of(store, Trial, trial_id).pack_id)


def test_a_paused_sweep_decides_nothing_until_it_is_resumed(sqlite_store: Store, nine: str) -> None:
    all_to_rung(sqlite_store, nine, {})
    sqlite_store.write(lambda session: sweep_verbs.pause(session, nine))
    assert rungs.decide_all(sqlite_store) == 0
    # It was found before it was paused.
    assert sqlite_store.write(lambda session: rungs.decide(session, nine)) == 0
    sqlite_store.write(lambda session: sweep_verbs.resume(session, nine))
    assert rungs.decide_all(sqlite_store) == 9


def test_a_stopped_sweep_compares_what_was_drawn(sqlite_store: Store, nine: str) -> None:
    first = fill(sqlite_store, nine)
    take_and_hold = {number: number / 10 for number in range(9)}
    to_rung(sqlite_store, first, take_and_hold)
    sqlite_store.write(lambda session: sweep_verbs.stop(session, nine))
    drawn = len(trials_of(sqlite_store, nine))
    assert drawn < 9
    assert rungs.decide_all(sqlite_store) == drawn


def test_cancel_ends_what_waits_at_a_rung(sqlite_store: Store, nine: str) -> None:
    all_to_rung(sqlite_store, nine, {})
    sqlite_store.write(lambda session: sweep_verbs.cancel(session, nine))
    assert set(states(sqlite_store, nine)) == {"cancelled"}
    sqlite_store.write(lambda session: sweeps.settle(session, nine))
    assert row_of(sqlite_store, Sweep, nine).state == SweepState.CANCELLED


def test_a_pruned_trial_goes_on_to_its_end_when_it_is_retried(sqlite_store: Store, nine: str) -> None:
    all_to_rung(sqlite_store, nine, {number: number / 10 for number in range(9)})
    rungs.decide_all(sqlite_store)
    first = trials_of(sqlite_store, nine)[0].id
    sqlite_store.write(lambda session: trial_verbs.retry(session, first))
    trial = row_of(sqlite_store, Trial, first)
    assert (trial.state, trial.until_epoch, trial.saved_epoch, trial.stopped) == ("pending", 4, 1, None)


def test_a_sweep_ends_once_its_target_is_reached(sqlite_store: Store) -> None:
    sweep_id = write_sweep(
        sqlite_store, space=NINE, train={"epochs": 4}, stop={"name": "target", "value": 0.8}
    )
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    running = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    waiting = fill(sqlite_store, sweep_id)
    report(sqlite_store, held, 1, running)
    set_values(sqlite_store, {0: 0.79}, running)
    assert early_ends.end_all(sqlite_store) == 0
    set_values(sqlite_store, {0: 0.8, 1: 0.1}, running)
    assert early_ends.end_all(sqlite_store) == 1
    assert row_of(sqlite_store, Pack, waiting.id).state == PackState.WITHDRAWN
    sweep = row_of(sqlite_store, Sweep, sweep_id)
    reason = "val/acc has reached 0.8; the target is 0.8"
    assert (sweep.state, sweep.ended_by) == ("stopping", {"rule": "target", "reason": reason, "now": True})
    stopped = {"rule": "target", "reason": reason}
    sqlite_store.write(
        lambda s: endings.end_trials(s, held, running, TrialState.PRUNED, stopped=stopped, failure=None)
    )
    sqlite_store.write(lambda s: endings.close(s, held, "reached epoch 1"))
    assert sqlite_store.write(lambda s: sweeps.settle(s, sweep_id))
    assert row_of(sqlite_store, Sweep, sweep_id).state == SweepState.SUCCEEDED
    assert set(states(sqlite_store, sweep_id)) == {"pruned", "cancelled"}


@pytest.mark.parametrize(("epochs", "drawn"), [(36, 9), (20, 5)])
def test_a_budget_of_epochs_is_never_exceeded(sqlite_store: Store, epochs: int, drawn: int) -> None:
    sweep_id = write_sweep(
        sqlite_store, space=NINE, train={"epochs": 4}, stop={"name": "budget", "epochs": epochs}
    )
    while sqlite_store.write(lambda s: dispatch.fill(s, sweep_id)) is not None:
        pass
    assert len(trials_of(sqlite_store, sweep_id)) == drawn
    sweep = row_of(sqlite_store, Sweep, sweep_id)
    assert (sweep.state, bool(sweep.ended_by)) == (("active", False) if drawn == 9 else ("stopping", True))


@pytest.mark.parametrize("epochs", range(4, 13))
def test_each_trial_is_paid_up_to_its_own_first_rung(sqlite_store: Store, epochs: int) -> None:
    """Those of the second bracket begin with two epochs."""
    stop = [{**HALVING, "brackets": 2}, {"name": "budget", "epochs": epochs}]
    sweep_id = write_sweep(sqlite_store, space=NINE, train={"epochs": 4}, stop=stop)
    while sqlite_store.write(lambda s: dispatch.fill(s, sweep_id)) is not None:
        pass
    drawn = [trial.until_epoch for trial in trials_of(sqlite_store, sweep_id)]
    assert epochs - 2 < sum(drawn) <= epochs


def test_at_a_rung_only_as_many_go_on_as_the_budget_pays(sqlite_store: Store) -> None:
    stop = [HALVING, {"name": "budget", "epochs": 11}]
    sweep_id = write_sweep(sqlite_store, space=NINE, train={"epochs": 4}, stop=stop)
    all_to_rung(sqlite_store, sweep_id, {number: number / 10 for number in range(9)})
    rungs.decide_all(sqlite_store)
    assert states(sqlite_store, sweep_id).count("pending") == 2, "nine epochs are spent, two are left"


@pytest.mark.parametrize(("epochs", "state"), [(1, "pruned"), (0, "cancelled")])
def test_what_a_lost_worker_trained_when_a_rule_ended_the_sweep_is_pruned(
    sqlite_store: Store, epochs: int, state: str
) -> None:
    sweep_id = write_sweep(sqlite_store, stop={"name": "target", "value": 0.8})
    held = take(sqlite_store, fill(sqlite_store, sweep_id))
    ids = [trial.id for trial in trials_of(sqlite_store, sweep_id)]
    if epochs:
        report(sqlite_store, held, 1, ids)
    sqlite_store.write(lambda s: early_ends.end(s, sweeps.lock(s, sweep_id), "target", "reached"))
    error = {"message": "gone"}
    sqlite_store.write(lambda s: endings.give_up(s, held, Failure.LOST, error))
    assert set(states(sqlite_store, sweep_id)) == {state}
