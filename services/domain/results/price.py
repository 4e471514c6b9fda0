"""The price of a sweep: how many plain loops would take the time that its trials have taken side by side."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """So many trials have taken this share of the device time of plain loops of the same epochs.

    Trials of which other sweeps have trained the epochs are not among them.
    """

    trials: int
    share: float

    @property
    def words(self) -> str:
        """In words: `18 trials in the time of 6.2 plain ones`."""
        noun = "trial" if self.trials == 1 else "trials"
        return f"{self.trials:,} {noun} in the time of {self.trials * self.share:,.1f} plain ones"

    @property
    def explained(self) -> str:
        """The same with what is compared with what."""
        return (
            f"{self.words}: {self.share:.0%} of the device time of plain torch loops, one trial at a time "
            "(estimated from a few steps of one)"
        )


def trained_trials(trials: int, epochs: int, reused: int) -> int:
    """How many trials the epochs are that a sweep trains itself: all epochs without the reused ones."""
    return max(1, round(trials * (epochs - reused) / epochs)) if epochs else trials
