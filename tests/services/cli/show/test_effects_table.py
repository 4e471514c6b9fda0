"""services/cli/show/effects_table.py."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from services.api.views.effects import EXAMPLE
from services.cli.show import effects_table


def shown(table: Any) -> list[str]:
    """The lines that a wide terminal gets, with one space between cells."""
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(table)
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def axis(name: str, share: float | None, **changes: Any) -> dict[str, Any]:
    importance = None if share is None else {"share": share, "low": 0.0, "high": 1.0}
    return {**EXAMPLE["axes"][0], "name": name, "importance": importance, **changes}


def test_the_summary_says_what_is_compared_and_how() -> None:
    assert list(effects_table.summary(EXAMPLE)) == [
        "val/acc: 11 points with 3 seeds compared at their last epochs, mean 0.8527; "
        "left out: 2 failed, 1 of points with such a trial",
        "Effects: least squares on all axes; 95 % intervals from what the sum of effects does not explain.",
        "Importance: what decides whether a point is among the best 5 of 11 (33 trials); by PED-ANOVA, with "
        "95 % bootstrap intervals.",
    ]
    one = {**EXAMPLE, "points": 1, "seeds": 1, "left_out": {"words": ""}}
    assert next(effects_table.summary(one)) == (
        "val/acc: 1 point compared at their last epochs, mean 0.8527; no trial is left out"
    )


def test_after_early_stopping_the_summary_has_the_epochs_to_choose_from() -> None:
    epochs = [{"epoch": 1, "points": 11}, {"epoch": 3, "points": 1}]
    first, second, *_ = effects_table.summary({**EXAMPLE, "epoch": 1, "epochs": epochs})
    assert "compared at epoch 1, mean" in first
    assert second == (
        "Trials were stopped early. Epochs at which points can be compared, by --epoch: "
        "1 (11 points), 3 (1 point)."
    )


def test_axes_stand_by_importance_in_both_tables() -> None:
    none = {"text": "none", "n": 4, "mean": 0.5}
    view = {**EXAMPLE, "axes": [axis("l2", 0.2, inactive=none), axis("lr", 0.8, together=["batch_size"])]}
    table = effects_table.importances(view)
    assert shown(table) == ["axis importance 95 % interval", "lr 80% 0% to 100%", "l2 20% 0% to 100%"]
    assert shown(effects_table.levels(view)) == [
        "axis value points mean effect together with",
        "lr 0 6 0.857 +0.0041 ± 0.0029 batch_size",
        "lr 0.5 5 0.8475 −0.0049 ± 0.0035 batch_size",
        "l2 0 6 0.857 +0.0041 ± 0.0029",
        "l2 0.5 5 0.8475 −0.0049 ± 0.0035",
        "l2 none 4 0.5",
    ]


def test_without_importances_axes_keep_their_order() -> None:
    view = {**EXAMPLE, "axes": [axis("b", None), axis("a", None)]}
    assert effects_table.importances(view) is None
    assert [line.split()[0] for line in shown(effects_table.levels(view))] == ["axis", "b", "b", "a", "a"]
