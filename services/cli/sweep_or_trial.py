"""Commands that take the id of a sweep or of a trial: try one, then the other."""

from __future__ import annotations

from collections.abc import Callable

from services.cli.errors import CliError
from services.cli.invocation import command_line
from services.client import ApiError, Client, View

Request = Callable[[Client, str], View]


def sweep_or_trial(client: Client, identity: str, on_sweep: Request, on_trial: Request) -> View:
    """Request it for the sweep with this id, else for the trial with it; `CliError` if neither exists."""
    for request in (on_sweep, on_trial):
        try:
            return request(client, identity)
        except ApiError as error:
            if error.status != 404:
                raise
    raise CliError(
        f"no sweep and no trial {identity!r}; `{command_line('ls')}` lists the sweeps, "
        f"`{command_line('show SWEEP')}` the trials of one"
    )


def is_sweep(view: View) -> bool:
    """Whether an answer describes a sweep; otherwise it describes a trial."""
    return "trials" in view
