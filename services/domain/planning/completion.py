"""A spec's config with some values of its axes, completed by the catalog; and where a fault of it lies."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.domain.config import Config, overlay, without
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

    def without(self, paths: Collection[str]) -> Completion:
        """The completion of the same spec without what stands at these paths of its sections."""
        sections = without(self.spec.sections(), paths)
        fields = {name: sections.get(name) for name in ("model", "data")}
        return Completion(
            self.spec.model_copy(update=fields | {"train": sections.get("train", {})}), self.catalog
        )

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
        path = set_by(fault, values)
        if path is None:
            return Problem(pointer(*fault.path.split(".")) if fault.path else "", fault.detail)
        place = place_of_value(self.spec.space[names[path]], indices.get(path))
        inside = _written_parts(values[path], fault.path.removeprefix(path).split(".")[1:])
        return Problem(pointer("space", names[path], *place, *inside), fault.detail)


def set_by(fault: ConfigFault, values: Mapping[str, Any]) -> str | None:
    """The path of the axis that set the faulty value; None where the spec itself did."""
    inside = [path for path in values if fault.path == path or fault.path.startswith(path + ".")]
    return max(inside, key=len, default=None)


def _written_parts(value: Any, parts: Sequence[str]) -> list[str]:
    """The first of some parts of a path that the user wrote into a value."""
    found: list[str] = []
    for part in parts:
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        else:
            break
        found.append(part)
    return found
