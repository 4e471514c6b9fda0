"""Why a name is not a hyperparameter: it belongs to another value of an axis, or it is misspelt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from services.domain.errors import nearest
from services.domain.planning.catalog import ConfigFault
from services.domain.planning.completion import Completion
from services.domain.planning.limits import MAX_NAMED_CONFIGS
from services.domain.spec.names import entry_name, paths_named


class UnknownNames:
    """What to say of names that are the end of no known path.

    `categories` are the values of axes with which paths come and go, `first` those for which `known` are
    the paths.
    """

    def __init__(
        self,
        categories: Mapping[str, Sequence[Any]],
        first: Mapping[str, Any],
        known: Sequence[str],
        completion: Completion,
    ) -> None:
        self._categories, self._first, self._known = categories, first, known
        self._completion = completion

    def why(self, name: str) -> str:
        """Why there is no axis of that name, and what to write."""
        for axis, value, paths in self._other_configs:
            if paths_named(name, paths):
                named = entry_name(value)
                return (
                    f"exists only with {axis}: {named}, not with every value of that axis; "
                    f"write {name}: {{choice: […], when: {{{axis}: {named}}}}}"
                )
        return self._not_here(name)

    def _not_here(self, name: str) -> str:
        parent = name.rpartition(".")[0]
        inside = [path for path in self._known if parent and path.rpartition(".")[0] == parent]
        there = [path for path in inside if not path.endswith(".name")]
        ends = ", ".join(path.rpartition(".")[2] for path in there)
        has = f" {parent} has {ends} with the first value of each axis." if there else ""
        if found := self._completion.catalog.elsewhere(name.rpartition(".")[2]):
            return f"is not a hyperparameter of this sweep.{has} {found}"
        near = nearest(name, there or [path for path in self._known if not path.endswith(".name")])
        return f"is not a hyperparameter of this sweep.{has}{near}"

    @cached_property
    def _other_configs(self) -> list[tuple[str, Any, Sequence[str]]]:
        """Axes with each of their values, and the paths of the config with it."""
        found = []
        values = [(axis, value) for axis in self._first for value in self._categories[axis]]
        for axis, value in values[:MAX_NAMED_CONFIGS]:
            try:
                config = self._completion.complete({**self._first, axis: value})
            except ConfigFault:
                continue
            found.append((axis, value, self._completion.catalog.paths(config)))
        return found
