"""Experiments of Katib, the tuner of Kubeflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from services.translation.commands import fixed_options, options
from services.translation.distributions import normal
from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.hyperband import halving
from services.translation.parameter import Domain, Fixed, ForeignParameter, interval, listed
from services.translation.part import FilePart, shown
from services.translation.vocabulary import target

TOOL = "Katib"
KIND = "Experiment"
METHODS = {
    "grid": "grid", "random": "random", "tpe": "tpe", "multivariate-tpe": "tpe", "bayesianoptimization": "gp",
    "cmaes": "cma-es", "sobol": "sobol", "hyperband": "random",
}  # fmt: skip
GOALS = ("maximize", "minimize")
STRATEGIES = {"max": "maximize", "min": "minimize", "latest": ""}  # and the goal whose best value it is
KINDS = ("double", "int", "discrete", "categorical")
WITHOUT: Mapping[str, str] = {
    "apiVersion": "",
    "kind": "",
    "spec.parallelTrialCount": "as many trials train side by side as the arrays of the devices hold",
    "spec.maxFailedTrialCount": "a failed trial is tried again where that can help, and the sweep goes on",
    "spec.objective.additionalMetricNames": "loss and accuracy are always measured; train.metrics has others",
    "spec.metricsCollectorSpec": "metrics are measured by cnnlab itself",
    "spec.resumePolicy": "cnnlab extend continues a sweep",
    "spec.nasConfig": "architectures are not searched by gradients; axes of model are",
    "metadata.namespace": "lists and MLflow sort by project",
    "metadata.generateName": "",
    "metadata.labels": "a description can hold them",
    "metadata.annotations": "a description can hold them",
}


def matches(document: Mapping[str, Any]) -> bool:
    """Whether a file is an Experiment of Katib."""
    return document.get("kind") == KIND and str(document.get("apiVersion", "")).startswith("kubeflow.org/")


def read(document: Mapping[str, Any]) -> ForeignSweep:
    """Read an experiment; `TranslationError` where Katib itself would not accept it."""
    part = FilePart(document)
    metadata, spec = part.part("metadata"), part.part("spec")
    sweep = ForeignSweep(TOOL, metadata.text("name") or metadata.text("generateName"))
    sweep.hints.append(sweep.name)
    _objective(spec.part("objective"), sweep)
    sweep.max_trials = spec.whole("maxTrialCount")
    sweep.parameters += [_parameter(each) for each in spec.each("parameters")]
    _template(spec, sweep)
    _algorithm(spec.part("algorithm"), sweep)
    _early_end(spec, sweep)
    for place, value in part.left():
        why = WITHOUT.get(place, f"no key of an experiment is known by this name; {shown(value)}")
        if why:
            sweep.lost.append((place, why))
    return sweep


def _objective(part: FilePart, sweep: ForeignSweep) -> None:
    sweep.metric, sweep.goal = part.text("objectiveMetricName"), part.text("type")
    sweep.target = part.number("goal")
    if sweep.goal not in GOALS:
        raise TranslationError(f"{part.at('type')} must be {' or '.join(GOALS)}, got {shown(sweep.goal)}")
    for strategy in part.each("metricStrategies"):
        _strategy(strategy, sweep)


def _strategy(part: FilePart, sweep: ForeignSweep) -> None:
    """Which of a metric's values Katib takes: of the objective, the best or the last one can be had here."""
    name, value, place = part.text("name"), part.text("value"), part.at("value")
    if value not in STRATEGIES:
        raise TranslationError(f"{place} must be one of {', '.join(STRATEGIES)}, got {shown(value)}")
    if name != sweep.metric:
        why = f"{shown(name)} is not the objective, which alone ranks trials; {value}"
        sweep.lost.append((place, why))
    elif value == "latest":
        sweep.at = "last"
    elif STRATEGIES[value] != sweep.goal:
        why = f"the worst value of a metric that is {sweep.goal}d; here the best or, with at: last, the last"
        sweep.lost.append((place, f"{value} is {why}"))


def _settings(part: FilePart) -> dict[str, str]:
    """Names and values of algorithmSettings."""
    found = {}
    for each in part.each("algorithmSettings"):
        found[each.text("name")] = str(each.take("value"))
    return found


def _algorithm(part: FilePart, sweep: ForeignSweep) -> None:
    name, settings = part.text("algorithmName"), _settings(part)
    if name in METHODS:
        sweep.search = METHODS[name]
    else:
        sweep.search = "tpe"
        sweep.note("search", f"{shown(name)} of the file has no counterpart; tpe is chosen here")
    if name == "hyperband":
        _hyperband(settings, sweep)
    if name == "bayesianoptimization":
        sweep.note("search", "a Gaussian process, as gp here; tpe needs no extra package")
    if name == "multivariate-tpe":
        sweep.note("search", "tpe here is multivariate, too")
    for key, value in settings.items():
        sweep.lost.append(
            (f"{part.at('algorithmSettings')}.{key}", f"{sweep.search} has no such setting; {value}")
        )


