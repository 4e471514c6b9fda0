"""Names say one thing: no two classes share one, except entries, which are found by kind and file."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

from cnnlab.registry import KINDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("cnnlab", "services", "workers", "migrations", "scripts")
ENTRY_FOLDERS = {ROOT / "cnnlab" / folder for folder in (*KINDS, "by_hand")}


def classes() -> dict[str, list[str]]:
    """Where each class outside the entry folders is defined, nested ones included."""
    found: dict[str, list[str]] = defaultdict(list)
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.parent in ENTRY_FOLDERS:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    return found


def test_no_two_classes_share_a_name() -> None:
    found = classes()
    assert len(found) > 100, "the walk finds too few classes: it looks in the wrong place"
    shared = {name: places for name, places in found.items() if len(places) > 1}
    assert not shared, f"one name, several classes: {shared}"
