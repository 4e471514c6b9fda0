"""The states of sweeps, trials and packs, and every move between them, as one table.

The database checks the names; `move` checks the steps; docs/states.md is generated from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

from services.domain.errors import ServiceError


class SweepState(StrEnum):
    """Where a sweep stands."""

    ACTIVE = "active"  # dispatch forms packs from it; settle ends it
    PAUSED = "paused"  # the user's resume moves it on
    STOPPING = "stopping"  # what runs finishes, nothing starts; settle ends it
    CANCELLING = "cancelling"  # workers stop at their next heartbeat; settle ends it
    SUCCEEDED = "succeeded"  # every trial succeeded or was pruned
    PARTIAL = "partial"  # some trials have a result and some have none
    FAILED = "failed"  # no trial has a result
    CANCELLED = "cancelled"  # the user's cancel was carried out


class TrialState(StrEnum):
    """Where a trial stands."""

    PENDING = "pending"  # dispatch puts it into a pack
    QUEUED = "queued"  # a worker leases its pack
    RUNNING = "running"  # its worker moves it on; rescue, when the lease has expired
    SUCCEEDED = "succeeded"
    PRUNED = "pruned"
    FAILED = "failed"
    CANCELLED = "cancelled"


class PackState(StrEnum):
    """Where a pack, one attempt at some trials, stands. It is leased at most once."""

    QUEUED = "queued"  # a worker leases it; dispatch sends it again or withdraws it
    RUNNING = "running"  # its worker closes it; rescue calls it lost when the lease has expired
    CLOSED = "closed"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


SWEEP_MOVES: dict[SweepState, dict[SweepState, str]] = {
    SweepState.ACTIVE: {
        SweepState.PAUSED: "API",
        SweepState.STOPPING: "API",
        SweepState.CANCELLING: "API",
        SweepState.SUCCEEDED: "settle",
        SweepState.PARTIAL: "settle",
        SweepState.FAILED: "settle",
    },
    SweepState.PAUSED: {
        SweepState.ACTIVE: "API",
        SweepState.STOPPING: "API",
        SweepState.CANCELLING: "API",
    },
    SweepState.STOPPING: {
        SweepState.CANCELLING: "API",
        SweepState.SUCCEEDED: "settle",
        SweepState.PARTIAL: "settle",
        SweepState.FAILED: "settle",
    },
    SweepState.CANCELLING: {SweepState.CANCELLED: "settle"},
}

TRIAL_MOVES: dict[TrialState, dict[TrialState, str]] = {
    TrialState.PENDING: {
        TrialState.QUEUED: "dispatch",
        TrialState.PRUNED: "settle",
        TrialState.CANCELLED: "API",
    },
    TrialState.QUEUED: {
        TrialState.RUNNING: "worker",
        TrialState.PENDING: "dispatch, API",
        TrialState.CANCELLED: "API",
    },
    TrialState.RUNNING: {
        TrialState.SUCCEEDED: "worker",
        TrialState.PRUNED: "worker",
        TrialState.FAILED: "worker, supervisor, rescue",
        TrialState.CANCELLED: "worker, rescue",
        TrialState.PENDING: "worker, supervisor, rescue",
    },
    TrialState.FAILED: {TrialState.PENDING: "API"},
    TrialState.CANCELLED: {TrialState.PENDING: "API"},
}

PACK_MOVES: dict[PackState, dict[PackState, str]] = {
    PackState.QUEUED: {PackState.RUNNING: "worker", PackState.WITHDRAWN: "dispatch, API"},
    PackState.RUNNING: {PackState.CLOSED: "worker", PackState.LOST: "supervisor, rescue"},
}

SWEEP_FINAL = frozenset(SweepState) - frozenset(SWEEP_MOVES)
TRIAL_FINAL = frozenset({TrialState.SUCCEEDED, TrialState.PRUNED, TrialState.FAILED, TrialState.CANCELLED})

MOVES: dict[type[StrEnum], Mapping[Any, Mapping[Any, str]]] = {
    SweepState: SWEEP_MOVES,
    TrialState: TRIAL_MOVES,
    PackState: PACK_MOVES,
}

S = TypeVar("S", SweepState, TrialState, PackState)


class ImpossibleMove(ServiceError):
    """A program error: somebody tried a move that the table does not have."""


def move(old: S, new: S) -> S:
    """Return `new` if the table allows the step from `old`, else raise `ImpossibleMove`."""
    if new not in MOVES[type(old)].get(old, {}):
        raise ImpossibleMove(f"no move leads from {type(old).__name__}.{old} to {type(new).__name__}.{new}")
    return new
