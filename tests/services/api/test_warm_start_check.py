"""The sweeps that a search begins with must be there and have the same objective."""

from __future__ import annotations

from functools import partial

import pytest
from paper_catalog import paper_spec
from paper_sweep import write_sweep

from services.api.warm_start_check import check_warm_start
from services.domain.errors import SpecError
from services.store.session import Store


def test_sweeps_that_fit_are_accepted_and_others_refused_at_their_places(sqlite_store: Store) -> None:
    one = write_sweep(sqlite_store)
    other = write_sweep(sqlite_store, objective="val/loss")
    good = paper_spec(search="tpe", max_trials=9, warm_start=[one])
    sqlite_store.read(partial(check_warm_start, spec=good))
    bad = paper_spec(search="tpe", max_trials=9, warm_start=["0000000000", one, other, one])
    with pytest.raises(SpecError) as caught:
        sqlite_store.read(partial(check_warm_start, spec=bad))
    found = {problem.pointer: problem.detail for problem in caught.value.problems}
    assert list(found) == ["/warm_start/0", "/warm_start/2", "/warm_start/3"]
    assert found["/warm_start/3"] == f"{one} is listed already, at 1; its results would count twice"
    assert "no sweep '0000000000'" in found["/warm_start/0"]
    assert found["/warm_start/2"] == f"must be a sweep ranked by val/acc, got {other}, ranked by val/loss"
