"""Write the tree in docs/map.md from the first line of every file: `python -m scripts.make_map`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from cnnlab.registry import KINDS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "map.md"
MARK = "<!-- from here on made by scripts/make_map.py -->\n"
PACKAGES = ("cnnlab", "services", "workers", "migrations", "scripts")
# Folders of one entry a file: the page names the entries, docs/catalog.md describes them.
ENTRIES = {ROOT / "cnnlab" / folder for folder in (*KINDS, "by_hand")}


def page(text: str) -> str:
    """The page with its tree made anew; what stands above the mark is written by hand."""
    sections = (f"## {package}/\n\n{_table(package)}" for package in PACKAGES)
    return text.split(MARK)[0] + MARK + "\n" + "\n".join(sections)


def _table(package: str) -> str:
    lines = [f"| `{name}` | {words} |\n" for name, words in _rows(ROOT / package)]
    return "| file | why it exists |\n|---|---|\n" + "".join(lines)


def _rows(folder: Path) -> Iterator[tuple[str, str]]:
    """Files first, then folders; a file is named from the project's root."""
    files = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    if folder in ENTRIES:
        names = ", ".join(path.stem.replace("_", "-") for path in files)
        yield _name(folder), f"{_first_line(folder / '__init__.py')} {names}"
        return
    if (folder / "__init__.py").is_file() and folder.parent != ROOT:
        yield _name(folder), _first_line(folder / "__init__.py")
    yield from ((_name(path), _first_line(path)) for path in files)
    for inside in sorted(path for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))):
        yield from _rows(inside)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() + ("/" if path.is_dir() else "")


def _first_line(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) if path.is_file() else None
    return (said or "").partition("\n")[0].replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
