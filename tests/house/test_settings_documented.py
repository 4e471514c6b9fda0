"""docs/operating.md has a line for every setting, and no document names a variable that nothing reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic.fields import FieldInfo

from services.settings import Settings

ROOT = Path(__file__).parents[2]
OPERATING = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8").splitlines()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / ".env.example", *(ROOT / "docs").rglob("*.md")]


def variable(name: str) -> str:
    return f"CNNLAB_{name.upper()}"


def line(name: str, field: FieldInfo) -> str:
    """The table's line of a setting: variable, default, meaning."""
    default = "unset" if field.default is None else f"`{field.default}`"
    return f"| `{variable(name)}` | {'required' if field.is_required() else default} | {field.description} |"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_its_line(name: str) -> None:
    assert line(name, Settings.model_fields[name]) in OPERATING


def test_the_table_has_no_line_too_many() -> None:
    told = {match[1] for text in OPERATING if (match := re.match(r"\| `(CNNLAB_\w+)` \|", text))}
    assert told == {variable(name) for name in Settings.model_fields}


def read_by_code() -> set[str]:
    """Variables that the code reads, besides the settings: of the library, the command line, make, chaos."""
    folders = ("cnnlab", "services", "tests/chaos")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*files, ROOT / "Makefile"])
    return set(re.findall(r"CNNLAB_[A-Z_]+", text)) | {variable(name) for name in Settings.model_fields}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documents_name_only_variables_that_something_reads(page: Path) -> None:
    named = set(re.findall(r"CNNLAB_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8")))
    assert named <= read_by_code()
