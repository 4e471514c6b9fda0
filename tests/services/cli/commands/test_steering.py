"""pause, resume, stop, cancel and retry, against a real API without workers."""

from __future__ import annotations

from collections.abc import Callable

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
