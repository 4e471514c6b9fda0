"""The files that a finished sweep leaves in MLflow: tables as CSV, and one page as HTML."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from services import escaping
from services.domain.config import as_trained
from services.domain.plan.repeats import Repeats
from services.domain.results.intervals import Estimate
from services.figures.best_curves import best_curves
from services.store.leaderboard import RankedPoint
from services.tracking import names, note
from services.tracking.artifacts import Makers
from services.tracking.ranked_sweep import RankedSweep, best_of

MAX_CURVES = 8  # on the page, each of a point's best trial
MAX_PAGE_POINTS = 100  # on the page; the CSV files have all points

Curves = Mapping[str, Sequence[tuple[int, float]]]
HTML = note.Markup(escaping.html, lambda text: f"<b>{escaping.html(text)}</b>")

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
body { color: #1b1b1f; background: #fff; }
table { border-collapse: collapse; } th, td { padding: .2rem .7rem; text-align: left; }
tr { border-bottom: 1px solid #ddd; } tbody tr:first-child { font-weight: 600; background: #eef4fb; }
td.n { font-variant-numeric: tabular-nums; } pre { background: #f5f5f5; padding: 1rem; overflow: auto; }
svg { max-width: 100%; height: auto; }
"""


def files(ranked: RankedSweep, curves: Callable[[], Curves]) -> Makers:
    """The report's files; `curves` reads the objective's curves of the best trials."""
    return {
        "report/leaderboard.csv": lambda: leaderboard(ranked),
        "report/trials.csv": lambda: trials(ranked),
        "report/report.html": lambda: page(ranked, curves()),
    }


def shown_trials(ranked: RankedSweep) -> dict[str, str]:
    """Choose the trials whose curves the page shows: their ids by their labels."""
    found = {}
    for point, _ in ranked.ranking[:MAX_CURVES]:
        trial = best_of(point, ranked.objective)
        found[f"t{trial.number:03d} {ranked.plan.labels.label(point.values)}"] = trial.id
    return found


def leaderboard(ranked: RankedSweep) -> str:
    """Write one row per point, best first, as CSV; where there is no 95 % interval its ends are empty."""
    paths = [axis.path for axis in ranked.plan.axes]
    head = ["rank", "point", *paths, "mean", "low", "high", "sd", "n", f"{ranked.plan.repeats.unit}s", "note"]
    rows = []
    for rank, point in enumerate(ranked.points, 1):
        found = ranked.estimate(point)
        numbers = [
            found.mean,
            found.low,
            found.high,
            found.sd,
            found.n,
            ranked.plan.repeats.units,
            found.note,
        ]
        rows.append([rank, point.number, *_texts(point, paths), *numbers])
    return _csv(head, rows)


def trials(ranked: RankedSweep) -> str:
    """Write one row per trial, point by point, as CSV."""
    paths = [axis.path for axis in ranked.plan.axes]
    repeats = ranked.plan.repeats
    fold = ["fold"] if repeats.folds > 1 else []
    head = ["point", "trial", "number", "replicate", *fold, "state", *paths, "epochs", "value", "run"]
    return _csv(
        head,
        [
            [
                *[point.number, trial.id, trial.number, trial.replicate],
                *[repeats.named_fold(trial.replicate) for _ in fold],
                trial.state,
                *[*_texts(point, paths), trial.epoch, trial.value, trial.run_id],
            ]
            for point in ranked.points
            for trial in point.replicates
        ],
    )


def page(ranked: RankedSweep, curves: Curves) -> str:
    """Write a self-contained HTML page."""
    title = escaping.html(f"{ranked.sweep.name} · {ranked.sweep.id}")
    picture = best_curves(ranked.objective.metric, curves) if curves else ""
    spec = json.dumps(ranked.spec.model_dump(mode="json", exclude_defaults=True), indent=2)
    parts = [
        f"<h1>{title}</h1>",
        f"<p>{escaping.html(ranked.spec.description)}</p>" if ranked.spec.description else "",
        f"<p>{note.status_line(ranked, HTML)}</p>",
        f"<p>{note.best_line(ranked, HTML)}</p>",
        f"<p>{price}</p>" if (price := note.price_line(ranked)) else "",
        *(f"<p>{escaping.html(line)}.</p>" for line in ranked.plan.data_notes),
        *(f"<p>Classes: {escaping.html(names.numbered(of))}</p>" for of in ranked.plan.class_names),
        "<h2>Points, best first</h2>",
        _table(ranked),
        f"<h2>Curves of the best trials</h2>\n{picture}" if picture else "",
        f"<h2>Spec</h2>\n<pre>{escaping.html(spec)}</pre>",
    ]
    body = "\n".join(part for part in parts if part)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _table(ranked: RankedSweep) -> str:
    objective, repeats = ranked.objective, ranked.plan.repeats
    labels = ranked.plan.labels
    head = [
        "",
        *(cell.name for cell in labels.cells({})),
        f"{objective.metric} ({objective.at})",
        f"{repeats.unit}s",
        "",
    ]
    rows = []
    for rank, point in enumerate(ranked.points[:MAX_PAGE_POINTS], 1):
        found = ranked.estimate(point)
        values = [cell.text or "" for cell in labels.cells(point.values)]
        rows.append([str(rank), *values, *_result(found, repeats)])
    more = len(ranked.points) - MAX_PAGE_POINTS
    left = f"<p>leaderboard.csv has {more} more points.</p>" if more > 0 else ""
    cells = "\n".join(
        "<tr>" + "".join(f'<td class="n">{escaping.html(c)}</td>' for c in row) + "</tr>" for row in rows
    )
    names_ = "".join(f"<th>{escaping.html(name)}</th>" for name in head)
    interval = (
        f"<p>± is half the width of the mean's 95 % interval over {repeats.unit}s.</p>"
        if repeats.trials > 1
        else ""
    )
    return f"<table><thead><tr>{names_}</tr></thead>\n<tbody>{cells}</tbody></table>\n{left}{interval}"


def _result(found: Estimate, repeats: Repeats) -> list[str]:
    return [found.text or "–", f"{found.n}/{repeats.units}", found.note or ""]


def _texts(point: RankedPoint, paths: Sequence[str]) -> list[str]:
    values = as_trained(point.values)
    return [names.text(values[path]) if path in values else "" for path in paths]


def _csv(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerows(
        [[escaping.cell(each) if isinstance(each, str) else each for each in row] for row in (head, *rows)]
    )
    return out.getvalue()