def _hyperband(settings: dict[str, str], sweep: ForeignSweep) -> None:
    """Brackets of successive halving: the resource is the epochs, from 1 to r_l."""
    try:
        most, eta = int(float(settings.pop("r_l", "9"))), int(float(settings.pop("eta", "3")))
    except ValueError:
        raise TranslationError("r_l and eta of hyperband must be numbers") from None
    resource = settings.pop("resource_name", "")
    if eta < 2 or most < eta:
        raise TranslationError(
            f"hyperband needs eta of at least 2 and r_l of at least eta, got {eta} and {most}"
        )
    sweep.epochs = most
    sweep.stop.append(halving(most, eta))
    for each in list(sweep.parameters):
        if each.name == resource.lstrip("-"):
            sweep.parameters.remove(each)
            sweep.lost.append((each.name, f"hyperband's resource, which is train.epochs here, up to {most}"))
    sweep.note("stop", f"hyperband with {resource or 'its resource'} up to {most} is halving with brackets")


def _early_end(spec: FilePart, sweep: ForeignSweep) -> None:
    if "earlyStopping" not in spec:
        return
    part = spec.part("earlyStopping")
    name, settings = part.text("algorithmName"), _settings(part)
    if name == "medianstop":
        rule: dict[str, Any] = {"name": "median"}
        if "start_step" in settings:
            rule["first"] = max(1, int(float(settings.pop("start_step"))))
        sweep.stop.append(rule)
    else:
        sweep.lost.append((part.at("algorithmName"), f"no rule of stop is known by the name {shown(name)}"))
    for key, value in settings.items():
        why = (
            f"all points of the sweep are compared; {value}"
            if key == "min_trials_required"
            else f"unknown; {value}"
        )
        sweep.lost.append((f"{part.at('algorithmSettings')}.{key}", why))


def _parameter(part: FilePart) -> ForeignParameter:
    name, kind = part.text("name"), part.text("parameterType")
    if not name or kind not in KINDS:
        wanted = f"{part.at('parameterType')} must be one of {', '.join(KINDS)}"
        raise TranslationError(
            f"{wanted}, got {shown(kind)}" if name else f"{part.at('name')} is needed and missing"
        )
    domain, notes = _domain(part.part("feasibleSpace"), kind)
    return ForeignParameter(name.lstrip("-"), domain, tuple(notes))


def _domain(space: FilePart, kind: str) -> tuple[Domain, list[str]]:
    if kind in ("discrete", "categorical"):
        return listed(space.at("list"), space.listed("list")), []
    low, high, step = space.number("min"), space.number("max"), space.number("step")
    if low is None or high is None:
        raise TranslationError(
            f"{space.at('min')} and max are needed, got {'no min' if low is None else 'no max'}"
        )
    form, whole = space.text("distribution") or "uniform", kind == "int"
    if form in ("normal", "logNormal"):
        mean, deviation = (low + high) / 2, (high - low) / 6
        notes = [f"{form} between its ends in the file; equally likely here"]
        if form == "normal" and deviation > 0:
            return normal(space.at("max"), mean, deviation, whole=whole)
        return interval(space.at("min"), low, high, log=low > 0, step=step, whole=whole), notes
    if form not in ("uniform", "logUniform"):
        known = "uniform, logUniform, normal, logNormal"
        raise TranslationError(f"{space.at('distribution')} must be one of {known}, got {shown(form)}")
    return interval(space.at("min"), low, high, log=form == "logUniform", step=step, whole=whole), []


def _template(spec: FilePart, sweep: ForeignSweep) -> None:
    """Take the options that the containers' commands fix."""
    if "trialTemplate" not in spec:
        return
    template = spec.take("trialTemplate")
    words = [*_words(template)]
    sweep.hints += words
    _rename(template, words, sweep)
    sweep.parameters += [ForeignParameter(name, Fixed(value)) for name, value in fixed_options(words)]
    sweep.lost.append(
        ("spec.trialTemplate", "no container is started; options that it fixes are taken as parameters")
    )


def _rename(template: Any, words: list[str], sweep: ForeignSweep) -> None:
    """Call a parameter as the option that gets it, where its own name says nothing."""
    listed_names = template.get("trialParameters") if isinstance(template, dict) else None
    references = {
        f"${{trialParameters.{each.get('name')}}}": str(each.get("reference", "")).lstrip("-")
        for each in (listed_names if isinstance(listed_names, list) else [])
        if isinstance(each, dict)
    }
    option = {references[value]: name for name, value in options(words) if value in references}
    sweep.parameters = [
        replace(each, name=option[each.name], notes=(*each.notes, f"{each.name} in the file"))
        if each.name in option and target(each.name) is None
        else each
        for each in sweep.parameters
    ]


def _words(value: Any) -> Iterator[str]:
    """The words of every command and list of arguments below a value."""
    if isinstance(value, dict):
        for key, below in value.items():
            if key in ("command", "args") and isinstance(below, list):
                yield from (word for each in below for word in str(each).split())
            else:
                yield from _words(below)
    elif isinstance(value, list):
        for below in value:
            yield from _words(below)
