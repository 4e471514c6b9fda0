"""What keeps a sweep from moving and what has set it back, a line each, as `show` and `watch` print them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from services.cli.show.formats import duration, many
from services.client import View
from services.domain.blocker import INFORMATIVE

OUTCOMES = {  # by kind of failure: what became of the attempt
    "spec": "could not be built",
    "crashed": "crashed",
    "memory": "ran out of memory",
    "lost": "lost",
    "host": "refused",
    "damaged": "met a damaged checkpoint",
}


def blocked(sweep: View) -> bool:
    """Whether something keeps the sweep from moving."""
    return any(blocker["kind"] not in INFORMATIVE for blocker in sweep["blockers"])


def notes(sweep: View) -> set[str]:
    """The kinds of its blockers that stop no training."""
    return {blocker["kind"] for blocker in sweep["blockers"]} & INFORMATIVE


def hold_ups(sweep: View, now: datetime | None = None, said: Collection[str] = ()) -> Iterator[str]:
    """A line for each blocker with what to do, and one for each setback that no blocker has named.

    `said` are kinds of notes that stand above already.
    """
    now = now or datetime.now(UTC)
    for blocker in sweep["blockers"]:
        if blocker["kind"] in said:
            continue
        word = "note" if blocker["kind"] in INFORMATIVE else "blocked"
        since = f" for {_ago(blocker['since'], now)}" if blocker["since"] else ""
        yield f"{word}{since}: {blocker['message']}"
        yield f"  → {blocker['remedy']}"
    for setback in sweep["setbacks"]:
        if not any(setback["message"] in blocker["message"] for blocker in sweep["blockers"]):
            what = OUTCOMES.get(setback["kind"], "failed")
            attempts = f"{many(setback['attempts'], 'attempt')} {what} {_ago(setback['at'], now)} ago"
            yield f"{attempts}: {setback['message']}; {setback['then']}"


def _ago(moment: str, now: datetime) -> str:
    return duration(max(0.0, (now - datetime.fromisoformat(moment)).total_seconds()))
