"""Search methods are found by the names of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.domain import search
from services.domain.errors import SpecError


def test_every_file_holds_one_method_under_its_name() -> None:
    files = {path.stem for path in Path(str(search.__file__)).parent.glob("*.py")} - {"__init__"}
    assert set(search.names()) == files
    for name in search.names():
        method = search.get(name)
        assert isinstance(method, search.IndexedSearch)
        assert type(method).__module__ == f"services.domain.search.{name}"


@pytest.mark.parametrize("name", search.names())
def test_every_method_visits_distinct_points_of_a_shape(name: str) -> None:
    method = search.get(name)
    sizes = [7, 1, 20]
    counts = method.visits(sizes, 15, 3)
    for shape, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        visited = [method.index(position, size, 3, shape) for position in range(count)]
        assert len(set(visited)) == count <= size
        assert set(visited) <= set(range(size))


def test_an_unknown_method_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="Did you mean 'grid'") as caught:
        search.get("grind")
    assert caught.value.problems[0].pointer == "/search"
