"""Whether a trial trained again has the same curve: bit for bit, or with which differences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from services.cli.show.formats import many, number
from services.client import View

SPEED_PREFIX = "perf/"  # metrics of time and speed, which never repeat


@dataclass(frozen=True)
class Difference:
    """How one metric differs: the first epoch in which it does, and its largest differences.

    `relative` is relative to the larger value; both are infinite if a value is missing or not finite.
    """

    metric: str
    epoch: int
    absolute: float
    relative: float


@dataclass(frozen=True)
class ChangedCondition:
    """Something that float32 bits depend on: its value in the original and in the rerun."""

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
    changed: list[ChangedCondition] = field(default_factory=list)

    @property
    def bit_equal(self) -> bool:
        """Whether every number of every epoch is the same."""
        return self.epochs > 0 and not self.missing and not self.differences

    def as_json(self) -> dict[str, Any]:
        """The comparison as plain data; a difference that is not finite is null."""
        shown = asdict(self)
        for difference in shown["differences"]:
            for name in ("absolute", "relative"):
                difference[name] = difference[name] if math.isfinite(difference[name]) else None
        return {"bit_equal": self.bit_equal, **shown}

    def lines(self) -> Iterator[str]:
        """The comparison as text, line by line."""
        epochs, metrics = many(self.epochs, "epoch"), many(self.metrics, "metric")
        if self.bit_equal:
            yield f"bit-equal over {epochs}: every value of {metrics}"
        else:
            yield f"not bit-equal over {epochs}: {len(self.differences)} of {metrics} differ"
        for each in self.differences:
            yield (
                f"{each.metric} differs from epoch {each.epoch} on, by at most {number(each.absolute)} "
                f"(relative: {number(each.relative)})"
            )
        if self.missing:
            yield f"the rerun lacks {many(self.missing, 'epoch')} of the original"
        for condition in self.changed:
            yield f"changed: {condition.name} was {condition.was}, is now {condition.now}"
        if not self.changed:
            fault = "" if self.bit_equal or self.missing else ", and this is a bug in cnnlab"
            same = "device kind, machine kind, torch, threads, kernels, convolutions, steps, width, row"
            yield f"the same: {same}; equal bits are guaranteed{fault}"
        elif self.bit_equal:
            yield "equal bits are not guaranteed after these changes, but the curves are bit-equal"
        else:
            yield "equal bits are guaranteed only if none of these changes"


def compare(original: View, rerun: View) -> Repetition:
    """Compare the curves of two trials, without metrics of speed, and the conditions of their attempts."""
    before, after = _curve(original), _curve(rerun)
    common = sorted(before.keys() & after.keys())
    names = sorted({name for epoch in common for name in (*before[epoch], *after[epoch])})
    return Repetition(
        epochs=len(common),
        metrics=len(names),
        missing=len(before.keys() - after.keys()),
        differences=[
            found
            for name in names
            if (found := _difference(name, {e: (before[e].get(name), after[e].get(name)) for e in common}))
        ],
        changed=_changed(original["attempts"], rerun["attempts"]),
    )


def _curve(trial: View) -> dict[int, dict[str, Any]]:
    return {
        point["epoch"]: {
            name: value for name, value in point["metrics"].items() if not name.startswith(SPEED_PREFIX)
        }
        for point in trial["curve"]
    }


def _difference(name: str, pairs: Mapping[int, tuple[Any, Any]]) -> Difference | None:
    """None if every pair is equal; two NaN are equal."""
    unlike = {epoch: pair for epoch, pair in pairs.items() if pair[0] != pair[1]}
    if not unlike:
        return None
    sizes = [_distance(*pair) for pair in unlike.values()]
    return Difference(
        name, min(unlike), max(absolute for absolute, _ in sizes), max(relative for _, relative in sizes)
    )


def _distance(was: Any, now: Any) -> tuple[float, float]:
    """The absolute and the relative difference of two values that are not equal."""
    if not all(isinstance(value, int | float) for value in (was, now)):  # "nan", "inf" or missing
        return math.inf, math.inf
    absolute = abs(was - now)
    return absolute, absolute / max(abs(was), abs(now))


def _changed(before: list[View], after: list[View]) -> list[ChangedCondition]:
    """The conditions that are not the same in every attempt that trained."""
    was, now = _conditions(before), _conditions(after)
    changed = [name for name in was if len({*was[name], *now[name]}) != 1]
    # A trial that went on from a rung has a place for each stage, in this order.
    same = [name for name in ("width", "row") if _steps(was[name]) == _steps(now[name])]
    return [ChangedCondition(name, _all(was[name]), _all(now[name])) for name in changed if name not in same]


def _conditions(attempts: list[View]) -> dict[str, list[Any]]:
    ran = [attempt for attempt in attempts if attempt["machine"]]
    engines = [attempt["engine"] for attempt in ran if attempt["engine"]]  # of those that committed an epoch
    return {
        "device kind": [attempt["kind"] for attempt in ran],
        "machine kind": [attempt["machine"].get("kind") for attempt in ran],
        "torch": [attempt["machine"].get("torch") for attempt in ran],
        "threads": [attempt["machine"].get("threads") for attempt in ran],
        "kernels": [engine["kernels"] for engine in engines],
        "convolutions": [_ways(attempt["machine"].get("ways") or {}) for attempt in ran],
        "steps": [engine["steps"] for engine in engines],
        "width": [attempt["width"] for attempt in ran],
        "row": [attempt["row"] for attempt in ran],
    }


def _steps(values: list[Any]) -> list[Any]:
    """The values one after the other, each once until it changes."""
    return [value for value, _ in groupby(values)]


def _ways(ways: Mapping[str, str]) -> str:
    """How the convolutions of an attempt on a GPU were computed; on a CPU the config alone decides it."""
    return "; ".join(f"{way}: {task}" for task, way in sorted(ways.items())) or "by rule"


def _all(values: list[Any]) -> str:
    return " and ".join(map(str, dict.fromkeys(values))) or "unknown"
