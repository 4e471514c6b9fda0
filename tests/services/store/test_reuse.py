"""Reuse: what another sweep of the project has trained is not trained again, and counts as what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from paper_catalog import paper_plan, paper_spec
from paper_sweep import fill, report, reports_of, row_of, take, trials_of
from sqlalchemy import update

from services import dispatch
from services.domain.plan.plan import Pin, Segment
from services.domain.states import SweepState, TrialState
from services.store import (
    budgets,
    checkpoints,
    early_ends,
    endings,
    mirror,
    packs,
    reports,
    reuse,
    rung_decisions,
    rungs,
    standings,
    sweeps,
)
from services.store.models import Checkpoint, Pack, Sweep, Trial
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store

CODE = dict.fromkeys(("", "net", "paper", "sgd", "adam"), "digest")
FOUR = {"model.dropout": [0.1, 0.2, 0.3, 0.4]}
HALVING = {"name": "halving", "eta": 2, "first": 1}


def submit(store: Store, code: Mapping[str, str] = CODE, **changes: Any) -> str:
    """A new sweep, as the API writes it."""
    spec = paper_spec(**{"space": FOUR, "train": {"epochs": 2}} | changes)
    plan = paper_plan(spec).model_copy(update={"code": dict(code)})

    def write(session: Session) -> str:
        sweep_id = sweeps.insert(session, spec, plan)
        reuse.draw(session, sweeps.lock(session, sweep_id))
        return sweep_id

    return store.write(write)


def train(store: Store, sweep_id: str, values: Mapping[int, Sequence[float]] | None = None) -> None:
    """Train packs until none can be formed; `values` are the objective's by number, epoch by epoch."""
    while pack := store.write(lambda session: dispatch.fill(session, sweep_id)):
        train_pack(store, pack, values)
        rungs.decide_all(store)
    store.write(lambda session: sweeps.settle(session, sweep_id))


def train_pack(store: Store, pack: Pack, values: Mapping[int, Sequence[float]] | None) -> None:
    """Train a pack to its target."""
    sweep_id, held = pack.sweep_id, take(store, pack)
    mine = [trial for trial in trials_of(store, sweep_id) if trial.pack_id == pack.id]
    best = {trial.id: (trial.best_epoch or 0, trial.best_value or 0.0) for trial in mine}
    for number in range(pack.start_epoch + 1, pack.target_epoch + 1):
        metrics = {}
        for trial in mine:
            value = values[trial.number][number - 1] if values else 0.5 + number / 100
            best[trial.id] = max(best[trial.id], (number, value), key=lambda at: at[1])
            metrics[trial.id] = {"val/acc": value, "test/acc": 0.5}
        last = number == pack.target_epoch
        saved = Saved(number, f"packs/{pack.id}/{number}", "0" * 64, 10) if last else None
        epoch = Epoch(number, metrics, dict(best), saved, 10, 9)
        store.write(lambda session, e=epoch: reports.commit(session, held, e))  # type: ignore[misc]
    ends = pack.target_epoch == mine[0].target_epoch
    state = TrialState.SUCCEEDED if ends else TrialState.HELD
    ids = [trial.id for trial in mine]
    store.write(lambda s: endings.end_trials(s, held, ids, state, failure=None))
    store.write(lambda session: endings.close(session, held, "reached its target"))


def states(store: Store, sweep_id: str) -> list[str]:
    return [trial.state for trial in trials_of(store, sweep_id)]


def curve(store: Store, trial_id: str) -> list[tuple[int, dict[str, Any]]]:
    return [(each.epoch, each.metrics) for each in reports_of(store, trial_id)]


@pytest.fixture
def first(store: Store) -> str:
    """A sweep of four trials of two epochs that has ended."""
    sweep_id = submit(store)
    train(store, sweep_id)
    return sweep_id


@pytest.fixture
def early(sqlite_store: Store) -> str:
    """The same on SQLite."""
    sweep_id = submit(sqlite_store)
    train(sqlite_store, sweep_id)
    return sweep_id


