"""Declared hyperparameters: what may vary, in which range, and whether rows of one array may differ in it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar

from cnnlab.errors import ConfigError

_declared: dict[type, Mapping[str, Any]] = {}  # by entry


@dataclass(frozen=True, kw_only=True)
class Hyper(ABC):
    """One hyperparameter of an entry, declared as a class attribute.

    `row`: trials that differ in it may be rows of one array; otherwise it belongs to the array's shape.
    In a signature it is an annotation, `channels: Int[8, 64] = 16`; `bounds` are the fields in brackets.
    """

    bounds: ClassVar[tuple[str, ...]] = ()

    default: Any
    row: bool

    def __class_getitem__(cls, given: Any) -> "Annotation":
        """Return the declaration without its default; the brackets hold what `bounds` names."""
        return Annotation(cls, given if isinstance(given, tuple) else (given,))

    @abstractmethod
    def check(self, path: str, value: Any) -> Any:
        """Return the value in its canonical form; `ConfigError` at `path` if it is invalid."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the declaration as JSON for a catalog."""


@dataclass(frozen=True)
class Annotation:
    """A hyperparameter without its default, as a signature has it: `Number[0, 1]`, `Choice["relu", "gelu"]`.

    Trials that differ in a `Number` are rows of one array; in `Number[0, 1].per_array` they are not.
    """

    form: type[Hyper]
    given: tuple[Any, ...]
    own_array: bool = False

    @property
    def per_array(self) -> "Annotation":
        """Return the same, of which each value has an array of its own."""
        return replace(self, own_array=True)

    def declared(self, default: Any) -> Hyper:
        """Return the hyperparameter with this default; ConfigError if that, or the brackets, are wrong."""
        form, fields = self.form.__name__, self.form.bounds
        if not fields:
            raise ConfigError(
                "", f"cannot be a {form} in a signature: take Number, Int, Choice, Widths or Text"
            )
        own: dict[str, Any] = {"options": self.given} if fields == ("options",) else {}
        if not own:
            numbers = all(isinstance(each, int | float) for each in self.given)
            if len(self.given) != len(fields) or not numbers or list(self.given) != sorted(self.given):
                shown = ", ".join(map(repr, self.given))
                raise ConfigError("", f"must be written {form}[{', '.join(fields)}]; got {form}[{shown}]")
            own = dict(zip(fields, self.given, strict=True))
        if self.own_array:
            own["row"] = False
        found = self.form(default=default, **own)
        return replace(found, default=found.check("", default))


