"""Search spaces and experiment configurations of NNI (Neural Network Intelligence)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from services.translation.commands import fixed_options
from services.translation.distributions import normal, quantized
from services.translation.errors import TranslationError
from services.translation.foreign import ForeignSweep
from services.translation.hyperband import halving
from services.translation.parameter import Domain, Fixed, ForeignParameter, interval, listed
from services.translation.part import FilePart, number, shown

TOOL = "NNI"
TUNERS = {
    "tpe": "tpe", "random": "random", "gridsearch": "grid", "gp": "gp", "gptuner": "gp",
    "hyperband": "random", "bohb": "tpe",
}  # fmt: skip
SPACES = ("searchSpace", "searchSpaceFile", "searchSpacePath")
GOALS = ("maximize", "minimize")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
WITHOUT: Mapping[str, str] = {
    "trialCodeDirectory": "no program is started: the model is one of the catalog, or your own nn.Module",
    "trialConcurrency": "as many trials train side by side as the arrays of the devices hold",
    "trialGpuNumber": "workers choose devices by themselves",
    "maxTrialDuration": "stop: {name: budget, seconds: …} is for the whole sweep",
    "trainingService": "workers train, on this host or on others",
    "experimentWorkingDirectory": "results are in the API and in MLflow",
    "trainingServicePlatform": "workers train, on this host or on others",
    "trial.codeDir": "no program is started: the model is one of the catalog, or your own nn.Module",
    "trial.gpuNum": "workers choose devices by themselves",
    "trial.cpuNum": "workers have the processors of their host",
    "trial.memoryMB": "packs are made to fit the memory of their device",
    "trial.image": "no container is started: workers have an image of their own",
    **dict.fromkeys(
        ("machineList", "localConfig", "remoteConfig", "kubeflowConfig", "paiConfig"),
        "workers train, on this host or on others",
    ),
    **dict.fromkeys(
        ("debug", "logLevel", "useAnnotation", "authorName", "nniManagerIp", "logDir", "logCollection"), ""
    ),
}  # fmt: skip


def is_space(document: Mapping[str, Any]) -> bool:
    """Whether a file is a search space: names with _type and _value."""
    return bool(document) and all(isinstance(each, dict) and "_type" in each for each in document.values())


def matches(document: Mapping[str, Any]) -> bool:
    """Whether a file is a search space of NNI, or the configuration of an experiment."""
    return is_space(document) or any(key in document for key in SPACES)


def read(document: Mapping[str, Any], other_file: Callable[[str], Mapping[str, Any]]) -> ForeignSweep:
    """Read an experiment, or a search space alone; `other_file` reads the file that a configuration names."""
    sweep = ForeignSweep(TOOL)
    sweep.note("objective", "NNI's program reports one number without a name")
    if is_space(document):
        sweep.parameters += _parameters(FilePart(document), sweep)
        return sweep
    part = FilePart(document)
    sweep.name, sweep.description = part.text("experimentName"), part.text("experimentDescription")
    sweep.max_trials = part.whole("maxTrialNumber") or part.whole("maxTrialNum")
    _tuning(part, sweep)
    _duration(part, sweep)
    sweep.parameters += _parameters(_space(part, other_file), sweep)
    commands = part.text("trialCommand"), part.part("trial").text("command")
    command = commands[0] or commands[1]
    sweep.hints += [sweep.name, sweep.description, command]
    if command:
        sweep.parameters += [
            ForeignParameter(name, Fixed(value)) for name, value in fixed_options(_split(command))
        ]
        sweep.lost.append(
            ("trialCommand", f"no program is started; options that it fixes are taken; {shown(command)}")
        )
    for place, value in part.left():
        why = WITHOUT.get(place, WITHOUT.get(place.partition(".")[0]))
        if why is None:
            why = f"no key of an experiment is known by this name; {shown(value)}"
        sweep.lost.append((place, why or f"has no effect on the results; {shown(value)}"))
    return sweep


def _split(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()


def _space(part: FilePart, other_file: Callable[[str], Mapping[str, Any]]) -> FilePart:
    if "searchSpace" in part:
        return part.part("searchSpace")
    key = next(key for key in SPACES if key in part)
    space = other_file(part.text(key))
    if not is_space(space):
        raise TranslationError(f"{key} must name a file that maps names to _type and _value")
    return FilePart(space)


def _tuning(part: FilePart, sweep: ForeignSweep) -> None:
    """Tuner, assessor and advisor, which is both in one."""
    for role in ("tuner", "advisor", "assessor"):
        if role not in part:
            continue
        below = part.part(role)
        names = [below.text(key) for key in ("name", f"builtin{role.capitalize()}Name")]
        name, arguments = next(filter(None, names), ""), below.part("classArgs")
        sweep.goal = arguments.text("optimize_mode") or sweep.goal
        if sweep.goal and sweep.goal not in GOALS:
            wanted = f"{arguments.at('optimize_mode')} must be {' or '.join(GOALS)}"
            raise TranslationError(f"{wanted}, got {shown(sweep.goal)}")
        if role == "assessor":
            _assessor(name, arguments, sweep)
        else:
            _tuner(name, arguments, sweep)
    if sweep.goal == "minimize":
        sweep.metric = "loss"
        sweep.note("objective", "a number that is minimized, taken as the loss")


def _tuner(name: str, arguments: FilePart, sweep: ForeignSweep) -> None:
    plain = name.lower()
    sweep.search = TUNERS.get(plain, "tpe")
    if plain not in TUNERS:
        sweep.note("search", f"{shown(name)} of the file has no counterpart; tpe is chosen here")
    if plain in ("hyperband", "bohb"):
        most, eta = arguments.whole("R") or arguments.whole("max_budget") or 60, arguments.whole("eta") or 3
        if eta < 2 or most <= eta:
            raise TranslationError(
                f"{arguments.at('eta')} must be at least 2 and below R, got {eta} and {most}"
            )
        sweep.epochs = most
        sweep.stop.append(halving(most, eta))
        sweep.note("stop", f"{name} with budgets of 1 to {most}, taken as epochs, is halving with brackets")


def _assessor(name: str, arguments: FilePart, sweep: ForeignSweep) -> None:
    if name.lower() != "medianstop":
        sweep.lost.append(("assessor", f"no rule of stop is like {shown(name)}; median and halving are near"))
        return
    sweep.stop.append({"name": "median", "first": max(1, arguments.whole("start_step") or 1)})


def _duration(part: FilePart, sweep: ForeignSweep) -> None:
    """A limit in time: 1h, 30m, or a number of seconds."""
    given = [part.take(key) for key in ("maxExperimentDuration", "maxExecDuration")]
    text = str(next((each for each in given if each is not None), ""))
    if not text:
        return
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhd]?)\s*", text)
    if not found or float(found[1]) == 0:
        raise TranslationError(f"maxExperimentDuration must be a time such as 30m or 1h, got {shown(text)}")
    seconds = float(found[1]) * SECONDS[found[2] or "s"]
    sweep.stop.append({"name": "budget", "seconds": int(seconds) if seconds.is_integer() else seconds})


def _parameters(space: FilePart, sweep: ForeignSweep) -> list[ForeignParameter]:
    found = []
    for name in space:
        part = space.part(name)
        kind, given = part.text("_type"), part.listed("_value")
        read = TYPES.get(kind)
        if read is None:
            raise TranslationError(f"{part.at('_type')} must be one of {', '.join(TYPES)}, got {shown(kind)}")
        domain, notes = read(part.at("_value"), given)
        found.append(ForeignParameter(name, domain, tuple(notes)))
    for place, value in space.left():
        sweep.lost.append((place, f"no key of a parameter is known by this name; {shown(value)}"))
    return found


Read = Callable[[str, list[Any]], tuple[Domain, list[str]]]


def _numbers(place: str, given: list[Any], count: int) -> list[float]:
    if len(given) != count:
        raise TranslationError(f"{place} must list {count} numbers, got {shown(given)}")
    return [number(each, place) for each in given]


def _choice(place: str, given: list[Any]) -> tuple[Domain, list[str]]:
    named = [each["_name"] if isinstance(each, dict) and "_name" in each else each for each in given]
    notes = []
    if named != given:
        notes.append(
            "nested choices in the file, of which only the names are kept; conditions are written with `when`"
        )
    return listed(place, named), notes


def _randint(place: str, given: list[Any]) -> tuple[Domain, list[str]]:
    low, above = _numbers(place, given, 2)
    return interval(place, low, above - 1, whole=True), [f"NNI draws below {above:g}"]


def _interval(*, log: bool) -> Read:
    def read(place: str, given: list[Any]) -> tuple[Domain, list[str]]:
        low, high = _numbers(place, given, 2)
        return interval(place, low, high, log=log), []

    return read


def _quantized(*, log: bool) -> Read:
    def read(place: str, given: list[Any]) -> tuple[Domain, list[str]]:
        low, high, q = _numbers(place, given, 3)
        return quantized(place, low, high, q, log=log)

    return read


def _normal(*, log: bool, step: bool) -> Read:
    def read(place: str, given: list[Any]) -> tuple[Domain, list[str]]:
        mean, deviation, *q = _numbers(place, given, 3 if step else 2)
        domain, notes = normal(place, mean, deviation, log=log)
        return domain, [
            *notes,
            *(f"multiples of {each:g} in the file; any number in between here" for each in q),
        ]

    return read


TYPES: Mapping[str, Read] = {
    "choice": _choice,
    "randint": _randint,
    "uniform": _interval(log=False),
    "quniform": _quantized(log=False),
    "loguniform": _interval(log=True),
    "qloguniform": _quantized(log=True),
    "normal": _normal(log=False, step=False),
    "qnormal": _normal(log=False, step=True),
    "lognormal": _normal(log=True, step=False),
    "qlognormal": _normal(log=True, step=True),
}
