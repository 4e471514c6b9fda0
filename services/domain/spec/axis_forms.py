"""The forms in which a user can write an axis: a list of values, one fixed value, or a range."""

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

MAX_NUMBER = 2.0**53  # beyond it a JSON number is no longer exact
MIN_LOG_START = 1e-100  # where a logarithmic range may begin; far below it, its ends have no quotient
MIN_RELATIVE_STEP = 1e-11  # values are rounded to twelve digits, so finer steps would give one value twice


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise ValueError(f"must be a number up to 2^53, got {value!r}")
    return value


def _whole(value: Any) -> Any:
    """Accept 3.0 as an integer, because JSON has only one kind of number."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_NUMBER:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > MAX_NUMBER:
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
    """An axis written as an object; `when` names the values of other axes for which it has a value.

    {"train.optimizer": ["momentum", "nesterov"]}: one value or a list of them, an entry by its name. Where
    the condition does not hold, the axis has no value, and the config is as if the axis did not exist.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    when: dict[str, Any] = Field(default_factory=dict)

    def conditions(self) -> dict[str, list[Any]]:
        """The values of other axes for which this one exists, by the axis's name."""
        return {name: value if isinstance(value, list) else [value] for name, value in self.when.items()}


class OneOf(Conditional):
    """One of the listed values."""

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
        least = MIN_RELATIVE_STEP * max(map(abs, self.uniform))
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
        if ends[0] < MIN_LOG_START:
            raise ValueError(f"a logarithmic range must begin at {MIN_LOG_START:g} or above, got {ends[0]:g}")
        return _checked(ends)

    @model_validator(mode="after")
    def _coarse(self) -> LogUniform:
        if self.step is not None and self.step - 1 < MIN_RELATIVE_STEP:
            raise ValueError(
                f"the step is a factor and must be at least 1 + {MIN_RELATIVE_STEP:g}, got {self.step!r}"
            )
        return self


class IntRange(Conditional):
    """An integer from low to high, both included; with a step: low, low + step, …, or if `log` low·step, …"""

    int: WholeEnds
    step: Annotated[Whole, Field(ge=1)] = 1
    log: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _rising(self) -> IntRange:
        low, high = _checked(self.int)
        if self.log and low < 1:
            raise ValueError(f"a logarithmic range of integers must begin at 1 or above, got {low:g}")
        if self.log and self.step < 2:
            raise ValueError(
                "a logarithmic range of integers needs a step, the factor from one to the next, of at least "
                f"2, such as {{int: [{low:g}, {high:g}], step: 2, log: true}}; got {self.step}"
            )
        return self


def _checked(ends: tuple[float, float]) -> tuple[float, float]:
    if not ends[0] < ends[1]:
        raise ValueError(f"a range must be [low, high] with low below high, got [{ends[0]:g}, {ends[1]:g}]")
    return ends


AXIS_FORMS: dict[str, type[Conditional]] = {
    "uniform": Uniform,
    "log_uniform": LogUniform,
    "int": IntRange,
    "choice": OneOf,
}


def _form(given: Any) -> str:
    """The form that was meant, by the key that only it has; in brackets, which no name of a field has."""
    if isinstance(given, Conditional):
        return next(f"<{key}>" for key, form in AXIS_FORMS.items() if isinstance(given, form))
    if isinstance(given, list):
        return "<list>"
    if isinstance(given, Mapping):
        return next((f"<{key}>" for key in AXIS_FORMS if key in given), "<fixed>")
    return "<fixed>"


def _form_of_others(given: Mapping[str, Any]) -> str | None:
    """What to write instead of the form that another tool has for an axis; None for no such form."""
    for low, high in (("min", "max"), ("low", "high"), ("lower", "upper"), ("from", "to")):
        if low in given and high in given:
            ends = f"[{given[low]}, {given[high]}]"
            return (
                f"a range is {{uniform: {ends}}}, {{log_uniform: {ends}}} or {{int: {ends}}}, got {given!r}"
            )
    for key in ("values", "categories", "grid_search"):
        if key in given:
            return f"a list of values is written as it is: {given[key]}, got {given!r}"
    if "value" in given:
        value = given["value"]
        written = f"in a list of its own: [{value}]" if isinstance(value, list) else f"as it is: {value}"
        return f"a single value is written {written}, got {given!r}"
    if "distribution" in given or "type" in given:
        return f"an axis is a list, or an object with {', '.join(AXIS_FORMS)}; got {given!r}"
    return None


def _fixed(given: Any) -> Any:
    """Refuse an object that is neither an entry nor a penalty, but looks like a misspelt range."""
    if isinstance(given, Mapping) and "name" not in given:
        if hint := _form_of_others(given):
            raise ValueError(hint)
        for key in given:
            if hint := nearest(str(key), AXIS_FORMS):
                raise ValueError(f"an axis has no form {key!r}.{hint} Known: a list, {', '.join(AXIS_FORMS)}")
    if given is None:
        raise ValueError(f"must be a list, a value or an object with {', '.join(AXIS_FORMS)}; got null")
    return given


Written = Annotated[
    Annotated[list[Any], Tag("<list>")]
    | Annotated[OneOf, Tag("<choice>")]
    | Annotated[Uniform, Tag("<uniform>")]
    | Annotated[LogUniform, Tag("<log_uniform>")]
    | Annotated[IntRange, Tag("<int>")]
    | Annotated[Any, BeforeValidator(_fixed), Tag("<fixed>")],
    Discriminator(_form),
]


def listed_values(written: Any) -> list[Any] | None:
    """The values of an axis that lists them; None for a range."""
    if isinstance(written, OneOf):
        return list(written.choice)
    if isinstance(written, Conditional):
        return None
    return list(written) if isinstance(written, list) else [written]


def place_of_value(written: Any, index: int | None) -> tuple[str | int, ...]:
    """Where below /space/<axis> the value with this index stands in the user's text; None: any of them."""
    if isinstance(written, OneOf):
        return ("choice",) if index is None else ("choice", index)
    return (index,) if isinstance(written, list) and index is not None else ()
