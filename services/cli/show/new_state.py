"""The state of a sweep or a trial after a request to change it."""

from __future__ import annotations

from services.cli.show.formats import many
from services.cli.show.output import Output
from services.cli.sweep_or_trial import is_sweep
from services.client import View


def print_new_state(view: View, as_json: bool) -> None:
    """Print a sweep's state with its unfinished trials, or a trial's state."""
    if is_sweep(view):
        counts = view["trials"]
        unfinished = [
            f"{many(counts[name], 'trial')} {name}"
            for name in ("pending", "queued", "running")
            if counts[name]
        ]
        text = f"{view['name']} is {view['state']}" + (f": {', '.join(unfinished)}" if unfinished else "")
    else:
        text = f"t{view['number']:03d} of sweep {view['sweep']} is {view['state']}"
        if view["state"] in ("queued", "running"):  # only a cancel leaves it there
            text += ": its worker ends it within seconds, and then it is cancelled"
    Output(as_json).result(view, f"{text}.")
