"""services/cli/show/lineage.py: where sweeps and trials come from, in words."""

from __future__ import annotations

from typing import Any

import pytest

from services.cli.show.lineage import fork_arguments, forked_from, forks, origin, reused_words

PARENT: dict[str, Any] = {"trial": "a-0003", "epoch": 4, "changed": {"train.optimizer.lr": 0.01}}
TRIAL: dict[str, Any] = {
    "target_epoch": 3, "reused_from": None, "reused_epochs": 0, "forked_from": None, "forks": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("parent", "words"),
    [
        (PARENT, "trial a-0003, after its epoch 4, with train.optimizer.lr 0.01"),
        (PARENT | {"epoch": None}, "trial a-0003, after its present epoch, with train.optimizer.lr 0.01"),
        (PARENT | {"changed": {}}, "trial a-0003, after its epoch 4, with the same values"),
        (None, None),
    ],
)
def test_a_fork_names_trial_epoch_and_values(parent: dict[str, Any] | None, words: str | None) -> None:
    assert forked_from({"forked_from": parent}) == words


def test_a_fork_is_forked_again_with_the_same_values() -> None:
    spaced = {"train.schedule": {"name": "step"}, "train.l2": 0.5}
    assert fork_arguments(PARENT) == "fork a-0003 --set train.optimizer.lr=0.01"
    again = 'fork a-0003 --set \'train.schedule={"name": "step"}\' --set train.l2=0.5'
    assert fork_arguments(PARENT | {"changed": spaced}) == again


def test_a_trial_lists_what_was_forked_from_it() -> None:
    assert forks(TRIAL) is None
    two = [{"trial": "b-0000", "start_epoch": 4}, {"trial": "c-0000", "start_epoch": None}]
    assert forks(TRIAL | {"forks": two}) == "b-0000 (from epoch 4), c-0000 (not begun)"


@pytest.mark.parametrize(
    ("epochs", "words"),
    [
        (3, "all 3 epochs, from trial a-0001"),
        (2, "the first 2 epochs, from trial a-0001, whose checkpoint it goes on from"),
        (1, "the first 1 epoch, from trial a-0001, whose checkpoint it goes on from"),
    ],
)
def test_a_trial_says_how_much_it_has_reused(epochs: int, words: str) -> None:
    assert reused_words(TRIAL) is None
    assert reused_words(TRIAL | {"reused_from": "a-0001", "reused_epochs": epochs}) == words


def test_a_sweep_says_what_it_continues_forks_and_reuses() -> None:
    plain: dict[str, Any] = {"extends": None, "forked_from": None, "reused_from": []}
    assert origin(plain) == []
    reused = [{"sweep": "a", "trials": 3, "epochs": 6}, {"sweep": "b", "trials": 1, "epochs": 1}]
    assert origin({"extends": "a", "forked_from": PARENT, "reused_from": reused}) == [
        "It continues sweep a.",
        "It goes on from trial a-0003, after its epoch 4, with train.optimizer.lr 0.01.",
        "3 trials reused from sweep a, 6 epochs.",
        "1 trial reused from sweep b, 1 epoch.",
    ]
