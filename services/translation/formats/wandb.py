"""Sweep configurations of Weights & Biases (W&B)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from services.translation.commands import fixed_options
from services.translation.distributions import normal, quantized, rounded
from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.parameter import Domain, Fixed, ForeignParameter, Unspecified, interval, listed
from services.translation.part import FilePart, shown

TOOL = "W&B"
METHODS = {"grid": "grid", "random": "random", "bayes": "gp"}
UNKNOWN_METHOD = f"must be {', '.join(METHODS)}"
GOALS = ("maximize", "minimize")
WITHOUT: Mapping[str, str] = {
    "program": "no program is started: the model is one of the catalog, or your own nn.Module",
    "entity": "lists and MLflow sort by project",
    "controller": "points are always chosen by the service",
    "job": "there are no jobs: workers train what is submitted",
    "imageuri": "workers have an image of their own",
    "queue": "there is one queue; priority sorts it",
    "scheduler": "points are always chosen by the service",
    "resource": "workers say what they have",
    "resource_args": "workers say what they have",
    "prior_runs": "warm_start has ids of cnnlab's own sweeps",
}

Read = Callable[[FilePart], tuple[Domain, list[str]]]


def matches(document: Mapping[str, Any]) -> bool:
    """Whether a file is a sweep of W&B: a method and a mapping of parameters."""
    return "method" in document and isinstance(document.get("parameters"), dict)


def read(document: Mapping[str, Any]) -> ForeignSweep:
    """Read a sweep; `TranslationError` where W&B itself would not accept it."""
    part = FilePart(document)
    sweep = ForeignSweep(TOOL, part.text("name"), part.text("description"), part.text("project"))
    sweep.hints += [sweep.name, sweep.project, str(document.get("program", "")), sweep.description]
    method = part.text("method")
    if method not in METHODS:
        raise TranslationError(f"method {UNKNOWN_METHOD}, got {shown(method)}")
    sweep.search = METHODS[method]
    if method == "bayes":
        sweep.note("search", "bayes of W&B is a Gaussian process, as gp here; tpe needs no extra package")
    sweep.max_trials = part.whole("run_cap")
    _metric(part, sweep)
    _early_end(part, sweep)
    sweep.parameters += _parameters(part.part("parameters"), "")
    _command(part, sweep)
    for place, value in part.left():
        sweep.lost.append(
            (place, WITHOUT.get(place, f"no key of a sweep is known by this name; {shown(value)}"))
        )
    return sweep


def _metric(part: FilePart, sweep: ForeignSweep) -> None:
    metric = part.part("metric")
    sweep.metric, sweep.goal = metric.text("name"), metric.text("goal")
    sweep.target = metric.number("target")
    if sweep.goal and sweep.goal not in GOALS:
        raise TranslationError(f"metric.goal must be {' or '.join(GOALS)}, got {shown(sweep.goal)}")
    if sweep.metric and "best" not in sweep.metric.lower():
        sweep.at = "last"
        sweep.note("objective", "W&B takes the last value; at: best takes that of the best epoch")
    if sweep.metric and not sweep.goal:
        sweep.goal = "minimize"
        sweep.note("objective", "W&B minimizes a metric that has no goal")


def _early_end(part: FilePart, sweep: ForeignSweep) -> None:
    """Hyperband of W&B: rungs after min_iter·eta^k, or before max_iter, reports, and one in eta goes on."""
    if "early_terminate" not in part:
        return
    rule = part.part("early_terminate")
    kind = rule.text("type")
    if kind != "hyperband":
        raise TranslationError(f"early_terminate.type must be hyperband, got {shown(kind)}")
    eta = rule.whole("eta") or 3
    least, most, rungs = rule.whole("min_iter"), rule.whole("max_iter"), rule.whole("s")
    if eta < 2:
        raise TranslationError(f"early_terminate.eta must be at least 2, got {eta}")
    if least is None and (most is None or rungs is None):
        raise TranslationError("early_terminate needs min_iter, or max_iter and s")
    first = least if least is not None else math.ceil((most or 1) / eta ** (rungs or 1))
    if first < 1:
        raise TranslationError(f"early_terminate.min_iter must be at least 1, got {first}")
    sweep.stop.append({"name": "halving", "eta": eta, "first": first})
    sweep.epochs = most
    sweep.note(
        "stop",
        "iterations of W&B are reports of the metric, one each epoch; points wait for each other here",
    )
    if least is not None and rungs is not None:
        sweep.lost.append(("early_terminate.s", "rungs go on to the last epoch"))
    strict = rule.take("strict")
    if strict is not None:
        sweep.lost.append(("early_terminate.strict", "one in eta goes on, never more, as with strict: true"))


def _parameters(part: FilePart, above: str) -> Iterator[ForeignParameter]:
    """Every parameter, nested ones by their dotted names."""
    for name in part:
        below = part.part(name)
        dotted = f"{above}.{name}" if above else name
        if "parameters" in below:
            yield from _parameters(below.part("parameters"), dotted)
            continue
        domain, notes = _domain(below)
        yield ForeignParameter(dotted, domain, tuple(notes))


def _domain(part: FilePart) -> tuple[Domain, list[str]]:
    kind = part.take("distribution")
    if kind is None:
        kind = _implied(part)
    read = DISTRIBUTIONS.get(str(kind))
    if kind in WITHOUT_FORM:
        given = ", ".join(f"{key} {shown(part.take(key))}" for key in list(part) if key != "distribution")
        return Unspecified(f"the distribution {kind} has no counterpart: write a range; {given}"), []
    if read is None:
        known = ", ".join((*DISTRIBUTIONS, *WITHOUT_FORM))
        raise TranslationError(f"{part.at('distribution')} must be one of {known}, got {shown(kind)}")
    return read(part)


def _implied(part: FilePart) -> str:
    """The distribution of a parameter that names none."""
    if "value" in part:
        return "constant"
    if "values" in part:
        return "categorical"
    if "min" in part and "max" in part:
        whole = all(isinstance(part.take(key), int) for key in ("min", "max"))
        return "int_uniform" if whole else "uniform"
    if "mu" in part or "sigma" in part:
        return "normal"
    raise TranslationError(f"{part.at('')[:-1]} needs value, values, or min and max")


def _need(part: FilePart, key: str, default: float | None = None) -> float:
    found = part.number(key)
    if found is None and default is None:
        raise TranslationError(f"{part.at(key)} is needed and missing")
    return float(default or 0) if found is None else found


def _constant(part: FilePart) -> tuple[Domain, list[str]]:
    return Fixed(part.take("value")), []


def _categorical(part: FilePart) -> tuple[Domain, list[str]]:
    found, weights = part.listed("values"), part.take("probabilities")
    notes = (
        [f"probabilities {shown(weights)} in the file; equally likely here"] if weights is not None else []
    )
    return listed(part.at("values"), found), notes


def _ends(part: FilePart) -> tuple[float, float]:
    return _need(part, "min"), _need(part, "max")


def _whole(part: FilePart) -> tuple[Domain, list[str]]:
    low, high = _ends(part)
    if low != int(low) or high != int(high):
        raise TranslationError(f"{part.at('min')} and max must be integers, got {low:g} and {high:g}")
    notes = ["min and max are integers, so W&B draws integers alone"] if high - low == 1 else []
    return interval(part.at("min"), low, high, whole=True), notes


def _uniform(part: FilePart) -> tuple[Domain, list[str]]:
    return interval(part.at("min"), *_ends(part)), []


def _log_values(part: FilePart) -> tuple[Domain, list[str]]:
    return interval(part.at("min"), *_ends(part), log=True), []


def _exponents(part: FilePart) -> tuple[float, float]:
    low, high = _ends(part)
    if max(abs(low), abs(high)) > 200:
        raise TranslationError(f"{part.at('min')} and max are exponents of e, got {low:g} and {high:g}")
    return rounded(math.exp(low)), rounded(math.exp(high))


def _log(part: FilePart) -> tuple[Domain, list[str]]:
    low, high = _exponents(part)
    note = f"log_uniform of W&B has exponents of e: {low:g} to {high:g}; log_uniform_values has the ends"
    return interval(part.at("min"), low, high, log=True), [note]


def _quantized(ends: Callable[[FilePart], tuple[float, float]], *, log: bool) -> Read:
    def read(part: FilePart) -> tuple[Domain, list[str]]:
        return quantized(part.at("min"), *ends(part), _need(part, "q", 1.0), log=log)

    return read


def _normal(*, log: bool, step: bool) -> Read:
    def read(part: FilePart) -> tuple[Domain, list[str]]:
        mean, deviation = _need(part, "mu", 0.0), _need(part, "sigma", 1.0)
        domain, notes = normal(part.at("sigma"), mean, deviation, log=log)
        if step:
            notes.append(f"multiples of {_need(part, 'q', 1.0):g} in the file; any number in between here")
        return domain, notes

    return read


def _inverse(ends: Callable[[FilePart], tuple[float, float]]) -> Read:
    def read(part: FilePart) -> tuple[Domain, list[str]]:
        low, high = ends(part)
        if low <= 0:
            raise TranslationError(f"{part.at('min')} must be above 0, got {low:g}")
        note = "the inverse is log-uniform in the file, which is the number itself being so"
        return interval(part.at("min"), rounded(1 / high), rounded(1 / low), log=True), [note]

    return read


WITHOUT_FORM = ("beta", "q_beta")
DISTRIBUTIONS: Mapping[str, Read] = {
    "constant": _constant,
    "categorical": _categorical,
    "categorical_w_probabilities": _categorical,
    "int_uniform": _whole,
    "uniform": _uniform,
    "q_uniform": _quantized(_ends, log=False),
    "log_uniform": _log,
    "log_uniform_values": _log_values,
    "q_log_uniform": _quantized(_exponents, log=True),
    "q_log_uniform_values": _quantized(_ends, log=True),
    "inv_log_uniform": _inverse(_exponents),
    "inv_log_uniform_values": _inverse(_ends),
    "normal": _normal(log=False, step=False),
    "q_normal": _normal(log=False, step=True),
    "log_normal": _normal(log=True, step=False),
    "q_log_normal": _normal(log=True, step=True),
}


def _command(part: FilePart, sweep: ForeignSweep) -> None:
    """Take the options that the command fixes; macros as ${args} are the parameters."""
    command = part.listed("command")
    if not command:
        return
    words = [str(word) for word in command]
    fixed = fixed_options(words)
    sweep.hints += words
    sweep.parameters += [ForeignParameter(name, Fixed(value)) for name, value in fixed]
    sweep.lost.append(("command", "no program is started; options that it fixes are taken as parameters"))