def test_a_sweep_that_is_submitted_again_has_ended_at_once(store: Store, first: str) -> None:
    again = submit(store)
    assert states(store, again) == ["succeeded"] * 4
    for old, new in zip(trials_of(store, first), trials_of(store, again), strict=True):
        assert (new.reused_from, new.reused_epochs, new.epoch, new.until_epoch) == (old.id, 2, 2, 2)
        same = ("best_value", "best_epoch", "last_value", "best_file", "identity", "seed", "values")
        assert all(getattr(new, name) == getattr(old, name) for name in same)
        assert curve(store, new.id) == curve(store, old.id) != []
        assert (new.attempts, new.width, new.row, new.checkpoint_id) == (0, None, None, None)
        assert new.started_at == new.finished_at is not None
    assert store.write(lambda session: dispatch.fill(session, again)) is None
    assert store.write(lambda session: sweeps.settle(session, again))
    sweep = row_of(store, Sweep, again)
    assert (sweep.state, sweep.next_number) == (SweepState.SUCCEEDED, 4)
    assert sweep.started_at is not None
    standing = store.read(lambda s: standings.of(s, [sweeps.get(s, again)]))[again]
    assert (standing.reused, standing.counts) == (4, {"succeeded": 4})
    assert (standing.epochs[0].done, standing.epochs[0].trained, standing.epochs[0].left) == (8, 0, 0)
    assert len(store.read(lambda session: mirror.trials_behind(session, again))) == 4


def test_the_copy_of_a_copy_names_the_trial_that_was_trained(sqlite_store: Store, early: str) -> None:
    submit(sqlite_store)
    third = submit(sqlite_store)
    assert [trial.reused_from for trial in trials_of(sqlite_store, third)] == [
        trial.id for trial in trials_of(sqlite_store, early)
    ]
    apart = update(Sweep).where(Sweep.id == early).values(project="apart")
    sqlite_store.write(lambda session: session.execute(apart))
    assert trials_of(sqlite_store, submit(sqlite_store)) == [], "copies alone are no reason to believe it"


@pytest.mark.parametrize(
    ("changes", "reused"),
    [
        ({"reuse": False}, 0),
        ({"project": "another"}, 0),
        ({"seed": 1}, 0),
        ({"objective": "val/loss"}, 0),
        ({"train": {"epochs": 2, "optimizer": "adam"}}, 0),
        ({"data": {"name": "paper", "validation": 0.2}}, 0),
        ({"code": {**CODE, "net": "another"}}, 0),
        ({"code": {**CODE, "": "another"}}, 0),
        ({"code": {name: CODE[name] for name in ("", "net", "sgd")}}, 0),  # unknown images
        ({"code": {**CODE, "adam": "another"}}, 4),  # not used
        ({"name": "another", "description": "words"}, 4),
        ({"space": {"model.dropout": [0.1, 0.9, 0.3, 0.4, 0.6]}}, 3),
        ({"space": {"model.dropout": [0.2, 0.1]}}, 0),  # as other points they have other seeds
        ({"seeds": 2}, 4),
        ({"train": {"epochs": 1}}, 0),
    ],
)
def test_only_what_would_have_the_same_numbers_is_reused(
    sqlite_store: Store, early: str, changes: dict[str, Any], reused: int
) -> None:
    sweep_id = submit(sqlite_store, **changes)
    done = [trial for trial in trials_of(sqlite_store, sweep_id) if trial.state == "succeeded"]
    assert len(done) == reused


def test_a_sweep_that_repeats_a_trial_reuses_nothing(sqlite_store: Store, early: str) -> None:
    def write(session: Session) -> int:
        sweep = sweeps.lock(session, submitted)
        sweep.plan = sweep.plan.model_copy(update={"pin": pin})
        sweep.next_number = sweep.looked_up = 0
        return reuse.draw(session, sweep)

    pin = Pin(trial="t", name="n", replicate=0, seed=1, segments=[Segment(until=2, width=4, row=0)])
    submitted = submit(sqlite_store, reuse=False)
    assert sqlite_store.write(write) == 0


