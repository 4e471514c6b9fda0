"""`cnnlab trace`: where a trial comes from, and the command that repeats it."""

from __future__ import annotations

from services.cli.connection import connect
from services.cli.invocation import command_line
from services.cli.parameters import Json, Key, TrialId, Url
from services.cli.show.lineage import fork_arguments
from services.cli.show.output import Output
from services.cli.show.tables import facts
from services.cli.show.trace_page import trace_attempts, trace_page, trace_rungs
from services.cli.subcommand import Panel, subcommand
from services.client import View


@subcommand(Panel.RESULTS, "trace 3f81c09a2e-0007")
def trace(trial: TrialId, url: Url = None, key: Key = None, as_json: Json = False) -> None:
    """Show where a trial comes from: request, point, seed, shape, packs, devices, checkpoint, MLflow run."""
    with connect(url, key) as client:
        view = client.trial(trial)
        sweep = client.sweep(view["sweep"])
    again = command_line(_again(view))
    Output(as_json).result(
        {"trial": view, "sweep": sweep, "reproduce": again},
        facts(trace_page(view, sweep, again)),
        *([trace_rungs(view["rungs"])] if view["rungs"] else []),
        *([trace_attempts(view["attempts"])] if view["attempts"] else []),
    )


def _again(trial: View) -> str:
    """The command that repeats a trial: a fork can only be forked again."""
    parent = trial["forked_from"]
    return f"reproduce {trial['id']}" if parent is None else fork_arguments(parent)
