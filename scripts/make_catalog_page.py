"""Write docs/catalog.md from registry and notes: `python -m scripts.make_catalog_page`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cnnlab import registry
from cnnlab.engine.net import Net
from scripts.notes_rows import COUNTS, ROWS, Count

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "catalog.md"
MARK = "In the notes:"

HEAD = """\
# Catalog

Made from the registry by `python -m scripts.make_catalog_page`; a test compares the two.
`cnnlab catalog KIND NAME` shows an entry in full, with its formula and the ranges of its hyperparameters.

cnnlab implements the content of a set of course notes on convolutional networks, each row true to its paper.
"""
ODD = """\
## Where the notes are wrong or odd

What the notes say, and what was built instead, quoted from the files.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_rows(), *_counts(), ODD, *_odd(), "## Every entry", "", *_entries()])


def _rows() -> Iterator[str]:
    yield from ("## Rows of the notes", "", "| section | row | built in |", "|---|---|---|")
    for section, row, places in ROWS:
        yield f"| {section} | {row} | {', '.join(_link(place) for place in places)} |"
    yield ""


def file_of(place: str) -> Path:
    """The file of a place: one of cnnlab, or the entry's of a kind/name."""
    kind, _, name = place.partition("/")
    return ROOT / place if kind == "cnnlab" else ROOT / "cnnlab" / kind / f"{name.replace('-', '_')}.py"


def _link(place: str) -> str:
    path = file_of(place).relative_to(ROOT).as_posix()
    return f"[{place}](../{path})"


def built(count: Count) -> Net:
    """The net of a count, on paper."""
    config = registry.resolve("models", count.model, "model")
    layers = registry.get("models", config["name"])().layers(config, count.shape, count.classes)
    return Net(layers, count.shape)


def _counts() -> Iterator[str]:
    yield from (
        "## Parameters",
        "",
        "Each net is built and counted from its table of parameters; multiply-adds are forward.",
        "",
    )
    yield "| model | images | classes | published | built | connections | million multiply-adds |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for count in COUNTS:
        net = built(count)
        links = f"{net.work.connections:,}" if count.connections else ""
        size = "×".join(map(str, count.shape[1:])) + (" colour" if count.shape[0] == 3 else " grey")
        yield (
            f"| {count.label} | {size} | {count.classes} | {count.parameters:,} | {net.parameters:,} "
            f"| {links} | {net.work.multiply_adds / 1e6:,.2f} |"
        )
    yield ""


def _odd() -> Iterator[str]:
    yield from ("| in | the notes, and what was built |", "|---|---|")
    for path in sorted((ROOT / "cnnlab").rglob("*.py")):
        for words in remarks(path):
            name = path.relative_to(ROOT).as_posix()
            yield f"| [{name.removeprefix('cnnlab/')}](../{name}) | {words} |"
    yield ""


def remarks(path: Path) -> list[str]:
    """The paragraphs of a file's docstrings that begin with «In the notes:», without these words."""
    found = []
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef))]:
        text = ast.get_docstring(node) or ""
        for part in re.findall(rf"^{MARK}(.*?)(?=\n\n|^Source:|\Z)", text, re.MULTILINE | re.DOTALL):
            found.append(" ".join(part.split()).replace("|", "\\|"))
    return found


def _entries() -> Iterator[str]:
    for kind, entries in registry.describe().items():
        yield from (f"### {kind}", "", "| entry | what it does | hyperparameters |", "|---|---|---|")
        for name, entry in entries.items():
            if not entry["plugin"]:
                hypers = ", ".join(f"`{field}` {_default(own)}" for field, own in entry["hypers"].items())
                path = file_of(f"{kind}/{name}").relative_to(ROOT).as_posix()
                yield f"| [{name}](../{path}) | {entry['summary']} | {hypers} |"
        yield ""


def _default(hyper: dict[str, Any]) -> str:
    value = hyper["default"]
    return f"({value:g})" if isinstance(value, float) else f"({value})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
