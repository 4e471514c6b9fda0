"""services/domain/results/price.py."""

from __future__ import annotations

import pytest

from services.domain.results.price import Price, trained_trials


def test_the_words_are_numbers_of_trials() -> None:
    assert Price(18, 0.5783).words == "18 trials in the time of 10.4 plain ones"
    assert Price(1, 0.5).words == "1 trial in the time of 0.5 plain ones"
    assert Price(20_000, 0.25).words == "20,000 trials in the time of 5,000.0 plain ones"


def test_the_explanation_says_what_is_compared_with_what() -> None:
    assert Price(18, 0.5783).explained == (
        "18 trials in the time of 10.4 plain ones: 58% of the device time of plain torch loops, one trial "
        "at a time (estimated from a few steps of one)"
    )


@pytest.mark.parametrize(
    ("trials", "epochs", "reused", "trained"),
    [(18, 54, 0, 18), (18, 54, 27, 9), (18, 54, 54, 1), (3, 9, 8, 1), (4, 0, 0, 4)],
)
def test_reused_epochs_are_left_out(trials: int, epochs: int, reused: int, trained: int) -> None:
    assert trained_trials(trials, epochs, reused) == trained
