"""services/cli/commands/up.py; the stack itself is tested in tests/services/stack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from services.cli.commands.up import page_address

Run = Callable[..., tuple[int, str, str]]


def test_the_key_is_in_the_fragment_which_no_server_receives() -> None:
    assert page_address("http://127.0.0.1:8080", "abc") == "http://127.0.0.1:8080/#key=abc"
    assert page_address("http://127.0.0.1:8080", None) == "http://127.0.0.1:8080/"


def test_one_port_for_two_servers_is_refused(run: Run, tmp_path: Path) -> None:
    code, _, err = run("up", "--port", "18080", "--mlflow-port", "18080")
    assert code == 2
    assert "port 18080 is given to both the API and MLflow" in err
    assert list(tmp_path.iterdir()) == []
