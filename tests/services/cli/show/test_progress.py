"""services/cli/show/progress.py."""

from __future__ import annotations

from typing import Any

from services.cli.show.progress import price, summary

VIEW: dict[str, Any] = {
    "name": "grid",
    "state": "active",
    "finished_at": None,
    "trials": {"total": 18, "succeeded": 6, "pruned": 1, "running": 8, "failed": 2, "cancelled": 0},
    "epochs": {"done": 30, "total": 54},
    "eta_seconds": 12.3,
    "objective": {"metric": "val/acc", "at": "best"},
    "best": {
        "point": 7,
        "label": "dropout 0.25",
        "text": "0.8765",
        "mean": 0.87654,
        "low": None,
        "high": None,
    },
    "waiting_for": None,
    "price": {"trials": 18, "alone": 6.94},
}


def test_a_view_in_one_line() -> None:
    assert summary(VIEW) == (
        "grid active: 7 of 18 trials done, 8 running, 2 failed, 30/54 epochs, about 12 s left, "
        "best val/acc 0.8765 (point 7: dropout 0.25)"
    )


def test_what_is_not_known_is_left_out() -> None:
    words = summary({**VIEW, "best": None, "eta_seconds": None, "waiting_for": "no worker is running"})
    assert "best" not in words
    assert "left" not in words
    assert words.endswith("no worker is running")


def test_the_price() -> None:
    assert price(VIEW) == "18 trials took the device time of 6.9 trained one by one"
    assert price({**VIEW, "price": None}) is None


def test_one_is_no_plural() -> None:
    one = {"total": 1, "succeeded": 1, "pruned": 0, "running": 0, "failed": 0, "cancelled": 0}
    words = summary({**VIEW, "trials": one, "epochs": {"done": 1, "total": 1}})
    assert "1 of 1 trial done, 1/1 epoch, " in words