@dataclass(frozen=True, kw_only=True)
class Number(Hyper):
    """A float in [low, high]; `log`: a range is best sampled by order of magnitude."""

    bounds: ClassVar = ("low", "high")

    default: float
    low: float
    high: float
    log: bool = False
    row: bool = True

    def check(self, path: str, value: Any) -> float:
        """Return a float; NaN, Infinity, booleans and texts are refused."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:
            raise ConfigError(path, f"must be a number from {self.low:g} to {self.high:g}, got {value!r}")
        return float(value)

    def describe(self) -> dict[str, Any]:
        """Return type, range and default."""
        return {
            "type": "number", "default": self.default, "low": self.low, "high": self.high,
            "log": self.log, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Int(Hyper):
    """An integer in [low, high]."""

    bounds: ClassVar = ("low", "high")

    default: int
    low: int
    high: int
    log: bool = False
    row: bool = False

    def check(self, path: str, value: Any) -> int:
        """Return an int; 3.0 is one, because JSON has a single kind of number, and so is the text "3"."""
        if isinstance(value, str) and re.fullmatch(r"-?(0|[1-9]\d{0,14})", value):
            value = int(value)
        whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
        if isinstance(value, bool) or not whole or not self.low <= value <= self.high:
            raise ConfigError(path, f"must be an integer from {self.low} to {self.high}, got {value!r}")
        return int(value)

    def describe(self) -> dict[str, Any]:
        """Return type, range and default."""
        return {
            "type": "integer", "default": self.default, "low": self.low, "high": self.high,
            "log": self.log, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Size(Hyper):
    """An integer from 1 to `high`, or a word for all that there are."""

    default: int | str
    high: int
    word: str = "full"
    row: bool = False

    def check(self, path: str, value: Any) -> int | str:
        """Return an int or the word."""
        if value == self.word:
            return self.word
        if isinstance(value, str):
            raise ConfigError(path, f"must be an integer from 1 to {self.high} or {self.word}, got {value!r}")
        return Int(default=1, low=1, high=self.high).check(path, value)

    def describe(self) -> dict[str, Any]:
        """Return type, range and default."""
        return {
            "type": "size", "default": self.default, "low": 1, "high": self.high, "word": self.word,
            "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Choice(Hyper):
    """One of several options: texts, or whole numbers such as the depths that a net can have."""

    bounds: ClassVar = ("options",)

    default: str | int
    options: tuple[str | int, ...]
    row: bool = False

    def check(self, path: str, value: Any) -> str | int:
        """Return the option; a number may be given as text and a text as number.

        True and False stand for yes and no, which YAML reads as booleans.
        """
        given = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(value, bool):
            given = "yes" if value else "no"
        for option in self.options if isinstance(given, str | int) else ():
            if str(option) == str(given):
                return option
        raise ConfigError(path, f"must be one of {', '.join(map(str, self.options))}, got {value!r}")

    def index(self, option: str | int) -> int:
        """Return the number by which tensors of rows hold an option: its index."""
        return self.options.index(option)

    def describe(self) -> dict[str, Any]:
        """Return type, options and default."""
        return {"type": "choice", "default": self.default, "options": list(self.options), "row": self.row}


@dataclass(frozen=True, kw_only=True)
class Widths(Hyper):
    """The widths of a chain of layers: [256, 128], or as text, "256-128"; [] or none is no layer."""

    bounds: ClassVar = ("most",)

    default: tuple[int, ...]
    most: int
    least: int = 0
    row: bool = False

    def check(self, path: str, value: Any) -> list[int]:
        """Return a list of ints, each from 1 to 65536, from `least` to `most` of them; 64 is [64]."""
        parts: Any = [] if value == "none" else value
        if isinstance(parts, str):
            parts = [int(p) if p.strip().isdecimal() else p for p in parts.split("-")] if parts else []
        elif isinstance(value, int | float) and not isinstance(value, bool):
            parts = [value]
        if not isinstance(parts, list | tuple) or not self.least <= len(parts) <= self.most:
            count = f"{self.least} to {self.most}" if self.least else f"none or at most {self.most}"
            raise ConfigError(
                path, f'must be {count} widths, as a list or a text like "256-128", got {value!r}'
            )
        width = Int(default=1, low=1, high=65536)
        return [width.check(f"{path}.{i}", part) for i, part in enumerate(parts)]

    def describe(self) -> dict[str, Any]:
        """Return type, limits and default."""
        return {
            "type": "widths", "default": list(self.default), "least": self.least, "most": self.most,
            "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Pieces(Hyper):
    """Pairs [[time, number], …]: each number holds from its time on; times rise, and are above 0."""

    default: tuple[tuple[float, float], ...]
    most: int
    low: float
    high: float
    row: bool = True

    def check(self, path: str, value: Any) -> list[list[float]]:
        """Return a list of pairs of floats, at least one and at most `most`."""
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= self.most:
            raise ConfigError(path, f"must be 1 to {self.most} pairs [[time, number], …], got {value!r}")
        time = Number(default=1.0, low=1e-9, high=1e9)
        number = Number(default=1.0, low=self.low, high=self.high)
        found: list[list[float]] = []
        for i, pair in enumerate(value):
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise ConfigError(f"{path}.{i}", f"must be a pair [time, number], got {pair!r}")
            found.append([time.check(f"{path}.{i}.0", pair[0]), number.check(f"{path}.{i}.1", pair[1])])
            if i and found[i][0] <= found[i - 1][0]:
                before = found[i - 1][0]
                raise ConfigError(
                    f"{path}.{i}.0", f"must be above {before:g}, the time before; got {pair[0]!r}"
                )
        return found

    def describe(self) -> dict[str, Any]:
        """Return type, limits and default."""
        return {
            "type": "pieces", "default": [list(pair) for pair in self.default], "most": self.most,
            "from": self.low, "to": self.high, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bound(Hyper):
    """A number above 0 that something must not exceed, in [low, high], or "none"."""

    default: float | str = "none"
    low: float
    high: float
    row: bool = True

    def check(self, path: str, value: Any) -> float | str:
        """Return a float or "none"."""
        if value == "none":
            return "none"
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.low <= value <= self.high:
            raise ConfigError(
                path, f"must be none or a number from {self.low:g} to {self.high:g}, got {value!r}"
            )
        return float(value)

    def describe(self) -> dict[str, Any]:
        """Return type, range and default."""
        return {
            "type": "bound", "default": self.default, "low": self.low, "high": self.high, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Span(Hyper):
    """A part of training: a number of epochs, also 0.5, or {"steps": n}, kept as "n steps"; 0 is none."""

    default: float = 0.0
    most_epochs: float
    most_steps: int
    row: bool = True

    @staticmethod
    def epochs_and_steps(value: float | str) -> tuple[float, int]:
        """Return the epochs and the steps of a checked value; one of them is 0."""
        return (0.0, int(value.partition(" ")[0])) if isinstance(value, str) else (value, 0)

    def check(self, path: str, value: Any) -> float | str:
        """Return a float, or the text "n steps"."""
        if isinstance(value, str) and (text := re.fullmatch(r"([1-9]\d{0,14}) steps", value)):
            value = {"steps": int(text[1])}
        if isinstance(value, Mapping) and value.keys() == {"steps"}:
            steps = Int(default=1, low=1, high=self.most_steps)
            with suppress(ConfigError):  # below it is refused as a whole: without its steps nothing is left
                return f"{steps.check(path, value['steps'])} steps"
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= self.most_epochs:
            wanted = f"a number of epochs from 0 to {self.most_epochs:g}, or {{steps: n}}"
            raise ConfigError(path, f"must be {wanted}, n from 1 to {self.most_steps}; got {value!r}")
        return float(value)

    def describe(self) -> dict[str, Any]:
        """Return type, limits and default."""
        return {
            "type": "span", "default": self.default, "low": 0.0, "high": self.most_epochs,
            "most_steps": self.most_steps, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ClassWeights(Hyper):
    """A weight for each class, in the order of the classes, "balanced" by their images, or "none"."""

    default: str = "none"
    most: int = 65_536  # classes
    high: float = 1e6
    row: bool = True

    def check(self, path: str, value: Any) -> str | list[float]:
        """Return a text or a list of floats; whether it fits the data is checked where these are known."""
        if isinstance(value, str) and value in ("none", "balanced"):
            return value
        if not isinstance(value, list | tuple) or not 1 <= len(value) <= self.most:
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            hint = f"; in a space one list is written [[{value}, …]]" if plain else ""
            raise ConfigError(
                path, f"must be none, balanced or a list with a weight for each class, got {value!r}{hint}"
            )
        number = Number(default=1.0, low=0.0, high=self.high)
        weights = [number.check(f"{path}.{i}", weight) for i, weight in enumerate(value)]
        if not any(weights):
            raise ConfigError(path, f"must have a weight above 0, got {value!r}")
        return weights

    def describe(self) -> dict[str, Any]:
        """Return type, limits and default."""
        return {
            "type": "class-weights", "default": self.default, "from": 0.0, "to": self.high, "row": self.row,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Text(Hyper):
    """A short text, such as a path; `pattern` must match all of it, and `words` describes the pattern."""

    bounds: ClassVar = ("most",)

    default: str = ""
    most: int
    pattern: str = r"[^\x00-\x1f\x7f]*"
    words: str = "a text without control characters"
    row: bool = False

    def check(self, path: str, value: Any) -> str:
        """Return the text; half of a surrogate pair is refused."""
        text = isinstance(value, str) and re.fullmatch(self.pattern, value) is not None
        if not text or len(value) > self.most or any("\ud800" <= letter <= "\udfff" for letter in value):
            shown = ascii(value)[:100]
            raise ConfigError(path, f"must be {self.words}, of at most {self.most} characters, got {shown}")
        return str(value)

    def describe(self) -> dict[str, Any]:
        """Return type, limit and default."""
        return {"type": "text", "default": self.default, "most": self.most, "row": self.row}


@dataclass(frozen=True)
class EntryOf:
    """An entry of another kind, with its own hyperparameters; the registry resolves it."""

    kind: str
    _: KW_ONLY
    default: str
    row: bool = False

    def describe(self) -> dict[str, Any]:
        """Return the kind whose names are the choices."""
        return {"type": "entry", "kind": self.kind, "default": self.default, "row": self.row}


def declared(entry: type) -> Mapping[str, Hyper | EntryOf]:
    """Return the hyperparameters of an entry by name, those of a base class first."""
    if entry not in _declared:  # found once: each config of each row asks for those of its entries
        pairs = (pair for cls in reversed(entry.__mro__) for pair in vars(cls).items())
        _declared[entry] = MappingProxyType({k: v for k, v in pairs if isinstance(v, Hyper | EntryOf)})
    return _declared[entry]
