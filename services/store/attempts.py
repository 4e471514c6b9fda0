"""Attempts that failed: which of a sweep's packs did so lately, why, and from where their trials go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from services.domain.retry import Failure
from services.domain.states import TRIAL_UNFINISHED, PackState, TrialState
from services.store.clock import seconds_ago
from services.store.json_rows import GIVEN_IDS, given_ids
from services.store.models import Pack, PackRow, Trial

MAX_ATTEMPTS = 20  # of each sweep
RECENT_SECONDS = 3600.0  # of leases that are looked at, so that the cost does not grow with what has ended
MAX_SETBACKS = 3  # that are shown, each for SETBACK_SECONDS
SETBACK_SECONDS = 600.0
ENDED = (PackState.CLOSED, PackState.LOST)
FAILED = frozenset(Failure) - {Failure.PREEMPTED}


# Made once, and of the table: to make a statement takes longer than to execute it.
_PACKS = cast(Table, Pack.__table__).c
_ORDER = func.row_number().over(partition_by=_PACKS.sweep_id, order_by=(_PACKS.closed_at.desc(), _PACKS.id))
_ENDED = (
    select(_PACKS.sweep_id, _PACKS.id, _PACKS.worker, _PACKS.closed_at, _PACKS.outcome, _ORDER.label("place"))
    .where(
        _PACKS.state.in_(ENDED),
        _PACKS.expires_at >= seconds_ago(RECENT_SECONDS),
        _PACKS.sweep_id.in_(GIVEN_IDS),
    )
    .subquery()
)
_RECENT = select(_ENDED).where(_ENDED.c.place <= MAX_ATTEMPTS).order_by(_ENDED.c.place)


@dataclass(frozen=True)
class EndedAttempt:
    """A pack that has ended; `failure` is None if it reached its end or was given back on purpose."""

    pack_id: str
    worker: str
    ended: int  # ms
    failure: Failure | None
    message: str


@dataclass(frozen=True)
class Setback:
    """Attempts that failed alike: how many, when the latest one ended, why, and what follows."""

    failure: Failure
    attempts: int
    at: int  # ms
    message: str
    then: str


def recent(session: Session, sweep_ids: Sequence[str]) -> dict[str, list[EndedAttempt]]:
    """The attempts of each sweep that ended lately, newest first, in one query for all sweeps."""
    rows = session.execute(_RECENT, given_ids(sweep_ids))
    found: dict[str, list[EndedAttempt]] = {sweep_id: [] for sweep_id in sweep_ids}
    for sweep_id, pack_id, worker, closed_at, outcome, _ in rows:
        kind, _, message = (outcome or "").partition(": ")
        failure = Failure(kind) if kind in FAILED else None
        found[sweep_id].append(EndedAttempt(pack_id, worker or "", closed_at, failure, message))
    return found


def in_a_row(attempts: Sequence[EndedAttempt], progress: float | None) -> list[EndedAttempt]:
    """The failed ones among the newest attempts since the sweep last committed a new epoch, in seconds."""
    since = [attempt for attempt in attempts if progress is None or attempt.ended / 1000 >= progress]
    return [attempt for attempt in takewhile(_not_good, since) if attempt.failure]


def setbacks(session: Session, attempts: Sequence[EndedAttempt], now: int) -> list[Setback]:
    """Those of these attempts that failed lately, newest first, those with one message together."""
    alike: dict[tuple[Failure, str], list[EndedAttempt]] = {}
    for attempt in attempts:
        if attempt.failure and attempt.ended >= now - SETBACK_SECONDS * 1000:
            alike.setdefault((attempt.failure, attempt.message), []).append(attempt)
    return [
        Setback(failure, len(same), same[0].ended, message, _then(session, same[0]))
        for (failure, message), same in list(alike.items())[:MAX_SETBACKS]
    ]


def _not_good(attempt: EndedAttempt) -> bool:
    """Whether an attempt has failed, or was given back before it could."""
    return attempt.failure is not None or attempt.message != ""


def _then(session: Session, attempt: EndedAttempt) -> str:
    """What follows for the trials of a failed pack."""
    trials = select(PackRow.trial_id).where(PackRow.pack_id == attempt.pack_id)
    states = session.execute(
        select(Trial.state, func.min(Trial.saved_epoch)).where(Trial.id.in_(trials)).group_by(Trial.state)
    )
    by_state = dict(states.all())
    next_start = session.scalars(
        select(Pack.start_epoch)
        .join(PackRow, PackRow.pack_id == Pack.id)
        .where(PackRow.trial_id.in_(trials), Pack.created_at >= attempt.ended, Pack.id != attempt.pack_id)
        .order_by(Pack.created_at, Pack.id)
        .limit(1)
    ).one_or_none()
    if next_start is None:
        next_start = min(
            (saved for state, saved in by_state.items() if state in TRIAL_UNFINISHED), default=None
        )
    if next_start is not None:
        return f"going on from epoch {next_start}" if next_start else "starting again from epoch 0"
    return "its trials have failed" if TrialState.FAILED in by_state else "its trials have ended"
