"""docs/map.md shows the tree as it is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")


def test_the_tree_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "make_map.py"))
    assert script["page"](TEXT) == TEXT, "run: python -m scripts.make_map"


def test_every_file_says_why_it_exists() -> None:
    silent = re.findall(r"^\| `(.+)` \| +\|$", TEXT, re.MULTILINE)
    assert not silent, f"these have no docstring: {silent}"


def test_every_path_of_the_walk_exists() -> None:
    walk = TEXT.split("<!-- from here on")[0]
    named = set(re.findall(r"`([\w.-]+/[\w./-]*|[\w-]+\.(?:py|yml|toml|txt))`", walk))
    missing = {path for path in named if not any((root / path).exists() for root in (ROOT, ROOT / "tests"))}
    assert not missing
    assert len(named) > 20, "the pattern that finds paths does not fit the page any more"
