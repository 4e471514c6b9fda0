"""A spec's config with some choices of its axes, completed by the catalog; and where a fault of it lies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from services.domain.config import Config, overlay
from services.domain.errors import Problem, pointer
from services.domain.planning.catalog import Catalog, ConfigFault
from services.domain.spec import axis_forms as forms
from services.domain.spec.spec import Spec


class Completion:
    """Completes one spec; what choices near the root make of it is kept, for deeper ones by thousands."""

    def __init__(self, spec: Spec, catalog: Catalog) -> None:
        self._spec, self._catalog = spec, catalog
        self._kept: dict[str, Config] = {}

    def __call__(self, choices: Mapping[str, Any]) -> Config:
        """The spec's config with these choices, resolved level by level.

        So an axis below an object that the spec leaves out finds the object's default in its place:
        train.optimizer.lr is the rate of the default optimizer.
        """
        deepest = max((path.count(".") for path in choices), default=0)
        config: Config = self._spec.sections()
        done = ""
        for depth in range(1 + deepest):
            level = {path: value for path, value in choices.items() if path.count(".") == depth}
            done += json.dumps(level, sort_keys=True)
            known = self._kept.get(done)
            if known is None:
                known = self._catalog.resolve(overlay(config, level))
                if depth < deepest:
                    self._kept[done] = known
            config = known
        return config


def problem_at(
    fault: ConfigFault,
    names: Mapping[str, str],
    space: Mapping[str, Any],
    choice: Mapping[str, Any],
    picks: Mapping[str, int],
) -> Problem:
    """Point to the axis that set the faulty value, else to the place in the spec itself."""
    for path in sorted(choice, key=len, reverse=True):
        if fault.path == path or fault.path.startswith(path + "."):
            name = names[path]
            return Problem(pointer("space", name, *forms.place(space[name], picks.get(path))), fault.detail)
    return Problem(pointer(*fault.path.split(".")) if fault.path else "", fault.detail)
