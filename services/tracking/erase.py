"""Delete what MLflow has of a sweep that is being deleted: files, runs, saved views, its experiment."""

from __future__ import annotations

import secrets

from services.settings import Settings
from services.store import deletion, mirror
from services.store.mirror import MirrorLease
from services.store.models import Sweep
from services.store.session import Session, Store
from services.tracking import links, sweep_run
from services.tracking.context import IsOver
from services.tracking.mlflow_server import Gone, Server
from services.tracking.model_server import ModelServer
from services.tracking.saved_view import VIEW_TAG

RUNS_AT_ONCE = 50  # that one search finds


def erase(store: Store, settings: Settings, sweep_id: str, is_over: IsOver) -> bool:
    """Delete what MLflow has of a sweep; False if there is more to do, because the time was over.

    MLflow keeps deleted runs and experiments without their files until its own `mlflow gc`. What is there is
    searched for by its tag, so runs that SQL does not name go as well, and it can be repeated from any point.
    The mirror's lease is taken first: whoever mirrors the sweep ends its turn before. Raises `TrackingDown`
    if MLflow does not answer.
    """
    experiment_id = store.read(lambda session: deletion.experiment_of(session, sweep_id))
    if experiment_id is None or settings.mlflow_url is None:
        return True
    lease = MirrorLease(sweep_id, f"delete:{secrets.token_hex(4)}", settings.lease_ttl)
    if not store.write(lambda session: mirror.take(session, lease)):
        return False
    try:
        return _erase(store, Server(settings.mlflow_url), sweep_id, experiment_id, is_over)
    except Gone:
        return True  # MLflow has lost the experiment
    finally:
        store.write(lambda session: mirror.release(session, lease))


def _erase(store: Store, server: Server, sweep_id: str, experiment_id: str, is_over: IsOver) -> bool:
    name = server.experiment_name(experiment_id)
    if name is None:
        return True  # deleted, with all of its runs
    ModelServer(server).delete_unregistered(experiment_id, {"sweep.id": sweep_id})
    while found := server.active_runs(experiment_id, {"sweep.id": sweep_id}, RUNS_AT_ONCE):
        for run in found:
            if is_over():
                return False
            server.delete_files(run.artifacts)
            server.retire(run.run_id)
    keys = links.view_key(sweep_id), links.means_key(sweep_id)
    server.untag_experiment(experiment_id, [VIEW_TAG + key for key in keys])
    if not store.read(lambda session: _is_needed(session, sweep_id, experiment_id, name)):
        server.delete_empty_experiment(experiment_id)
    return True


def _is_needed(session: Session, sweep_id: str, experiment_id: str, name: str) -> bool:
    """Whether another sweep has its runs in the experiment, or will get them there."""
    if deletion.shares_experiment(session, sweep_id, experiment_id):
        return True
    return any(_experiment(each) in (name, None) for each in deletion.unmirrored(session, sweep_id))


def _experiment(sweep: Sweep) -> str | None:
    """The name of a sweep's experiment; None if its plan cannot be read."""
    return None if sweep.fault else sweep_run.experiment(sweep)
