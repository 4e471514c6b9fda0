"""Why trials of a sweep failed: the distinct messages, the most frequent first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from services.cli.show.tables import View, many
from services.cli.typed import typed
from services.client import Client

MESSAGES = 3  # so many are printed; the rest is counted
MOST = 10_000  # failed trials that are read; a sweep may have a million


def told(client: Client, sweep: View) -> Iterator[str]:
    """A line for each distinct message: how many trials failed with it, and how to see one of them."""
    failed = sweep["trials"]["failed"]
    ids: dict[str, list[str]] = defaultdict(list)
    for trial in client.trials(sweep["id"], state=["failed"], limit=MOST) if failed else ():
        ids[(trial["failure"] or {}).get("message") or "no message"].append(trial["id"])
    often = sorted(ids.items(), key=lambda each: len(each[1]), reverse=True)[:MESSAGES]
    for message, those in often:
        yield f"{many(len(those), 'trial')} failed: {message} (see `{typed(f'show {those[0]}')}`)"
    rest = failed - sum(len(those) for _, those in often)
    if rest > 0:
        yield f"{many(rest, 'trial')} more failed"
