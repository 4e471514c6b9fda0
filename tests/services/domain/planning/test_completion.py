"""A spec's config, completed level by level; and the place of a fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paper_catalog import PaperCatalog, paper_plan, paper_spec

from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion


def test_an_axis_below_an_object_that_was_left_out_finds_its_default() -> None:
    plan = paper_plan(paper_spec(space={"train.optimizer.lr": [0.2, 0.3]}))
    assert plan.config(1)["train"]["optimizer"] == {"name": "sgd", "lr": 0.3}


def test_a_config_that_others_share_is_resolved_once() -> None:
    class Counting(PaperCatalog):
        calls = 0

        def resolve(self, config: Mapping[str, Any]) -> dict[str, Any]:
            self.calls += 1
            return super().resolve(config)

    catalog = Counting()
    completion = Completion(paper_spec(), catalog)
    for rate in (0.1, 0.2, 0.3):
        values = {"train.optimizer": "adam", "train.optimizer.lr": rate}
        assert completion.complete(values)["train"]["optimizer"]["lr"] == rate
    assert catalog.calls == 2 + 3  # of depths 0 and 1 once, of depth 2 each


def test_a_fault_is_pointed_to_at_the_axis_that_set_it_else_in_the_spec() -> None:
    completion = Completion(paper_spec(space={"optimizer": ["sgd", "adam"]}), PaperCatalog())
    names = {"train.optimizer": "optimizer"}
    fault = ConfigFault("train.optimizer.lr", "is wrong")
    inside = completion.problem(fault, names, {"train.optimizer": "adam"}, {"train.optimizer": 1})
    assert (inside.pointer, inside.detail) == ("/space/optimizer/1", "is wrong")
    assert completion.problem(fault, names, {}, {}).pointer == "/train/optimizer/lr"
    assert completion.problem(ConfigFault("", "all wrong"), names, {}, {}).pointer == ""
