"""The effects of a sweep's axes as commands print them: what is compared, importances, values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from services.cli.show.fitted_table import FittedTable
from services.cli.show.formats import many, number
from services.cli.show.tables import table
from services.client import View


def summary(view: View) -> Iterator[str]:
    """What is compared and left out, and how effects and importances were found."""
    seeds = f" with {view['seeds']} seeds" if view["seeds"] > 1 else ""
    seeds += f" on {view['folds']} folds" if view["folds"] > 1 else ""
    left = view["left_out"]["words"]
    yield (
        f"{view['objective']['metric']}: {many(view['points'], 'point')}{seeds} compared {_where(view)}, "
        f"mean {number(view['mean'])}; " + (f"left out: {left}" if left else "no trial is left out")
    )
    if view["epochs"]:
        others = ", ".join(f"{each['epoch']:,} ({many(each['points'], 'point')})" for each in view["epochs"])
        yield f"Trials were stopped early. Epochs at which points can be compared, by --epoch: {others}."
    yield f"Effects: {view['words']}."
    words = view["importance_words"]
    yield f"{words[:1].upper()}{words[1:]}."


def _where(view: View) -> str:
    return "at their last epochs" if view["epoch"] is None else f"at epoch {view['epoch']:,}"


def importances(view: View) -> FittedTable | None:
    """A line for each axis, the most important one first; None if no axis has an importance."""
    axes = _ranked(view)
    if not axes:
        return None
    shown = table("axis", "importance", "95 % interval", spare=(2,))
    for axis in axes:
        share = axis["importance"]
        shown.add_row(
            axis["name"], _percent(share["share"]), f"{_percent(share['low'])} to {_percent(share['high'])}"
        )
    return shown


def levels(view: View) -> FittedTable:
    """A line for each value of each axis, the axes in the order of `importances`."""
    shown = table("axis", "value", "points", "mean", "effect", "together with", spare=(5, 3))
    for axis in _ranked(view) or view["axes"]:
        together = ", ".join(axis["together"])
        for level in axis["levels"]:
            row = str(level["n"]), number(level["mean"]), level["shown"] or ""
            shown.add_row(axis["name"], level["text"], *row, together)
        if none := axis["inactive"]:
            shown.add_row(axis["name"], none["text"], str(none["n"]), number(none["mean"]), "", together)
    return shown


def _ranked(view: View) -> Sequence[View]:
    """The axes by importance; empty if they have none."""
    axes = [axis for axis in view["axes"] if axis["importance"]]
    return sorted(axes, key=lambda axis: -axis["importance"]["share"])


def _percent(share: float) -> str:
    return f"{share:.0%}"
