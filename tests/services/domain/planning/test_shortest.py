"""A config without what is filled in anyway: the same config, and nothing more can be left out."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.library import Library
from services.domain.planning.shortest import shortest


@pytest.mark.parametrize(
    "written",
    [
        {"model": "lenet5", "data": "mnist"},
        {"model": {"name": "mlp", "hidden": [7]}, "data": {"name": "mnist", "validation": 0.2}},
        {
            "model": {"name": "lenet5", "dropout": 0.5, "activation": {"name": "softplus"}},
            "data": "fashion-mnist-mini",
            "train": {"epochs": 5, "optimizer": {"name": "adam", "lr": 0.01}, "l2": {"strength": 0.1}},
        },
    ],
)
def test_it_is_as_short_as_it_can_be(written: dict[str, Any]) -> None:
    resolve = Library().resolve
    full = resolve(written)
    short = shortest(full, resolve)
    assert resolve(short) == full
    assert short == {name: _bare(section) for name, section in written.items()}


def _bare(section: Any) -> Any:
    """The way in which it is written: an entry without fields by its name."""
    if not isinstance(section, dict):
        return section
    return section["name"] if set(section) == {"name"} else {k: _bare(v) for k, v in section.items()}


def test_a_digest_stays() -> None:
    full = {"data": {"name": "folder", "sha256": "ab", "seen": 1}}
    assert shortest(full, lambda _: full) == {"data": {"sha256": "ab"}}
