"""What a spec refuses by itself, in words."""

from __future__ import annotations

import pytest
from paper_catalogue import paper_spec


@pytest.mark.parametrize("name", ["a/b", "größe", "-a", " ", ""])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ValueError, match="must begin with a letter or digit"):
        paper_spec(name=name)


def test_a_value_where_a_list_belongs_is_shown_as_a_list() -> None:
    with pytest.raises(ValueError, match=r"write \[0.5\]"):
        paper_spec(space={"model.dropout": 0.5})
