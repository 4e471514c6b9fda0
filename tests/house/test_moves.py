"""Only services/store/moves.py writes the state of a sweep, a trial or a pack."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITERS = {"services/store/moves.py", "services/store/models.py"}  # the second declares the columns
MODELS = {"Sweep", "Trial", "Pack"}


def writes(source: str) -> Iterator[int]:
    """The lines that write a state: an attribute, or a column of a new row, an INSERT or an UPDATE."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr="state", ctx=ast.Store()):
                yield node.lineno
            case ast.Subscript(slice=ast.Constant(value="state"), ctx=ast.Store()):
                yield node.lineno
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value="state"), *_]):
                yield node.lineno
            case ast.Call(func=ast.Name(id=name)) if name in MODELS and names_state(node):
                yield node.lineno
            case ast.Call(func=ast.Attribute(attr="values")) if names_state(node):
                yield node.lineno


def names_state(call: ast.Call) -> bool:
    """Whether a call is given a state, as a keyword or in a dict."""
    keys = [key for each in call.args if isinstance(each, ast.Dict) for key in each.keys]
    return any(keyword.arg == "state" for keyword in call.keywords) or any(
        isinstance(key, ast.Constant) and key.value == "state" for key in keys
    )


def test_nobody_else_writes_a_state() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): list(writes(path.read_text(encoding="utf-8")))
        for package in ("services", "workers")
        for path in sorted((ROOT / package).rglob("*.py"))
    }
    assert found["services/store/moves.py"], "the test does not see what moves.py does"
    strangers = {name: lines for name, lines in found.items() if lines and name not in WRITERS}
    assert not strangers, f"state is written here, which services/store/moves.py is for: {strangers}"


@pytest.mark.parametrize(
    "source",
    [
        "trial.state = new",
        "trial.state, trial.epoch = new, 3",
        "values['state'] = new",
        "setattr(trial, 'state', new)",
        "Pack(id=1, state=new)",
        "update(Trial).where(x).values(state=new)",
        "insert(Trial).values({'state': new})",
    ],
)
def test_each_way_of_writing_a_state_is_seen(source: str) -> None:
    assert list(writes(source)) == [1]


@pytest.mark.parametrize("source", ["trial.state == new", "view(state=new)", "update(Trial).values(epoch=1)"])
def test_reading_a_state_is_allowed(source: str) -> None:
    assert not list(writes(source))
