"""The order that a supervisor gives its runner: everything a pack's training depends on, as JSON."""

from __future__ import annotations

from dataclasses import dataclass

from services.domain.errors import ServiceError
from services.settings import Settings
from services.store import checkpoints, packs, sweeps
from services.store.devices import Found
from services.store.models import Pack
from services.store.session import Session
from workers.wire import Message


@dataclass(frozen=True)
class Order:
    """What goes to the runner, and what the supervisor keeps for itself."""

    sweep_id: str
    shape_key: str
    width: int
    rows: dict[int, str]  # live row → trial
    message: Message


def compose(session: Session, pack_id: str, device: Found, settings: Settings) -> Order:
    """Read a leased pack from SQL."""
    pack = session.get_one(Pack, pack_id)
    sweep = sweeps.get(session, pack.sweep_id)
    plan, spec = sweep.plan, sweep.spec
    trials = packs.rows_of(session, pack.id)
    saved = checkpoints.of_trials(session, [trial.id for trial in trials.values()])
    strays = [trial.id for trial in trials.values() if trial.saved_epoch != pack.start_epoch]
    if strays:
        raise ServiceError(f"pack {pack.id} starts at epoch {pack.start_epoch}, but these do not: {strays}")
    message = {
        "id": pack.id,
        "device": "cuda" if device.kind == "cuda" else "cpu",
        "files": str(settings.files),
        "width": pack.width,
        "start_epoch": pack.start_epoch,
        "target_epoch": pack.target_epoch,
        "checkpoint_every": settings.checkpoint_every,
        "metric": spec.objective.metric,
        "goal": spec.objective.goal,
        "mixed": plan.shapes[pack.shape].mixed,
        "data_seed": spec.seed,
        "plugins": sweep.plugins,
        "rows": [
            {
                "row": row,
                "trial": trial.id,
                "config": plan.config(trial.point),
                "seed": trial.seed,
                "replicate": trial.replicate,
                "checkpoint": {"id": file.id, "path": file.path, "sha256": file.sha256}
                if (file := saved.get(trial.id))
                else None,
            }
            for row, trial in sorted(trials.items())
        ],
    }
    rows = {row: trial.id for row, trial in trials.items()}
    return Order(sweep.id, plan.shapes[pack.shape].key, pack.width, rows, message)
