"""The tests themselves: they outweigh the code, and a test of one module stands where the module stands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from cnnlab.registry import KINDS

ROOT = Path(__file__).parents[2]
PACKAGES = ("cnnlab", "services", "workers", "migrations")
MIN_RATIO = 1.2  # of the tests' lines of code to the source's


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def code_lines(path: Path) -> int:
    """Lines that hold code: no blank ones, no comments, no docstrings."""
    text = path.read_text(encoding="utf-8")
    written = enumerate(map(str.strip, text.split("\n")), start=1)
    lines = {number for number, line in written if line and not line.startswith("#")}
    for node in ast.walk(ast.parse(text)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def test_lines_of_code_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "counted.py"
    file.write_text(
        '"""Says\n\nwhat."""\n\n# why\nx = [\n    1,\n]\n\n\ndef f():\n    """No."""\n    return x\n'
    )
    assert code_lines(file) == 5


def test_tests_outweigh_the_code() -> None:
    tests = sum(map(code_lines, (ROOT / "tests").rglob("*.py")))
    source = sum(map(code_lines, sources()))
    assert tests >= MIN_RATIO * source, f"{tests} lines of tests for {source} of code"


def test_a_test_of_one_module_stands_where_the_module_stands() -> None:
    """A test file with the name of a module is its test; the others are named by their subject."""
    modules = {(path.relative_to(ROOT).parts[0], path.stem) for path in sources()}
    astray = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        place = path.relative_to(ROOT / "tests")
        module = ROOT / place.parent / f"{path.stem.removeprefix('test_')}.py"
        if (place.parts[0], module.stem) in modules and not module.exists() and module.stem not in KINDS:
            astray.append(place.as_posix())
    assert not astray, f"these have the name of a module that stands elsewhere: {astray}"


def test_no_test_changes_the_clock_of_all_modules() -> None:
    """An API that a thread serves would sleep by it: `set_clock` changes the clock of one module."""
    changed = re.compile(r"""setattr\(\s*(\w+\.)*time,|setattr\(\s*"[\w.]*\btime\.\w+",""")
    for path in (ROOT / "tests").rglob("*.py"):
        assert not changed.search(path.read_text(encoding="utf-8")), path
