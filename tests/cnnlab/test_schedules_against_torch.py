"""Schedules and warm-ups are torch's, where torch has them: its own objects, step by step."""

import warnings

import pytest
import torch
from rate_curves import SGD, curve, values

RATES = torch.optim.lr_scheduler
LIKE_TORCH = [
    ({"name": "cosine", "over": 20, "to": 0.1}, lambda o: RATES.CosineAnnealingLR(o, 20, 0.1), 20),
    ({"name": "polynomial", "over": 15, "power": 0.7}, lambda o: RATES.PolynomialLR(o, 15, 0.7), 25),
    *(
        (
            {"name": "cosine-restarts", "every": every, "growth": growth, "to": 0.05},
            lambda o, n=every, m=growth: RATES.CosineAnnealingWarmRestarts(o, n, m, 0.05),
            300,
        )
        for every, growth in ((10, 1), (1, 1), (3, 2), (1, 3), (7, 5))
    ),
    *(
        (
            # torch reaches both ends one step earlier, so its N − 1 steps are n.
            {
                "name": "one-cycle", "over": n - 1, "up": (up * n - 1) / (n - 1), "div": 5, "final_div": 50,
                "unit": "iteration",
            },
            lambda o, n=n, up=up: RATES.OneCycleLR(
                o, 0.8, n, pct_start=up, div_factor=5, final_div_factor=50, cycle_momentum=False
            ),
            n,
        )
        for n, up in ((40, 0.3), (40, 0.05), (11, 0.5), (40, 1.0))
    ),
]  # fmt: skip


def torchs(make, steps):
    """The rates of torch's schedule at each step, from 0.8."""
    rule = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.8)
    theirs, seen = make(rule), []
    for step in range(steps):
        seen.append(rule.param_groups[0]["lr"])
        rule.step()
        if step < steps - 1:
            theirs.step()
    return seen


@pytest.mark.parametrize(("choice", "make", "steps"), LIKE_TORCH)
def test_it_is_torchs(choice, make, steps):
    assert curve(choice, steps=steps) == pytest.approx(torchs(make, steps), rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("warmup", [{"steps": 6}, {"steps": 1}, 1.5, 0.25])
@pytest.mark.parametrize("place", range(len(LIKE_TORCH[:2])))
def test_a_warm_up_and_the_schedule_behind_it_are_torchs(warmup, place):
    """Of torch a SequentialLR of LinearLR and the schedule, by steps; an epoch has four."""
    choice, make, _ = LIKE_TORCH[place]
    first = warmup["steps"] if isinstance(warmup, dict) else int(4 * warmup)

    def sequence(rule):
        line = (
            RATES.LinearLR(rule, 1 / first, total_iters=first - 1) if first > 1 else RATES.ConstantLR(rule, 1)
        )
        return RATES.SequentialLR(rule, [line, make(rule)], [first])

    by_step = {**choice, "unit": "iteration"}
    (found,) = values([{"optimizer": SGD, "schedule": by_step, "warmup": warmup}], 20, 4).T
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR calls the schedules in an order that torch warns of
        expected = torchs(sequence, 20)
    assert found.tolist() == pytest.approx(expected, rel=1e-12)
