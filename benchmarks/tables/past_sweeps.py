"""Tables of PostgreSQL filled in bulk with what happened long ago: copies of one sweep, made within SQL."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import select, text

from benchmarks.tables import drawing
from services.api.library import Library
from services.dispatch import fill
from services.domain.planning.planner import make_plan
from services.domain.spec.spec import Spec
from services.host import HostDevice
from services.store import devices, sweep_verbs, sweeps
from services.store.models import (
    Base,
    Checkpoint,
    Event,
    MirrorSweep,
    MirrorTrial,
    Pack,
    PackRow,
    Sweep,
    Trial,
)
from services.store.session import Session, Store

HERE = "1a2b3c4d"  # a digest of the addresses in links
DEVICES, ROWS = 50, 10  # live devices; trials of a pack
PLACE = {"number": "k", "point": "k / 2", "replicate": "k % 2", "row": f"k % {ROWS}"}  # of a sweep's trial k
DAY = 24 * 3600 * 1000  # ms
SPEC: dict[str, Any] = {
    "name": "history",
    "model": {"name": "lenet5"},
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 6, "optimizer": "momentum"},
}


def copy(session: Session, model: type[Base], template: Any, series: str, **columns: str) -> None:
    """Insert copies of the template's row, one for each row of `series`; `columns` are SQL expressions."""
    table = model.__table__
    key = next(column.name for column in table.primary_key)
    names = [
        column.name for column in table.columns if not (column.name == "id" and model in (Event, Checkpoint))
    ]
    chosen = ", ".join(columns.get(name, f't."{name}"') for name in names)
    quoted = ", ".join(f'"{name}"' for name in names)
    statement = f"INSERT INTO {table.name} ({quoted}) SELECT {chosen} FROM {table.name} t, {series} "  # noqa: S608
    session.execute(text(f"{statement} WHERE t.{key} = :template"), {"template": template})


