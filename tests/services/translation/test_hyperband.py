"""services/translation/hyperband.py, against the algorithm of the paper."""

from __future__ import annotations

import pytest

from services.domain.stopping.halving import Halving
from services.translation.hyperband import halving


@pytest.mark.parametrize(("most", "eta"), [(9, 3), (27, 3), (81, 3), (16, 2), (10, 3), (100, 4)])
def test_each_bracket_begins_where_that_of_the_paper_does(most: int, eta: int) -> None:
    """Bracket s begins with R·eta^(−s) epochs, s from ⌊log_eta R⌋ down to 0, which trains R at once."""
    s_max = 0
    while eta ** (s_max + 1) <= most:
        s_max += 1
    rule = halving(most, eta)
    assert rule["brackets"] == s_max + 1
    checked = Halving.model_validate(rule)
    assert checked.first_wrong_rung(most) is None
    rungs = [checked._rungs(bracket, most) for bracket in range(checked.brackets)]
    if eta**s_max == most:
        assert [each[0] for each in rungs[:-1]] == [most // eta**s for s in range(s_max, 0, -1)]
        assert rungs[-1] == ()
