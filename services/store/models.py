"""The tables. Times are integer milliseconds of the database's clock; states are checked by the database."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from pydantic import BaseModel
from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    literal_column,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from services.domain.errors import Unreadable
from services.domain.plan.drawn import Drawn
from services.domain.plan.plan import Plan
from services.domain.spec.spec import Spec
from services.domain.states import PackState, SweepState, TrialState
from services.store.json_model import JsonModel, Stored
from services.store.left_out import LeftOut
from services.store.table import NULLABLE_JSON, Base, BigId, one_of, where

M = TypeVar("M", bound=BaseModel)


class Sweep(Base):
    """What a user submitted, its plan, and how far drawing trials from it has come."""

    __tablename__ = "sweeps"
    __table_args__ = (
        one_of(SweepState),
        Index(None, "state", "created_at"),
        Index(None, "created_at", "id"),
        Index(
            None,
            "finished_at",
            sqlite_where=text("events_forgotten = 0"),
            postgresql_where=text("NOT events_forgotten"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    project: Mapped[str] = mapped_column(String(100))
    description: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16))
    stored_spec: Mapped[Stored[Spec]] = mapped_column("spec", JsonModel(Spec))
    stored_plan: Mapped[Stored[Plan]] = mapped_column("plan", JsonModel(Plan))
    total: Mapped[int]
    next_number: Mapped[int] = mapped_column(default=0)  # every trial below it is drawn
    # Ranges of numbers that were drawn before their turn: the first one, and the one behind the last.
    drawn_ahead: Mapped[dict[str, Any]] = mapped_column(default=dict)
    widths: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of shapes on GPUs, settled by first packs
    plugins: Mapped[str | None] = mapped_column(String(64))  # digest of the entry files it was planned with
    extends: Mapped[str | None] = mapped_column(ForeignKey("sweeps.id"))  # the sweep that it continues
    looked_up: Mapped[int] = mapped_column(
        default=0
    )  # trials before this number were looked up in other sweeps
    retried: Mapped[int] = mapped_column(default=0)  # how often trials of it that had ended were sent back
    priority: Mapped[int] = mapped_column(default=0)  # -10 … 10; the highest is served first
    served_at: Mapped[int | None]  # when its latest pack was formed
    set_aside: Mapped[str | None] = mapped_column(Text)  # which chore failed at it, and why
    set_aside_at: Mapped[int | None]
    created_at: Mapped[int]
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None]
    events_forgotten: Mapped[bool] = mapped_column(default=False)  # it ended long ago and has none left
    pause_reason: Mapped[str | None] = mapped_column(Text)  # of the service; null when a user paused it
    ended_by: Mapped[dict[str, Any] | None] = mapped_column(NULLABLE_JSON)  # the rule that ended it, and why

    # Loaded only where a query asks for it: whoever locks a sweep must not lock what is mirrored of it.
    mirror: Mapped[MirrorSweep] = relationship(lazy="raise")

    @property
    def spec(self) -> Spec:
        """What the user submitted, by its present name; `Unreadable` if the column holds something else."""
        spec = read("spec", self.id, self.stored_spec)
        if (spec.name, spec.description) == (self.name, self.description):
            return spec
        return spec.model_copy(update={"name": self.name, "description": self.description})

    @spec.setter
    def spec(self, spec: Spec) -> None:
        self.stored_spec = Stored(Spec, spec)

    @property
    def plan(self) -> Plan:
        """Its plan; `Unreadable` if the column holds something else."""
        return read("plan", self.id, self.stored_plan)

    @plan.setter
    def plan(self, plan: Plan) -> None:
        self.stored_plan = Stored(Plan, plan)

    @property
    def drawn(self) -> Drawn:
        """Which of its trials have been drawn."""
        return Drawn(self.next_number, {int(first): stop for first, stop in self.drawn_ahead.items()})

    @drawn.setter
    def drawn(self, drawn: Drawn) -> None:
        self.next_number = drawn.below
        self.drawn_ahead = {str(first): stop for first, stop in drawn.ahead.items()}

    @property
    def fault(self) -> str | None:
        """Why the spec or the plan cannot be read; None if both can."""
        try:
            _ = self.spec, self.plan
        except Unreadable as error:
            return error.detail
        return None


def read(column: str, sweep_id: str, stored: Stored[M]) -> M:
    """A sweep's spec or plan; `Unreadable` if the column holds something else."""
    try:
        return stored.read()
    except ValueError as error:
        raise Unreadable(
            f"the {column} of sweep {sweep_id} cannot be read, "
            f"because another version wrote it or a hand changed it: {error}"
        ) from error


