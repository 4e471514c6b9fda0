"""Step 6, pack. In: the numbered space. Out: the plan, every shape built on paper and given a width."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.domain.config import Config, overlay
from services.domain.errors import Problem, SpecError, pointer
from services.domain.plan import packing
from services.domain.plan.axis import Coordinates
from services.domain.plan.draws import Undrawable
from services.domain.plan.plan import Plan
from services.domain.plan.shape import Shape
from services.domain.planning.blame import uncomputable, undrawable
from services.domain.planning.catalog import ConfigFault, DryBuild
from services.domain.planning.completion import Completion
from services.domain.planning.limits import MAX_NAMED_CLASSES, MAX_REPRESENTATIVES
from services.domain.planning.number import NumberedSpace
from services.domain.planning.objective_check import measured_metrics
from services.domain.planning.problems import SECTIONS, Problems
from services.domain.planning.representatives import representatives
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.objective import MetricFacts
from services.domain.spec.spec import Spec


def pack_shapes(numbered: NumberedSpace, completion: Completion, memory: int, problems: Problems) -> Plan:
    """Build each shape once, try its points, and choose the width of its packs.

    `memory` is the bytes that a pack's rows may take. `SpecError` for shapes that cannot be built, and for
    points whose values clash, with the `problems` of the earlier steps.
    """
    packer = _Packer(numbered, completion, problems)
    built = [one for coordinates, _ in numbered.shapes if (one := packer.build(coordinates))]
    if len(built) < len(numbered.shapes) or problems.untied or problems.concern(SECTIONS, unknown=True):
        problems.raise_any()  # what clashes may follow from what is refused
    fixed = numbered.space.drawn and numbered.asked is None
    if not problems.exist and fixed and completion.spec.constraints:
        _draw_every_point(numbered, completion.spec)
    packer.check_folds(built)
    shapes = [packer.shape(index, one, memory) for index, one in enumerate(built)]
    problems.raise_any()
    return Plan(
        base=numbered.base,
        space=numbered.space,
        seeds=completion.spec.seeds,
        folds=completion.spec.folds,
        shapes=shapes,
        asked=numbered.asked,
    )


def _draw_every_point(numbered: NumberedSpace, spec: Spec) -> None:
    """Refuse a point that cannot be drawn now, not when dispatch comes to it."""
    try:
        for shape, (coordinates, points) in enumerate(numbered.shapes):
            for position in range(points - len(numbered.space.given_in(coordinates))):
                numbered.space.point(shape, coordinates, position)
    except ConstraintError as error:
        raise SpecError([uncomputable(error, spec)]) from None
    except Undrawable as error:
        space = numbered.space
        raise SpecError([undrawable(error, space.axes, space.dependencies, spec)]) from None


@dataclass(frozen=True)
class _Built:
    """A shape built on paper, and the values and the config that it was built with."""

    values: dict[str, Any]
    config: Config
    facts: DryBuild
    metrics: list[MetricFacts]


class _Packer:
    """Asks the catalog about the shapes of one space."""

    def __init__(self, numbered: NumberedSpace, completion: Completion, problems: Problems) -> None:
        self.numbered, self.completion, self.problems = numbered, completion, problems
        # What was refused may be what the images lack, or what the objective needs.
        several = any(axis.path.partition(".")[0] == "data" for axis in numbered.space.axes)
        self._certain = not (problems.untied or problems.concern(("model", "data"), unknown=True))
        self._ranked = not (
            problems.is_closed("/objective")
            or problems.concern(["data"], unknown=False)
            or (problems.untied and several)
        )
        self.spec, self.catalog = completion.spec, completion.catalog
        self.names = {axis.path: axis.name for axis in numbered.space.axes}
        self.facts: list[DryBuild] = []  # of each shape

    def build(self, coordinates: Coordinates) -> _Built | None:
        """Build one shape on paper; None, and a problem if that is certain, where it cannot be."""
        values = self.numbered.space.values(coordinates)
        config = overlay(self.numbered.base, values)
        indices = {path: int(at) for path, at in coordinates.items()}
        try:
            facts = self.catalog.inspect(config)
        except ConfigFault as fault:
            if self._certain:
                problem = self.completion.problem(fault, self.names, values, indices)
                self.problems.add_where_none_is(problem)
            return None
        try:
            metrics = measured_metrics(self.spec.objective, facts, config, self.facts, self.catalog)
        except SpecError as error:
            self._refuse_objective(error.problems)
            return None
        except ConfigFault as fault:
            self._refuse_objective([self.completion.problem(fault, self.names, values, indices)])
            return None
        self.facts.append(facts)
        return _Built(values, config, facts, metrics)

    def _refuse_objective(self, problems: Sequence[Problem]) -> None:
        """Refuse one that a shape does not have, unless that may follow from another fault."""
        for problem in problems if self._ranked else ():
            self.problems.add_where_none_is(problem)

    def check_folds(self, built: Sequence[_Built]) -> None:
        """Refuse folds that are no field of `data`: every point of a sweep has the same number of trials."""
        found = sorted({one.config["data"].get("folds") or 1 for one in built} - {self.spec.folds})
        if found:
            got = ", ".join("0" if folds == 1 else str(folds) for folds in found)
            detail = f"data.folds must stand in data, the same for all points; got {got} in space"
            self.problems.add_where_none_is(Problem("/space", detail))

    def shape(self, index: int, built: _Built, memory: int) -> Shape:
        """Choose the width of a shape's packs, with room for the rows that take most."""
        (coordinates, points), facts = self.numbered.shapes[index], built.facts
        bytes_per_row = self._bytes_per_row(index, built)
        own_batches = built.config["data"].get("stream") == "trial"
        room = max(1, memory - facts.bytes_shared)
        # Later seeds of a race come by themselves, and trials of other folds have other images.
        seeds = 1 if self.spec.race or self.spec.folds > 1 else self.spec.seeds
        arrangement = packing.arrange(points, seeds, bytes_per_row, room, own_batches=own_batches)
        return Shape(
            key=self.catalog.shape_key(built.config),
            coordinates=coordinates,
            points=points,
            parameters=facts.parameters,
            flops=facts.flops,
            data_notes=list(facts.notes),
            images=dict(facts.images),
            precision=built.config["train"].get("precision", "float32"),
            compiled=facts.compiled,
            row_by_row=facts.alone,
            bytes_per_row=bytes_per_row,
            bytes_beside=facts.bytes_shared + facts.bytes_data,
            width=arrangement.width,
            mixed=arrangement.mixed,
            epochs=built.config["train"]["epochs"],
            metrics=built.metrics,
            class_names=list(facts.class_names) if len(facts.class_names) <= MAX_NAMED_CLASSES else [],
        )

    def _bytes_per_row(self, index: int, built: _Built) -> int:
        """The most that a row of a shape takes; a problem if values clash at one of its points."""
        (coordinates, points), most = self.numbered.shapes[index], built.facts.bytes_per_row
        count = MAX_REPRESENTATIVES // len(self.numbered.shapes)
        most = max(most, self._given(coordinates, built))
        points -= len(self.numbered.space.given_in(coordinates))
        own = representatives(self.numbered.space, index, coordinates, points, count)
        for values in own if points else ():  # where the spec lists every point, others are none of it
            values = built.values | values
            try:
                most = max(most, self.catalog.point(overlay(self.numbered.base, values), built.facts))
            except ConfigFault as fault:
                self.problems.add_where_none_is(self._clash(fault, values))
                break
        return most

    def _given(self, shape: Coordinates, built: _Built) -> int:
        """The most that a row takes at the points that the spec lists; a problem where values clash."""
        space, most = self.numbered.space, 0
        for point in space.given_in(shape):
            try:
                config = overlay(self.numbered.base, space.values(point))
                most = max(most, self.catalog.point(config, built.facts))
            except ConfigFault as fault:
                place = pointer("points", space.given.index(point))
                self.problems.add(place, f"{fault.path}: {fault.detail}")
        return most

    def _clash(self, fault: ConfigFault, values: Mapping[str, Any]) -> Problem:
        problem = self.completion.problem(fault, self.names, values, {})
        if fault.path not in values:
            return problem
        return Problem(
            problem.pointer,
            f"{problem.detail}; if only some points are like this, leave them out with a constraint",
        )
