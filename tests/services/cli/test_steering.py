"""services/cli: verbs, dry runs, results and traces, against a real API with nobody to train."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import update

from services.store import sweeps, trials
from services.store.models import Trial
from services.store.session import Session, Store

Run = Callable[..., tuple[int, str, str]]
SPEC = """\
name: steered
model: lenet5
data: fashion-mnist-mini
space:
  model.dropout: [0, 0.25]
  train.optimizer: [{name: momentum, lr: 0.05}, adam]
seeds: 3
train: {epochs: 2}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "steered.yaml"
    path.write_text(SPEC)
    return path


def submitted(at: Run, spec: Path) -> str:
    return str(json.loads(at("submit", str(spec), "--json")[1])["id"])


def give(state: Store, sweep_id: str, values: dict[int, list[float]]) -> None:
    """Let the trials of these points have these values."""

    def write(session: Session) -> None:
        trials.draw(session, sweeps.lock(session, sweep_id), 1000)
        for point, replicates in values.items():
            for replicate, value in enumerate(replicates):
                here = (Trial.sweep_id == sweep_id, Trial.point == point, Trial.replicate == replicate)
                session.execute(update(Trial).where(*here).values(best_value=value, best_epoch=1))

    state.write(write)


def test_a_dry_run_shows_sizes_and_stores_nothing(at: Run, spec: Path) -> None:
    before = at("ls", "--json")[1]
    code, out, _ = at("submit", str(spec), "--dry-run")
    assert code == 0
    assert out.startswith("12 trials (4 points × 3 seeds) in ")
    assert "Nothing was submitted." in out
    head, line = out.splitlines()[1:3]
    assert head.split() == [
        "shape", "parameters", "FLOPs/image", "bytes/row", "width", "trials", "packs", "epochs"
    ]  # fmt: skip
    assert line.split()[1].replace(",", "").isdigit()
    assert json.loads(at("submit", str(spec), "--dry-run", "--json")[1])["points"] == 4
    assert at("ls", "--json")[1] == before


def test_a_name_for_a_submission_doubles_nothing(at: Run, spec: Path) -> None:
    first, second = (
        json.loads(at("submit", str(spec), "--json", "--idempotency-key", "mine")[1])["id"] for _ in range(2)
    )
    assert first == second


