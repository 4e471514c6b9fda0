"""services/domain/results/share.py: the sampling error of a share by its formula, and where there is one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper_catalog import paper_plan, paper_spec

from services.domain.results.share import Share, Z, share_of
from services.domain.spec.objective import Objective


def test_wilsons_interval_by_hand() -> None:
    # 72 of 80: the ends of Wilson's interval solve (p − 0.9)² = z² p (1 − p) / 80.
    half = Share(images=80).sampling_error(0.9)
    a, b, c = 1 + Z * Z / 80, -(2 * 0.9 + Z * Z / 80), 0.81
    root = math.sqrt(b * b - 4 * a * c)
    low, high = (-b - root) / (2 * a), (-b + root) / (2 * a)
    assert half == pytest.approx((high - low) / 2)
    for end in (low, high):
        assert (end - 0.9) ** 2 == pytest.approx(Z * Z * end * (1 - end) / 80)


@given(st.floats(0, 1), st.integers(100, 10**6))
def test_for_many_images_it_is_the_binomial_standard_error(share: float, images: int) -> None:
    half = Share(images=images).sampling_error(share)
    assert half is not None
    binomial = Z * math.sqrt(share * (1 - share) / images)
    assert half == pytest.approx(binomial, abs=2 * Z * Z / images)
    assert 0 < half < 0.5


def test_without_images_or_for_what_is_no_share_there_is_none() -> None:
    assert Share(images=None).sampling_error(0.5) is None
    assert Share(images=80).sampling_error(1.5) is None


def test_the_metrics_that_are_shares_have_the_images_of_their_part() -> None:
    plan = paper_plan(paper_spec())
    assert share_of(plan, 0, Objective()) == Share(images=100)
    assert share_of(plan, 0, Objective(metric="train/acc")) == Share(images=900)
    assert share_of(plan, 0, Objective(metric="val/loss")) is None


def test_with_folds_the_images_are_those_of_all_folds_and_a_repeated_trial_has_its_own() -> None:
    plan = paper_plan(paper_spec(data={"name": "paper", "folds": 5}))
    assert share_of(plan, 0, Objective()) == Share(images=100)
    alone = plan.model_copy(update={"folds": 1})  # as a repeated trial's plan has it
    assert share_of(alone, 0, Objective()) == Share(images=20)
    assert share_of(alone, 0, Objective(metric="train/acc")) == Share(images=900)
