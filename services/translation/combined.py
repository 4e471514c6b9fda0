"""Parameters that say one thing together: read as the one that a spec has for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from services.translation.entry_names import MODELS, entry, name_of, plain
from services.translation.parameter import Domain, Fixed, ForeignParameter, Interval, OneOfValues, in_words
from services.translation.readings import UnreadableValue, number, switch, whole
from services.translation.vocabulary import target

Parameters = list[ForeignParameter]
Lose = Callable[[str, str], None]
MILESTONE_FACTOR = 0.1  # torch's MultiStepLR, where gamma is not given
SWITCHED = ("data.mixup", "data.cutmix", "data.random-erasing", "data.flip", "data.pad-crop")


def combine(parameters: Sequence[ForeignParameter], lose: Lose) -> Parameters:
    """The parameters of a sweep, those of one meaning in one; `lose` names what is not kept."""
    found = list(parameters)
    for step in (_one_cycle, _milestones, _betas, _switches, _resnet):
        found = step(found, lose)
    return found


def _values(domain: Domain) -> tuple[Any, ...]:
    """The listed values; none of a range."""
    match domain:
        case Fixed(value):
            return (value,)
        case OneOfValues(values):
            return values
    return ()


def _domain(values: Sequence[Any]) -> Domain:
    return Fixed(values[0]) if len(values) == 1 else OneOfValues(tuple(values))


def _at(parameters: Parameters, path: str) -> Parameters:
    """The parameters that go to a path."""
    targets = [(each, target(each.name)) for each in parameters]
    return [each for each, goal in targets if goal is not None and path in goal.paths]


def _is(parameter: ForeignParameter, *names: str) -> bool:
    last = parameter.name.replace("/", ".").rpartition(".")[2]
    return plain(parameter.name) in names or plain(last) in names


def _schedules(parameters: Parameters) -> set[str]:
    """The names of the schedules that the file has."""
    written = [value for each in _at(parameters, "train.schedule") for value in _values(each.domain)]
    return {name_of(found) for value in written if (found := entry("train.schedule", value)) is not None}


def _one_cycle(found: Parameters, lose: Lose) -> Parameters:
    """The rate of one-cycle is its greatest: max_lr, and not lr, which torch's OneCycleLR passes over."""
    rates = _at(found, "train.optimizer.lr")
    most = next((each for each in rates if _is(each, "maxlr")), None)
    others = [each for each in rates if each is not most]
    if most is None or not others:
        return found
    schedules = _schedules(found)
    if schedules == {"one-cycle"}:
        for each in others:
            lose(each.name, f"one-cycle rises to {most.name}, wherever it begins; {in_words(each.domain)}")
        return [each for each in found if each not in others]
    why = f"one-cycle alone has it; train.optimizer.lr is {others[0].name} here"
    if "one-cycle" in schedules:
        why = f"one-cycle rises to train.optimizer.lr, which is {others[0].name} here"
    lose(most.name, f"{why}; {in_words(most.domain)}")
    return [each for each in found if each is not most]


def _milestones(found: Parameters, lose: Lose) -> Parameters:
    """MultiStepLR: gamma^i from milestone i on; piecewise has pairs of both."""
    lists = _at(found, "train.schedule.pieces")
    if not lists:
        return found
    gammas = [each for each in found if _is(each, "gamma", "lrgamma")]
    factors = _values(gammas[0].domain) if gammas else (MILESTONE_FACTOR,)
    alone = _schedules(found) <= {"piecewise"}
    try:
        pieces = [_pieces(times, factor) for times in _values(lists[0].domain) for factor in factors]
    except UnreadableValue as why:
        lose(lists[0].name, f"train.schedule.pieces: {why}; {in_words(lists[0].domain)}")
        return [each for each in found if each not in lists]
    if not pieces:
        lose(lists[0].name, "pieces of piecewise are listed: a range of gamma cannot be written")
        return [each for each in found if each not in lists]
    pairs = replace(lists[0], domain=_domain(pieces))
    return [pairs if each is lists[0] else each for each in found if not (alone and each in gammas)]


def _pieces(times: Any, factor: Any) -> list[list[float]]:
    if not isinstance(times, list) or not times:
        raise UnreadableValue("milestones are a list of epochs, as [30, 60]")
    by = number(factor)
    epochs = sorted({whole(time) for time in times})
    return [[time, float(f"{by ** (i + 1):.12g}")] for i, time in enumerate(epochs)]


def _betas(found: Parameters, lose: Lose) -> Parameters:
    """Pairs of betas become beta1 and beta2; pairs of which both vary have no axes of their own."""
    made: Parameters = []
    for each in found:
        if not _is(each, "betas", "adambetas"):
            made.append(each)
            continue
        pairs = _values(each.domain)
        if not pairs or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
            lose(each.name, f"must be pairs [beta1, beta2]; {in_words(each.domain)}")
            continue
        columns = [list(dict.fromkeys(map(str, column))) for column in zip(*pairs, strict=True)]
        if min(map(len, columns)) > 1:
            why = "pairs of which both numbers vary: beta1 and beta2 are axes of their own"
            lose(each.name, f"{why}; {in_words(each.domain)}")
            continue
        made += [
            replace(each, name=f"beta{i}", domain=_domain(column)) for i, column in enumerate(columns, 1)
        ]
    return made


def _switches(found: Parameters, lose: Lose) -> Parameters:
    """A switch beside an amount, as use_mixup and mixup_alpha: off is the amount 0."""
    for path in SWITCHED:
        both = _at(found, path)
        flips = [
            each for each in both if _values(each.domain) and None not in map(switch, _values(each.domain))
        ]
        amounts = [each for each in both if each not in flips]
        if not flips or not amounts:
            continue
        amount, on = amounts[0], {switch(value) for value in _values(flips[0].domain)}
        if isinstance(amount.domain, Interval) and on == {True, False}:
            lose(flips[0].name, f"{path}: 0 is off, which a range does not have beside it")
            domain: Domain = amount.domain
        elif True not in on:
            domain = Fixed(0)
        elif False in on:
            domain = _domain([0, *_values(amount.domain)])
        else:
            domain = amount.domain
        found = [
            replace(each, domain=domain) if each is amount else each for each in found if each not in flips
        ]
    return found


def _resnet(found: Parameters, lose: Lose) -> Parameters:
    """A resnet whose depth is another parameter: the depth decides which of the two families it is."""
    models = [each for each in _at(found, "model") if each.domain == Fixed("resnet")]
    depths = _at(found, "model.depth")
    if not models or not depths:
        return found
    names = [f"resnet{depth}" for depth in _values(depths[0].domain)]
    if not names or any(name not in MODELS for name in names):
        return found
    named = replace(models[0], domain=_domain(names))
    return [named if each is models[0] else each for each in found if each is not depths[0]]
