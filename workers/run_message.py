"""The `Run` message of a leased pack, read from SQL: all that its training depends on."""

from __future__ import annotations

from dataclasses import dataclass

from services.domain.errors import ServiceError
from services.domain.plan import cohorts
from services.domain.spec.stop import trial_rules
from services.domain.stopping import TrialRule
from services.host import HostDevice
from services.settings import Settings
from services.store import checkpoints, specs_and_plans
from services.store.leases import Lease, PackToTrain, TrialToTrain
from services.store.models import Checkpoint
from services.store.session import Session
from workers.messages import Machine, RowCheckpoint, Run, RunRow


@dataclass(frozen=True)
class LeasedPack:
    """What goes to the runner, and what the supervisor keeps to itself."""

    sweep_id: str
    shape_key: str
    run: Run
    rules: tuple[TrialRule, ...] = ()  # of early stopping
    compares: bool = False  # trials of its sweep wait at rungs, or for the decision of a race


@dataclass(frozen=True)
class TakenPack:
    """A pack that has just been leased, or why it cannot be read; `machine` is the one that SQL has noted."""

    lease: Lease
    sweep_id: str
    pack: LeasedPack | ServiceError
    machine: Machine | None


def read_taken_pack(
    session: Session,
    held: Lease,
    taken: PackToTrain,
    device: HostDevice,
    settings: Settings,
    machine: Machine | None,
) -> TakenPack:
    """Read a pack in the transaction that leases it."""
    pack: LeasedPack | ServiceError
    try:
        pack = read_leased_pack(session, taken, device, settings)
    except ServiceError as error:
        pack = error
    return TakenPack(held, taken.sweep_id, pack, machine)


def read_leased_pack(
    session: Session, pack: PackToTrain, device: HostDevice, settings: Settings
) -> LeasedPack:
    """Read a pack that is to train on this device; `ServiceError` if its trials stand at different epochs."""
    spec, plan = specs_and_plans.of_sweep(session, pack.sweep_id)
    elsewhere = {
        trial.id: trial.saved_epoch for trial in pack.trials if trial.saved_epoch != pack.start_epoch
    }
    if elsewhere:
        raise ServiceError(
            f"every trial of pack {pack.id} must go on from epoch {pack.start_epoch}, "
            f"but these have saved another: {elsewhere}"
        )
    begun = [trial.id for trial in pack.trials if trial.checkpoint_id is not None]
    saved = checkpoints.of_trials(session, begun) if begun else {}
    rows = tuple(
        RunRow(
            row=trial.row,
            trial=trial.id,
            config=plan.config_of(trial),
            seed=trial.seed,
            replicate=trial.replicate,
            checkpoint=_checkpoint(saved.get(trial.id), trial),
        )
        for trial in pack.trials
    )
    shape = plan.shapes[pack.shape]
    run = Run(
        pack=pack.id,
        device="cuda" if device.kind == "cuda" else "cpu",
        files=str(settings.files),
        width=pack.width,
        start_epoch=pack.start_epoch,
        target_epoch=pack.target_epoch,
        ends=pack.target_epoch == pack.trials[0].target_epoch,
        saves_end=settings.checkpoints_kept > 0,
        checkpoint_every=settings.checkpoint_every,
        metric=spec.objective.metric,
        goal=spec.objective.goal,
        mixed=shape.mixed,
        data_seed=spec.seed,
        plugins=pack.plugins,
        rows=rows,
        varied=tuple(plan.varied),
    )
    compares = spec.race or cohorts.of_sweep(spec, plan).has_rungs
    return LeasedPack(pack.sweep_id, shape.key, run, tuple(trial_rules(spec.stop)), compares)


def _checkpoint(file: Checkpoint | None, trial: TrialToTrain) -> RowCheckpoint | None:
    if file is None or trial.saved_row is None:
        return None
    inherited = file.id == trial.start_checkpoint_id
    return RowCheckpoint(file.id, file.path, file.sha256, trial.saved_row, inherited)
