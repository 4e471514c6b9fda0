"""The price of a sweep as SQL has it: what its packs have worked, against measured plain loops."""

from __future__ import annotations

from services.domain.results import eta
from services.domain.results.price import Price, trained_trials
from services.store.sweep_status import SweepStatus


def of(status: SweepStatus) -> Price | None:
    """The price; None until every shape that has trained was also measured with a plain loop."""
    # A reproduction fills its array with dead rows to get the same bits, not to save time; a fork is alone.
    if status.plan.origin:
        return None
    alone = 0.0
    for index, epochs in status.standing.epochs.items():
        if not epochs.trained:
            continue
        shape = status.plan.shapes[index]
        speed = status.plain.get(shape.key)
        if speed is None:
            return None
        alone += epochs.trained * shape.images["train"] / speed
    share = eta.share(status.work, alone)
    if share is None:
        return None
    reused = sum(epochs.reused for epochs in status.standing.epochs.values())
    return Price(trained_trials(status.sweep.total, status.all_epochs, reused), round(share, 3))