class Trial(Base):
    """One point of a sweep's space with one seed."""

    __tablename__ = "trials"
    __table_args__ = (
        one_of(TrialState),
        CheckConstraint("(state IN ('queued', 'running')) = (pack_id IS NOT NULL)", name="pack"),
        CheckConstraint("saved_epoch <= epoch AND epoch <= target_epoch", name="epochs"),
        Index(None, "sweep_id", "number", unique=True),
        Index(None, "sweep_id", "state", "number"),
        Index(None, "sweep_id", "point"),
        Index(None, "pack_id"),
        Index(
            "ix_trials_pending",
            "sweep_id",
            "shape",
            "saved_epoch",
            "epoch",
            "number",
            **where("state = 'pending'"),
        ),
        Index(None, "checkpoint_id", **where("checkpoint_id IS NOT NULL")),
        Index("ix_trials_fruitless", "sweep_id", **where("fruitless > 0")),
        Index("ix_trials_held", "sweep_id", "cohort", **where("state = 'held'")),
        Index(
            "ix_trials_identity",
            "identity",
            **where("state = 'succeeded' AND reused_epochs < target_epoch"),
        ),
        Index(None, "start_checkpoint_id", **where("start_checkpoint_id IS NOT NULL")),
        Index(None, "forked_from", **where("forked_from IS NOT NULL")),
        Index(None, "reused_from", **where("reused_from IS NOT NULL")),
        Index("ix_trials_without_a_start", "forked_from", **where("start_epoch IS NULL")),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"))
    number: Mapped[int]
    point: Mapped[int]
    replicate: Mapped[int] = mapped_column(default=0)
    seed: Mapped[int]
    identity: Mapped[str | None] = mapped_column(String(64))  # of its numbers; null where that is not known
    reused_from: Mapped[str | None] = mapped_column(ForeignKey("trials.id"))  # whose first epochs are its own
    reused_epochs: Mapped[int] = mapped_column(default=0)  # so many; if all, it has not trained
    values: Mapped[dict[str, Any]]
    shape: Mapped[int]
    width: Mapped[int | None]  # of the arrays that train it up to `until_epoch`; null before the first one
    row: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(16))
    epoch: Mapped[int] = mapped_column(default=0)  # reported up to here
    saved_epoch: Mapped[int] = mapped_column(default=0)  # a checkpoint holds it at this epoch
    saved_row: Mapped[int | None]  # there
    checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    forked_from: Mapped[str | None] = mapped_column(ForeignKey("trials.id"))  # whose weights it begins with
    start_epoch: Mapped[int | None] = mapped_column(
        default=0
    )  # null until that trial has a checkpoint for it
    start_checkpoint_id: Mapped[int | None] = mapped_column(ForeignKey("checkpoints.id"))
    start_row: Mapped[int | None]  # of that trial there
    cohort: Mapped[int] = mapped_column(default=0)  # the trials of one are compared at rungs
    until_epoch: Mapped[int]  # its next rung, or its end
    target_epoch: Mapped[int]
    pack_id: Mapped[str | None] = mapped_column(ForeignKey("packs.id"))
    attempts: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    losses: Mapped[int] = mapped_column(default=0)
    most_alive: Mapped[int | None]
    fruitless: Mapped[int] = mapped_column(default=0)  # latest attempts that ended without a new epoch
    not_before: Mapped[int] = mapped_column(default=0)
    cancel: Mapped[bool] = mapped_column(default=False)
    best_value: Mapped[float | None]
    best_epoch: Mapped[int | None]
    last_value: Mapped[float | None]
    best_file: Mapped[str | None] = mapped_column(String(300))
    failure: Mapped[dict[str, Any] | None]
    stopped: Mapped[dict[str, Any] | None] = mapped_column(NULLABLE_JSON)  # the rule that pruned it, and why
    created_at: Mapped[int]
    started_at: Mapped[int | None]
    finished_at: Mapped[int | None]

    mirror: Mapped[MirrorTrial] = relationship(lazy="raise")

    @property
    def run_id(self) -> str | None:
        """Its run in MLflow."""
        return self.mirror.run_id


