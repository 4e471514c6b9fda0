"""Deleting a sweep: what forbids it, what goes with it, and its rows, some in each transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

from sqlalchemy import Select, Table, Text, delete, func, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.orm import Session, aliased

from services.domain.errors import StateForbids
from services.domain.states import SWEEP_FINAL, SweepState, in_order
from services.store import moves, set_aside, sweeps
from services.store.json_model import is_readable
from services.store.left_out import LeftOut
from services.store.mirror_change import MirrorChange
from services.store.models import (
    Checkpoint,
    Event,
    MirrorSweep,
    MirrorTrial,
    Pack,
    PackRow,
    Report,
    Sweep,
    Trial,
)
from services.store.rung_decisions import RungDecision
from services.store.session import touched
from services.store.submit_keys import SubmitKey

TRIALS_PER_ERASE = 50  # with their curves, in one transaction
ROWS_PER_ERASE = 2000  # of events
MAX_NAMED = 5  # sweeps that a refusal names
_SWEEPS = cast(Table, Sweep.__table__)


class Dependent(NamedTuple):
    """A sweep that needs another one, and for what, in words."""

    sweep_id: str
    why: str


@dataclass(frozen=True)
class Contents:
    """What SQL has of a sweep."""

    trials: int
    epochs: int  # that its trials have reported
    packs: Sequence[str]  # ids, of which each has a folder of files
    runs: int  # in MLflow


def begin(session: Session, sweep_id: str) -> Sweep:
    """Delete a sweep that has ended: nothing shows it any more, and upkeep does the rest.

    `StateForbids` while it goes on, or another sweep needs it.
    """
    sweep = sweeps.lock(session, sweep_id)
    check(session, sweep)
    moves.move_sweep(session, sweep, SweepState.DELETING)
    left_out = {"left_out": LeftOut.DELETED, "reason": "the sweep is being deleted"}
    session.execute(update(MirrorSweep).where(MirrorSweep.sweep_id == sweep_id).values(left_out))
    return sweep


def check(session: Session, sweep: Sweep) -> None:
    """Raise `StateForbids` if a sweep cannot be deleted, with what to do."""
    if sweep.state not in SWEEP_FINAL:
        *names, last = in_order(SWEEP_FINAL)
        remedy = "wait for its end" if sweep.state == SweepState.CANCELLING else "cancel it first, or wait"
        raise StateForbids(
            f"sweep {sweep.id} is {sweep.state}; only a sweep that is {', '.join(names)} or {last} "
            f"can be deleted: {remedy}"
        )
    if found := dependents(session, sweep.id):
        named = "; ".join(f"{each.sweep_id} {each.why}" for each in found[:MAX_NAMED])
        more = f"; and {len(found) - MAX_NAMED} more" if len(found) > MAX_NAMED else ""
        raise StateForbids(
            f"sweep {sweep.id} cannot be deleted while other sweeps need it: {named}{more}; "
            "delete those first"
        )


def dependents(session: Session, sweep_id: str) -> list[Dependent]:
    """The sweeps that need a sweep, each once, in the order of their ids.

    One that repeats a trial of it needs nothing: it has a config and a curve of its own.
    """
    source, own = aliased(Trial), Trial.sweep_id != sweep_id
    queries: dict[str, Select[str]] = {
        "continues it": select(Sweep.id).where(Sweep.extends == sweep_id),
        "is a fork of a trial of it": select(Trial.sweep_id)
        .join(source, source.id == Trial.forked_from)
        .where(source.sweep_id == sweep_id, own),
        "has reused trials of it": select(Trial.sweep_id)
        .join(source, source.id == Trial.reused_from)
        .where(source.sweep_id == sweep_id, own),
    }
    found: dict[str, str] = {}
    for why, query in queries.items():
        for each in session.scalars(query.distinct()):
            found.setdefault(each, why)
    for each in _with_warm_start(session, sweep_id):
        found.setdefault(each, "begins its search with its results")
    gone = {each for each in found if sweeps.is_deleting(session, each)}
    waits = {each: f"{why} and is being deleted" if each in gone else why for each, why in found.items()}
    return [Dependent(*each) for each in sorted(waits.items())]


def _with_warm_start(session: Session, sweep_id: str) -> list[str]:
    """The sweeps whose spec lists it; found by the text of their specs, of which few contain its id."""
    text = sql_cast(_SWEEPS.c.spec, Text)
    query = select(Sweep).where(text.contains(f'"{sweep_id}"'), Sweep.id != sweep_id)
    return [
        each.id
        for each in session.scalars(query)
        if is_readable(each.stored_spec) and sweep_id in each.stored_spec.read().warm_start
    ]


def contents(session: Session, sweep_id: str) -> Contents:
    """What SQL has of a sweep."""
    of_sweep = Trial.sweep_id == sweep_id
    reports = select(func.count()).select_from(Report).join(Trial, Trial.id == Report.trial_id)
    runs = select(func.count(MirrorTrial.run_id)).join(Trial, Trial.id == MirrorTrial.trial_id)
    own_run = select(func.count(MirrorSweep.run_id)).where(MirrorSweep.sweep_id == sweep_id)
    return Contents(
        trials=session.scalars(select(func.count()).select_from(Trial).where(of_sweep)).one(),
        epochs=session.scalars(reports.where(of_sweep)).one(),
        packs=pack_ids(session, sweep_id),
        runs=session.scalars(runs.where(of_sweep)).one() + session.scalars(own_run).one(),
    )


def pack_ids(session: Session, sweep_id: str) -> Sequence[str]:
    """The packs of a sweep."""
    return session.scalars(select(Pack.id).where(Pack.sweep_id == sweep_id).order_by(Pack.id)).all()


def waiting(session: Session) -> Sequence[str]:
    """Sweeps that are being deleted, without those that failed just now."""
    due = Sweep.state == SweepState.DELETING, set_aside.is_due(set_aside.DELETE)
    return session.scalars(select(Sweep.id).where(*due).order_by(Sweep.created_at, Sweep.id)).all()


def experiment_of(session: Session, sweep_id: str) -> str | None:
    """The experiment in MLflow that holds a sweep's runs; None if it has none."""
    return session.scalars(
        select(MirrorSweep.experiment_id).where(MirrorSweep.sweep_id == sweep_id)
    ).one_or_none()


