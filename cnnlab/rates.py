"""A rate for all places of a net, or a list with one for each."""

from dataclasses import dataclass
from typing import Any

from cnnlab.errors import ConfigError
from cnnlab.hyper import Hyper, Number


@dataclass(frozen=True, kw_only=True)
class Rates(Hyper):
    """A number in [low, high] for all, or a list of at most `most` such numbers, one for each.

    Trials that differ in the number are rows of one array. A list belongs to the array's shape, so that all
    rows have the same numbers of it: that at place i, counted from 0, is a number of the rows at path.i.
    """

    default: float = 0.0
    low: float = 0.0
    high: float = 1.0
    most: int
    row: bool = True

    def check(self, path: str, value: Any) -> float | list[float]:
        """Return a float or a list of floats; whether it has one for each shows where these are counted."""
        number = Number(default=self.default, low=self.low, high=self.high)
        if not isinstance(value, list | tuple):
            return number.check(path, value)
        if not 1 <= len(value) <= self.most:
            raise ConfigError(path, f"must be a number or a list of 1 to {self.most}, got {value!r}")
        return [number.check(f"{path}.{i}", each) for i, each in enumerate(value)]

    def describe(self) -> dict[str, Any]:
        """Return type, range, limit and default."""
        return {
            "type": "rates", "default": self.default, "low": self.low, "high": self.high, "most": self.most,
            "row": self.row,
        }  # fmt: skip
