"""Search methods are found by the names of their files."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.domain import search
from services.domain.errors import SpecError
from services.domain.search import AskedSearch, IndexedSearch, SequenceSearch

INDEXED = ["grid", "random"]


def test_every_file_holds_one_method_under_its_name() -> None:
    files = {path.stem for path in Path(str(search.__file__)).parent.glob("*.py")} - {"__init__"}
    assert set(search.names()) == {file.replace("_", "-") for file in files}
    for name in search.names():
        method = search.get(name)
        assert isinstance(method, IndexedSearch | SequenceSearch | AskedSearch)
        assert type(method).__module__ == f"services.domain.search.{name.replace('-', '_')}"


def test_the_two_contracts() -> None:
    assert [name for name in search.names() if isinstance(search.get(name), IndexedSearch)] == INDEXED
    assert search.asked_names() == ["cma-es", "gp", "tpe"]


@pytest.mark.parametrize("name", INDEXED)
def test_every_method_visits_distinct_points_of_a_shape(name: str) -> None:
    method = search.get(name)
    assert isinstance(method, IndexedSearch)
    sizes = [7, 1, 20]
    counts = method.visits(sizes, 15, 3)
    for shape, (count, size) in enumerate(zip(counts, sizes, strict=True)):
        visited = [method.index(position, size, 3, shape) for position in range(count)]
        assert len(set(visited)) == count <= size
        assert set(visited) <= set(range(size))
        assert [method.position(index, size, 3, shape) for index in visited] == list(range(count))


def test_an_unknown_method_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SpecError, match="Did you mean 'grid'") as caught:
        search.get("grind")
    assert caught.value.problems[0].pointer == "/search"
