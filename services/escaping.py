"""Text from users made safe for whatever reads it as markup: one function for each target.

Names, descriptions, values, file names and error messages can hold anything. A program that shows them in a
language of its own has them written in it by these functions, so that a reader sees the text that was given.
Characters that would steer a reader's screen appear in all targets as a Python literal has them: `\\x1b`.
"""

from __future__ import annotations

import re
from html import escape

# C0 and C1 controls, what reorders text or ends a line, and halves of characters, which no encoding has.
UNSEEN = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
CONTROL = re.compile(f"[{UNSEEN}]")
CONTROL_OR_LINE = re.compile(rf"[{UNSEEN}\t\n]")
NO_CHARACTER = re.compile("[\ufffe\uffff]")
TAB = "    "

# MLflow's pages read GitHub's dialect: `:name:` is a picture there, and `@name` and `www.name` are links.
MARKDOWN_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", ":": "&#58;", "@": "&#64;", '"': "&quot;"}
MARKDOWN = re.compile(r"[&<>:@\"]|[\\`*_\[\]{}|~]|(?<=[wW])\.|^[-+#=]|(?<=\d)[.)](?=\s|$)")

FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # what a spreadsheet would run
NUMBER = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|inf|nan)", re.ASCII)


def svg(text: str) -> str:
    """Text between tags or in a quoted attribute of XML, which has no U+FFFE and U+FFFF."""
    return html(NO_CHARACTER.sub(_literal, text))


def markdown(text: str) -> str:
    """Text within a line of Markdown, a table's cell or a link's name; line breaks become spaces."""
    line = " ".join(terminal(text).split())
    return MARKDOWN.sub(lambda found: MARKDOWN_ENTITIES.get(found[0], f"\\{found[0]}"), line)


def html(text: str) -> str:
    """Text between tags or in a quoted attribute."""
    return escape(terminal(text))


def cell(text: str) -> str:
    """Text as a cell of a CSV file: a quote goes before what a spreadsheet would run; a number stays one.

    Source: OWASP, CSV Injection.
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) and not NUMBER.fullmatch(text) else text


def terminal(text: str) -> str:
    """Text for a terminal: no character but the line break moves the cursor or changes what follows."""
    return CONTROL.sub(_literal, text.replace("\r\n", "\n").replace("\t", TAB))


def json_line(text: str) -> str:
    """A document of JSON on one line, for a terminal: within its strings such characters are escaped."""
    return CONTROL_OR_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def is_plain(text: str) -> bool:
    """Whether nothing of a text has to be escaped for a terminal."""
    return CONTROL.search(text) is None


def _literal(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
