"""Why trials of a sweep failed: the distinct messages, the most frequent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from services.cli.invocation import command_line
from services.cli.show.formats import many
from services.client import Client, View

MAX_MESSAGES = 3  # distinct messages that are printed; the trials with others are only counted
MAX_FAILED_READ = 10_000  # failed trials that are fetched; a sweep may have a million


def failures(client: Client, sweep: View) -> Iterator[str]:
    """A line for each distinct message: how many trials failed with it, and how to see one of them."""
    failed = sweep["trials"]["failed"]
    ids: dict[str, list[str]] = defaultdict(list)
    for trial in client.trials(sweep["id"], state=["failed"], limit=MAX_FAILED_READ) if failed else ():
        ids[(trial["failure"] or {}).get("message") or "no message"].append(trial["id"])
    frequent = sorted(ids.items(), key=lambda each: len(each[1]), reverse=True)[:MAX_MESSAGES]
    for message, trials in frequent:
        hint = f"see `{command_line(f'show {trials[0]}')}`"
        yield f"{many(len(trials), 'trial')} failed: {message} ({hint})"
    rest = failed - sum(len(trials) for _, trials in frequent)
    if rest > 0:
        yield f"{many(rest, 'more trial')} failed"
