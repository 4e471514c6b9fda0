"""services/cli/show/output.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.table import Table
from rich.text import Text

from services import cli
from services.cli.show.output import Output
from services.cli.show.tables import table


def test_json_is_one_line_and_messages_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.message("Stopping [now].")
    output.result({"name": "größe"}, "a table")
    assert capsys.readouterr() == ('{"name": "größe"}\n', "Stopping [now].\n")


def test_people_read_what_is_shown_and_messages_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.message("Ready.")
    output.result({"name": "a"}, "first", table("x" * 300))
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in out.splitlines()] == ["Ready.", "first", "x" * 300], (
        "a pipe cuts nothing"
    )
    assert err == ""


HOSTILE = "[red]x[/red] [link=http://a]b[/link] :smile: \x1b[2J \x9b31m \u202e \rback"
SHOWN = "[red]x[/red] [link=http://a]b[/link] :smile: \\x1b[2J \\x9b31m \\u202e \\x0dback"


def test_text_is_printed_as_it_is_and_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.message(HOSTILE)
    for renderable in (HOSTILE, Text(HOSTILE.replace("\r", "")), _row(HOSTILE)):
        output.result({}, renderable)
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    without = SHOWN.replace("\\x0d", "")  # in a table it is white space
    assert lines == [SHOWN, SHOWN, without, without, f"{without}  next"]


def test_json_escapes_what_would_steer_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).result({"name": HOSTILE})
    line = capsys.readouterr().out.rstrip("\n")
    assert json.loads(line) == {"name": HOSTILE}
    assert not {"\x9b", "\u202e", "\x1b"} & set(line)


def test_no_command_writes_or_escapes_markup() -> None:
    """The console reads none, so an escape would be seen."""
    sources = Path(cli.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if "rich.markup" in path.read_text()] == []


def _row(text: str) -> Table:
    shown = table(text, "")
    shown.add_row(text, "next")
    return shown