def submit(store: Store, points: int) -> str:
    """A sweep of two axes with so many points, fifty to each dropout, two seeds each."""
    rates = [0.001 * (1 + number) for number in range(min(points, 50))]
    dropouts = [0.0001 * number for number in range(points // len(rates))]
    space = {"model.dropout": dropouts, "train.optimizer.lr": rates}
    spec = Spec.model_validate(SPEC | {"space": space, "seeds": 2, "max_trials": 2 * points})
    plan = make_plan(spec, Library(), limit=2 * points, memory=1 << 30)
    return store.write(lambda session: sweeps.insert(session, spec, plan))


def template(store: Store) -> str:
    """A sweep with one trial, one pack, one checkpoint: what the others are copies of."""
    sweep_id = submit(store, 50)

    def write(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        drawing.draw(session, sweep, 1)
        pack = fill(session, sweep_id)
        assert pack
        session.add(
            Checkpoint(
                pack_id=pack.id, epoch=3, path="x", sha256="0" * 64, bytes=1, created_at=1, damaged=False
            )
        )
        session.flush()
        sweep_verbs.cancel(session, sweep_id)
        sweeps.settle(session, sweep_id)

    store.write(write)
    return sweep_id


@dataclass(frozen=True)
class PastSweeps:
    """Sweeps in a state, half of them eight days old, each with trials, packs, checkpoints and events.

    Of ended sweeps every trial has succeeded. Of active ones half have, a quarter wait with a checkpoint, and
    a quarter have not begun. MLflow has all of it.
    """

    like: str  # the sweep whose rows are copied
    state: str
    numbers: range
    drawn: int  # trials of each
    now: int  # ms

    def write(self, session: Session) -> None:
        """Insert all rows."""
        self._write_sweeps(session)
        self._write_packs(session)
        self._write_trials(session)

    @property
    def _over(self) -> bool:
        return self.state != "active"

    @property
    def _each(self) -> str:
        return f"generate_series({self.numbers.start}, {self.numbers.stop - 1}) i"

    @property
    def _trials(self) -> str:
        return f"{self._each}, generate_series(0, {self.drawn - 1}) k"

    @property
    def _packs(self) -> str:
        return f"{self._each}, generate_series(0, {self.drawn - 1}, {ROWS}) k"

    @property
    def _sweep_id(self) -> str:
        return f"'{self.state}-' || i"

    @property
    def _pack_id(self) -> str:
        return f"'{self.state}-' || i || '-' || (k / {ROWS})"

    @property
    def _at(self) -> str:
        return f"({self.now} - CASE WHEN i % 2 = 0 THEN 8 ELSE 1 END * {DAY}::bigint)"

    def _write_sweeps(self, session: Session) -> None:
        copy(
            session,
            Sweep,
            self.like,
            self._each,
            id=self._sweep_id,
            state=f"'{self.state}'",
            created_at=f"{self._at} + i",
            started_at=self._at,
            finished_at=self._at if self._over else "NULL",
            next_number=str(self.drawn),
        )
        exported = {"exported": f"'{self.state}:0:{HERE}'", "addresses": f"'{HERE}'"}
        copy(session, MirrorSweep, self.like, self._each, sweep_id=self._sweep_id, **exported)

    def _write_packs(self, session: Session) -> None:
        pack = session.scalars(select(Pack.id).where(Pack.sweep_id == self.like)).one()
        saved = session.scalars(select(Checkpoint.id).where(Checkpoint.pack_id == pack)).one()
        ids = {"id": self._pack_id, "sweep_id": self._sweep_id}
        spent = {"busy_ms": "1000", "work_ms": "900"}
        copy(session, Pack, pack, self._packs, **ids, **spent, state="'closed'", closed_at=self._at)
        files = f"{self._packs}, generate_series(2, 3) e"
        size = {"bytes": "0" if self._over else "7", "damaged": str(self._over)}
        copy(session, Checkpoint, saved, files, pack_id=self._pack_id, epoch="e", **size)

    def _write_trials(self, session: Session) -> None:
        pack = session.scalars(select(Pack.id).where(Pack.sweep_id == self.like)).one()
        trial = session.scalars(select(Trial.id).where(Trial.sweep_id == self.like)).one()
        event = select(Event.id).where(Event.sweep_id == self.like, Event.kind == "trial").limit(1)
        good = "true" if self._over else f"k < {self.drawn // 2}"
        begun = "true" if self._over else f"k < {3 * self.drawn // 4}"
        state = f"CASE WHEN {good} THEN 'succeeded' ELSE 'pending' END"
        epoch = f"CASE WHEN {good} THEN 6 WHEN {begun} THEN 3 ELSE 0 END"
        latest = f"(SELECT id FROM checkpoints WHERE pack_id = {self._pack_id} AND epoch = 3)"  # noqa: S608
        trial_id = f"{self._sweep_id} || '-' || k"
        copy(
            session,
            Trial,
            trial,
            self._trials,
            **PLACE,
            id=trial_id,
            sweep_id=self._sweep_id,
            state=state,
            epoch=epoch,
            saved_epoch=epoch,
            attempts="1",
            cancel="false",
            best_epoch="1",
            last_value="random()",
            best_value=f"CASE WHEN {begun} THEN random() END",
            started_at=f"CASE WHEN {begun} THEN {self._at} END",
            finished_at=f"CASE WHEN {good} THEN {self._at} END",
            checkpoint_id=f"CASE WHEN {begun} AND NOT {self._over} AND NOT ({good}) THEN {latest} END",
        )
        run = {"exported_epoch": epoch, "exported_state": state}
        copy(session, MirrorTrial, trial, self._trials, trial_id=trial_id, **run)
        copy(session, PackRow, pack, self._trials, pack_id=self._pack_id, row=PLACE["row"], trial_id=trial_id)
        series = f"{self._trials}, generate_series(1, {2 if self._over else 5})"
        copy(session, Event, session.scalars(event).one(), series, sweep_id=self._sweep_id, at=self._at)


def add_waiting(store: Store, number: int) -> str:
    """A sweep all of whose trials are drawn and wait."""
    sweep_id = submit(store, number // 2)

    def write(session: Session) -> None:
        sweep = session.get_one(Sweep, sweep_id)
        [first] = drawing.draw(session, sweep, 1)
        rest = f"generate_series(1, {number - 1}) k"
        own = f"'{sweep_id}-' || lpad(k::text, 4, '0')"
        copy(
            session,
            Trial,
            first.id,
            rest,
            id=own,
            number="k",
            point="k / 2",
            replicate="k % 2",
            row=f"k % {ROWS}",
        )
        copy(session, MirrorTrial, first.id, rest, trial_id=own)
        sweep.next_number = number

    store.write(write)
    return sweep_id


def add_devices(store: Store) -> None:
    """Workers that are alive."""
    for number in range(DEVICES):
        found = [HostDevice("host", f"cpu:{number}", "cpu", "slot")]
        claim = partial(devices.claim, found=found, worker="worker", token=f"token {number}", ttl=3600.0)
        assert store.write(claim)
