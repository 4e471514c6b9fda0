"""Whatever users, dispatch, workers and upkeep do in whatever order: nothing is lost, and nobody is stuck."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from paper_sweep import TTL, report, take, trials_of, write_sweep
from sqlalchemy import select, update

from services import dispatch
from services.domain.errors import StateForbids
from services.domain.retry import Failure
from services.domain.states import SWEEP_FINAL, TRIAL_FINAL, PackState, SweepState, TrialState
from services.store import checkpoints, endings, events, leases, sweep_verbs, sweeps, trial_verbs
from services.store.events import BEGINNING, EventPosition
from services.store.leases import Lease
from services.store.models import Pack, Sweep, Trial
from services.store.reports import Saved
from services.store.session import Session, Store
from services.store.standings import Standings

EPOCHS = 2


class Laboratory(RuleBasedStateMachine):
    """One sweep of six trials of two shapes, and everybody who can move it."""

    store: Store

    def __init__(self) -> None:
        super().__init__()
        # What an example that failed has left would fill the window, and no example could be repeated.
        self.store.write(lambda s: s.execute(update(Pack).values(state=PackState.WITHDRAWN)))
        self.sweep_id = write_sweep(
            self.store,
            train={"epochs": EPOCHS},
            space={"model.depth": [1, 2], "model.dropout": [0.0, 0.25, 0.5]},
        )
        self.kept = Standings()
        self.held: dict[str, Lease] = {}  # pack → lease
        self.place, self.heard = BEGINNING, dict[str, str]()
        self.results: dict[str, int] = {}  # trial → the most epochs it ever had reported
        self.at: dict[str, int] = {}  # pack → the epoch that it has finished

    # ---- users

    @rule()
    def pause(self) -> None:
        self.ask(sweep_verbs.pause)

    @rule()
    def resume(self) -> None:
        self.ask(sweep_verbs.resume)

    @rule()
    def stop(self) -> None:
        self.ask(sweep_verbs.stop)

    @rule()
    def cancel(self) -> None:
        self.ask(sweep_verbs.cancel)

    @rule()
    def retry(self) -> None:
        self.ask(sweep_verbs.retry)

    @precondition(lambda self: self.results)
    @rule(verb=st.sampled_from(["retry", "cancel"]), which=st.integers(0, 5))
    def on_a_trial(self, verb: str, which: int) -> None:
        drawn = trials_of(self.store, self.sweep_id)
        if which < len(drawn):
            refusal = self.refusal_of(getattr(trial_verbs, verb), drawn[which].id)
            assert refusal is None or drawn[which].id in refusal

    # ---- dispatch and upkeep

    @initialize(packs=st.integers(1, 2), leased=st.integers(0, 2), epochs=st.integers(0, 2))
    def begin(self, packs: int, leased: int, epochs: int) -> None:
        """Most examples begin in the middle of things."""
        for _ in range(packs):
            self.dispatch_one()
        for _ in range(leased):
            self.lease_one()
        for _ in range(epochs):
            self.train_an_epoch(saves=True, diverges=False)

    @rule()
    def dispatch_one(self) -> None:
        self.store.write(lambda s: dispatch.fill(s, self.sweep_id))

    @precondition(lambda self: not self.held)
    @rule()
    def settle(self) -> None:
        self.store.write(lambda s: sweeps.settle(s, self.sweep_id))

    @rule()
    def prune(self) -> None:
        for checkpoint in self.store.read(checkpoints.needless)[0]:
            self.store.write(lambda s, key=checkpoint.id: checkpoints.forget(s, key))

    @precondition(lambda self: self.held)
    @rule()
    def reap_one(self) -> None:
        pack_id, _ = self.held.popitem()
        late = update(Pack).where(Pack.id == pack_id).values(expires_at=0)
        self.store.write(lambda s: (s.execute(late), endings.reap(s, pack_id)))

    # ---- workers

    @rule()
    def lease_one(self) -> None:
        for pack in self.packs(PackState.QUEUED)[:1]:
            self.held[pack.id] = take(self.store, pack)

    @precondition(lambda self: self.held)
    @rule(saves=st.booleans(), diverges=st.booleans())
    def train_an_epoch(self, saves: bool, diverges: bool) -> None:
        for pack_id, held in list(self.held.items())[:1]:
            request = self.store.write(lambda s, held=held: leases.renew(s, held, TTL))
            rows = [t for t in trials_of(self.store, self.sweep_id) if t.pack_id == pack_id]
            if request.sweep != "none" or not rows:
                self.give_up(held, Failure.PREEMPTED)
                continue
            # A pack begins at its checkpoint and repeats what was reported beyond it.
            number = self.at.get(pack_id, rows[0].saved_epoch) + 1
            self.at[pack_id] = number
            saved = Saved(number, f"packs/{pack_id}/{number}", "0" * 64, 1) if saves else None
            report(self.store, held, number, [trial.id for trial in rows], saved=saved)
            last = number == EPOCHS
            for place, trial in enumerate(rows):
                if diverges and place == 0:
                    self.end(held, trial, TrialState.FAILED, failure={"kind": Failure.DIVERGED})
                elif trial.id in request.cancel_trials:
                    self.end(held, trial, TrialState.CANCELLED)
                elif last:
                    self.end(held, trial, TrialState.SUCCEEDED)
            if not [t for t in trials_of(self.store, self.sweep_id) if t.pack_id == pack_id]:
                self.store.write(lambda s, held=held: endings.close(s, held, "over"))
                del self.held[pack_id]

    @precondition(lambda self: self.held)
    @rule(failure=st.sampled_from([Failure.CRASHED, Failure.PREEMPTED, Failure.SPEC]))
    def fail_one(self, failure: Failure) -> None:
        for held in list(self.held.values())[:1]:
            self.give_up(held, failure)

    # ---- what always holds

    @invariant()
    def every_trial_is_where_it_belongs(self) -> None:
        sweep, drawn = self.sweep(), trials_of(self.store, self.sweep_id)
        assert [trial.number for trial in drawn] == list(range(sweep.next_number))
        packs = {pack.id: pack for pack in self.packs()}
        for trial in drawn:
            if trial.state in (TrialState.QUEUED, TrialState.RUNNING):
                assert packs[str(trial.pack_id)].state == trial.state
            if trial.state == TrialState.QUEUED:
                assert packs[str(trial.pack_id)].start_epoch == trial.saved_epoch
            assert (trial.finished_at is not None) == (trial.state in TRIAL_FINAL)
            assert not (trial.cancel and trial.state != TrialState.RUNNING)
            assert trial.epoch >= self.results.get(trial.id, 0)  # what was reported stays
            self.results[trial.id] = trial.epoch
        states = {trial.state for trial in drawn}
        queued = {trial.pack_id for trial in drawn if trial.state == TrialState.QUEUED}
        assert {pack.id for pack in packs.values() if pack.state == PackState.QUEUED} == queued
        if sweep.state in SWEEP_FINAL:
            assert states <= TRIAL_FINAL
        if sweep.state == SweepState.CANCELLING:
            assert not states & {TrialState.QUEUED}
        if sweep.state == SweepState.PAUSED:
            assert TrialState.QUEUED not in states
        assert (sweep.finished_at is not None) == (sweep.state in SWEEP_FINAL)

    @invariant()
    def a_watcher_knows_it_all(self) -> None:
        while found := self.store.read(lambda s: events.after(s, self.place, self.sweep_id)):
            for event in found:
                if event.kind != "epoch":
                    self.heard[event.data.get("trial", "sweep")] = event.data["state"]
            self.place = EventPosition(found[-1].tx, found[-1].id)
        assert self.heard.pop("sweep") == self.sweep().state
        assert self.heard == {trial.id: trial.state for trial in trials_of(self.store, self.sweep_id)}
        self.heard["sweep"] = self.sweep().state

    @invariant()
    def what_is_kept_in_memory_is_what_would_be_read(self) -> None:
        kept, anew = self.store.read(
            lambda s: [known.of(s, [sweeps.get(s, self.sweep_id)]) for known in (self.kept, Standings())]
        )
        kept, anew = kept[self.sweep_id], anew[self.sweep_id]
        assert (kept.counts, kept.epochs, kept.best) == (anew.counts, anew.epochs, anew.best)

    def teardown(self) -> None:
        """Left alone, the sweep comes to its end, and each trial to one final state."""
        if self.sweep().state == SweepState.PAUSED:
            self.store.write(lambda s: sweep_verbs.resume(s, self.sweep_id))
        patient = update(Trial).where(Trial.sweep_id == self.sweep_id).values(not_before=0)
        for _ in range(60):
            self.store.write(lambda s: s.execute(patient))
            self.settle()
            if self.sweep().state in SWEEP_FINAL:
                break
            self.dispatch_one()
            self.lease_one()
            self.train_an_epoch(saves=False, diverges=False)
        self.every_trial_is_where_it_belongs()
        assert self.sweep().state in SWEEP_FINAL
        counts = [trial.state for trial in trials_of(self.store, self.sweep_id)]
        if self.sweep().state == SweepState.SUCCEEDED:
            assert counts == ["succeeded"] * self.sweep().total

    # ---- small moves

    def ask(self, verb: Callable[[Session, str], object]) -> None:
        """A verb is done, and then done already; or it is refused in words, and nothing moved."""
        before = self.sweep()
        refusal = self.refusal_of(verb, self.sweep_id)
        if refusal is None:
            assert self.refusal_of(verb, self.sweep_id) is None
        else:
            assert f"sweep {before.id} is {before.state}" in refusal
            assert self.sweep().state == before.state

    def refusal_of(self, verb: Callable[[Session, str], object], key: str) -> str | None:
        """Why a verb was refused; None if it was not."""
        try:
            self.store.write(lambda s: verb(s, key))
        except StateForbids as error:
            return str(error)
        return None

    def sweep(self) -> Sweep:
        return self.store.read(lambda s: sweeps.get(s, self.sweep_id))

    def packs(self, state: PackState | None = None) -> list[Pack]:
        query = select(Pack).where(Pack.sweep_id == self.sweep_id).order_by(Pack.created_at, Pack.id)
        found = self.store.read(lambda s: s.scalars(query).all())
        return [pack for pack in found if state is None or pack.state == state]

    def end(self, held: Lease, trial: Trial, state: TrialState, **values: Any) -> None:
        self.store.write(lambda s: endings.end_trial(s, held, trial.id, state, **values))

    def give_up(self, held: Lease, failure: Failure) -> None:
        self.store.write(lambda s: endings.give_up(s, held, failure, {"kind": failure, "message": "…"}))
        del self.held[held.pack_id]


@pytest.mark.long
def test_verbs_in_any_order(store: Store) -> None:
    """Most orders on SQLite, in half the time; on PostgreSQL enough of them to meet every statement."""
    examples = 25 if store.engine.dialect.name == "sqlite" else 8

    class Here(Laboratory):
        pass

    Here.store = store
    run_state_machine_as_test(
        Here,
        settings=how(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # thirty steps can be read; shrinking them would take minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
