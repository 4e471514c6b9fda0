"""services/api/page: no script reads text as HTML or as a program, and links leave only for the web."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services import api

PAGE = Path(api.__file__).parent / "page"
PARSERS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|setHTML|DOMParser|createContextualFragment|srcdoc|document\.write"
    r"|\beval\b|new Function|setTimeout\(\s*[\"'`]|javascript:|\.on[a-z]+\s*="
    r"|\bon(?!ce)[a-z]+:|\bstyle:|\.cssText"
)


@pytest.mark.parametrize("path", sorted(PAGE.glob("*.js")), ids=lambda path: path.name)
def test_no_script_gives_text_to_a_parser(path: Path) -> None:
    lines = enumerate(path.read_text().splitlines(), 1)
    assert [(number, line) for number, line in lines if PARSERS.search(line)] == []


def test_an_address_from_data_is_linked_by_the_one_function_that_checks_it() -> None:
    """`javascript:` in an address would run: `link` takes http and https alone, other links are fragments."""
    for path in PAGE.glob("*.js"):
        for found in re.finditer(r"href: ([^,}]+)", path.read_text()):
            literal = found[1].startswith(("`#", '"#', '"/', '"https://'))
            assert literal or (path.name, found[1]) == ("sweep.js", "address"), (path.name, found[0])
