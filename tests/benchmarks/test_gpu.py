"""benchmarks/gpu/: its table, and that a part that is there is not measured again."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from benchmarks.gpu import __main__ as gpu
from benchmarks.gpu import killed_runner, speeds, thousand_trials
from benchmarks.gpu.equal_numbers import cases, equality, fit_of, trained
from benchmarks.gpu.same_bits_again import again
from benchmarks.gpu.setting import WIDTHS, Results, Setting, machine
from benchmarks.gpu.thousand_trials import data_name, grid, timeline
from benchmarks.gpu.ways_to_convolve import convolutions
from cnnlab.fit import Fit
from services import gpus
from services.cli.doctor import machine as doctor
from services.cli.doctor.finding import Finding, ok

ROW = {"trials": 8, "precision": "float32", "images/s": 1000.0}


def equal(same: bool, away: float) -> dict[str, Any]:
    return {"recorded is eager": same, "kept is recorded": same, "float64 from a processor": away}


def test_the_table_has_ratios_and_what_failed() -> None:
    arrays = [ROW, {"trials": 512, "precision": "float32", "error": "out of memory"}]
    found = gpu.table(
        {
            "machine": {"name": "H200"},
            "lenet5": {"plain loop": 100.0, "plain loops at once": 250.0, "arrays": arrays},
            "equality": {
                "optimizer sgd": equal(True, 1e-12),
                "optimizer adam": equal(False, 1e-3),
                "model x": {"error": "RuntimeError: no"},
            },
        }
    )
    assert "| 8 | float32 | 1,000 | 10.0 | 4.0 |" in found
    assert "| 512 | float32 | out of memory |" in found
    assert "| optimizer sgd | yes | yes | 1.0e-12 |" in found
    assert "| optimizer adam | no | no | 1.0e-03, too far |" in found
    assert "| model x | RuntimeError: no |" in found


def test_the_table_has_the_speeds_of_a_net_whose_plain_loops_failed() -> None:
    found = gpu.table(
        {"lenet5": {"plain loop": 100.0, "plain loops at once": None, "error": "8 failed", "arrays": [ROW]}}
    )
    assert "several at once 8 failed" in found
    assert "| 8 | float32 | 1,000 | 10.0 |  |" in found


def test_parts_are_written_one_by_one_and_not_measured_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    measured: list[str] = []

    def part(name: str) -> Any:
        def measure(setting: Setting) -> dict[str, Any]:
            measured.append(name)
            assert setting == Setting("cpu", 0.1, short=True)
            return {"torch": name}

        return measure

    monkeypatch.setattr(gpu, "PARTS", {"machine": part("machine"), "service": part("service")})
    monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu"])
    (tmp_path / "machine.json").write_text(json.dumps({"torch": "2"}))
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            gpu.main()
        assert ended.value.code is None
    assert measured == ["service"]
    assert (tmp_path / "table.md").read_text() in capsys.readouterr().out


def test_a_part_that_fails_is_left_out_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(setting: Setting) -> dict[str, Any]:
        raise RuntimeError("no memory")

    monkeypatch.setattr(gpu, "PARTS", {"equality": fail, "machine": lambda setting: {"torch": "2"}})
    monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu"])
    with pytest.raises(SystemExit, match="equality failed: RuntimeError: no memory"):
        gpu.main()
    assert {file.name for file in tmp_path.iterdir()} == {"machine.json", "table.md"}


def test_a_step_of_each_entry_is_compared() -> None:
    names = set(cases())
    assert {"optimizer adam", "schedule step", "penalty l2", "augmentation flip", "model lenet5"} <= names
    assert not {"optimizer lbfgs", "optimizer adagrad-full"} & names


@pytest.mark.usefixtures("one_thread")
def test_every_schedule_changes_what_is_compared() -> None:
    """And so does everything that is compared: a curve, a weight, a slot."""
    by_name = {name: config for name, config in cases().items() if name.startswith("schedule ")}
    left = {name: trained(fit_of(config, "cpu", "float32", True, {})) for name, config in by_name.items()}
    constant = left.pop("schedule constant")
    assert all(not torch.equal(constant.state["theta"], each.state["theta"]) for each in left.values())
    assert constant.same(trained(fit_of(by_name["schedule constant"], "cpu", "float32", True, {})))
    for name in ("theta", "slots", "best.value"):
        changed = {name: constant.state[name] + 1e-6}
        assert not constant.same(replace(constant, state={**constant.state, **changed}))
    assert not constant.same(replace(constant, reports=constant.reports[:-1]))


@pytest.mark.usefixtures("one_thread")
def test_a_net_has_the_same_bits_again_and_from_its_state(monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting("cpu", 0.1, short=True)
    assert again(setting) == {"mlp": {"epochs": 3, "again": True, "from its state": True}}
    honest = Fit.load_row

    def forgetful(self: Fit, row: int, tensors: dict[str, torch.Tensor], epoch: int) -> None:
        honest(self, row, {**tensors, "slots": torch.zeros_like(tensors["slots"])}, epoch)

    monkeypatch.setattr(Fit, "load_row", forgetful)
    assert again(setting)["mlp"] == {"epochs": 3, "again": True, "from its state": False}


def test_curves_of_trials_with_the_same_widths_are_compared() -> None:
    one = {0: ({4}, [{"a": 1.0}]), 1: ({4}, [{"a": 2.0}]), 2: ({8}, [{"a": 3.0}])}
    other = {**one, 1: ({4}, [{"a": 2.5}]), 2: ({4}, [{"a": 3.0}])}
    assert killed_runner.compared(one, other) == {  # type: ignore[arg-type]
        "trials of the same widths when undisturbed": "2 of 3",
        "of which with the same curve, bit for bit": 1,
    }


@pytest.mark.parametrize(("epoch", "kills"), [(0, False), (1, True), (6, False)])
def test_a_runner_is_killed_behind_an_epoch_and_before_the_last(epoch: int, kills: bool) -> None:
    client: Any = SimpleNamespace(
        trials=lambda sweep, state: [{"epoch": epoch}] if state == ["running"] else []
    )
    assert killed_runner.has_epochs(client, "s") is kills


def test_the_machine_says_what_the_doctor_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def torch_fits(listing: gpus.GpuListing, needed: bool) -> Finding:
        return ok("torch", f"fits driver {listing.driver}, needed: {needed}")

    monkeypatch.setattr(gpus, "look", lambda: gpus.GpuListing(driver="580.1"))
    monkeypatch.setattr(doctor, "torch", torch_fits)
    found = machine(Setting("cpu", 0.1, short=True))
    assert found["doctor, devices"].startswith("ok: no NVIDIA GPU")
    assert found["doctor, torch"] == "ok: fits driver 580.1, needed: True"
    assert found["driver"] == "580.1"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in the command's own process: two threads on a busy core wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("net", WIDTHS)
def test_every_net_is_measured(net: str) -> None:
    found = speeds.speed(net)(Setting("cpu", 0.0, short=True))
    assert min(found["plain loop"], found["plain loops at once"]) > 0
    assert [array["trials"] for array in found["arrays"]] == [*WIDTHS[net][:2]]
    assert all(array["images/s"] > 0 for array in found["arrays"])


def test_plain_loops_at_once_are_processes_whose_speeds_add_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []

    class Process:
        def __init__(self, command: list[str], **how: Any) -> None:
            started.append(command)
            self.returncode = status

        def communicate(self) -> tuple[str, None]:
            return ("a warning\n2.5\n" if not status else ""), None

    status = 0
    monkeypatch.setattr(speeds.subprocess, "Popen", Process)
    assert speeds.loops_at_once("lenet5", Setting("cpu", 0.1, short=False)) == 20.0
    assert len(started) == 8
    status = 1
    with pytest.raises(RuntimeError, match="8 of 8 plain loops at once failed, with status 1"):
        speeds.loops_at_once("lenet5", Setting("cpu", 0.1, short=False))
    monkeypatch.setattr(gpu, "loop_rate", lambda net, setting: (net, setting.seconds))
    monkeypatch.setattr(sys, "argv", started[0][2:])
    gpu.main()
    assert capsys.readouterr().out == "('lenet5', 0.2)\n"


@pytest.mark.usefixtures("one_thread")
def test_the_ways_to_convolve_are_timed_checked_and_shown() -> None:
    found = convolutions(Setting("cpu", 0.0, short=True))
    (timed,) = found["timed"]
    assert [set(ms) for ms in timed["ms"].values()] == [{"grouped", "branches", "columns"}] * 2
    assert timed["chosen"].keys() == timed["ms"].keys()
    assert timed["images/s"].keys() == {"as chosen, 1 at once", "as chosen, 4 at once", "grouped"}
    errors = {case: away for case, away in found["errors"].items() if not case.startswith("fused")}
    assert len(errors) == 12
    assert all(away < 1e-5 for away in errors.values())
    assert found["errors"]["fused max-pool behind"] == "not for this device"
    shown = gpu.table({"convolutions": found})
    assert "| lenet5 × 2 | float32 | 6x14x14 by 16 of 5x5 padding 0x0 stride 1 max-pool relu |" in shown
    assert "| fused max-pool behind | not for this device |" in shown


@pytest.mark.usefixtures("one_thread")
def test_an_entry_that_trains_alike_is_equal() -> None:
    found = equality(Setting("cpu", 0.1, short=True))
    assert all(row["recorded is eager"] and row["kept is recorded"] for row in found.values())
    assert all(row["float64 from a processor"] == 0 for row in found.values())
    assert len(found) > 5


def test_a_part_that_needs_more_seconds_than_are_left_does_not_begin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured: list[str] = []
    monkeypatch.setattr(gpu, "PARTS", {"thousand-trials": lambda setting: {"data": measured.append("x")}})
    enough = gpu.NEEDED["thousand-trials"]
    for seconds in (enough - 5, enough + 5):
        monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu", "--seconds", str(seconds)])
        with pytest.raises(SystemExit):
            gpu.main()
        assert bool(measured) == (seconds > enough)


def test_of_all_processes_below_the_one_that_trains_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        def __init__(self, *words: str) -> None:
            self.words, self.killed = words, False

        def cmdline(self) -> tuple[str, ...]:
            if not self.words:
                raise psutil.NoSuchProcess(1)
            return self.words

        def kill(self) -> None:
            self.killed = True

    below = [Process(), Process("-m", "workers"), Process("-m", "workers.runner", "7"), Process("runner")]
    own = SimpleNamespace(children=lambda recursive: below if recursive else [])
    monkeypatch.setattr(killed_runner.psutil, "Process", lambda: own)
    assert killed_runner.kill_runner()
    assert [process.killed for process in below] == [False, False, True, False]
    del below[2]
    assert not killed_runner.kill_runner()


def test_the_thousand_are_a_thousand_lenets_and_in_short_a_few_tiny_nets() -> None:
    spec = grid(Setting("cuda", 1.0, short=False))
    assert (spec["max_trials"], spec["model"]["name"], spec["train"]["epochs"]) == (1000, "lenet5", 10)
    assert all(len(set(axis)) == len(axis) for axis in spec["space"].values())
    assert grid(Setting("cpu", 0.1, short=True))["max_trials"] == 6


@pytest.mark.parametrize("there", [True, False])
def test_the_full_data_set_is_taken_where_all_of_its_files_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: bool
) -> None:
    own = replace(thousand_trials.FILES, folders=(), homes=())
    monkeypatch.setattr(thousand_trials, "FILES", own)
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    (tmp_path / own.name).mkdir()
    for file in (own.train_x, own.train_y, own.test_x, own.test_y)[: 4 if there else 3]:
        (tmp_path / own.name / file.name).touch()
    assert data_name() == ("fashion-mnist" if there else "fashion-mnist-mini")


def test_the_timeline_is_read_from_sql(tmp_path: Path) -> None:
    database = tmp_path / "state.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript("""
            CREATE TABLE sweeps (created_at); INSERT INTO sweeps VALUES (1000);
            CREATE TABLE packs (width, leased_at, closed_at, busy_ms);
            INSERT INTO packs VALUES (256, 1500, 4500, 2500), (128, 4500, 6500, 1700), (128, 6600, NULL, 10);
            CREATE TABLE reports (at); INSERT INTO reports VALUES (2500), (6400);
            CREATE TABLE trials (finished_at); INSERT INTO trials VALUES (6500), (NULL);
        """)
    assert timeline(database) == {
        "first lease, s": 0.5,
        "first epoch, s": 1.5,
        "last epoch, s": 5.4,
        "last final in SQL, s": 5.5,
        "packs": 2,
        "widths": "128 to 256",
        "packs held, s": 5.0,
        "of which not in training (begin, commits, waits), s": 0.8,
    }


def test_a_part_is_ended_after_so_many_seconds_and_ends_what_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = []

    def endless(setting: Setting) -> Results:
        try:
            for _ in range(1000):
                with contextlib.suppress(Exception):  # as parts do that note what fails in one case
                    time.sleep(60)
        finally:
            ended.append(True)
        return {}

    parts = {"quick": lambda setting: {"name": "a"}, "endless": endless, "last": endless}
    monkeypatch.setattr(gpu, "PARTS", parts)
    monkeypatch.setattr(gpu, "table", lambda results: ", ".join(results))
    monkeypatch.setattr(sys, "argv", ["gpu", str(tmp_path), "--cpu", "--seconds", "0.2"])
    with pytest.raises(SystemExit) as stopped:
        gpu.main()
    assert stopped.value.code is None
    assert ended == [True]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["quick.json", "table.md"]
    assert "endless was ended after 0 s" in capsys.readouterr().out
