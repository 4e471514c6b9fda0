"""The note on a sweep's run, in Markdown: its status, its leaderboard and links."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from services import escaping
from services.settings import Settings
from services.tracking import links, names
from services.tracking.ranked_sweep import MAX_NOTE_POINTS, RankedSweep, best_of

MAX_SPEC_CHARS = 1500  # characters of the spec that the note quotes; spec.json has all of it


@dataclass(frozen=True)
class Markup:
    """A language that lines are written in: how it shows text as it is, and in bold."""

    text: Callable[[str], str]
    bold: Callable[[str], str]


MARKDOWN = Markup(escaping.markdown, lambda text: f"**{escaping.markdown(text)}**")


def note(ranked: RankedSweep, settings: Settings, experiment_id: str) -> str:
    """Write the whole note."""
    mlflow = settings.link_to_mlflow() or ""
    quoted = json.dumps(ranked.spec.model_dump(mode="json", exclude_defaults=True), indent=1)
    if len(quoted) > MAX_SPEC_CHARS:
        quoted = quoted[:MAX_SPEC_CHARS] + "\n… (spec.json has all of it)"
    parts = [
        *map(escaping.markdown, ranked.sweep.description.splitlines()),
        status_line(ranked, MARKDOWN),
        best_line(ranked, MARKDOWN),
        price_line(ranked),
        *(f"Classes: {escaping.markdown(names.numbered(of))}." for of in ranked.plan.class_names),
        _links(ranked, settings, mlflow, experiment_id),
        _leaderboard(ranked, mlflow, experiment_id),
        f"```json\n{quoted}\n```",
    ]
    return "\n\n".join(part for part in parts if part)


def status_line(ranked: RankedSweep, markup: Markup) -> str:
    """Say how far the sweep is: `**active** · 4 points × 3 seeds = 12 trials (8 succeeded, 4 running)`."""
    plan = ranked.plan
    states = (
        ", ".join(f"{count} {state}" for state, count in sorted(ranked.counts.items())) or "none created yet"
    )
    many = f"{plan.points} points × {plan.repeats} = " if plan.replicates > 1 else ""
    line = f"{markup.bold(ranked.sweep.state)} · {many}{plan.trials} trials ({states})"
    if ended := ranked.sweep.ended_by:
        line += f", ended by {ended['rule']}: {markup.text(ended['reason'])}"
    return line


def best_line(ranked: RankedSweep, markup: Markup) -> str:
    """Name the best point with its value and interval, and say whether it differs from the runner-up."""
    if not ranked.ranking:
        return ""
    point, estimate = ranked.ranking[0]
    objective = ranked.objective
    label = markup.text(ranked.plan.labels.label(point.values))
    measured = markup.text(f"{objective.metric} ({objective.at})")
    line = markup.bold("Best" if ranked.over else "Best so far")
    line += f": {label} with {measured} {markup.bold(estimate.text or '')}"
    if estimate.low is not None:
        line += f", 95 % interval of the mean over {estimate.n} {ranked.plan.repeats.unit}s"
    words = ranked.comparison.words if ranked.comparison else ""
    notes = (estimate.note or "").split("; ")
    remarks = "; ".join(notes[1:] if words.startswith(notes[0]) else notes)
    if estimate.low is None and remarks:
        line += f" ({remarks})"
    return f"{line}. {_sentence(words)}" if words else f"{line}."


def price_line(ranked: RankedSweep) -> str:
    """Say what training side by side took; empty where that is not known."""
    return f"{ranked.price.explained}." if ranked.price else ""


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + "."


def _links(ranked: RankedSweep, settings: Settings, mlflow: str, experiment_id: str) -> str:
    sweep = ranked.sweep
    found = []
    if sweep.mirror.view_saved:
        found.append(("Charts", links.saved_view_link(mlflow, experiment_id, sweep.id)))
        if ranked.plan.replicates > 1:
            found.append(
                (
                    f"Means over {ranked.plan.repeats.unit}s",
                    links.means_view_link(mlflow, experiment_id, sweep.id),
                )
            )
    table = links.sweep_link(mlflow, experiment_id, sweep.id, ranked.objective)
    found += [
        ("All trials as a table, best first", table),
        ("This sweep in the API", address(settings, sweep.id)),
    ]
    return " · ".join(f"[{text}]({link})" for text, link in found)


def address(settings: Settings, sweep_id: str) -> str:
    """The address of the sweep in the API."""
    return f"{settings.public_url.rstrip('/')}/v1/sweeps/{sweep_id}"


def _leaderboard(ranked: RankedSweep, mlflow: str, experiment_id: str) -> str:
    best = ranked.ranking[:MAX_NOTE_POINTS]
    if not best:
        return ""
    several = ranked.plan.replicates > 1
    labels = ranked.plan.labels
    heading = ["", *(escaping.markdown(cell.name) for cell in labels.cells({}))]
    heading.append(escaping.markdown(ranked.objective.metric))
    heading += (
        [f"{ranked.plan.repeats.unit}s", "best trial", "epochs"] if several else ["trial", "epochs", "state"]
    )
    rows = [heading, ["---"] * len(heading)]
    for rank, (point, estimate) in enumerate(best, 1):
        trial = best_of(point, ranked.objective)
        name = f"t{trial.number:03d}"
        if trial.run_id:
            name = f"[{name}]({links.trial_link(mlflow, experiment_id, trial.run_id)})"
        values = [escaping.markdown(cell.text or "") for cell in labels.cells(point.values)]
        row = [str(rank), *values, estimate.text or "–"]
        seeds = f"{estimate.n}/{ranked.plan.repeats.units}"
        row += [seeds, name, str(trial.epoch)] if several else [name, str(trial.epoch), trial.state]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
