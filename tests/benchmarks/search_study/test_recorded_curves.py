"""Recorded curves: the truth, which points equal the best, and the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from made_up_curves import made_up, rising

from benchmarks.search_study.recorded_curves import HERE, SPACES, read, read_all
from services.cli import specfile
from services.domain.spec.spec import Spec


def test_the_truth_is_the_mean_over_seeds_of_the_value_that_ranks() -> None:
    bump = made_up(lambda point, seed, epoch: rising(point, seed, epoch) + (epoch == 3) * 0.2)
    assert bump.truth[4] == pytest.approx(0.5 + 0.04 + 0.003 + 0.00005 + 0.2)
    assert replace(bump, objective=bump.objective | {"at": "last"}).truth[4] == pytest.approx(0.54905)
    assert (bump.seeds, bump.epochs, bump.grid_epochs) == (2, 9, 81)


@pytest.mark.parametrize(("goal", "best"), [("maximize", 8), ("minimize", 0)])
def test_the_best_point_follows_the_goal_and_regret_is_the_distance(goal: str, best: int) -> None:
    recorded = made_up(goal=goal)
    assert recorded.best == best
    assert recorded.regret(best) == 0
    assert recorded.regret(4) == pytest.approx(0.04)


def test_points_that_seeds_do_not_distinguish_equal_the_best() -> None:
    def value(point: int, seed: int, epoch: int) -> float:
        apart = {7: (0.0, 0.02, -0.01), 6: (0.0, 0.001, -0.001)}.get(point, (0.0, 0.0, 0.0))
        return rising(point, seed, epoch) + apart[seed]

    assert made_up(value, seeds=3).equal == {7, 8}


def test_a_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    recorded = made_up()
    recorded.write(tmp_path / "grid81.json")
    assert read(tmp_path / "grid81.json") == recorded
    assert read_all(tmp_path) == {"grid81": recorded}
    assert read_all(tmp_path / "empty") == {}


@pytest.mark.parametrize("name", SPACES)
def test_every_space_has_a_spec_with_several_seeds(name: str) -> None:
    assert Spec.model_validate(specfile.read(HERE / f"{name}.yaml").spec).seeds >= 3


@pytest.mark.parametrize("name", SPACES)
def test_recorded_curves_are_whole(name: str) -> None:
    recorded = read_all()[name]
    assert recorded.spec == specfile.read(HERE / f"{name}.yaml").spec
    assert name.endswith(str(len(recorded.points)))
    assert len(recorded.curves) == len(recorded.points)
    assert {len(seeds) for seeds in recorded.curves} == {recorded.spec["seeds"]}
    assert {len(curve) for seeds in recorded.curves for curve in seeds} == {9}