class MirrorSweep(Base):
    """What MLflow has of a sweep, and who mirrors it now; written together with the sweep."""

    __tablename__ = "mirror_sweeps"
    __table_args__ = (one_of(LeftOut, "left_out"), Index(None, "addresses"))

    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"), primary_key=True)
    experiment_id: Mapped[str | None] = mapped_column(String(64))
    run_id: Mapped[str | None] = mapped_column(String(64))
    exported: Mapped[str | None] = mapped_column(
        String(64)
    )  # what the sweep's run shows: see store/mirror.py
    addresses: Mapped[str | None] = mapped_column(String(16))  # digest of those that its run has shown last
    view_saved: Mapped[bool] = mapped_column(default=False)  # MLflow has the sweep's saved view
    mirrored_at: Mapped[int] = mapped_column(default=0)  # when MLflow last took something of it
    left_out: Mapped[str | None] = mapped_column(String(16))
    failures: Mapped[int] = mapped_column(default=0)  # tries in a row that failed
    not_before: Mapped[int] = mapped_column(default=0)  # of the next try
    reason: Mapped[str | None] = mapped_column(Text)  # why the last try failed, or why it is left out
    lease_owner: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[int] = mapped_column(default=0)


class MirrorTrial(Base):
    """What MLflow has of a trial; written together with the trial."""

    __tablename__ = "mirror_trials"
    __table_args__ = (
        one_of(LeftOut, "left_out"),
        Index(
            "ix_mirror_trials_files_due",
            "trial_id",
            postgresql_where=text("files_due = true"),
            sqlite_where=text("files_due = 1"),
        ),
        Index("ix_mirror_trials_failures", "trial_id", **where("failures > 0")),
    )

    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id"), primary_key=True)
    run_id: Mapped[str | None] = mapped_column(String(64))
    exported_epoch: Mapped[int] = mapped_column(default=0)
    exported_state: Mapped[str | None] = mapped_column(String(16))
    begun: Mapped[bool] = mapped_column(default=False)  # a run may be there that `run_id` does not name
    point_ended: Mapped[bool] = mapped_column(default=False)  # its run says so of all its point's trials
    files_due: Mapped[bool] = mapped_column(default=False)  # it is one of the best of a sweep that has ended
    left_out: Mapped[str | None] = mapped_column(String(16))
    failures: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[int] = mapped_column(default=0)
    reason: Mapped[str | None] = mapped_column(Text)