def test_trials_that_are_left_fill_arrays_as_if_there_were_no_others(sqlite_store: Store, early: str) -> None:
    sweep_id = submit(sqlite_store, space={"model.dropout": [0.1, 0.9, 0.3, 0.8, 0.7]})
    assert states(sqlite_store, sweep_id) == ["succeeded", "pending", "succeeded", "pending", "pending"]
    pack = fill(sqlite_store, sweep_id)
    assert (pack.width, pack.start_epoch, pack.target_epoch) == (3, 0, 2)
    placed = [t for t in trials_of(sqlite_store, sweep_id) if t.pack_id == pack.id]
    assert [(trial.number, trial.row) for trial in placed] == [(1, 0), (3, 1), (4, 2)]


def test_a_sweep_without_anything_to_reuse_is_drawn_by_packs(sqlite_store: Store, early: str) -> None:
    sweep_id = submit(sqlite_store, seed=5)
    sweep = row_of(sqlite_store, Sweep, sweep_id)
    assert (trials_of(sqlite_store, sweep_id), sweep.next_number, sweep.looked_up) == ([], 0, 4)
    fill(sqlite_store, sweep_id)
    assert all(trial.identity for trial in trials_of(sqlite_store, sweep_id))


def test_a_longer_trial_goes_on_from_the_last_state_of_a_shorter_one(store: Store, first: str) -> None:
    sweep_id = submit(store, train={"epochs": 5})
    found = trials_of(store, sweep_id)
    for old, new in zip(trials_of(store, first), found, strict=True):
        assert (new.state, new.epoch, new.saved_epoch, new.until_epoch) == ("pending", 2, 2, 5)
        assert (new.checkpoint_id, new.saved_row) == (old.checkpoint_id, old.row)
        assert (new.reused_from, new.reused_epochs, new.best_value) == (old.id, 2, old.best_value)
        assert curve(store, new.id) == curve(store, old.id)
    pack = fill(store, sweep_id)
    assert (pack.start_epoch, pack.target_epoch, pack.width) == (2, 5, 4)
    held = take(store, pack)
    for number in (3, 4, 5):
        report(store, held, number, [trial.id for trial in found])
    assert [epoch for epoch, _ in curve(store, found[0].id)] == [1, 2, 3, 4, 5]
    ids = [trial.id for trial in found]
    store.write(lambda s: endings.end_trials(s, held, ids, TrialState.SUCCEEDED, failure=None))
    places = store.read(lambda session: packs.segments(session, found[1].id, 5))
    assert [(place.until, place.row) for place in places][-1] == (5, 1)
    third = submit(store, train={"epochs": 5})
    assert [trial.reused_from for trial in trials_of(store, third)] == ids, "they trained their last epochs"


def test_the_longest_of_several_shorter_trials_is_taken(sqlite_store: Store, early: str) -> None:
    longer = submit(sqlite_store, train={"epochs": 3})
    train(sqlite_store, longer)
    found = trials_of(sqlite_store, submit(sqlite_store, train={"epochs": 7}))
    assert {(trial.reused_epochs, trial.reused_from) for trial in found} == {
        (3, trial.id) for trial in trials_of(sqlite_store, longer)
    }
    places = sqlite_store.read(lambda session: packs.segments(session, found[0].id, 3))
    assert places[-1].until == 3


@pytest.mark.parametrize("gone", [{"bytes": 0}, {"damaged": True}])
def test_a_file_that_is_gone_begins_nothing(sqlite_store: Store, early: str, gone: dict[str, Any]) -> None:
    sqlite_store.write(lambda session: session.execute(update(Checkpoint).values(gone)))
    sweep_id = submit(sqlite_store, train={"epochs": 5})
    assert trials_of(sqlite_store, sweep_id) == []


