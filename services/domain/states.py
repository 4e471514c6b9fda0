"""The states of sweeps, trials and packs, and every move between them, as one table.

The database checks the names and services/store/moves.py each move; docs/states.md is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self, TypeVar

from services.domain.errors import ServiceError


class State(StrEnum):
    """A state, and what it means in a sentence for an operator."""

    meaning: str

    def __new__(cls, name: str, meaning: str = "") -> Self:
        """Make a member that is its name and carries its meaning."""
        member = str.__new__(cls, name)
        member._value_, member.meaning = name, meaning
        return member


class SweepState(State):
    """What a sweep is doing."""

    ACTIVE = (
        "active",
        "Dispatch draws the sweep's trials and forms packs of them; settle ends it after the last trial.",
    )
    PAUSED = (
        "paused",
        "Workers have saved their trials and given their packs back, or do so at their next heartbeat; "
        "nothing starts until the user resumes, stops or cancels the sweep. The service pauses a sweep whose "
        "attempts lead nowhere, and gives the reason.",
    )
    STOPPING = (
        "stopping",
        "Trials that have begun are finished and no other starts; settle ends the sweep after the last one.",
    )
    CANCELLING = (
        "cancelling",
        "Pending and queued trials are cancelled and workers stop the running ones at their next heartbeat; "
        "then settle ends the sweep.",
    )
    SUCCEEDED = "succeeded", "Every trial has succeeded or was pruned; the sweep and its results stay."
    PARTIAL = (
        "partial",
        "Some trials have a result and some have none; a retry runs those that failed, were cancelled or "
        "were never drawn.",
    )
    FAILED = "failed", "No trial has a result and at least one has failed; a retry runs them again."
    CANCELLED = (
        "cancelled",
        "The user cancelled the sweep or all of its trials; results from before stay, and a retry runs the "
        "rest.",
    )
    DELETING = (
        "deleting",
        "The user has deleted the sweep: nothing shows it any more, and upkeep deletes its runs in MLflow, "
        "its files and at last its rows, with which this state ends.",
    )


class TrialState(State):
    """What a trial is doing."""

    PENDING = (
        "pending",
        "The trial waits for dispatch to put it into a pack; after a failed attempt it may have to wait some "
        "seconds first.",
    )
    QUEUED = "queued", "The trial is in a pack that waits for a worker."
    RUNNING = (
        "running",
        "A worker trains the trial; if the worker's lease expires, rescue takes the trial back.",
    )
    HELD = (
        "held",
        "The trial has trained up to a rung and waits until all of its cohort have; then it goes on or "
        "is pruned.",
    )
    SUCCEEDED = "succeeded", "The trial has trained all of its epochs; its result is final."
    PRUNED = (
        "pruned",
        "Early stopping has ended the trial, and its value so far counts; a retry of the trial trains it to "
        "its end.",
    )
    FAILED = (
        "failed",
        "The trial diverged, cannot be built, or has used up its attempts; its failure says why, and a retry "
        "runs it again.",
    )
    CANCELLED = "cancelled", "The user ended the trial or its sweep; a retry runs it again."


class PackState(State):
    """What a pack is doing. A pack is one attempt at some trials and is leased at most once."""

    QUEUED = (
        "queued",
        "The pack waits for a worker; dispatch announces it again from time to time, and withdraws it if no "
        "worker can take it.",
    )
    RUNNING = "running", "A worker holds the pack's lease and trains its trials."
    CLOSED = (
        "closed",
        "The worker ended the attempt: every trial ended or went back to pending. The pack stays as history.",
    )
    LOST = (
        "lost",
        "The attempt broke off: the runner died or the lease expired. The pack stays as history, and each of "
        "its trials is pending again or has ended.",
    )
    WITHDRAWN = (
        "withdrawn",
        "The pack was taken back before a worker leased it; its trials are pending again or were cancelled.",
    )


class Mover(StrEnum):
    """Who makes a move."""

    API = "API"
    DISPATCH = "dispatch"
    WORKER = "worker"
    RESCUE = "rescue"
    SETTLE = "settle"
    PAUSE = "pause"
    DECIDE = "decide"


@dataclass(frozen=True)
class Move:
    """Who makes a move, and when, where that needs saying."""

    movers: tuple[Mover, ...]
    note: str = ""

    def __str__(self) -> str:
        """The movers, and the note in brackets."""
        return ", ".join(self.movers) + (f" ({self.note})" if self.note else "")


_API = Move((Mover.API,))
_DISPATCH = Move((Mover.DISPATCH,))
_WORKER = Move((Mover.WORKER,))
_SETTLE = Move((Mover.SETTLE,))
_WORKER_OR_RESCUE = Move((Mover.WORKER, Mover.RESCUE))
_DISPATCH_OR_API = Move((Mover.DISPATCH, Mover.API))
_API_OR_PAUSE = Move((Mover.API, Mover.PAUSE))
_RETRY = Move((Mover.API,), "retry")
_WORKER_OR_DECIDE = Move((Mover.WORKER, Mover.DECIDE))

# The retry of a sweep draws what was never drawn; that of one trial draws nothing.
_OVER = {
    SweepState.ACTIVE: _RETRY,
    SweepState.STOPPING: Move((Mover.API,), "retry of a trial"),
    SweepState.DELETING: _API,
}
_END = dict.fromkeys(
    (SweepState.SUCCEEDED, SweepState.PARTIAL, SweepState.FAILED, SweepState.CANCELLED), _SETTLE
)

SWEEP_MOVES: dict[SweepState, dict[SweepState, Move]] = {
    SweepState.ACTIVE: {
        SweepState.PAUSED: _API_OR_PAUSE,
        SweepState.STOPPING: Move((Mover.API, Mover.WORKER, Mover.DECIDE)),
        SweepState.CANCELLING: _API,
        **_END,
    },
    SweepState.PAUSED: {
        SweepState.ACTIVE: _API,
        SweepState.STOPPING: _API,
        SweepState.CANCELLING: _API,
    },
    SweepState.STOPPING: {SweepState.CANCELLING: _API, **_END},
    SweepState.CANCELLING: {SweepState.CANCELLED: _SETTLE},
    SweepState.SUCCEEDED: _OVER,
    SweepState.PARTIAL: _OVER,
    SweepState.FAILED: _OVER,
    SweepState.CANCELLED: _OVER,
    SweepState.DELETING: {},
}

TRIAL_MOVES: dict[TrialState, dict[TrialState, Move]] = {
    TrialState.PENDING: {
        TrialState.QUEUED: _DISPATCH,
        TrialState.SUCCEEDED: Move((Mover.DISPATCH, Mover.API), "another sweep has its result"),
        TrialState.PRUNED: _WORKER_OR_DECIDE,
        TrialState.CANCELLED: Move((Mover.API, Mover.SETTLE, Mover.PAUSE, Mover.WORKER, Mover.DECIDE)),
    },
    TrialState.QUEUED: {
        TrialState.RUNNING: _WORKER,
        TrialState.PENDING: Move((Mover.DISPATCH, Mover.API, Mover.WORKER, Mover.DECIDE)),
        TrialState.CANCELLED: _API,
    },
    TrialState.RUNNING: {
        TrialState.SUCCEEDED: _WORKER,
        TrialState.HELD: _WORKER,
        TrialState.PRUNED: _WORKER,
        TrialState.FAILED: _WORKER_OR_RESCUE,
        TrialState.CANCELLED: _WORKER_OR_RESCUE,
        TrialState.PENDING: _WORKER_OR_RESCUE,
    },
    TrialState.HELD: {
        TrialState.PENDING: _WORKER_OR_DECIDE,
        TrialState.PRUNED: _WORKER_OR_DECIDE,
        TrialState.CANCELLED: Move((Mover.API, Mover.SETTLE)),
    },
    TrialState.PRUNED: {TrialState.PENDING: _RETRY},
    TrialState.FAILED: {TrialState.PENDING: _RETRY},
    TrialState.CANCELLED: {TrialState.PENDING: _RETRY},
}

PACK_MOVES: dict[PackState, dict[PackState, Move]] = {
    PackState.QUEUED: {PackState.RUNNING: _WORKER, PackState.WITHDRAWN: _DISPATCH_OR_API},
    PackState.RUNNING: {PackState.CLOSED: _WORKER, PackState.LOST: _WORKER_OR_RESCUE},
}

MOVES: dict[type[State], Mapping[Any, Mapping[Any, Move]]] = {
    SweepState: SWEEP_MOVES,
    TrialState: TRIAL_MOVES,
    PackState: PACK_MOVES,
}

# ---- sets of states

SWEEP_FINAL = frozenset({SweepState.SUCCEEDED, SweepState.PARTIAL, SweepState.FAILED, SweepState.CANCELLED})
SWEEP_DISPATCHABLE = frozenset({SweepState.ACTIVE, SweepState.STOPPING})  # its trials may start
SWEEP_DRAWABLE = frozenset({SweepState.ACTIVE, SweepState.PAUSED})  # points not drawn yet may still be drawn
SWEEP_STOPPABLE = frozenset({SweepState.ACTIVE, SweepState.PAUSED})
SWEEP_CANCELLABLE = frozenset({SweepState.ACTIVE, SweepState.PAUSED, SweepState.STOPPING})
SWEEP_RETRIABLE = SWEEP_FINAL | {SweepState.ACTIVE}
SWEEP_OF_RETRIABLE_TRIAL = SWEEP_FINAL | SWEEP_DISPATCHABLE

TRIAL_GOOD = frozenset({TrialState.SUCCEEDED, TrialState.PRUNED})  # it has a result
TRIAL_WITHOUT_RESULT = frozenset({TrialState.FAILED, TrialState.CANCELLED})  # a sweep's retry runs it again
TRIAL_RETRIABLE = TRIAL_WITHOUT_RESULT | {TrialState.PRUNED}  # by a retry of the trial itself
TRIAL_FINAL = TRIAL_GOOD | TRIAL_WITHOUT_RESULT
TRIAL_WAITING = frozenset({TrialState.PENDING, TrialState.QUEUED, TrialState.HELD})
TRIAL_PACKED = frozenset({TrialState.QUEUED, TrialState.RUNNING})  # it is in a pack
TRIAL_UNFINISHED = TRIAL_WAITING | TRIAL_PACKED

PACK_OUTSTANDING = frozenset({PackState.QUEUED, PackState.RUNNING})  # it takes a place in the window
PACK_FINAL = frozenset({PackState.CLOSED, PackState.LOST, PackState.WITHDRAWN})

S = TypeVar("S", SweepState, TrialState, PackState)


def in_order(states: frozenset[S]) -> list[S]:
    """List states as their machine lists them."""
    return [state for state in type(next(iter(states))) if state in states]


class ImpossibleMove(ServiceError):
    """A program error: somebody tried a move that the table does not have."""


def move(old: S, new: S) -> S:
    """Return `new` if the table allows the move from `old`, else raise `ImpossibleMove`."""
    if new not in MOVES[type(old)].get(old, {}):
        raise ImpossibleMove(f"no move leads from {type(old).__name__}.{old} to {type(new).__name__}.{new}")
    return new
