"""services/cli/show/output.py."""

from __future__ import annotations

import pytest

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
