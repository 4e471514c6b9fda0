"""A spec from a sweep of another tool: parameters become axes; what it does not say is chosen and named."""

from __future__ import annotations

import re

from pydantic import ValidationError

from services.domain.spec.spec import Spec
from services.translation import axes, metric_names, vocabulary
from services.translation.axes import Values
from services.translation.combined import combine
from services.translation.draft import Draft
from services.translation.entry_names import name_of
from services.translation.foreign import ForeignSweep
from services.translation.parameter import Fixed, ForeignParameter, OneOfValues, Unspecified, in_words
from services.translation.part import shown
from services.translation.placement import Placement
from services.translation.search_method import choose_search
from services.translation.vocabulary import Destination

DEFAULT_EPOCHS = 10
DATA_HINTS = (
    (r"fashion", "fashion-mnist"), (r"cifar[\W_]*10(?!\d)", "cifar10"), (r"mnist", "mnist")
)  # fmt: skip
MAX_CHARS = 100  # of a name
FIRST_SIZES = {"cnn": ("model.blocks", "model.filters", 16), "mlp": ("model.depth", "model.hidden", 128)}
ENTRIES = ("model", "data", "train.optimizer", "train.loss", "train.schedule")
COLOURED, GREY = "data.saturation", ("mnist", "fashion-mnist", "fashion-mnist-mini")
MIXTURES = ("data.mixup", "data.cutmix")


def compose(sweep: ForeignSweep, fallback: str) -> Draft:
    """The spec of a sweep; `fallback` is its name where the file has none."""
    draft = Draft(sweep.tool, lost=list(sweep.lost))
    for at, text in sweep.notes:
        draft.note(at, text)
    _names(sweep, draft, fallback)
    found = _targets(sweep, draft)
    _one_mixture(found, draft)
    placement = Placement(draft, [target for target, _, _ in found])
    first = [each for each in found if each[0].paths[0] in ENTRIES]
    for target, parameter, read in first:
        placement.place(target, parameter, read)
    if "data" not in draft.fields and "data" not in draft.space:
        _guess_data(sweep, draft)
    placement.complete()
    for target, parameter, read in found:
        if target.paths[0] == COLOURED and read.listed != [0] and _has_grey_images(draft):
            draft.lose(parameter.name, f"images of one channel have none; {in_words(parameter.domain)}")
        elif target.paths[0] == "data.folds" and not read.fixed:
            draft.lose(parameter.name, f"folds are the same for all points; {in_words(parameter.domain)}")
        elif target.paths[0] not in ENTRIES:
            placement.place(target, parameter, read)
    _first_sizes(draft)
    _as_many_as_listed(draft)
    _even_kernels(draft)
    _epochs(sweep, draft)
    choose_search(sweep, draft)
    _objective(sweep, draft)
    return draft


def _names(sweep: ForeignSweep, draft: Draft, fallback: str) -> None:
    """Name, project and description, of the characters and length that they may have."""
    for field, text in (("name", sweep.name or fallback), ("project", sweep.project)):
        fitting = _fitting(text)
        if text and fitting != text:
            draft.note(field, f"{shown(text)} in the file, which is no name here")
        if fitting:
            draft.fields[field] = fitting
    draft.fields.setdefault("name", "translated")
    if not sweep.name:
        draft.note("name", "the sweep has none in the file")
    if sweep.description:
        draft.fields["description"] = sweep.description[:2000]
        if len(sweep.description) > 2000:
            draft.note("description", "cut off after 2,000 characters")


def _fitting(text: str) -> str:
    """A text as a name: as it is if it can be one, else of plain characters and not too long."""
    try:
        return Spec(name=text).name
    except ValidationError:
        return re.sub(r"[^A-Za-z0-9 ._\-]+", "-", text).strip(" -._")[:MAX_CHARS].strip()


def _targets(sweep: ForeignSweep, draft: Draft) -> list[tuple[Destination, ForeignParameter, Values]]:
    """The parameters that have a place in a spec, and their values; the others are named in the draft."""
    found: list[tuple[Destination, ForeignParameter, Values]] = []
    for parameter in combine(sweep.parameters, draft.lose):
        if vocabulary.is_seed(parameter.name):
            _seed(parameter, draft)
            continue
        target = vocabulary.target(parameter.name)
        if target is None:
            why = vocabulary.without(parameter.name) or "no hyperparameter is known by this name"
            draft.lose(parameter.name, f"{why}; {in_words(parameter.domain)}")
            continue
        taken = next((one.name for other, one, _ in found if set(other.paths) & set(target.paths)), None)
        if taken is not None:
            draft.lose(parameter.name, f"{target.paths[0]} is {taken} already; {in_words(parameter.domain)}")
            continue
        if isinstance(parameter.domain, Unspecified):
            draft.lose(parameter.name, f"{target.paths[0]}: {parameter.domain.why}")
            continue
        read = axes.values(parameter.domain, target)
        if read.written is None:
            draft.unread.add(target.paths[0])
            draft.lose(parameter.name, f"{target.paths[0]}: {', '.join(read.unread)}")
            continue
        found.append((target, parameter, read))
    return found


def _seed(parameter: ForeignParameter, draft: Draft) -> None:
    """One seed is the sweep's; several are replicates of each point."""
    match parameter.domain:
        case Fixed(int() as value) if not isinstance(value, bool) and 0 <= value < 2**31:
            draft.fields["seed"] = value
        case OneOfValues(each) if len(each) <= 100:
            draft.fields["seeds"] = len(each)
            draft.note(
                "seeds",
                f"{parameter.name}: {shown(list(each))} in the file; so many replicates of each point here",
            )
        case _:
            draft.lose(
                parameter.name, f"seeds is how often each point is trained; {in_words(parameter.domain)}"
            )


