"""Where sweeps and trials come from, in words: what they go on from, and what they have reused."""

from __future__ import annotations

import json
import shlex

from services.cli.show.formats import many
from services.client import View
from services.domain.plan.value_text import value_text


def forked_from(view: View) -> str | None:
    """The trial whose weights a fork begins with, after which epoch, and what changed; else None."""
    parent = view["forked_from"]
    if parent is None:
        return None
    epoch = "its present epoch" if parent["epoch"] is None else f"its epoch {parent['epoch']}"
    changed = ", ".join(f"{path} {value_text(value)}" for path, value in parent["changed"].items())
    return f"trial {parent['trial']}, after {epoch}, with {changed or 'the same values'}"


def fork_arguments(parent: View) -> str:
    """The command that forks the parent again with the same values, without the program's name."""
    changes = (shlex.quote(f"{path}={json.dumps(value)}") for path, value in parent["changed"].items())
    return " ".join([f"fork {parent['trial']}", *(f"--set {change}" for change in changes)])


def forks(trial: View) -> str | None:
    """The trials that were forked from a trial; None if there are none."""
    found = []
    for fork in trial["forks"]:
        start = fork["start_epoch"]
        found.append(f"{fork['trial']} ({'not begun' if start is None else f'from epoch {start}'})")
    return ", ".join(found) or None


def reused_words(trial: View) -> str | None:
    """From which trial the first epochs are; None where it has trained all of them itself."""
    source, epochs = trial["reused_from"], trial["reused_epochs"]
    if source is None:
        return None
    if epochs == trial["target_epoch"]:
        return f"all {many(epochs, 'epoch')}, from trial {source}"
    return f"the first {many(epochs, 'epoch')}, from trial {source}, whose checkpoint it goes on from"


def origin(sweep: View) -> list[str]:
    """What a sweep continues, what its trial was forked from, and which sweeps have trained others of it."""
    found = [f"It continues sweep {sweep['extends']}."] if sweep["extends"] else []
    if fork := forked_from(sweep):
        found.append(f"It goes on from {fork}.")
    for each in sweep["reused_from"]:
        trials, epochs = many(each["trials"], "trial"), many(each["epochs"], "epoch")
        found.append(f"{trials} reused from sweep {each['sweep']}, {epochs}.")
    return found
