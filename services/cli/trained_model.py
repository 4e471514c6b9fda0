"""The trial whose model a command uses: the one named, or the best one of a sweep."""

from __future__ import annotations

from services.cli.sweep_or_trial import sweep_or_trial
from services.client import Client, View


def best_trial_of(client: Client, identity: str) -> View:
    """The trial with this id, or the best trial of the sweep with it; at least its `id`."""
    return sweep_or_trial(client, identity, _best, lambda client, trial: client.trial(trial))


def _best(client: Client, sweep: str) -> View:
    return {"id": client.best(sweep)["trial"]}
