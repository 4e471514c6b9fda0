"""A sweep on paper, moved by the store's own functions: what tests of the protocol need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paper_catalog import PaperCatalog, paper_plan, paper_spec
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from services import dispatch
from services.domain.json_numbers import Metrics
from services.domain.planning.fork_plan import Parent, plan_fork
from services.store import forks, leases, reports, sweeps, trials
from services.store.leases import Lease
from services.store.models import Pack, Report, Sweep, Trial
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store

TTL = 60.0


def write_sweep(store: Store, **changes: Any) -> str:
    """A new sweep; its trials are not drawn yet."""
    spec = paper_spec(**changes)
    return store.write(lambda session: sweeps.insert(session, spec, paper_plan(spec)))


def fill(store: Store, sweep_id: str) -> Pack:
    """Its next pack."""
    pack = store.write(lambda session: dispatch.fill(session, sweep_id))
    assert pack is not None
    return pack


def take(store: Store, pack: Pack, ttl: float = TTL) -> Lease:
    """Lease a pack as a worker would."""
    held = Lease.new(pack.id)
    assert store.write(lambda session: leases.take(session, held, "worker", "host/cpu:0", ttl))
    return held


def report(
    store: Store,
    held: Lease,
    number: int,
    trials: Sequence[str],
    metrics: Metrics | Mapping[str, Metrics] | None = None,
    saved: Saved | None = None,
) -> bool:
    """Commit an epoch of these trials."""
    found = metrics or {"val/acc": 0.5 + number / 100, "train/loss": 1.0 / number}
    by_trial: Mapping[str, Any] = found if set(found) == set(trials) else dict.fromkeys(trials, found)
    epoch = Epoch(number=number, metrics=by_trial, best={}, saved=saved, busy_ms=10, work_ms=9)
    return store.write(lambda session: reports.commit(session, held, epoch))


def trials_of(store: Store, sweep_id: str) -> list[Trial]:
    """The sweep's trials by number."""
    query = select(Trial).options(joinedload(Trial.mirror)).where(Trial.sweep_id == sweep_id)
    return list(store.read(lambda session: session.scalars(query.order_by(Trial.number)).all()))


def reports_of(store: Store, trial_id: str) -> list[Report]:
    """A trial's reports in order."""
    query = select(Report).where(Report.trial_id == trial_id).order_by(Report.epoch)
    return list(store.read(lambda session: session.scalars(query).all()))


def fork_of(store: Store, trial_id: str, **changes: Any) -> Trial:
    """A fork of a trial, with new values by path; its trial."""

    def write(session: Session) -> str:
        trial = trials.get(session, trial_id)
        sweep = sweeps.get(session, trial.sweep_id)
        numbers = trial.number, trial.replicate, trial.seed, trial.shape, trial.target_epoch
        parent = Parent(trial_id, *numbers, sweep.plan.config_of(trial), sweep.spec, sweep.plan)
        return forks.fork(session, trial_id, *plan_fork(parent, changes, PaperCatalog()), "")

    [made] = trials_of(store, store.write(write))
    return made


def row_of(store: Store, model: type[Pack] | type[Sweep] | type[Trial], key: str) -> Any:
    """A row as it stands now."""

    def get(session: Session) -> Any:
        return session.get_one(model, key)

    return store.read(get)
