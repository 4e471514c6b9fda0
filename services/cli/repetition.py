"""Whether a trial trained again has the same curve: bit for bit, or by how much not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from services.cli.show.tables import View, many, number

MEASURED = "perf/"  # metrics of time and speed; they never repeat


@dataclass(frozen=True)
class Difference:
    """How one metric differs: the first epoch in which it does, and the largest differences of all epochs.

    `relative` is to the larger of both values; both are infinite where one value is not finite or missing.
    """

    metric: str
    epoch: int
    absolute: float
    relative: float


@dataclass(frozen=True)
class Condition:
    """One of the things that float32 bits depend on, as it was and as it is now."""

    name: str
    was: Any
    now: Any


@dataclass(frozen=True)
class Repetition:
    """A trial and its rerun, compared over the epochs that both have."""

    epochs: int
    metrics: int
    missing: int  # epochs of the original that the rerun lacks
    differences: list[Difference] = field(default_factory=list)
    changed: list[Condition] = field(default_factory=list)

    @property
    def bit_equal(self) -> bool:
        """Whether every number of every epoch is the same."""
        return self.epochs > 0 and not self.missing and not self.differences

    def as_json(self) -> dict[str, Any]:
        """For programs; a difference that is not finite is null."""
        shown = asdict(self)
        for difference in shown["differences"]:
            for name in ("absolute", "relative"):
                difference[name] = difference[name] if math.isfinite(difference[name]) else None
        return {"bit_equal": self.bit_equal, **shown}

    def in_words(self) -> Iterator[str]:
        """The result line by line."""
        told = f"{many(self.metrics, 'metric')} over {many(self.epochs, 'epoch')}"
        if self.bit_equal:
            yield f"bit-equal over {many(self.epochs, 'epoch')}: {many(self.metrics, 'metric')}, every number"
        else:
            yield f"not bit-equal: {len(self.differences)} of {told} differ"
        for each in self.differences:
            yield (
                f"{each.metric} differs from epoch {each.epoch} on, by at most {number(each.absolute)} "
                f"({number(each.relative)} of the value)"
            )
        if self.missing:
            yield f"{many(self.missing, 'epoch')} of the original the rerun lacks"
        for condition in self.changed:
            yield f"not the same: {condition.name} was {condition.was}, is {condition.now}"
        if not self.changed:
            fault = "" if self.bit_equal or self.missing else ", and this is a fault of the service"
            yield f"the same: machine kind, torch, threads, width, row; so equal bits are promised{fault}"
        elif self.bit_equal:
            yield "equal bits were not promised across these changes, and came out all the same"
        else:
            yield "equal bits are promised only where none of these changes"


def compare(original: View, rerun: View) -> Repetition:
    """Compare two trials' curves, each metric except those of speed, and the conditions of their attempts."""
    ours, theirs = _curve(original), _curve(rerun)
    common = sorted(ours.keys() & theirs.keys())
    names = sorted({name for epoch in common for name in (*ours[epoch], *theirs[epoch])})
    return Repetition(
        epochs=len(common),
        metrics=len(names),
        missing=len(ours.keys() - theirs.keys()),
        differences=[
            found
            for name in names
            if (found := _difference(name, {e: (ours[e].get(name), theirs[e].get(name)) for e in common}))
        ],
        changed=_changed(original["attempts"], rerun["attempts"]),
    )


def _curve(trial: View) -> dict[int, dict[str, Any]]:
    return {
        point["epoch"]: {
            name: value for name, value in point["metrics"].items() if not name.startswith(MEASURED)
        }
        for point in trial["curve"]
    }


def _difference(name: str, pairs: Mapping[int, tuple[Any, Any]]) -> Difference | None:
    """None where every pair is equal; two NaN are."""
    unlike = {epoch: pair for epoch, pair in pairs.items() if pair[0] != pair[1]}
    if not unlike:
        return None
    sizes = [_apart(*pair) for pair in unlike.values()]
    return Difference(
        name, min(unlike), max(absolute for absolute, _ in sizes), max(relative for _, relative in sizes)
    )


def _apart(was: Any, now: Any) -> tuple[float, float]:
    """The absolute and the relative difference of two values that are not equal."""
    if not all(isinstance(value, int | float) for value in (was, now)):  # a word, "nan", or nothing
        return math.inf, math.inf
    absolute = abs(was - now)
    return absolute, absolute / max(abs(was), abs(now))


def _changed(before: list[View], after: list[View]) -> list[Condition]:
    """What of the five is not the same in every attempt that trained."""
    was, now = _conditions(before), _conditions(after)
    return [
        Condition(name, _all(was[name]), _all(now[name]))
        for name in was
        if len({*was[name], *now[name]}) != 1
    ]


def _conditions(attempts: list[View]) -> dict[str, list[Any]]:
    ran = [attempt for attempt in attempts if attempt["machine"]]
    return {
        "machine kind": [attempt["machine"].get("kind") for attempt in ran],
        "torch": [attempt["machine"].get("torch") for attempt in ran],
        "threads": [attempt["machine"].get("threads") for attempt in ran],
        "width": [attempt["width"] for attempt in ran],
        "row": [attempt["row"] for attempt in ran],
    }


def _all(values: list[Any]) -> str:
    return " and ".join(map(str, dict.fromkeys(values))) or "unknown"