def shares_experiment(session: Session, sweep_id: str, experiment_id: str) -> bool:
    """Whether another sweep, which stays, has its runs in an experiment of MLflow."""
    others = Sweep.id != sweep_id, Sweep.state != SweepState.DELETING
    there = select(Sweep.id).join(MirrorSweep, MirrorSweep.sweep_id == Sweep.id).where(*others)
    return (
        session.scalars(there.where(MirrorSweep.experiment_id == experiment_id).limit(1)).first() is not None
    )


def unmirrored(session: Session, sweep_id: str) -> Sequence[Sweep]:
    """Other sweeps of a sweep's project that MLflow does not have yet, and that it will get."""
    project = select(Sweep.project).where(Sweep.id == sweep_id).scalar_subquery()
    there = select(Sweep).join(MirrorSweep, MirrorSweep.sweep_id == Sweep.id)
    waits = MirrorSweep.experiment_id.is_(None), MirrorSweep.left_out.is_(None)
    others = Sweep.id != sweep_id, Sweep.state != SweepState.DELETING, Sweep.project == project
    return session.scalars(there.where(*waits, *others)).all()


def erase(session: Session, sweep_id: str) -> bool:
    """Delete some of the rows of a sweep that is being deleted; returns whether any are left.

    What others refer to goes last, so that every transaction leaves rows that a next one finds.
    """
    session.execute(update(SubmitKey).where(SubmitKey.sweep_id == sweep_id).values(sweep_id=None))
    some = select(Event.id).where(Event.sweep_id == sweep_id).limit(ROWS_PER_ERASE)
    if touched(session.execute(delete(Event).where(Event.id.in_(some)))):
        return True
    first = select(Trial.id).where(Trial.sweep_id == sweep_id).order_by(Trial.number).limit(TRIALS_PER_ERASE)
    if trial_ids := session.scalars(first).all():
        for column in (Report.trial_id, PackRow.trial_id, MirrorTrial.trial_id, Trial.id):
            session.execute(delete(column.class_).where(column.in_(trial_ids)))
        return True
    packs = select(Pack.id).where(Pack.sweep_id == sweep_id)
    session.execute(delete(Checkpoint).where(Checkpoint.pack_id.in_(packs)))
    for column in (
        *(Pack.sweep_id, RungDecision.sweep_id, MirrorChange.sweep_id, MirrorSweep.sweep_id, Sweep.id),
    ):
        session.execute(delete(column.class_).where(column == sweep_id))
    return False
