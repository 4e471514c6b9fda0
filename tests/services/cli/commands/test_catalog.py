"""services/cli/commands/catalog.py, against a real API without workers."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]


def test_kinds_entries_and_hyperparameters(at: Run) -> None:
    kinds = at("catalog")[1]
    assert "lenet5" in kinds
    assert kinds.endswith("Show one kind: cnnlab catalog KIND\n")
    assert "Divide a running mean" in at("catalog", "optimizers")[1]
    line = next(line for line in at("catalog", "optimizers", "adam")[1].splitlines() if line.startswith("lr"))
    assert line.split() == ["lr", "number", "0.001", "yes", "1e-8", "to", "100,", "logarithmic"]


def test_misspelt_names(at: Run) -> None:
    code, _, err = at("catalog", "optimisers")
    assert code == 1
    assert "Did you mean 'optimizers'? The kinds are " in err
    code, _, err = at("catalog", "optimizers", "adm")
    assert code == 1
    assert "adam" in err


def test_without_a_stack_it_is_what_is_installed_here(run: Run) -> None:
    code, out, _ = run("catalog", "optimizers")
    assert code == 0
    assert "Divide a running mean" in out
    assert run("catalog", "optimizers", "adam")[0] == 0
    code, _, err = run("catalog", "optimizers", "adm")
    assert code == 1
    assert "Did you mean 'adam'?" in err
