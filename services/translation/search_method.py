"""How the points of a translated sweep are chosen, how many, and what ends trials early."""

from __future__ import annotations

from math import prod

from services.translation import axes
from services.translation.axes import Values
from services.translation.draft import Draft
from services.translation.foreign import ForeignSweep

DEFAULT_TRIALS = 100
MAX_LISTED = 1000  # values of an axis of sizes
BY_RESULTS = ("tpe", "cma-es", "gp")


def choose_search(sweep: ForeignSweep, draft: Draft) -> None:
    """The method, what it needs, and the rules that end trials."""
    method = sweep.search or "tpe"
    if not sweep.search:
        draft.note("search", "the file does not say how points are chosen")
    space = draft.space
    found = {path: Values(written) for path, written in space.items()}
    if method == "grid" and any(each.size() == 0 for each in found.values()):
        draft.note(
            "search", "a grid needs steps, which a range of the file does not have; points at random here"
        )
        method = "random"
    points = _product(found)
    # A run of the file trains a point with one of its seeds, and all folds of it.
    seeds, folds = draft.fields.get("seeds", 1), draft.value("data.folds") or 1
    trials, most = points * seeds * folds, None
    if sweep.max_trials is not None:
        most = max(sweep.max_trials, seeds) * folds
    if method == "grid":
        if most is not None and most < trials:
            draft.note(
                "search", f"a grid of up to {points} points, cut off at {sweep.max_trials}; random ones here"
            )
            method = "random"
    elif most is None:
        most = DEFAULT_TRIALS
        draft.note("max_trials", f"the file sets no limit; {DEFAULT_TRIALS} is chosen here")
    if method != "grid":
        _limit_shapes(draft, found, method, most or DEFAULT_TRIALS)
    draft.fields |= {"search": method, "max_trials": most}
    stop = [*sweep.stop, *([] if sweep.target is None else [{"name": "target", "value": sweep.target}])]
    if stop:
        draft.fields["stop"] = stop
    _check_rungs(draft)


def _limit_shapes(draft: Draft, found: dict[str, Values], method: str, trials: int) -> None:
    """Give ranges of sizes steps where each value is an architecture and there would be too many."""
    shapes = {path: each for path, each in found.items() if axes.is_shape(path)}
    if method in BY_RESULTS:
        for path, each in shapes.items():
            shapes[path] = axes.stepped(each)
            _replace(draft, path, shapes[path])
    full = dict(shapes)
    for path in full:
        while shapes[path].size() > MAX_LISTED:
            shapes[path] = axes.coarser(shapes[path])
    if method in BY_RESULTS or trials > axes.MAX_SHAPES:
        _fit(draft, shapes)
    for path, each in shapes.items():
        if each is not full[path]:
            count, step = full[path].size(), each.written["step"]
            why = f"each value is an architecture, of which a sweep has at most {axes.MAX_SHAPES}"
            each.notes.append(f"{count} values in the file; steps of {step} here, because {why}")
            _replace(draft, path, each)


def _fit(draft: Draft, shapes: dict[str, Values]) -> None:
    """Take values from the longest ranges, until all architectures are few enough."""
    while (count := _product(shapes)) > axes.MAX_SHAPES:
        less = {path: axes.coarser(each) for path, each in shapes.items()}
        open_still = [path for path in shapes if less[path] is not shapes[path]]
        if not open_still:
            most = axes.MAX_SHAPES
            draft.note(
                "space", f"{count} architectures, of which a sweep has at most {most}: shorten axes of sizes"
            )
            return
        largest = max(open_still, key=lambda path: shapes[path].size())
        shapes[largest] = less[largest]


def _replace(draft: Draft, path: str, values: Values) -> None:
    draft.space[path] = values.written
    for note in values.notes:
        draft.note(path, note)


def _product(shapes: dict[str, Values]) -> int:
    """How many architectures there are at most."""
    return prod(each.size() or 1 for each in shapes.values())


def _check_rungs(draft: Draft) -> None:
    """Say which epochs a rule needs: it compares points before their last epoch, all of which are as long."""
    epochs = draft.fields["train"].get("epochs")
    for rule in draft.fields.get("stop", ()):
        if rule["name"] not in ("halving", "median"):
            continue
        if epochs is None:
            draft.note("stop", f"{rule['name']} compares trials of equal length: fix train.epochs")
        elif rule.get("first", 1) >= epochs:
            draft.note(
                "stop", f"first must be below train.epochs, {epochs}: train longer, or compare earlier"
            )
