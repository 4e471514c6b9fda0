"""services/translation/search_method.py."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from planned_spec import planned

from services.translation.axes import MAX_SHAPES
from services.translation.compose import compose
from services.translation.draft import Draft
from services.translation.foreign import ForeignSweep
from services.translation.parameter import Domain, Fixed, ForeignParameter, Interval, OneOfValues
from services.translation.search_method import BY_RESULTS, DEFAULT_TRIALS

LR = {"lr": OneOfValues((0.1, 0.2, 0.3)), "dropout": OneOfValues((0.0, 0.5))}


def composed(domains: dict[str, Domain], **sweep: Any) -> Draft:
    parameters = [ForeignParameter(name, domain) for name, domain in domains.items()]
    return compose(ForeignSweep("W&B", parameters=parameters, **sweep), "a")


def said(draft: Draft, field: str) -> str:
    return " ".join(draft.notes.get(field, []))


def test_a_grid_stays_one_if_its_limit_is_not_reached() -> None:
    assert composed(LR, search="grid").spec()["search"] == "grid"
    assert "max_trials" not in composed(LR, search="grid").spec()
    assert composed(LR, search="grid", max_trials=6).fields["max_trials"] == 6


def test_a_grid_that_is_cut_off_becomes_random() -> None:
    draft = composed(LR, search="grid", max_trials=5)
    assert (draft.fields["search"], draft.fields["max_trials"]) == ("random", 5)
    assert "a grid of up to 6 points, cut off at 5" in said(draft, "search")
    assert planned(yaml.safe_dump(draft.spec())).trials == 5


def test_a_grid_over_a_range_becomes_random() -> None:
    draft = composed({"lr": Interval(0.01, 0.1)}, search="grid", max_trials=9)
    assert draft.fields["search"] == "random"
    assert "a grid needs steps" in said(draft, "search")


def test_what_the_file_does_not_say_is_chosen_and_named() -> None:
    draft = composed(LR)
    assert (draft.fields["search"], draft.fields["max_trials"]) == ("tpe", DEFAULT_TRIALS)
    assert said(draft, "search") == "the file does not say how points are chosen"
    assert "sets no limit" in said(draft, "max_trials")


def test_a_run_has_one_seed_and_all_folds() -> None:
    seeded = LR | {"seed": OneOfValues((1, 2, 3))}
    draft = composed(seeded, search="random", max_trials=12)
    assert (draft.fields["seeds"], draft.fields["max_trials"]) == (3, 12)
    assert planned(yaml.safe_dump(draft.spec())).trials == 12
    assert composed(seeded, search="random", max_trials=2).fields["max_trials"] == 3
    assert composed(seeded, search="grid", max_trials=18).fields["search"] == "grid"
    folded = composed(seeded | {"folds": Fixed(5)}, search="random", max_trials=12)
    assert folded.fields["max_trials"] == 60


SIZES: dict[str, Domain] = {
    "hidden_size": Interval(16, 1024, whole=True),
    "num_filters": Interval(8, 128, whole=True),
    "batch_size": Interval(16, 512, whole=True),
    "lr": Interval(0.001, 0.1),
}


@pytest.mark.parametrize("search", ["tpe", "gp", "cma-es", "random"])
def test_a_sweep_has_at_most_as_many_architectures_as_are_allowed(search: str) -> None:
    draft = composed(SIZES, search=search, max_trials=300)
    assert planned(yaml.safe_dump(draft.spec())).trials <= 300
    for path, count in {"model.hidden": 1009, "model.filters": 121, "train.batch_size": 497}.items():
        assert draft.space[path]["step"] > 1
        assert f"{count} values in the file" in said(draft, path)
        assert str(MAX_SHAPES) in said(draft, path)


def test_few_random_points_keep_their_ranges() -> None:
    draft = composed(SIZES | {"hidden_size": Interval(32, 512, whole=True)}, search="random", max_trials=30)
    assert draft.space["model.hidden"] == {"int": [32, 512]}
    assert planned(yaml.safe_dump(draft.spec())).trials == 30
    long = composed(SIZES, search="random", max_trials=30)
    assert long.space["model.hidden"] == {"int": [16, 1024], "step": 128}, "an axis lists 1,000 sizes at most"
    assert long.space["model.filters"] == {"int": [8, 128]}
    assert planned(yaml.safe_dump(long.spec())).trials == 30


@pytest.mark.parametrize("search", BY_RESULTS)
def test_a_search_by_results_gets_steps_where_each_value_is_an_array(search: str) -> None:
    draft = composed({"label_noise": Interval(0.0, 0.2), "lr": Interval(0.01, 0.1)}, search=search)
    assert draft.space["data.label_noise"] == {"uniform": [0.0, 0.2], "step": 0.05}
    assert draft.space["train.optimizer.lr"] == {"uniform": [0.01, 0.1]}
    assert planned(yaml.safe_dump(draft.spec())).trials == DEFAULT_TRIALS


def test_lists_of_too_many_architectures_are_said() -> None:
    lists: dict[str, Domain] = {
        "hidden_size": OneOfValues(tuple(range(16, 36))), "batch_size": OneOfValues(tuple(range(16, 36)))
    }  # fmt: skip
    assert "400 architectures, of which a sweep has at most 200" in said(
        composed(lists, search="tpe"), "space"
    )


def test_rungs_need_one_length_of_training_that_is_long_enough() -> None:
    halving = {"stop": [{"name": "halving", "first": 5}]}
    assert "first must be below train.epochs, 5" in said(
        composed({"epochs": OneOfValues((5,))}, **halving), "stop"
    )
    assert "fix train.epochs" in said(composed({"epochs": OneOfValues((5, 9))}, **halving), "stop")
    assert said(composed({"epochs": OneOfValues((9,))}, **halving), "stop") == ""
