"""Plan a fork: the sweep of one trial that goes on from another trial's weights with other values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.domain.config import Config, overlay, read, related
from services.domain.errors import Problem, SpecError, nearest, pointer
from services.domain.plan.plan import Fork, Plan
from services.domain.plan.space import Space
from services.domain.plan.value_text import value_text
from services.domain.planning.catalog import Catalog, ConfigFault, DryBuild
from services.domain.spec.names import paths_named
from services.domain.spec.spec import Spec

MAX_CHANGES = 100
FIRST_WEIGHTS = "train.initial_scale"  # it decides nothing after them
NEW_SWEEP = "submit a new sweep for that"


@dataclass(frozen=True)
class Parent:
    """The trial that is forked, with its sweep's spec and plan."""

    id: str
    number: int
    replicate: int
    seed: int
    shape: int
    target_epoch: int
    config: Config
    spec: Spec
    plan: Plan


def plan_fork(parent: Parent, given: Mapping[str, Any], catalog: Catalog) -> tuple[Spec, Plan]:
    """The spec and the plan of a fork; `given` are its new values by path, or by the end of one.

    Seed, replicate, batches and the way in which rows share them stay the parent's, and so does the epoch at
    which it ends: with the parent's own values the fork has the parent's curve. Its place in an array is its
    own. `SpecError` with a pointer below /set for each value that a fork cannot have: whatever changes the
    shape or what a checkpoint holds.
    """
    config, facts = _changed(parent, given, catalog)
    spec, plan = parent.spec, parent.plan
    changed = _differences(parent.config, config, catalog)
    before = plan.shapes[parent.shape]
    shape = before.model_copy(
        update={
            "points": 1,
            "coordinates": {},
            "width": 1,
            "epochs": parent.target_epoch,
            "bytes_per_row": catalog.point(config, facts) if facts else before.bytes_per_row,
            "bytes_beside": facts.bytes_shared + facts.bytes_data if facts else before.bytes_beside,
        }
    )
    fork = Spec(
        name=f"{spec.name[:80]} t{parent.number:03d} fork",
        project=spec.project,
        description=_description(parent, changed),
        model=config["model"],
        data=config["data"],
        train=config["train"],
        objective=spec.objective,
        seed=spec.seed,
    )
    origin = Fork(
        trial=parent.id,
        name=plan.origin.name if plan.origin else spec.name,
        replicate=parent.replicate,
        seed=parent.seed,
        varied=plan.varied,
        changed=changed,
    )
    space = Space(axes=[], seed=plan.space.seed)
    return fork, Plan(base=config, space=space, shapes=[shape], fork=origin)


def _changed(parent: Parent, given: Mapping[str, Any], catalog: Catalog) -> tuple[Config, DryBuild | None]:
    """The config with the new values, and its dry build if there are any; `SpecError` with every fault."""
    problems: list[Problem] = []
    if len(given) > MAX_CHANGES:
        raise SpecError([Problem("/set", f"has {len(given)} values; at most {MAX_CHANGES} are allowed")])
    facts = _built(parent.config, catalog) if given else None
    config, names = parent.config, dict[str, str]()
    # An entry before what is inside it: only then is it known which names there are.
    for name, value in sorted(given.items(), key=lambda item: (item[0].count("."), item[0])):
        try:
            path = _path(name, config, catalog)
            if path in names:
                raise _Unfit(f"{path} is set twice, as {names[path]} and as {name}")
            config = _with_value(config, path, value, catalog, facts)
            names[path] = name
        except _Unfit as unfit:
            problems.append(Problem(pointer("set", name), str(unfit)))
    if facts and not problems:
        try:
            catalog.point(config, facts)
        except ConfigFault as fault:
            at = next((names[path] for path in names if related(path, fault.path)), None)
            problems.append(Problem(pointer("set", at) if at else "/set", str(fault)))
    if problems:
        raise SpecError(problems)
    return config, facts


class _Unfit(Exception):
    """A value that a fork cannot have."""


def _built(config: Config, catalog: Catalog) -> DryBuild:
    try:
        return catalog.inspect(config)
    except ConfigFault as fault:  # its images are no longer there
        raise SpecError([Problem("", f"the trial cannot train any more: {fault.detail}")]) from None


def _path(name: str, config: Config, catalog: Catalog) -> str:
    """The path that a name means."""
    known = catalog.paths(config)
    paths = paths_named(name, known)
    if len(paths) > 1:
        raise _Unfit(f"{name!r} could be any of {', '.join(paths)}")
    if paths:
        return paths[0].removesuffix(".name")
    parent, _, last = name.rpartition(".")
    inside = [path for path in known if parent and path.rpartition(".")[0] == parent]
    there = [path for path in inside if not path.endswith(".name")]
    ends = ", ".join(path.rpartition(".")[2] for path in there)
    has = f" {parent} has {ends}." if there else ""
    hint = f" {found}" if (found := catalog.elsewhere(last)) else nearest(name, there or known)
    raise _Unfit(f"is not a hyperparameter of this trial.{has}{hint}")


def _with_value(config: Config, path: str, value: Any, catalog: Catalog, facts: DryBuild | None) -> Config:
    """The config with one value more, complete; `_Unfit` if the parent's checkpoint does not fit it."""
    try:
        new = catalog.resolve(overlay(config, {path: value}))
    except ConfigFault as fault:
        field = f"{fault.path} " if fault.path != path else ""
        raise _Unfit(f"{field}{fault.detail}") from None
    if catalog.shape_key(new) != catalog.shape_key(config):
        where = next((p for p in _differences(config, new, catalog) if not catalog.is_row(new, p)), path)
        what = f"{where} belongs" if where != path else "belongs"
        raise _Unfit(
            f"{what} to the shape of the trial's array, and its checkpoint fits no other; a fork can change "
            f"what rows of one array may differ in, such as rates and penalties; {NEW_SWEEP}"
        )
    if FIRST_WEIGHTS in _differences(config, new, catalog):
        raise _Unfit(f"only scales the first weights, and a fork begins with trained ones; {NEW_SWEEP}")
    if facts:
        old_state, new_state = catalog.row_state(config, facts), catalog.row_state(new, facts)
        for entry, kept in old_state.items():
            if kept != new_state[entry]:
                raise _Unfit(
                    f"{entry} must stay as it is: the fork begins with what it keeps of a trial, which here "
                    f"is {kept}, and would be {new_state[entry]}; {NEW_SWEEP}"
                )
    return new


def _differences(old: Config, new: Config, catalog: Catalog) -> dict[str, Any]:
    """The values, by path, that are not the same in two configs; those inside an object by themselves."""
    known = set(catalog.paths(old))
    found = {path: read(new, path) for path in catalog.paths(new)}
    return {
        path: value
        for path, value in found.items()
        if not isinstance(value, Mapping) and (path not in known or read(old, path) != value)
    }


def _description(parent: Parent, changed: Mapping[str, Any]) -> str:
    """Where the fork comes from, in a sentence; `Spec` takes 2000 characters."""
    values = ", ".join(f"{path} {value_text(value)}" for path, value in changed.items())
    how = f"with {values}" if changed else "with the same values"
    return f"Goes on from the weights of trial {parent.id} of {parent.spec.name}, {how}."[:2000]
