"""The catalog as tables: its kinds, the entries of a kind, the hyperparameters of an entry."""

from __future__ import annotations

from services.cli.show.fitted_table import FittedTable
from services.cli.show.tables import table
from services.client import View
from services.domain.plan.value_text import value_text


def kinds_table(kinds: View) -> FittedTable:
    """One line for each kind: the names of its entries."""
    shown = table("kind", "entries", prose=True)
    for kind, entries in kinds.items():
        shown.add_row(kind, ", ".join(entries))
    return shown


def entries_table(entries: View) -> FittedTable:
    """One line for each entry: what it is, or why its file cannot be used."""
    shown = table("name", "what it is", prose=True)
    for name, entry in entries.items():
        source = " (plug-in)" if entry["plugin"] else ""
        shown.add_row(name, f"{entry['error'] or entry['summary']}{source}")
    return shown


def hypers_table(entry: View) -> FittedTable:
    """One line for each hyperparameter: its type, default and range."""
    shown = table(
        "hyperparameter", "type", "default", "may differ within a pack", "range", spare=(3,), prose=True
    )
    for name, hyper in entry["hypers"].items():
        shown.add_row(
            name,
            str(hyper["type"]),
            value_text(hyper["default"]) if hyper.get("default") is not None else "",
            "yes" if hyper.get("row") else "no",
            allowed(hyper),
        )
    return shown


def allowed(hyper: View) -> str:
    """A range as `0 to 1, logarithmic`, the options of a choice, the kind of an entry, a list's length.

    Else empty.
    """
    if "options" in hyper:
        return ", ".join(map(str, hyper["options"]))
    if "kind" in hyper:
        return f"one of {hyper['kind']}"
    if hyper.get("type") == "widths":
        return f"a list of {hyper['least']} to {hyper['most']} integers"
    if "low" not in hyper:
        return ""
    ends = f"{value_text(hyper['low'])} to {value_text(hyper['high'])}"
    return f"{ends}, logarithmic" if hyper.get("log") else ends
