"""What a user may write for an axis of the space: values, one fixed value, or a range to draw from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from services.domain.errors import nearest

LARGEST = 2.0**53  # beyond it a JSON number is no longer exact
SMALLEST = 1e-100  # where a logarithmic range may begin; far below, its ends have no quotient
FINEST = 1e-11  # relative; values are told to twelve digits, finer steps would give one value twice


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"must be a number up to 2^53, got {value!r}")
    return value


def _whole(value: Any) -> Any:
    """3.0 is an integer, because JSON has a single kind of number."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST:
        raise ValueError(f"must be an integer, got {value!r}")
    return value


def _pair(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"must be [low, high], got {value!r}")
    return value


Number = Annotated[float, BeforeValidator(_number)]
Whole = Annotated[int, BeforeValidator(_whole)]
Ends = Annotated[tuple[Number, Number], BeforeValidator(_pair)]
WholeEnds = Annotated[tuple[Whole, Whole], BeforeValidator(_pair)]


class Conditional(BaseModel):
    """An axis written as an object; `when` names the choices on other axes with which it exists at all.

    {"train.optimizer": ["momentum", "nesterov"]}: a value or a list of them, an entry by its name. Where the
    condition does not hold, the axis has no value and the config keeps what it would have without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: dict[str, Any] = Field(default_factory=dict)

    def conditions(self) -> dict[str, list[Any]]:
        """The wanted values by axis."""
        return {name: value if isinstance(value, list) else [value] for name, value in self.when.items()}


class Choice(Conditional):
    """One of some values."""

    choice: list[Any]


class Uniform(Conditional):
    """A number in [low, high], all equally likely; with a step: low, low + step, … up to high."""

    uniform: Ends
    step: Annotated[Number, Field(gt=0)] | None = None

    @field_validator("uniform")
    @classmethod
    def _rising(cls, ends: tuple[float, float]) -> tuple[float, float]:
        return _checked(ends)

    @model_validator(mode="after")
    def _coarse(self) -> Uniform:
        least = FINEST * max(map(abs, self.uniform))
        if self.step is not None and self.step < least:
            raise ValueError(f"the step of this range must be at least {least:g}, got {self.step:g}")
        return self


class LogUniform(Conditional):
    """A number in [low, high] whose logarithm is equally likely; with a step: low, low·step, low·step², …"""

    log_uniform: Ends
    step: Annotated[Number, Field(gt=1)] | None = None

    @field_validator("log_uniform")
    @classmethod
    def _rising(cls, ends: tuple[float, float]) -> tuple[float, float]:
        if ends[0] <= 0:
            raise ValueError(f"a logarithmic range must begin above 0, got {ends[0]:g}")
        if ends[0] < SMALLEST:
            raise ValueError(f"a logarithmic range must begin at {SMALLEST:g} or above, got {ends[0]:g}")
        return _checked(ends)

    @model_validator(mode="after")
    def _coarse(self) -> LogUniform:
        if self.step is not None and self.step - 1 < FINEST:
            raise ValueError(f"the step is a factor and must be at least 1 + {FINEST:g}, got {self.step!r}")
        return self


class IntRange(Conditional):
    """An integer from low to high, both included; with a step: low, low + step, …"""

    int: WholeEnds
    step: Annotated[Whole, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _rising(self) -> IntRange:
        _checked(self.int)
        return self


def _checked(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise ValueError(f"a range must be [low, high] with low below high, got [{ends[0]:g}, {ends[1]:g}]")
    return ends


RANGES: dict[str, type[Conditional]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "int": IntRange,
    "choice": Choice,
}


def _form(given: Any) -> str:
    """Which form was meant, by the key that only it has; in brackets, as no key of a user's is written."""
    if isinstance(given, Conditional):
        return next(f"<{key}>" for key, form in RANGES.items() if isinstance(given, form))
    if isinstance(given, list):
        return "<list>"
    if isinstance(given, Mapping):
        return next((f"<{key}>" for key in RANGES if key in given), "<fixed>")
    return "<fixed>"


def _fixed(given: Any) -> Any:
    """An object that is no entry and no penalty, but looks like a misspelt range, is refused."""
    if isinstance(given, Mapping) and "name" not in given:
        for key in given:
            if hint := nearest(str(key), RANGES):
                raise ValueError(f"no form of axis {key!r}.{hint} Known: a list, {', '.join(RANGES)}")
    if given is None:
        raise ValueError(f"must be a list, a value or an object with {', '.join(RANGES)}; got null")
    return given


Written = Annotated[
    Annotated[list[Any], Tag("<list>")]
    | Annotated[Choice, Tag("<choice>")]
    | Annotated[Uniform, Tag("<uniform>")]
    | Annotated[LogUniform, Tag("<log_uniform>")]
    | Annotated[IntRange, Tag("<int>")]
    | Annotated[Any, BeforeValidator(_fixed), Tag("<fixed>")],
    Discriminator(_form),
]


def choices(written: Any) -> list[Any] | None:
    """The values of an axis that lists them; None for a range."""
    if isinstance(written, Choice):
        return list(written.choice)
    if isinstance(written, Conditional):
        return None
    return list(written) if isinstance(written, list) else [written]


def place(written: Any, pick: int | None) -> tuple[str | int, ...]:
    """Where below /space/<axis> the pick of an axis stands in the user's text."""
    if isinstance(written, Choice):
        return ("choice",) if pick is None else ("choice", pick)
    return (pick,) if isinstance(written, list) and pick is not None else ()
