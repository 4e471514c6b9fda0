"""What an entry may declare: hyperparameters that its kind can use, with defaults that they allow."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from cnnlab.errors import ConfigError, nearest
from cnnlab.hyper import Choice, ClassWeights, EntryOf, Hyper, Int, Number, Pieces, Size, declared
from cnnlab.rates import Rates


class Use(NamedTuple):
    """Which declarations a kind can use, and the reason that it can use no others."""

    forms: tuple[type, ...]
    reason: str
    row: bool = False  # whether rows of one array must be able to differ in it


_EACH_ROW = Use((Number, Int, Choice, Pieces), "its hyperparameters are numbers of each trial")
_NONE = "it can have none of its own"
USES: Mapping[str, Use] = {  # by kind; models and data sets may declare anything
    "activations": Use((Number,), "its hyperparameters are a tensor with a number for each trial", row=True),
    "losses": Use((*_EACH_ROW.forms, ClassWeights), _EACH_ROW.reason),
    "optimizers": _EACH_ROW,
    "schedules": Use((*_EACH_ROW.forms, Size), _EACH_ROW.reason),
    "initializers": Use((), f"{_NONE}: numbers are constants of its file"),
    "layers": Use((), f"{_NONE}: numbers are arguments of its constructor, hyperparameters are the model's"),
    "metrics": Use((), _NONE),
    "regularizers": Use((), f"{_NONE} beside strength and scope"),
    "augmentations": Use((), f"{_NONE} beside amount"),
}
INHERITED = {"strength", "scope", "amount"}


def problem(kind: str, entry: type, names: Callable[[str], Iterable[str]], kinds: Iterable[str]) -> str:
    """Return what is wrong with the declarations of an entry, a sentence; "" if they can be used."""
    for field, hyper in declared(entry).items():
        what = f"{field} of {entry.__qualname__}"
        if why := _misuse(kind, field, hyper):
            return f"{what} cannot be {_called(hyper)}: {why}"
        if isinstance(hyper, EntryOf):
            if hyper.kind not in kinds:
                near = nearest(hyper.kind, kinds)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                return f"{what} must be an EntryOf one of {', '.join(kinds)}; got {hyper.kind!r}.{hint}"
            if hyper.default not in names(hyper.kind):
                return f"{what}: the default must be a name of {hyper.kind}, got {hyper.default!r}"
        else:
            try:
                hyper.check("default", hyper.default)
            except ConfigError as wrong:
                return f"{what}: the default {wrong.message}"
    return ""


def _misuse(kind: str, field: str, hyper: Hyper | EntryOf) -> str:
    if kind == "models" and hyper.row and not isinstance(hyper, Number | Rates):
        return "in a model only a Number or Rates can differ between rows of an array, so leave row=True out"
    use = USES.get(kind)
    if use is None or (field in INHERITED and kind in ("regularizers", "augmentations")):
        return ""
    if not isinstance(hyper, use.forms):
        forms = f"; it may be {' or '.join(form.__name__ for form in use.forms)}" if use.forms else ""
        return f"{use.reason}{forms}"
    return f"{use.reason}, so leave row=False out" if use.row and not hyper.row else ""


def _called(hyper: Hyper | EntryOf) -> str:
    name = type(hyper).__name__
    row = ", row=True" if hyper.row and not isinstance(hyper, Number) else ""
    row = ", row=False" if isinstance(hyper, Number) and not hyper.row else row
    return f"{name}({'kind=' + repr(hyper.kind) if isinstance(hyper, EntryOf) else '…'}{row})"