class Pack(Base):
    """One attempt at some trials, as one array on one device; what a Celery message names."""

    __tablename__ = "packs"
    __table_args__ = (
        one_of(PackState),
        CheckConstraint("state <> 'running' OR token IS NOT NULL", name="token"),
        Index(None, "state", "expires_at"),
        Index(None, "sweep_id"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"))
    shape: Mapped[int]
    kind: Mapped[str] = mapped_column(String(16))  # the kind of device whose queue carries it
    width: Mapped[int]
    start_epoch: Mapped[int]  # the checkpoint's; 0 is a fresh start
    target_epoch: Mapped[int]
    precision: Mapped[str] = mapped_column(String(16), default="float32")  # that its device must have
    memory: Mapped[int] = mapped_column(default=0)  # that its device must have, in bytes; 0 on a CPU
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[int]
    sent_at: Mapped[int | None]
    sends: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None] = mapped_column(String(64))
    claim: Mapped[str | None] = mapped_column(String(64))  # token of the claim on its device
    worker: Mapped[str | None] = mapped_column(String(120))
    device: Mapped[str | None] = mapped_column(String(200))
    machine: Mapped[dict[str, Any] | None]  # what float32 bits depend on besides width and row
    engine: Mapped[dict[str, Any] | None]  # how its steps are carried out; null until its first epoch
    leased_at: Mapped[int | None]
    seen: Mapped[int | None]
    expires_at: Mapped[int | None]
    progress_at: Mapped[int | None]  # when it last reported an epoch that was new
    closed_at: Mapped[int | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    busy_ms: Mapped[int] = mapped_column(default=0)  # time that passed in training, summed over epochs
    work_ms: Mapped[int] = mapped_column(default=0)  # the device's work in it: on a CPU, processor time
    trained_rows: Mapped[int] = mapped_column(default=0)  # rows of its epochs, dead ones too
    live_rows: Mapped[int] = mapped_column(default=0)  # those of trials
    save_asked: Mapped[bool] = mapped_column(default=False)  # a fork waits for its next epoch's checkpoint


class PackRow(Base):
    """Which trial a pack trained in which row: the history of attempts."""

    __tablename__ = "pack_rows"
    __table_args__ = (Index(None, "trial_id"),)

    pack_id: Mapped[str] = mapped_column(ForeignKey("packs.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id"))


class Report(Base):
    """A trial's metrics at the end of an epoch; its time stays that of the first report."""

    __tablename__ = "reports"

    trial_id: Mapped[str] = mapped_column(ForeignKey("trials.id"), primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    pack_id: Mapped[str] = mapped_column(String(32))  # no foreign key, which would slow a pack's deletion
    at: Mapped[int]
    metrics: Mapped[dict[str, Any]]


class Checkpoint(Base):
    """A file that holds all rows of a pack at one epoch."""

    __tablename__ = "checkpoints"
    __table_args__ = (
        Index(None, "pack_id", "epoch", unique=True),
        Index(None, "id", **where("bytes > 0")),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pack_id: Mapped[str] = mapped_column(ForeignKey("packs.id"))
    epoch: Mapped[int]
    path: Mapped[str] = mapped_column(String(300))  # below the files folder
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int]
    created_at: Mapped[int]
    damaged: Mapped[bool] = mapped_column(default=False)


class Event(Base):
    """A change of a sweep that its watchers are sent; read in the order (tx, id), oldest first.

    On PostgreSQL ids are given out before transactions commit, so a lower id may appear later; `tx`, the
    transaction's number, lets a reader wait until nothing older can appear. On SQLite it is 0.
    """

    __tablename__ = "events"
    __table_args__ = (Index(None, "sweep_id", "tx", "id"), Index(None, "tx", "id"))

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tx: Mapped[int]
    at: Mapped[int]
    sweep_id: Mapped[str] = mapped_column(ForeignKey("sweeps.id"))
    kind: Mapped[str] = mapped_column(String(32))
    data: Mapped[dict[str, Any]]


class Device(Base):
    """A device and the worker that has claimed it."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)  # host/identity
    host: Mapped[str] = mapped_column(String(120))
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[str] = mapped_column(String(16))
    memory: Mapped[int] = mapped_column(default=0)  # bytes of a GPU
    precisions: Mapped[str] = mapped_column(String(80), default="float32,float64")  # in which it trains
    token: Mapped[str | None] = mapped_column(String(64))
    worker: Mapped[str | None] = mapped_column(String(120))
    expires_at: Mapped[int] = mapped_column(default=0)
    pack_id: Mapped[str | None] = mapped_column(String(32))
    plugins: Mapped[str] = mapped_column(String(64), default="")  # digest of its worker's entry files
    accepting: Mapped[bool] = mapped_column(default=True)  # its worker takes messages


# Written into the statement: a partial index serves only conditions that are known when it is planned.
PENDING, HELD, SUCCEEDED = (
    cast(Table, Trial.__table__).c.state == literal_column(f"'{state.value}'")
    for state in (TrialState.PENDING, TrialState.HELD, TrialState.SUCCEEDED)
)
