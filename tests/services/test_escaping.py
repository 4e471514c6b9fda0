"""services/escaping.py: whatever text users give, its reader shows that text, for each target."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from services import escaping

ANY = st.text(st.characters(exclude_categories=[]))
MARKUP = st.text("ab1 .-+#=_*`[](){}<>|~!:@&;$\\/\"'\n\twW", max_size=30)
HOSTILE = st.one_of(ANY, MARKUP)
UNSAFE_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unsafe(text: str) -> list[str]:
    return [c for c in text if c in BIDI or unicodedata.category(c) in UNSAFE_CATEGORIES]


def words(text: str) -> list[str]:
    """The text as it is to be read: controls as literals, white space as single spaces."""
    return escaping.terminal(text).split()


@given(HOSTILE)
@example("</text><script>")
@example("]]> \x00\ud800\ufffe\uffff")
def test_svg_shows_the_text(text: str) -> None:
    escaped = escaping.svg(text)
    root = ElementTree.fromstring(f'<text title="{escaped}">{escaped}</text>')
    assert len(root) == 0
    if not re.search("[\ufffe\uffff]", text):
        assert words(root.text or "") == words(text)
        assert words(root.get("title", "")) == words(text)


def inline(tokens: list[Token]) -> list[Token]:
    return [token for block in tokens for token in block.children or []]


def github() -> MarkdownIt:
    return MarkdownIt("commonmark").enable(["table", "strikethrough"])


@given(HOSTILE)
@example("www.a.de a@b.de http://x :smile: <b>")
@example("1. one")
@example("# x")
@example("a | b")
@example("a\n- b\n\n    code")
def test_markdown_shows_the_text(text: str) -> None:
    escaped = escaping.markdown(text)
    for source in (escaped, f"**bold** {escaped}", f"| a | b |\n| --- | --- |\n| {escaped} | end |"):
        tokens = github().parse(source)
        blocks = {token.type for token in tokens}
        assert blocks <= {"paragraph_open", "paragraph_close", "inline"} | {
            token for token in blocks if token.startswith(("table", "thead", "tbody", "tr", "th", "td"))
        }
        assert {token.type for token in inline(tokens)} <= {
            "text",
            "text_special",
            "strong_open",
            "strong_close",
        }
        cells = [
            "".join(child.content for child in token.children or [])
            for token in tokens
            if token.type == "inline"
        ]
        if source.startswith("|"):
            assert cells[:2] == ["a", "b"]
            assert cells[3] == "end"
            assert cells[2].split() == words(text)
        elif escaped:
            assert "".join(cells).removeprefix("bold ").split() == words(text)


@given(HOSTILE)
def test_markdown_shows_the_text_as_a_links_name(text: str) -> None:
    tokens = inline(github().parse(f"[x{escaping.markdown(text)}x](http://here)"))
    assert tokens[0].type == "link_open"
    assert tokens[0].attrs == {"href": "http://here"}
    assert tokens[-1].type == "link_close"
    assert {token.type for token in tokens[1:-1]} <= {"text", "text_special"}


@pytest.mark.parametrize("text", [":smile:", "@somebody", "http://a.de", "www.a.de", "WWW.a.de", "a@b.de"])
def test_what_only_githubs_dialect_reads_is_not_left_in_markdown(text: str) -> None:
    assert not re.search(r":\S+?:|(?<!\w)@|://|www\.|\w@\w", escaping.markdown(text), re.IGNORECASE)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[Any] = []
        self.shown = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.shown += data


@given(HOSTILE)
def test_html_shows_the_text(text: str) -> None:
    reader = _Reader()
    reader.feed(f'<p title="{escaping.html(text)}">{escaping.html(text)}</p>')
    reader.close()
    ((tag, attributes),) = reader.tags
    assert (tag, [name for name, _ in attributes]) == ("p", ["title"])
    assert words(reader.shown) == words(text)
    assert words(attributes[0][1]) == words(text)


@given(st.lists(HOSTILE, min_size=2, max_size=4))
@example(["=1+1", "\t=1", "\r=1", "@x", "-x", "+x", "＝1"])
def test_no_cell_of_a_table_is_a_formula_and_each_holds_its_text(texts: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(map(escaping.cell, texts))
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    for cell, text in zip(row, texts, strict=True):
        assert cell in (text, f"'{text}")
        assert not cell.startswith(escaping.FORMULA_STARTS) or escaping.NUMBER.fullmatch(cell)


@given(st.floats() | st.integers())
def test_numbers_stay_numbers_in_a_table(number: float) -> None:
    assert escaping.cell(str(number)) == str(number)


@given(HOSTILE)
@example("\x1b[2J\x9b31m \u202e abc\r\n")
def test_a_terminal_gets_nothing_that_moves_its_cursor_or_reorders_text(text: str) -> None:
    shown = escaping.terminal(text)
    assert [character for character in unsafe(shown) if character != "\n"] == []
    assert escaping.is_plain(shown)
    assert escaping.terminal(shown) == shown
    if not unsafe(text):
        assert shown == text


@given(st.dictionaries(ANY, ANY))
def test_a_line_of_json_is_the_same_document(document: dict[str, str]) -> None:
    line = escaping.json_line(json.dumps(document, ensure_ascii=False))
    assert json.loads(line) == document
    assert not unsafe(line)