def test_a_file_is_kept_for_some_days_and_while_a_longer_trial_needs_it(store: Store, first: str) -> None:
    [file] = {trial.checkpoint_id for trial in trials_of(store, first)}
    assert file is not None
    assert store.read(lambda session: checkpoints.needless(session, kept=1.0))[0] == []
    assert not store.write(lambda session: checkpoints.forget(session, file, kept=1.0))
    longer = submit(store, train={"epochs": 5})
    assert not store.write(lambda session: checkpoints.forget(session, file))
    done = {"state": TrialState.CANCELLED}
    store.write(lambda s: s.execute(update(Trial).where(Trial.sweep_id == longer).values(done)))
    assert [each.id for each in store.read(checkpoints.needless)[0]] == [file]
    assert store.write(lambda session: checkpoints.forget(session, file))
    assert trials_of(store, first)[0].checkpoint_id is None


def test_a_damaged_file_of_another_sweep_is_left_for_the_one_before_it(
    sqlite_store: Store, early: str
) -> None:
    old = trials_of(sqlite_store, early)[2]
    sweep_id = submit(sqlite_store, train={"epochs": 5})
    pack = fill(sqlite_store, sweep_id)
    take(sqlite_store, pack)

    def write(session: Session) -> None:
        last = session.get_one(Checkpoint, old.checkpoint_id)
        fields = {"path": "x", "sha256": "0" * 64, "bytes": 9, "created_at": 0}
        session.add(Checkpoint(pack_id=last.pack_id, epoch=1, **fields))
        session.flush()
        checkpoints.fall_back(session, last.id, pack.id)

    sqlite_store.write(write)
    found = trials_of(sqlite_store, sweep_id)[2]
    assert (found.saved_epoch, found.saved_row, found.epoch) == (1, old.row, 2)


def test_epochs_of_another_sweep_cost_no_budget(sqlite_store: Store, early: str) -> None:
    budget = {"name": "budget", "epochs": 7}
    longer = submit(sqlite_store, train={"epochs": 5}, stop=budget)
    assert len(trials_of(sqlite_store, longer)) == 2, "each has three epochs left"
    left = sqlite_store.read(lambda s: budgets.left(s, sweeps.get(s, longer)))
    assert left == 1
    same = submit(sqlite_store, stop={"name": "budget", "epochs": 2})
    assert states(sqlite_store, same) == ["succeeded"] * 4


def test_a_target_that_a_reused_trial_has_reached_ends_the_sweep(sqlite_store: Store, early: str) -> None:
    sweep_id = submit(
        sqlite_store,
        space={"model.dropout": [0.1, 0.9]},
        stop={"name": "target", "value": 0.51},
    )
    assert early_ends.end_all(sqlite_store) == 1
    assert states(sqlite_store, sweep_id) == ["succeeded", "cancelled"]


def test_what_was_tested_at_the_shorter_end_is_no_part_of_the_longer_curve(sqlite_store: Store) -> None:
    for test, metrics in (("best", {"val/acc"}), ("each-epoch", {"val/acc", "test/acc"})):
        first = submit_tested(sqlite_store, test, 2)
        train(sqlite_store, first)
        longer = submit_tested(sqlite_store, test, 4)
        assert set(curve(sqlite_store, trials_of(sqlite_store, longer)[0].id)[1][1]) == metrics


def submit_tested(store: Store, test: str, epochs: int) -> str:
    """A sweep with a field that the catalog on paper has not got."""
    spec = paper_spec(space=FOUR, train={"epochs": epochs})
    plan = paper_plan(spec)
    base = {**plan.base, "train": {**plan.base["train"], "test": test}}
    plan = plan.model_copy(update={"code": CODE, "base": base})

    def write(session: Session) -> str:
        sweep_id = sweeps.insert(session, spec, plan)
        reuse.draw(session, sweeps.lock(session, sweep_id))
        return sweep_id

    return store.write(write)


