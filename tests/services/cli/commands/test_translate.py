"""services/cli/commands/translate.py, and its outcome submitted to a real API without workers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
SWEEP = """
name: small
method: grid
metric: {name: val_acc, goal: maximize}
parameters:
  model: {value: lenet5}
  dataset: {value: fashion_mnist}
  lr: {values: [0.01, 1e-1]}
  dropout: {values: [0, 0.5]}
command: ["${env}", python, "${program}", "${args}"]
"""


def test_the_outcome_can_be_submitted(at: Run, run: Run, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    code, out, err = run("translate", "sweep.yaml", "--to", "spec.yaml")
    assert (code, err) == (0, "")
    assert out == "Wrote spec.yaml. See what it would be: cnnlab submit spec.yaml --dry-run\n"
    code, out, _ = at("submit", "spec.yaml", "--dry-run")
    assert code == 0
    assert "4 trials" in out


TOO_DEEP = """
name: deep
method: grid
metric: {name: val_acc, goal: maximize}
parameters:
  model: {value: cnn}
  dataset: {value: fashion_mnist}
  kernel_size: {values: [3, 99]}
"""


def test_where_an_api_answers_its_refusal_stands_at_the_top(at: Run, run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text(TOO_DEEP)
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    _, without, _ = run("translate", "deep.yaml")
    code, out, err = at("translate", "deep.yaml")
    assert (code, err) == (0, "")
    first, *rest = out.splitlines()
    assert first == without.splitlines()[0]
    assert rest[0] == "# cnnlab submit refuses this spec until these are changed:"
    assert rest[1].startswith("#   /space/model.kernel/1: must be an integer from 1 to 31, got 99")
    assert rest[2:] == without.splitlines()[1:]
    assert "refuses" not in at("translate", "sweep.yaml")[1]


def test_an_api_that_does_not_answer_changes_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "deep.yaml").write_text(TOO_DEEP)
    _, without, _ = run("translate", "deep.yaml")
    for words in (("--url", "http://127.0.0.1:9", "--key", "k" * 32), ("--url", "http://127.0.0.1:9")):
        assert run("translate", "deep.yaml", *words) == (0, without, "")


def test_standard_output_and_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    code, out, _ = run("translate", "sweep.yaml")
    assert code == 0
    assert "train.optimizer.lr: [0.01, 0.1]" in out
    monkeypatch.setattr("sys.stdin.read", lambda: SWEEP, raising=False)
    code, other, _ = run("translate", "-")
    assert other.splitlines()[1:] == out.splitlines()[1:]
    assert other.startswith("# Translated from standard input, a file of W&B.")


def test_a_space_beside_its_configuration_is_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "space.json").write_text('{"lr": {"_type": "choice", "_value": [0.1, 0.2]}}')
    (tmp_path / "in" / "config.yml").write_text("searchSpaceFile: space.json\nmaxTrialNumber: 2\n")
    code, out, _ = run("translate", "in/config.yml")
    assert code == 0
    assert "name: config\n" in out
    (tmp_path / "in" / "space.json").unlink()
    code, _, err = run("translate", "in/config.yml")
    assert code == 2
    assert "no file in/space.json" in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1", "wrong.yaml: must be a sweep of W&B (method and parameters), an Experiment of Katib"),
        ("- 1", "wrong.yaml must be a sweep of W&B"),
        ("name: a\nspace: {}", "this is a spec of cnnlab, which cnnlab submit takes as it is"),
        ("method: random\nparameters: {lr: {min: 2, max: 1}}", "wrong.yaml: parameters.lr.min must have"),
        ("a: [", "wrong.yaml is not valid YAML: line 1"),
        ("a: 1\n---\nb: 2", "wrong.yaml is not valid YAML"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_translated_is_refused(run: Run, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "wrong.yaml").write_text(text)
    code, out, err = run("translate", "wrong.yaml", "--to", "spec.yaml")
    assert (code, out) == (2, "")
    assert words in err
    assert not (tmp_path / "spec.yaml").exists()


def test_a_file_that_is_there_is_not_written_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sweep.yaml").write_text(SWEEP)
    code, _, err = run("translate", "sweep.yaml", "--to", "sweep.yaml")
    assert (code, err) == (2, "sweep.yaml exists already: name a new file, or delete it first\n")
    assert (tmp_path / "sweep.yaml").read_text() == SWEEP
    code, _, err = run("translate", "sweep.yaml", "--to", "no/where.yaml")
    assert code == 2
    assert "no/where.yaml cannot be written" in err
