"""docs/map.md shows the tree as it is."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
STEPS = re.findall(r"^\d+\. (.+(?:\n   .+)*)", TEXT, re.MULTILINE)  # from a request to an optimizer's step
MAX_STEPS = 14


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


def test_the_walk_is_short() -> None:
    files = [re.findall(r"`([\w/]+\.py)`", step) for step in STEPS]
    assert all(len(named) == 1 for named in files), "a step of the walk is one file"
    assert 10 < len(files) <= MAX_STEPS


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.partition(":")[0].strip("`"))
def test_a_step_names_what_its_file_defines(step: str) -> None:
    [file] = re.findall(r"`([\w/]+\.py)`", step)
    symbols = set(re.findall(r"`(\w+)`", step))
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    assert symbols, f"the step says nothing of {file}"
    assert symbols <= {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


def test_a_bar_in_a_first_line_is_no_column(tmp_path: Path) -> None:
    file = tmp_path / "one.py"
    file.write_text('"""Either | or.\n\nMore."""\n')
    script = runpy.run_path(str(ROOT / "scripts" / "make_map.py"))
    assert script["_first_line"](file) == "Either \\| or."
