"""services/tracking/report.py and the parts of a note, of a sweep that is made by hand."""

from __future__ import annotations

import csv
import html
import io
from dataclasses import replace
from typing import Any

from markdown_it import MarkdownIt
from paper_catalog import paper_plan, paper_spec

from services.domain.plan.repeats import Repeats
from services.domain.plan.value_text import value_text
from services.settings import Settings
from services.store import leaderboard
from services.store.leaderboard import RankedPoint, Replicate
from services.store.models import MirrorSweep, Sweep
from services.tracking import note, report
from services.tracking.ranked_sweep import RankedSweep

SPACE = {
    "train.optimizer": ["sgd", {"name": "adam", "lr": 0.01}],
    "train.optimizer.beta": {"choice": [0.8, 0.9], "when": {"train.optimizer": "adam"}},
}
VALUES = {0: [0.5, 0.5], 1: [0.9, 0.8], 2: [None, None]}  # of each point's trials


def ranked(state: str = "succeeded", **changes: Any) -> RankedSweep:
    spec = paper_spec(space=SPACE, seeds=2, **changes)
    plan = paper_plan(spec)
    points = [
        RankedPoint(
            "s",
            number,
            plan.shape_of(number),
            plan.values(number),
            [
                Replicate(f"s-{number}-{seed}", 2 * number + seed, seed, "succeeded", value, 3, None)
                for seed, value in enumerate(values)
            ],
        )
        for number, values in sorted(VALUES.items(), key=lambda item: -(item[1][0] or 0))
    ]
    return RankedSweep(
        sweep=Sweep(
            id="s",
            name=spec.name,
            project="p",
            description=spec.description,
            state=state,
            spec=spec,
            plan=plan,
        ),
        counts={"succeeded": 6},
        points=points,
        comparison=leaderboard.comparison(points, spec.objective, Repeats(2)),
        last_finish=None,
    )


def test_the_table_of_points_has_full_values_and_blanks_for_what_is_missing() -> None:
    rows = list(csv.DictReader(report.leaderboard(ranked()).splitlines()))
    assert [row["point"] for row in rows] == ["1", "0", "2"]
    assert [row["train.optimizer.beta"] for row in rows] == ["0.8", "", "0.9"]
    assert rows[2]["mean"] == rows[2]["low"] == ""
    assert float(rows[0]["mean"]) == 0.9 / 2 + 0.8 / 2


def test_the_table_of_trials_has_a_row_for_each() -> None:
    rows = list(csv.DictReader(report.trials(ranked()).splitlines()))
    assert [row["trial"] for row in rows] == ["s-1-0", "s-1-1", "s-0-0", "s-0-1", "s-2-0", "s-2-1"]
    assert [row["value"] for row in rows] == ["0.9", "0.8", "0.5", "0.5", "", ""]


def test_the_page_shows_the_names_of_the_classes_as_text() -> None:
    assert "Classes:" not in report.page(ranked(), {})
    found = ranked()
    shapes = [
        shape.model_copy(update={"class_names": ["<b>", "kleine Hünde"]}) for shape in found.plan.shapes
    ]
    found.sweep.plan = found.plan.model_copy(update={"shapes": shapes})
    assert found.plan.class_names == [["<b>", "kleine Hünde"]]
    assert "<p>Classes: 0 &lt;b&gt;, 1 kleine Hünde</p>" in report.page(found, {})


def test_the_table_of_trials_has_their_folds_where_there_are_folds() -> None:
    found = ranked()
    assert "fold" not in report.trials(found).splitlines()[0]
    found.sweep.plan = found.plan.model_copy(update={"folds": 2, "seeds": 1})
    rows = list(csv.DictReader(report.trials(found).splitlines()))
    assert [(row["replicate"], row["fold"]) for row in rows] == [("0", "0"), ("1", "1")] * 3
    assert rows[0]["state"] == next(iter(found.points)).replicates[0].state


def test_the_page_shows_points_by_their_cells_and_means_by_their_text() -> None:
    page = report.page(ranked(), {})
    head = "<th></th><th>optimizer</th><th>beta</th><th>val/acc (best)</th>"
    assert head in page
    cells = [f'<td class="n">{text}</td>' for text in ("1", "adam", "0.8", "0.85 ± 0.64", "2/2")]
    assert "".join(cells) in page
    assert "".join(f'<td class="n">{text}</td>' for text in ("2", "sgd", "", "0.5000 ± 0", "2/2")) in page


def test_curves_are_called_by_trial_and_label() -> None:
    assert list(report.shown_trials(ranked())) == ["t002 adam, beta 0.8", "t000 sgd"]


def test_the_best_line_names_the_point_and_says_whether_it_may_change() -> None:
    ended, active = ranked(), ranked(state="active")
    assert note.best_line(ended, note.MARKDOWN).startswith(
        "**Best**: adam, beta 0.8 with val/acc (best) **0.85 ± 0.64**, 95 %"
    )
    assert note.best_line(active, note.MARKDOWN).startswith("**Best so far**: adam")
    assert "3 points × 2 seeds = 6 trials (6 succeeded)" in note.status_line(active, note.MARKDOWN)


HOSTILE = "=1+1|*x*_[a](http://b) <b>$^$ `c"


def hostile() -> RankedSweep:
    """The same with a value and a description that every reader could take for its own language."""
    values = {"train.optimizer": HOSTILE}
    found = ranked(description=f"# {HOSTILE}\n- list")
    return replace(found, points=[replace(point, values=values) for point in found.points])


def test_the_note_and_the_page_show_text_of_users_as_it_is(sqlite_settings: Settings) -> None:
    found = hostile()
    found.sweep.mirror = MirrorSweep()
    written = note.note(found, sqlite_settings.model_copy(update={"mlflow_url": "http://m"}), "7")
    tokens = MarkdownIt("commonmark").enable("table").parse(written)
    shown = [
        "".join(child.content for child in token.children or []) for token in tokens if token.type == "inline"
    ]
    assert shown[:2] == [f"# {HOSTILE}", "- list"]
    assert shown.count(value_text(HOSTILE)) == 2  # a cell of each point that has a value
    assert any(f"Best: optimizer {value_text(HOSTILE)} with val/acc (best) 0.85" in text for text in shown)
    assert not {"heading_open", "bullet_list_open", "html_block"} & {token.type for token in tokens}
    links = [child for token in tokens for child in token.children or [] if child.type == "link_open"]
    assert all(not str(link.attrs["href"]).startswith("http://b") for link in links)
    page = report.page(found, {})
    assert "<b>$" not in page
    assert html.unescape(page).count(HOSTILE) == 6


def test_no_cell_of_a_report_is_a_formula() -> None:
    for table in (report.leaderboard(hostile()), report.trials(hostile())):
        cells = [row["train.optimizer"] for row in csv.DictReader(io.StringIO(table, newline=""))]
        assert set(cells) == {f"'{HOSTILE}"}
