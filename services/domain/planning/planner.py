"""Planning: a submitted spec becomes a plan, or an error that points at what is wrong in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from services.domain import search
from services.domain.config import Config, overlay
from services.domain.errors import Problem, SpecError, nearest, pointer
from services.domain.plan import draws, packing
from services.domain.plan.plan import Axis, Group, Plan, Shape, row_parts
from services.domain.plan.ties import Assignment, Pick
from services.domain.planning.catalog import Catalog, ConfigFault, Facts
from services.domain.planning.completion import problem_at
from services.domain.planning.representatives import tellings
from services.domain.planning.space import Space, first
from services.domain.spec.constraint import ConstraintError
from services.domain.spec.objective import LOSS, PARTS, MetricFacts, MetricKey
from services.domain.spec.spec import Spec

MAX_SHAPES = 200
MAX_COMBINATIONS = 5000  # of axes that are tied together, or of architectures that are looked at
MAX_LOOKED_AT = 5_000  # points whose choices are tried together
MAX_RANDOM = 100_000  # trials of a random search: each point is drawn once at submit


def make_plan(spec: Spec, catalog: Catalog, *, limit: int, memory: int) -> Plan:
    """Resolve a spec into a plan.

    `limit` is the most trials a sweep may run without naming `max_trials`; `memory` the bytes a pack's rows
    may take. Raises `SpecError` with a pointer into the spec for every fault that it can name.
    """
    method = search.get(spec.search)
    if method.DRAWS:
        _check_budget(spec)
    space = Space.read(spec, catalog)
    if not method.DRAWS:
        _check_stepped(space)
        if not space.tied:  # counted before anything is looked at: what follows takes time in proportion
            _check_size(spec, prod(axis.size or 1 for axis in space.axes), limit)
    return _Planner(spec, space, catalog).plan(limit, memory)


class _Planner:
    """One spec on its way to a plan, its space read and its axes checked."""

    def __init__(self, spec: Spec, space: Space, catalog: Catalog) -> None:
        self.spec, self.catalog = spec, catalog
        checked = space.checked()
        renamed = {old.path: new.path for old, new in zip(space.axes, checked, strict=True)}
        self.ties, self.names = space.ties.renamed(renamed), {axis.path: axis.name for axis in checked}
        # The shape's axes first, so that trials of one shape are neighbours; then entries before numbers.
        self.axes = axes = sorted(checked, key=_order)
        conditional = {condition.axis for condition in self.ties.conditions}
        self.base = space.complete(
            {axis.path: axis.given(first(axis)) for axis in axes if axis.path not in conditional}
        )
        self.by_path = {axis.path: axis for axis in axes}
        self.groups = self._groups()
        self.facts: list[Facts] = []  # of each shape

    def plan(self, limit: int, memory: int) -> Plan:
        """Count the points of every shape, and look at each shape once."""
        try:
            counted, drawn = self._counted()
        except draws.Undrawable as error:
            raise SpecError([Problem("/constraints", str(error))]) from None
        except ConstraintError as error:
            raise SpecError([Problem("/constraints", str(error))]) from None
        counted = [(picks, points) for picks, points in counted if points]
        trials = sum(points for _, points in counted) * self.spec.seeds
        if not trials:
            raise SpecError([Problem("/constraints", "no point of the space meets all constraints")])
        _check_size(self.spec, trials // self.spec.seeds, limit)
        if len(counted) > MAX_SHAPES:
            detail = (
                f"the space has {len(counted)} distinct architectures; at most {MAX_SHAPES} fit one sweep"
            )
            raise SpecError([Problem("/space", detail)])
        plan = Plan(
            base=self.base,
            axes=self.axes,
            ties=self.ties,
            groups=self.groups or [],
            search=self.spec.search,
            drawn=drawn,
            seed=self.spec.seed,
            seeds=self.spec.seeds,
            shapes=[self._shape(picks, points) for picks, points in counted],
        )
        if drawn and self.ties.constraints:
            self._try_every_point(plan)
        return self._tried_together(plan, memory)

    # ---- points of shapes

    def _counted(self) -> tuple[list[tuple[Assignment, int]], bool]:
        """How many points of each shape the search visits, and whether it draws them."""
        method = search.get(self.spec.search)
        points = None if self.spec.max_trials is None else self.spec.max_trials // self.spec.seeds
        shapes = self._listed_shapes() if self.groups is not None else None
        if shapes is None:
            if not method.DRAWS:
                detail = f"the space has more than {MAX_COMBINATIONS} combinations of axes tied together"
                raise SpecError([Problem("/space", f"{detail}; shorten them, or take search: random")])
            assert points is not None
            self._check_tries(points)
            return self._drawn_shapes(points), True
        parts = row_parts(self.axes, self.groups or [])
        sizes = [prod(len(part.beside(shape)) for part in parts) for shape in shapes]
        return list(zip(shapes, method.visits(sizes, points, self.spec.seed), strict=True)), False

    def _groups(self) -> list[Group] | None:
        """What tied axes may pick together; None where that cannot be listed."""
        if any(axis.size is None for axis in self.axes):
            return None
        groups = []
        for paths in self.ties.groups([axis.path for axis in self.axes]):
            if len(paths) == 1 and paths[0] not in self.ties.aliases.values():
                groups.append(Group(paths=paths))
                continue
            sizes = {path: self.by_path[path].size or 0 for path in paths}
            leaders = {self.ties.leader(path) for path in paths}
            if prod(sizes[path] for path in leaders) > MAX_COMBINATIONS:
                return None
            found = self.ties.combinations(paths, {path: range(size) for path, size in sizes.items()})
            try:
                kept = [picks for picks in found if self._met(picks)]
            except ConstraintError as error:
                raise SpecError([Problem("/constraints", str(error))]) from None
            groups.append(
                Group(paths=paths, picks=[[_index(picks.get(path)) for path in paths] for picks in kept])
            )
        return groups

    def _met(self, picks: Assignment) -> bool:
        return self.ties.met({path: self.by_path[path].given(pick) for path, pick in picks.items()})

    def _listed_shapes(self) -> list[Assignment] | None:
        """The picks of every combination of the shapes' axes; None if there are too many to look at."""
        parts: list[Sequence[tuple[tuple[str, int | None], ...]]] = []
        for group in self.groups or []:
            own = [place for place, path in enumerate(group.paths) if not self.by_path[path].row]
            if not own:
                continue
            combinations: Sequence[Sequence[int | None]]
            if group.picks is None:
                combinations = [(pick,) for pick in range(self.by_path[group.paths[0]].size or 0)]
            else:
                combinations = group.picks
            parts.append(
                list(dict.fromkeys(tuple((group.paths[p], c[p]) for p in own) for c in combinations))
            )
        if prod(map(len, parts)) > MAX_COMBINATIONS:
            return None
        return [
            {path: pick for part in chosen for path, pick in part if pick is not None}
            for chosen in product(*parts)
        ]

    def _drawn_shapes(self, points: int) -> list[tuple[Assignment, int]]:
        """Draw every point once, and count those of each shape."""
        own = [axis.path for axis in self.axes if not axis.row]
        counts: Counter[tuple[tuple[str, Pick], ...]] = Counter()
        for position in range(points) if own else ():
            found = draws.draw(self.axes, self.ties, (self.spec.seed, "shape", position), {})
            counts[tuple((path, found[path]) for path in own if path in found)] += 1
        if not own:
            counts[()] = points
        return [(dict(shape), count) for shape, count in counts.items()]

    def _check_tries(self, points: int) -> None:
        """Refuse to look for so many points where constraints leave so few."""
        if not self.ties.constraints:
            return
        share = max(1, draws.met_by(self.axes, self.ties, self.spec.seed)) / draws.TRIES
        most = int(draws.MOST_TRIES * share)
        if points > most:
            detail = (
                f"about {share:.1%} of random points meet the constraints, so that at most {most} can be "
                f"looked for, got {points}; shorten the ranges that the constraints cut, or max_trials"
            )
            raise SpecError([Problem("/constraints", detail)])

    def _try_every_point(self, plan: Plan) -> None:
        """A point that cannot be drawn is refused now, not when its turn comes."""
        try:
            for point in range(plan.points):
                plan.values(point)
        except (draws.Undrawable, ConstraintError) as error:
            raise SpecError([Problem("/constraints", str(error))]) from None

    def _tried_together(self, plan: Plan, memory: int) -> Plan:
        """Refuse choices of rows that clash, and make room for the rows that take most."""
        shapes = []
        for number, shape in enumerate(plan.shapes):
            facts, chosen = self.facts[number], self._chosen(shape.picks)
            most = shape.bytes_per_row
            for choice in tellings(plan, number, MAX_LOOKED_AT // len(plan.shapes)):
                try:
                    taken = self.catalog.point(overlay(self.base, chosen | choice), facts)
                except ConfigFault as fault:
                    raise SpecError([self._clash(fault, chosen | choice)]) from None
                most = max(most, taken)
            own = overlay(self.base, chosen)["data"].get("stream") == "trial"
            room = max(1, memory - facts.bytes_shared)
            found = packing.arrange(shape.points, self.spec.seeds, most, room, own_batches=own)
            told = {"bytes_per_row": most, "width": found.width, "mixed": found.mixed}
            shapes.append(shape.model_copy(update=told))
        return plan.model_copy(update={"shapes": shapes})

    def _clash(self, fault: ConfigFault, choice: Mapping[str, Any]) -> Problem:
        found = problem_at(fault, self.names, self.spec.space, choice, {})
        if fault.path not in choice:
            return found
        return Problem(
            found.pointer,
            f"{found.detail}; where only some points are like this, a constraint leaves them out",
        )

    # ---- shapes

    def _shape(self, picks: Assignment, points: int) -> Shape:
        """One architecture, built on paper."""
        choice = self._chosen(picks)
        try:
            return self._built(overlay(self.base, choice), picks, points)
        except ConfigFault as fault:
            indices = {path: int(pick) for path, pick in picks.items()}
            raise SpecError([problem_at(fault, self.names, self.spec.space, choice, indices)]) from None

    def _chosen(self, picks: Assignment) -> dict[str, Any]:
        return {path: self.by_path[path].value(pick) for path, pick in picks.items()}

    def _built(self, config: Config, picks: Assignment, points: int) -> Shape:
        facts = self.catalog.inspect(config)
        metrics = self._metrics(facts, config)
        self.facts.append(facts)
        return Shape(
            key=self.catalog.shape_key(config),
            picks=picks,
            points=points,
            parameters=facts.parameters,
            flops=facts.flops,
            bytes_per_row=facts.bytes_per_row,
            width=1,  # until all points have been looked at
            mixed=False,
            epochs=config["train"]["epochs"],
            metrics=metrics,
        )

    def _metrics(self, facts: Facts, config: Config) -> list[MetricFacts]:
        """What a shape's trials measure besides the loss: the default, train.metrics, the objective's."""
        key = self._check_objective(facts, config["data"]["validation"])
        wanted = [facts.metrics[0].name, *config["train"].get("metrics", ()), key.name]
        known = {metric.name: metric for metric in facts.metrics}
        return [known[name] for name in dict.fromkeys(wanted) if name in known]

    def _check_objective(self, facts: Facts, validation: float) -> MetricKey:
        """The metric that ranks trials must be one that they have, all of them."""
        written, objective = self.spec.objective, self.spec.objective.completed(facts.metrics)
        key, goals = objective.measured, {each.name: each.goal for each in (*facts.metrics, LOSS)}
        got = key if "metric" in written.model_fields_set else f"{key}, the default"
        if key.part not in PARTS or key.name not in goals:
            raise SpecError([Problem("/objective/metric", _unmeasurable(objective.metric, facts))])
        if objective.goal != goals[key.name]:
            detail = f"the goal of {key} is to {goals[key.name]} it, got {objective.goal}"
            raise SpecError([Problem("/objective", f"{detail}; goal can be left out")])
        default = facts.metrics[0].name
        if any(other.metrics[0].name != default for other in self.facts) and key.name != LOSS.name:
            detail = "must be val/loss or train/loss where some data have classes and others numbers"
            raise SpecError([Problem("/objective", f"{detail}, got {got}")])
        if key.part == "val" and not validation:
            other = MetricKey("train", key.name)
            raise ConfigFault(
                "data.validation", f"must be above 0 to rank by {key}, got 0; or rank by {other}"
            )
        return key


def _unmeasurable(metric: str, facts: Facts) -> str:
    """What to write instead of a metric that the data do not have, and why they do not."""
    names = sorted(each.name for each in (*facts.metrics, LOSS))
    parts = " or ".join(f"{part}/" for part in PARTS)
    detail = f"must be {parts} followed by one of {', '.join(names)} with these data, got {metric!r}"
    if why := facts.misfits.get(MetricKey.parse(metric).name):
        return f"{detail}: {why}"
    return detail + "." + nearest(metric, [str(MetricKey(part, name)) for part in PARTS for name in names])


def _order(axis: Axis) -> tuple[bool, bool]:
    return axis.row, axis.values is None or not isinstance(axis.values[0], dict)


def _index(pick: Pick | None) -> int | None:
    return None if pick is None else int(pick)


def _check_budget(spec: Spec) -> None:
    """A random search says how long it is to go on, and for no longer than a submit can look at."""
    if spec.max_trials is None:
        detail = f"search: {spec.search} needs max_trials, the number of trials to run (points times seeds)"
        raise SpecError([Problem("", detail)])
    if spec.max_trials > MAX_RANDOM:
        detail = f"must be at most {MAX_RANDOM} with search: {spec.search}, got {spec.max_trials}"
        raise SpecError([Problem("/max_trials", detail)])
    if spec.max_trials < spec.seeds:
        detail = f"must be at least seeds, {spec.seeds}, so that one point can run; got {spec.max_trials}"
        raise SpecError([Problem("/max_trials", detail)])


def _check_stepped(space: Space) -> None:
    """A grid has a number of points."""
    problems = [
        Problem(
            pointer("space", axis.name),
            f"axis {axis.name!r} is a range without steps, which a grid cannot visit; "
            "give it a step or a list of values, or take search: random with max_trials",
        )
        for axis in space.axes
        if axis.size is None
    ]
    if problems:
        raise SpecError(problems)


def _check_size(spec: Spec, points: int, limit: int) -> None:
    trials = points * spec.seeds
    if trials <= (spec.max_trials or limit):
        return
    what = f"the grid has {points} points" + (
        f", with {spec.seeds} seeds {trials} trials" if spec.seeds > 1 else ""
    )
    if spec.max_trials:
        detail = f"{what}, but max_trials is {spec.max_trials}; raise it or shorten an axis"
        raise SpecError([Problem("/max_trials", detail)])
    detail = f"{what}; a sweep of more than {limit} must say so with max_trials: {trials}"
    raise SpecError([Problem("/space", f"{detail}. Shorten an axis or name max_trials.")])
