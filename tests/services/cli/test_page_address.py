"""The address of the first page that `cnnlab up` prints."""

from __future__ import annotations

from services.cli.stack_commands import page


def test_the_key_stands_in_the_fragment_which_no_server_sees() -> None:
    assert page("http://127.0.0.1:8080", "abc") == "http://127.0.0.1:8080/#key=abc"
    assert page("http://127.0.0.1:8080", None) == "http://127.0.0.1:8080/"