def test_a_reused_trial_counts_at_rungs_as_if_it_was_trained(sqlite_store: Store) -> None:
    curves = {
        0: (0.1, 0.9, 0.9, 0.9),
        1: (0.4, 0.4, 0.4, 0.4),
        2: (0.3, 0.5, 0.6, 0.7),
        3: (0.5, 0.6, 0.6, 0.6),
    }
    trained = submit(sqlite_store, train={"epochs": 4}, stop=HALVING, project="apart")
    train(sqlite_store, trained, curves)
    whole = submit(sqlite_store, train={"epochs": 4}, space={"model.dropout": [0.1, 0.2]})
    train(sqlite_store, whole, curves)
    mixed = submit(sqlite_store, train={"epochs": 4}, stop=HALVING, name="mixed")
    wanted = {trial.id for trial in trials_of(sqlite_store, whole)}
    taken = [trial for trial in trials_of(sqlite_store, mixed) if trial.reused_from in wanted]
    assert [trial.number for trial in taken] == [0, 1]
    train(sqlite_store, mixed, curves)
    (first, second), (same, alike) = (
        sqlite_store.read(lambda session, each=each: rung_decisions.of_sweep(session, each))  # type: ignore[misc]
        for each in (trained, mixed)
    )
    assert (same.inputs, same.kept, same.epoch) == (first.inputs, first.kept, first.epoch)
    assert (alike.inputs, alike.kept) == (second.inputs, second.kept)
    ends = dict(zip(range(4), states(sqlite_store, mixed), strict=True))
    assert (ends[0], ends[1]) == ("succeeded", "succeeded"), "they keep their results"
    assert states(sqlite_store, trained)[2:] == [ends[2], ends[3]]


@pytest.mark.parametrize("how", [{"stop": HALVING}, {"race": True, "seeds": 5}])
def test_no_trial_begins_beyond_a_decision(sqlite_store: Store, early: str, how: dict[str, Any]) -> None:
    assert trials_of(sqlite_store, submit(sqlite_store, train={"epochs": 4}, **how)) == []


def test_later_seeds_of_a_race_wait_unless_they_are_reused(sqlite_store: Store) -> None:
    few = {"model.dropout": [0.1, 0.2]}
    train(sqlite_store, submit(sqlite_store, space={"model.dropout": [0.1]}, seeds=5))
    sweep_id = submit(sqlite_store, space=few, seeds=5, race=True)
    by_state = {(t.point, t.replicate): t.state for t in trials_of(sqlite_store, sweep_id)}
    assert {state for (point, _), state in by_state.items() if point == 0} == {"succeeded"}
    assert [by_state[1, seed] for seed in range(5)] == ["pending"] * 3 + ["held"] * 2


def test_a_preview_says_what_would_be_reused_and_writes_nothing(store: Store, first: str) -> None:
    def preview(**changes: Any) -> reuse.Preview:
        spec = paper_spec(**{"space": FOUR, "train": {"epochs": 2}} | changes)
        plan = paper_plan(spec).model_copy(update={"code": CODE})
        return store.read(lambda session: reuse.preview(session, spec, plan))

    assert preview() == reuse.Preview(4, 0, 8)
    assert preview(train={"epochs": 6}, seeds=2) == reuse.Preview(0, 4, 8)
    assert preview(reuse=False) == preview(project="another") == reuse.Preview(0, 0, 0)


def test_many_trials_are_looked_up_some_at_a_time(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reuse, "MAX_LOOKED_UP", 2)
    monkeypatch.setattr(reuse, "MAX_ROWS", 4)
    many = [n / 10 for n in range(10)]
    train(sqlite_store, submit(sqlite_store, space={"model.dropout": many}))
    some = [0.95, 0.85, 0.75, 0.65, 0.55, 0.45, 0.6, 0.35, 0.8, 0.15]
    sweep_id = submit(sqlite_store, space={"model.dropout": some})
    drawn = row_of(sqlite_store, Sweep, sweep_id)
    assert (drawn.looked_up, drawn.next_number) == (4, 0), "enough for a pack, and nothing is known of them"
    train(sqlite_store, sweep_id)
    found = trials_of(sqlite_store, sweep_id)
    assert [trial.reused_epochs for trial in found] == [0, 0, 0, 0, 0, 0, 2, 0, 2, 0]
    assert {trial.state for trial in found} == {"succeeded"}
