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
    PAUSED = "paused"  # workers checkpoint and give their packs back; the user's resume moves it on
    STOPPING = "stopping"  # what has begun finishes, nothing else starts; settle ends it
    CANCELLING = "cancelling"  # workers stop at their next heartbeat; settle ends it
    SUCCEEDED = "succeeded"  # every trial succeeded or was pruned
    PARTIAL = "partial"  # some trials have a result and some have none
    FAILED = "failed"  # no trial has a result
    CANCELLED = "cancelled"  # the user's cancel was carried out, of the sweep or of each of its trials


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
        SweepState.CANCELLED: "settle",
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
        SweepState.CANCELLED: "settle",
    },
    SweepState.CANCELLING: {SweepState.CANCELLED: "settle"},
    # A retry takes up what has failed, or was cancelled or never drawn; that of one trial draws nothing.
    SweepState.SUCCEEDED: {SweepState.ACTIVE: "API (retry)", SweepState.STOPPING: "API (retry of a trial)"},
    SweepState.PARTIAL: {SweepState.ACTIVE: "API (retry)", SweepState.STOPPING: "API (retry of a trial)"},
    SweepState.FAILED: {SweepState.ACTIVE: "API (retry)", SweepState.STOPPING: "API (retry of a trial)"},
    SweepState.CANCELLED: {SweepState.ACTIVE: "API (retry)", SweepState.STOPPING: "API (retry of a trial)"},
}

TRIAL_MOVES: dict[TrialState, dict[TrialState, str]] = {
    TrialState.PENDING: {
        TrialState.QUEUED: "dispatch",
        TrialState.PRUNED: "settle",
        TrialState.CANCELLED: "API, settle",
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
    TrialState.FAILED: {TrialState.PENDING: "API (retry)"},
    TrialState.CANCELLED: {TrialState.PENDING: "API (retry)"},
}

PACK_MOVES: dict[PackState, dict[PackState, str]] = {
    PackState.QUEUED: {PackState.RUNNING: "worker", PackState.WITHDRAWN: "dispatch, API"},
    PackState.RUNNING: {PackState.CLOSED: "worker", PackState.LOST: "supervisor, rescue"},
}

SWEEP_FINAL = frozenset({SweepState.SUCCEEDED, SweepState.PARTIAL, SweepState.FAILED, SweepState.CANCELLED})
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
