"""pause, resume, stop, cancel and retry, against a real API without workers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., tuple[int, str, str]]
Submit = Callable[[], str]
Give = Callable[[str, dict[int, list[float]]], None]


def test_a_sweep_changes_its_state(at: Run, submit: Submit) -> None:
    sweep = submit()
    for verb, text in [
        ("pause", "steered is paused: 12 trials pending."),
        ("resume", "steered is active"),
        ("stop", "steered is stopping"),
        ("cancel", "steered is cancelling"),
    ]:
        code, out, _ = at(verb, sweep)
        assert code == 0
        assert out.startswith(text)


def test_a_state_that_forbids_it(at: Run, submit: Submit) -> None:
    sweep = submit()
    at("cancel", sweep)
    code, _, err = at("pause", sweep)
    assert code == 1
    assert "only an active sweep can be paused" in err


def test_a_trial_is_cancelled_and_retried(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {})
    code, out, _ = at("cancel", f"{sweep}-0000")
    assert (code, out) == (0, f"t000 of sweep {sweep} is cancelled.\n")
    code, out, _ = at("retry", f"{sweep}-0000")
    assert (code, out) == (0, f"t000 of sweep {sweep} is pending.\n")


def test_the_beginning_of_an_id_is_enough(at: Run, submit: Submit, give: Give) -> None:
    sweep = submit()
    give(sweep, {0: [0.5, 0.6, 0.7]})
    begins = sweep[:9]
    for words in (  # every command that takes an id, but watch and reproduce, which would wait for workers
        ["show", begins],
        ["show", begins, "--point", "0"],
        ["show", f"{begins}-0000"],
        ["trace", f"{begins}-0000"],
        ["best", begins],
        ["export", begins, "-o", "rows.csv"],
        ["priority", begins, "1"],
        ["pause", begins],
        ["resume", begins],
        ["cancel", f"{begins}-0000"],
        ["retry", f"{begins}-0000"],
        ["stop", begins],
        ["cancel", begins],
    ):
        code, _, err = at(*words)
        assert (code, err) == (0, ""), words


@pytest.mark.long
def test_the_beginning_of_several_ids_names_the_sweeps(at: Run, submit: Submit) -> None:
    beginnings = [submit()[:1] for _ in range(17)]  # of 16 digits
    twice = next(digit for digit in beginnings if beginnings.count(digit) > 1)
    code, out, err = at("cancel", twice)
    assert (code, out) == (1, "")
    assert err.startswith(f"several sweeps have an id that begins with {twice}: {twice}")
    assert "(steered, active)" in err


def test_the_beginning_of_no_id_names_the_list(at: Run) -> None:
    code, _, err = at("cancel", "000000000")
    assert code == 1
    assert "no sweep" in err
    assert "`cnnlab ls`" in err
