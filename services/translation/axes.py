"""The values of a parameter as an axis of a spec."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from services.translation.distributions import exact
from services.translation.parameter import Fixed, Interval, OneOfValues
from services.translation.part import shown
from services.translation.readings import UnreadableValue, kept, switch, widths
from services.translation.vocabulary import Destination

MAX_SHAPES = 200  # architectures of a sweep
FEW, LEAST = 9, 3  # values of a range that had too many


@dataclass
class Values:
    """What a hyperparameter gets: one `fixed` value, or an axis as `written`, and what to say of it."""

    written: Any = None
    fixed: bool = False
    notes: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def listed(self) -> list[Any]:
        """The values, where they are listed."""
        if self.fixed:
            return [self.written]
        if isinstance(self.written, list):
            return self.written
        return list(self.written.get("choice", [])) if isinstance(self.written, dict) else []

    def under(self, condition: dict[str, Any]) -> dict[str, Any]:
        """The axis with a condition."""
        if isinstance(self.written, dict) and not self.fixed:
            return {**self.written, "when": condition}
        return {"choice": [self.written] if self.fixed else self.written, "when": condition}

    def size(self) -> int:
        """How many values there are; 0 for a range without steps."""
        match self.written:
            case {"int": [low, high], "log": True, "step": step}:
                return int(math.log(high / low, step) + 1e-9) + 1
            case {"int": [low, high], **rest}:
                return int((high - low) // rest.get("step", 1)) + 1
            case {"uniform": [low, high], "step": step}:
                return int((high - low) / step + 1e-9) + 1
            case {"uniform": _} | {"log_uniform": _}:
                return 0
        return len(self.listed) or 1


def values(domain: Fixed | OneOfValues | Interval, target: Destination) -> Values:
    """Read a parameter's values as those of a hyperparameter."""
    if isinstance(domain, Interval):
        return _range(domain, target)
    found, each = Values(), domain.values if isinstance(domain, OneOfValues) else (domain.value,)
    good: list[Any] = []
    for value in each:
        try:
            on = switch(value) if target.usual is not None else None
            read = target.read(value) if on is None else (target.usual if on else 0)
            _within(read, target)
        except UnreadableValue as why:
            found.unread.append(f"{shown(value)} {why}")
            continue
        if on:
            found.notes.append(f"on in the file; {target.usual:g} is chosen here")
        if read not in good:
            good.append(read)
    if not good:
        return found
    found.fixed = len(good) == 1
    found.written = good[0] if found.fixed else good
    if target.read is widths and not found.fixed and not any(isinstance(one, list) for one in good):
        found.written = {"choice": good}
    return found


def _within(value: Any, target: Destination) -> None:
    """Refuse a number that cannot stand there."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < target.least:
            raise UnreadableValue(f"is below {target.least:g}, the least that it can be")
        if value > target.most:
            raise UnreadableValue(f"is above {target.most:g}, the most that it can be")


def integers(found: Values) -> list[Any]:
    """The values of an axis of integers one by one, of a range as well."""
    axis: dict[str, Any] = found.written if isinstance(found.written, dict) else {}
    if "int" not in axis:
        return found.listed
    low, step = axis["int"][0], axis.get("step", 1)
    return [low * step**i if axis.get("log") else low + i * step for i in range(found.size())]


def _range(domain: Interval, target: Destination) -> Values:
    """A range, as integers where the hyperparameter is one."""
    if not target.numeric:
        return Values(unread=[f"{domain.low:g} to {domain.high:g} is a range, but it has single values here"])
    if target.read is kept:
        ends = sorted(map(kept, (domain.low, domain.high)))
        lost = ["evenly spread here, not by its logarithm"] if domain.log else []
        return Values(_stepped("uniform", ends[0], ends[1], domain.step), notes=lost)
    notes = []
    low, high = domain.low, domain.high
    if low < target.least:
        steps = math.ceil((target.least - low) / domain.step) if domain.step else 0
        low = exact(low + steps * domain.step) if domain.step else target.least
        notes.append(f"begins at {low:g} here: it cannot be {domain.low:g}")
    if high > target.most:
        high = target.most
        notes.append(f"ends at {high:g} here: it cannot be {domain.high:g}")
    if target.whole or domain.whole:
        found = _integers(low, high, domain)
        return Values(found.written, found.fixed, notes + found.notes, found.unread)
    if low >= high:
        return Values(unread=[f"{domain.low:g} to {domain.high:g} lies outside of what it can be"])
    if domain.log:
        if domain.step is not None:
            notes.append(f"multiples of {domain.step:g} in the file; any number in between here")
        return Values({"log_uniform": [low, high]}, notes=notes)
    return Values(_stepped("uniform", low, high, domain.step), notes=notes)


def _integers(low: float, high: float, domain: Interval) -> Values:
    """A range of integers; a logarithmic one keeps its spread if its ends are a power of 2 apart."""
    first, last = math.ceil(low), math.floor(high)
    notes = [] if domain.whole else ["any number in the file; integers here"]
    if first > last:
        return Values(unread=[f"{low:g} to {high:g} has no integer"])
    if first == last:
        return Values(first, fixed=True, notes=notes)
    if domain.log:
        doublings = math.log2(last / first) if first > 0 else 0.5
        if doublings.is_integer() and doublings > 1:
            notes.append(
                "powers of 2, which keep the logarithmic spread; the file has more values in between"
            )
            return Values({"int": [first, last], "step": 2, "log": True}, notes=notes)
        notes.append("all integers are equally likely here, not their logarithms")
    step = domain.step if domain.step is not None and float(domain.step).is_integer() else None
    return Values(_stepped("int", first, last, None if step == 1 else step), notes=notes)


def _stepped(form: str, low: float, high: float, step: float | None) -> dict[str, Any]:
    return {form: [low, high]} | ({} if step is None else {"step": step})


def is_shape(path: str) -> bool:
    """Whether trials that differ in it train in different arrays."""
    if path in ("train.batch_size", "train.epochs", "train.accumulate", "train.precision", "model"):
        return True
    return path.split(".")[0] in ("model", "data") and "dropout" not in path


def stepped(found: Values) -> Values:
    """A range without steps as five values, where each is an array of its own."""
    axis: dict[str, Any] = found.written if isinstance(found.written, dict) else {}
    form = next((each for each in ("uniform", "log_uniform") if each in axis), "")
    if not form or "step" in axis:
        return found
    low, high = axis[form]
    step = exact((high - low) / 4 if form == "uniform" else (high / low) ** 0.25)
    kind = "steps of" if form == "uniform" else "steps by a factor of"
    note = f"any number in the file; {kind} {step:g} here, because each value is an array of its own"
    return Values({**axis, "step": step}, notes=[*found.notes, note])


def coarser(found: Values) -> Values:
    """A range of integers with fewer values: half as many, but at most nine and at least three."""
    axis: dict[str, Any] = found.written if isinstance(found.written, dict) else {}
    if "int" not in axis or "log" in axis or found.size() <= LEAST:
        return found
    (low, high), step = axis["int"], axis.get("step", 1) * 2
    while (high - low) // step >= FEW:
        step *= 2
    return Values({**axis, "step": step})
