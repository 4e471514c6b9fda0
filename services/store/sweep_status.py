"""The status of sweeps: everything that a view of them shows, read in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

from sqlalchemy.orm import Session

from services.domain.plan import cohorts
from services.domain.plan.plan import Plan
from services.domain.plan.space import Space
from services.domain.results.eta import Commit
from services.domain.spec.spec import Spec
from services.domain.states import SWEEP_DISPATCHABLE, SWEEP_FINAL, TRIAL_UNFINISHED, SweepState, TrialState
from services.domain.stopping import StoppingRule
from services.store import (
    attempts,
    progress,
    speeds,
    standings,
    window,
)
from services.store.attempts import EndedAttempt
from services.store.models import Sweep
from services.store.standings import Standing

BARE_PLAN = Plan(base={}, space=Space(axes=[]), shapes=[])  # of a sweep whose plan cannot be read
BETWEEN_PACKS_SECONDS = 10.0  # that pass at most before the next pack of a sweep that trains
FAILED_IN_A_ROW = 2  # attempts without progress, after which another one that runs is not taken for progress


@dataclass(frozen=True)
class SweepStatus:
    """A sweep, with what its view shows beside its own columns."""

    sweep: Sweep  # with its `mirror`
    standing: Standing  # its trials by state, its epochs and its best points
    fault: str | None  # why its spec or its plan cannot be read
    busy: float  # seconds spent training, summed over packs
    work: float  # the devices' work in them
    live_share: float | None  # of the rows that its packs have trained, those that held trials
    plain: dict[str, float]  # shape key → images/s of a plain loop, where that was measured
    at_once: int  # packs of it that train now; before any does, the devices that are alive
    now: int  # the database's clock
    commits: list[Commit]  # its latest epochs, oldest first; none unless it wants to run
    attempts: list[EndedAttempt]  # that ended lately, newest first
    stalled: bool  # it wants to run, and nothing of it progresses
    failed: list[EndedAttempt]  # newest first: those in a row for which it is stalled
    idle: bool  # it is stalled, and no worker is there
    refused: bool  # it is stalled, and every worker that is there lacks its plug-ins

    @cached_property
    def spec(self) -> Spec:
        """What the user submitted; without contents if that or the plan cannot be read."""
        if self.fault:
            return Spec.model_construct(name=self.sweep.name, project=self.sweep.project)
        return self.sweep.spec

    @cached_property
    def plan(self) -> Plan:
        """Its axes, shapes and points; none if the plan or the spec cannot be read."""
        return BARE_PLAN if self.fault else self.sweep.plan

    @cached_property
    def all_epochs(self) -> int:
        """The epochs of all its trials; with early stopping those expected, or trained in the end."""
        done = sum(epochs.done for epochs in self.standing.epochs.values())
        if self.sweep.state in SWEEP_FINAL and self.standing.counts.get(TrialState.PRUNED):
            return done
        inherited = sum(epochs.inherited for epochs in self.standing.epochs.values())
        return max(done, 0 if self.fault else cohorts.expected_epochs(self.spec, self.plan) - inherited)

    @property
    def rules(self) -> list[StoppingRule]:
        """Its rules of early stopping; none if the spec cannot be read."""
        return [] if self.fault else self.spec.stop

    @property
    def set_aside(self) -> str | None:
        """Why nothing can be done for it now."""
        return self.sweep.set_aside or self.fault


def of(session: Session, page: Sequence[Sweep]) -> list[SweepStatus]:
    """The status of each sweep of a page, in as many queries for many sweeps as for one."""
    ids = [sweep.id for sweep in page]
    reached = standings.of(session, page)
    spent, faults = speeds.spent(session, ids), {sweep.id: sweep.fault for sweep in page}
    readable = [sweep for sweep in page if not faults[sweep.id]]
    plain = _plain(session, sorted({shape.key for sweep in readable for shape in sweep.plan.shapes}))
    keys = {sweep.id: [shape.key for shape in sweep.plan.shapes] for sweep in readable}
    there = window.read(session)
    alive, now = there.devices.total(), there.now
    able = {plugins for _, plugins in there.devices}  # digests
    wanting = {sweep.id for sweep in page if _wants_to_run(sweep, reached[sweep.id].counts)}
    ended = attempts.recent(session, sorted(wanting))
    # Only of these the progress matters: few, because what runs needs a device.
    begun = [each for each in sorted(wanting) if spent[each].running or _just_tried(ended[each], now)]
    committed = _commits(session, begun, reached)
    found = []
    for sweep in page:
        commits, tried = committed.get(sweep.id, []), ended.get(sweep.id, [])
        failed = attempts.in_a_row(tried, commits[-1].at if commits else None)
        trains = bool(reached[sweep.id].counts.get(TrialState.RUNNING)) and alive > 0
        stalled = sweep.id in wanting and (not trains or len(failed) >= FAILED_IN_A_ROW)
        status = SweepStatus(
            sweep=sweep,
            standing=reached[sweep.id],
            fault=faults[sweep.id],
            busy=spent[sweep.id].busy,
            work=spent[sweep.id].work,
            live_share=_live_share(spent[sweep.id]),
            plain={key: plain[key] for key in keys.get(sweep.id, ()) if key in plain},
            at_once=spent[sweep.id].running or alive,
            now=now,
            commits=commits,
            attempts=tried,
            stalled=stalled,
            failed=failed if stalled else [],
            idle=stalled and not alive,
            refused=stalled and alive > 0 and bool(sweep.plugins) and sweep.plugins not in able,
        )
        found.append(status)
    return found


# An epoch changes the standing, so what is kept beside one is what SQL has.
_kept_commits: WeakKeyDictionary[Standing, list[Commit]] = WeakKeyDictionary()


def _commits(
    session: Session, sweep_ids: Sequence[str], reached: Mapping[str, Standing]
) -> dict[str, list[Commit]]:
    """The latest epochs of each sweep, read again only where its standing is new."""
    missing = [sweep_id for sweep_id in sweep_ids if reached[sweep_id] not in _kept_commits]
    found = progress.commits(session, missing)
    for sweep_id, commits in found.items():
        _kept_commits[reached[sweep_id]] = commits
    return {sweep_id: _kept_commits[reached[sweep_id]] for sweep_id in sweep_ids}


def _just_tried(ended: Sequence[EndedAttempt], now: int) -> bool:
    """Whether the newest attempt failed, or ended so lately that the next one may not have begun."""
    failed = bool(attempts.in_a_row(ended, None))
    return failed or any(attempt.ended > now - BETWEEN_PACKS_SECONDS * 1000 for attempt in ended[:1])


def _wants_to_run(sweep: Sweep, counts: Mapping[str, int]) -> bool:
    """Whether trials of the sweep may run, and some have not ended."""
    undrawn = sweep.state == SweepState.ACTIVE and sweep.next_number < sweep.total
    return sweep.state in SWEEP_DISPATCHABLE and (undrawn or any(map(counts.get, TRIAL_UNFINISHED)))


def _live_share(spent: speeds.Spent) -> float | None:
    return spent.live_rows / spent.trained_rows if spent.trained_rows else None


def _plain(session: Session, keys: Sequence[str]) -> dict[str, float]:
    """The fastest speed measured of a plain loop, by shape: the comparison that flatters arrays least."""
    fastest: dict[str, float] = {}
    for speed in speeds.of_shapes(session, keys):
        if speed.width == speeds.PLAIN:
            fastest[speed.shape_key] = max(speed.images_per_s, fastest.get(speed.shape_key, 0.0))
    return fastest