def test_a_fault_is_told_with_its_line(at: Run, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(SPEC.replace("adam", "adamm").replace("seeds: 3", "seeds: 300"))
    code, _, err = at("submit", str(path))
    assert code == 1
    assert f"{path}, line 7: /seeds: " in err
    path.write_text(SPEC.replace("adam", "adamm"))
    code, _, err = at("submit", str(path))
    assert f"{path}, line 6: /space/train.optimizer/1" in err
    assert "Did you mean 'adam'?" in err


def test_verbs_on_a_sweep(at: Run, spec: Path) -> None:
    sweep = submitted(at, spec)
    for verb, words in [
        ("pause", "steered is paused: 12 trials waiting."),
        ("resume", "steered is active"),
        ("stop", "steered is stopping"),
        ("cancel", "steered is cancelling"),
    ]:
        code, out, _ = at(verb, sweep)
        assert code == 0
        assert out.startswith(words)
    code, _, err = at("pause", sweep)
    assert code == 1
    assert "only an active sweep can be paused" in err


def test_verbs_on_a_trial(at: Run, spec: Path, state: Store) -> None:
    sweep = submitted(at, spec)
    give(state, sweep, {})
    code, out, _ = at("cancel", f"{sweep}-0000")
    assert (code, out) == (0, f"t000 of sweep {sweep} is cancelled.\n")
    code, out, _ = at("retry", f"{sweep}-0000")
    assert (code, out) == (0, f"t000 of sweep {sweep} is pending.\n")
    code, _, err = at("retry", "nothing")
    assert code == 1
    assert "no sweep and no trial 'nothing'" in err


def test_the_list_is_filtered(at: Run, spec: Path) -> None:
    paused, active = submitted(at, spec), submitted(at, spec)
    at("pause", paused)
    ids = [sweep["id"] for sweep in json.loads(at("ls", "--json", "--state", "paused", "--name", "STEER")[1])]
    assert paused in ids
    assert active not in ids
    assert at("ls", "--project", "nobody")[1] == "No sweep is like that.\n"
    code, _, err = at("ls", "--state", "pausd")
    assert code == 2
    assert "Did you mean 'paused'?" in err
    assert len(json.loads(at("ls", "--json", "--limit", "1")[1])) == 1


def test_the_best_with_its_interval_and_as_a_spec(
    at: Run, spec: Path, state: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = submitted(at, spec)
    code, _, err = at("best", sweep)
    assert code == 1
    assert "no best point" in err
    give(state, sweep, {0: [0.90, 0.93, 0.93], 2: [0.92, 0.915, 0.91]})
    code, out, _ = at("best", sweep)
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "steered active: val/acc 0.920 ± 0.043"
    assert lines[1].startswith("point 0: momentum, dropout 0")
    assert "cannot be told apart" in lines[2]
    assert lines[4].startswith("t000 0 0.9 0 ")
    assert "cannot be told apart" in at("show", sweep)[1]
    assert at("show", sweep, "--point", "2")[1].startswith("point 2: ")
    assert at("show", sweep, "--point", "4")[0] == 2

    code, text, _ = at("best", sweep, "--yaml")
    monkeypatch.setattr(sys, "stdin", StringIO(text))
    again = json.loads(at("submit", "-", "--json")[1])
    assert (again["points"], again["seeds"], again["axes"]) == (1, 3, [])


def test_exports(at: Run, spec: Path, state: Store, tmp_path: Path) -> None:
    sweep = submitted(at, spec)
    give(state, sweep, {})
    path = tmp_path / "trials.csv"
    code, out, _ = at("export", sweep, "-o", str(path))
    assert (code, out) == (0, f"Wrote {path}.\n")
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
    assert [row["number"] for row in rows] == [str(number) for number in range(12)]
    assert list(tmp_path.glob("*.part")) == []

    code, _, err = at("export", "nothing", "-o", str(tmp_path / "none.csv"))
    assert code == 1
    assert "no sweep" in err
    assert not (tmp_path / "none.csv").exists()
    assert at("export", sweep, "-o", str(tmp_path / "away" / "x.csv"))[0] == 1


def test_the_catalog(at: Run) -> None:
    assert "lenet5" in at("catalog")[1]
    assert "Divide a running mean" in at("catalog", "optimizers")[1]
    line = next(line for line in at("catalog", "optimizers", "adam")[1].splitlines() if line.startswith("lr"))
    assert line.split() == ["lr", "number", "0.001", "1e-8", "to", "100,", "logarithmic", "yes"]
    code, _, err = at("catalog", "optimisers")
    assert code == 1
    assert "Did you mean 'optimizers'?" in err
    assert "adam" in at("catalog", "optimizers", "adm")[2]


def test_a_trace_is_one_page(at: Run, spec: Path, state: Store) -> None:
    sweep = submitted(at, spec)
    give(state, sweep, {})
    code, out, _ = at("trace", f"{sweep}-0004")
    assert code == 0
    told = {line.split("  ")[0].strip(): " ".join(line.split()[1:]) for line in out.splitlines()}
    assert told["request"] == f"sweep {sweep}, steered of project default"
    assert told["point"].endswith("of 0 to 3")
    assert told["replicate"].endswith("of 0 to 2")
    assert told["number"] == "4 of 0 to 11"
    assert told["machine"] == "none yet"
    assert told["repeat it"] == f"it cnnlab reproduce {sweep}-0004"
    found = json.loads(at("trace", f"{sweep}-0004", "--json")[1])
    assert (found["trial"]["number"], found["sweep"]["id"]) == (4, sweep)


def test_a_trial_that_has_not_trained_cannot_be_reproduced(at: Run, spec: Path, state: Store) -> None:
    sweep = submitted(at, spec)
    give(state, sweep, {})
    code, _, err = at("reproduce", f"{sweep}-0000")
    assert code == 1
    assert "only a trial that has trained can be reproduced" in err
