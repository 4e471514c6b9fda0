"""services/translation/commands.py."""

from __future__ import annotations

from services.translation.commands import fixed_options, options


def test_options_of_a_command_line() -> None:
    words = [
        "${env}",
        "python",
        "-u",
        "t.py",
        "--epochs=5",
        "--lr",
        "-0.1",
        "--amp",
        "--lr=${lr}",
        "--",
        "${args}",
    ]
    assert fixed_options(words) == [("epochs", "5"), ("lr", "-0.1"), ("amp", True)]
    assert ("lr", "${lr}") in list(options(words))


def test_an_option_before_a_macro_stands_alone() -> None:
    assert fixed_options(["--nesterov", "${args}"]) == [("nesterov", True)]
    assert fixed_options(["--nesterov", "--seed=1"]) == [("nesterov", True), ("seed", "1")]
    assert fixed_options([]) == []