def _guess_data(sweep: ForeignSweep, draft: Draft) -> None:
    """Take the data set that a text of the file names, else the smallest."""
    for text in sweep.hints:
        for pattern, name in DATA_HINTS:
            if re.search(pattern, text, re.IGNORECASE):
                draft.fields["data"] = name
                draft.note("data", f"taken from {shown(text)}; no parameter of the file names the data set")
                return
    draft.fields["data"] = "fashion-mnist-mini"
    draft.note(
        "data", "the file does not name the data set; write yours, e.g. mnist, fashion-mnist or cifar10"
    )


def _first_sizes(draft: Draft) -> None:
    """Where the number of layers varies, give one size alone: lists of sizes have a length of their own."""
    written = draft.space.get("model", draft.value("model"))
    models = [name_of(each) for each in (written if isinstance(written, list) else [written])]
    for model, (count, sizes, default) in FIRST_SIZES.items():
        varies = count in draft.space or draft.value(count) is not None
        if model not in models or not varies or sizes in draft.space or draft.value(sizes) is not None:
            continue
        if "model" in draft.space:
            draft.space[sizes] = {"choice": [default], "when": {"model": model}}
        else:
            draft.put(sizes, default)
        at = sizes if sizes in draft.space else "model"
        draft.note(at, f"{sizes.partition('.')[2]}: the file does not say how many; {default} is chosen here")


def _one_mixture(found: list[tuple[Destination, ForeignParameter, Values]], draft: Draft) -> None:
    """Keep one of the augmentations that mix two images: a mixed image has two targets, and no more."""
    mixing = [each for each in found if each[0].paths[0] in MIXTURES and each[2].listed != [0]]
    for each in mixing[1:]:
        found.remove(each)
        target, parameter, _ = each
        kept = mixing[0][0].paths[0]
        why = f"{target.paths[0]} must be 0 where {kept} is on: an image has at most two targets"
        draft.lose(parameter.name, f"{why}; {in_words(parameter.domain)}")


def _has_grey_images(draft: Draft) -> bool:
    """Whether a data set of the sweep has images of one channel."""
    written = draft.space.get("data", draft.fields.get("data"))
    return any(name_of(each) in GREY for each in (written if isinstance(written, list) else [written]))


def _as_many_as_listed(draft: Draft) -> None:
    """Leave out numbers of layers below what a list of their sizes has: a list says how many there are."""
    for count, sizes, _ in FIRST_SIZES.values():
        listed = Values(draft.space.get(sizes, draft.value(sizes))).listed
        fixed = draft.value(sizes)
        lists = [each for each in (*listed, fixed) if isinstance(each, list)]
        written = draft.space.get(count, draft.value(count))
        least = max(map(len, lists), default=0)
        none = "none" in (*listed, fixed)
        if written is None or (least == 0 and not none):
            continue
        if none:
            draft.drop(count)
            draft.note("model", f"{count}: left out, because {sizes} has no layer in some points")
            continue
        read = Values(written, fixed=not isinstance(written, list | dict))
        kept = [each for each in axes.integers(read) if each >= least]
        if kept == axes.integers(read):
            continue
        draft.drop(count)
        if kept:
            when = written.get("when") if isinstance(written, dict) else None
            draft.space[count] = Values(kept).under(when) if when else kept
        why = f"left out below {least}, the layers that {sizes} lists"
        draft.note(count if kept else sizes if sizes in draft.space else "model", f"{count}: {why}")


def _even_kernels(draft: Draft) -> None:
    """Let `cnn` convolve without padding where a filter's side may be even, which cannot be padded alike."""
    axis = draft.space.get("model.kernel", draft.value("model.kernel"))
    if isinstance(axis, dict):
        axis = axis.get("choice") or [axis["int"][0], axis["int"][0] + axis.get("step", 1)]
    sides = axis if isinstance(axis, list) else [axis or 1]
    if any(side % 2 == 0 for side in sides) and "model" in draft.fields:
        draft.put("model.padding", "valid")
        draft.note("model", "padding: valid, because filters of an even side do not fit into equal padding")


def _epochs(sweep: ForeignSweep, draft: Draft) -> None:
    """The epochs of a trial: a parameter of the file, else what its early stopping says, else the default."""
    train = draft.fields.setdefault("train", {})
    if "epochs" in train or "train.epochs" in draft.space:
        return
    train["epochs"] = sweep.epochs or DEFAULT_EPOCHS
    draft.note(
        "train",
        f"epochs: {sweep.epochs} from the early stopping of the file"
        if sweep.epochs
        else f"epochs: the file does not say how many; {DEFAULT_EPOCHS} is cnnlab's default",
    )


def _objective(sweep: ForeignSweep, draft: Draft) -> None:
    """The metric that ranks trials."""
    if not sweep.metric:
        draft.note(
            "objective", "the file does not name the metric; val/acc is the accuracy on the validation part"
        )
        draft.fields["objective"] = "val/acc"
        return
    metric, notes = metric_names.objective(sweep.metric, sweep.goal)
    draft.fields["objective"] = metric if sweep.at == "best" else {"metric": metric, "at": sweep.at}
    for note in notes:
        draft.note("objective", note)
