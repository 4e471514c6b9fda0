"""A spec's config with some values of its axes, completed by the catalog; and where a fault of it lies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from services.domain.config import Config, overlay
from services.domain.errors import Problem, pointer
from services.domain.planning.catalog import Catalog, ConfigFault
from services.domain.spec.axis_forms import place_of_value
from services.domain.spec.spec import Spec


class Completion:
    """Completes the config of one spec; configs that thousands of others have in common are kept."""

    def __init__(self, spec: Spec, catalog: Catalog) -> None:
        self.spec, self.catalog = spec, catalog
        self._kept: dict[str, Config] = {}

    def complete(self, values: Mapping[str, Any]) -> Config:
        """The spec's config with these values, by path, resolved level by level.

        So an axis below an object that the spec leaves out finds the object's default in its place:
        train.optimizer.lr is the rate of the default optimizer.
        """
        deepest = max((path.count(".") for path in values), default=0)
        config: Config = self.spec.sections()
        done = ""
        for depth in range(1 + deepest):
            level = {path: value for path, value in values.items() if path.count(".") == depth}
            done += json.dumps(level, sort_keys=True)
            known = self._kept.get(done)
            if known is None:
                known = self.catalog.resolve(overlay(config, level))
                if depth < deepest:
                    self._kept[done] = known
            config = known
        return config

    def problem(
        self,
        fault: ConfigFault,
        names: Mapping[str, str],
        values: Mapping[str, Any],
        indices: Mapping[str, int],
    ) -> Problem:
        """Point to the axis that set the faulty value, else to the place in the spec itself.

        `names` and `indices` are the user's names of axes and the indices of their values, by path.
        """
        for path in sorted(values, key=len, reverse=True):
            if fault.path == path or fault.path.startswith(path + "."):
                name = names[path]
                place = place_of_value(self.spec.space[name], indices.get(path))
                inside = _written_parts(values[path], fault.path.removeprefix(path).split(".")[1:])
                return Problem(pointer("space", name, *place, *inside), fault.detail)
        return Problem(pointer(*fault.path.split(".")) if fault.path else "", fault.detail)


def _written_parts(value: Any, parts: Sequence[str]) -> list[str]:
    """The first of some parts of a path that the user wrote into a value."""
    found: list[str] = []
    for part in parts:
        if not isinstance(value, Mapping) or part not in value:
            break
        found.append(part)
        value = value[part]
    return found
