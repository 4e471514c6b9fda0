"""What somebody sees who follows the link to MLflow: this sweep's charts, best first, in a real browser.

With CNNLAB_PICTURES naming a folder, the pictures of `make pictures` go there.
"""

from __future__ import annotations

import math
import os
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from mlflow_stage import Stage
from paper_catalog import paper_plan, paper_spec
from PIL import Image
from playwright.sync_api import Browser, Page

from services.domain.states import TrialState
from services.settings import Settings
from services.store.session import Store
from services.tracking import links

PICTURES = os.environ.get("CNNLAB_PICTURES")
EPOCHS = 10
SPACE: dict[str, Any] = {
    "model.dropout": [0.0, 0.25, 0.5],
    "train.optimizer": ["sgd", "adam"],
    "train.l2": [1e-4, 1e-2],
}
LARGE: dict[str, Any] = {
    "model.dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
    "train.optimizer": ["sgd", "adam"],
    "train.l2": [1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 0.2, 0.5, 0.7, 1.0],
}
PATIENCE = 60_000  # ms; a first page reads megabytes of scripts


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1600, "height": 1000})
    # Else a panel that offers an assistant opens over a third of a new visitor's page.
    context.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    yield opened
    context.close()


class Sweeps:
    """Sweeps of one experiment, each trained on paper and exported."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._project = "demo" if PICTURES else uuid.uuid4().hex[:8]

    def make(self, space: dict[str, Any], seeds: int = 1, end: bool = True) -> Stage:
        """A sweep with curves as training would have them."""
        spec = paper_spec(
            name="lenet", project=self._project, space=space, seeds=seeds, train={"epochs": EPOCHS}
        )
        stage = Stage(self._store, self._settings, spec, width=paper_plan(spec).trials)
        learn(stage)
        if end:
            for index in range(len(stage.trial_ids)):
                stage.end(index, TrialState.SUCCEEDED)
            stage.settle()
        assert stage.tracker().mirror(stage.sweep_id)
        return stage


@pytest.fixture
def sweeps(sqlite_store: Store, sqlite_settings: Settings, mlflow_url: str) -> Sweeps:
    return Sweeps(sqlite_store, sqlite_settings.model_copy(update={"mlflow_url": mlflow_url}))


def learn(stage: Stage) -> None:
    """Report epochs: best at dropout 0.25 and l2 1e-4 with adam; trials of one replicate share their luck."""
    luck = random.Random(7)
    shared = [luck.gauss(0, 0.006) for _ in range(stage.spec.seeds)]
    trials = [stage.trial(index) for index in range(len(stage.trial_ids))]
    goals = {}
    for trial in trials:
        values = trial.values
        strength = (
            values["train.l2"]["strength"] if isinstance(values["train.l2"], dict) else values["train.l2"]
        )
        goal = 0.935 - 0.16 * (values["model.dropout"] - 0.25) ** 2 - 0.006 * (math.log10(strength) + 4) ** 2
        goal -= 0.012 if values["train.optimizer"]["name"] == "sgd" else 0
        goals[trial.id] = goal + shared[trial.replicate] + luck.gauss(0, 0.002)
    best: dict[str, tuple[int, float]] = {}
    for epoch in range(1, EPOCHS + 1):
        metrics = {}
        for trial in trials:
            rising = 1 - 0.75 * math.exp(-epoch / 1.8)
            accuracy = goals[trial.id] * rising + luck.gauss(0, 0.002)
            gap = 0.02 * (1 - trial.values["model.dropout"]) * epoch / EPOCHS
            metrics[trial.id] = {
                "train/loss": 2.3 * (1 - accuracy - gap) + 0.02,
                "train/acc": min(1.0, accuracy + gap),
                "val/loss": 2.5 * (1 - accuracy) + 0.03,
                "val/acc": accuracy,
                "lr": 0.01,
                "perf/images_per_s": 12000 + luck.gauss(0, 300),
            }
            if trial.id not in best or accuracy > best[trial.id][1]:
                best[trial.id] = epoch, accuracy
        stage.report(epoch, metrics, dict(best))


def open_view(page: Page, stage: Stage, link: Any) -> str:
    """Follow the link that API and command line hand out; returns the page's text once charts are drawn."""
    sweep = stage.sweep()
    assert sweep.mirror.view_saved
    page.goto(link(stage.settings.mlflow_url, sweep.mirror.experiment_id, sweep.id))
    page.get_by_text("matching run").first.wait_for()
    page.locator(".js-plotly-plot .main-svg, .js-plotly-plot svg").first.wait_for()
    page.wait_for_timeout(1500)  # charts move into place
    return page.inner_text("body")


def keep(page: Page, tmp_path: Path, name: str) -> None:
    """Take a picture that is not blank; `make pictures` wants it in the documentation."""
    path = tmp_path / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as picture:
        assert picture.size == (1600, 1000)
        colours = picture.convert("RGB").getcolors(maxcolors=1 << 24)
    assert colours is not None
    assert len(colours) > 500
    if PICTURES:
        with Image.open(path) as picture:
            small = picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
            small.save(Path(PICTURES, f"{name}.png"), optimize=True)


def run_names(stage: Stage) -> list[str]:
    return [run.info.run_name for run in stage.runs()]


@pytest.mark.long
def test_the_link_opens_on_this_sweeps_trials_best_first(sweeps: Sweeps, page: Page, tmp_path: Path) -> None:
    other = sweeps.make(
        {"train.l2": [1e-3, 1e-1, 0.7], "model.dropout": [0.4], "train.optimizer": ["sgd"]}, end=False
    )
    stage = sweeps.make(SPACE)
    text = open_view(page, stage, links.saved_view_link)
    keep(page, tmp_path, "mlflow-sweep")
    mine, others = run_names(stage), run_names(other)
    listed = [line for line in text.splitlines() if line in {*mine, *others}]
    ranked = sorted(stage.runs(), key=lambda run: -run.data.metrics["best/val_acc"])
    assert listed[:12] == [run.info.run_name for run in ranked]
    assert not set(others) & set(listed)
    assert "12 matching runs" in text
    query = parse_qs(page.url.split("?", 1)[1])
    assert query["searchFilter"] == [links.trials_filter(stage.sweep_id)]
    for words in (
        "Which is best: best/val_acc, highest first",
        "Curves of the best trials",
        "Parallel Coordinates",
        "best/val_error_percent",
        "val/acc",
    ):
        assert words in text
    drawn = page.content()
    for axis in ("dropout", "optimizer", "log10 l2"):
        assert f">{axis}</text>" in drawn
    sweep = stage.sweep()
    page.goto(
        links.sweep_link(
            stage.settings.mlflow_url, sweep.mirror.experiment_id, sweep.id, stage.spec.objective
        )
    )
    page.reload()  # an address that differs after # only is no new page to a browser
    page.get_by_text(listed[-1]).first.wait_for()
    table = page.inner_text("body").splitlines()
    assert [line for line in table if line in listed] == listed[:12]
    assert "Evaluation runs" not in table  # those are the pages for language models


@pytest.mark.long
def test_means_over_seeds_are_one_line_a_point(sweeps: Sweeps, page: Page, tmp_path: Path) -> None:
    stage = sweeps.make({**SPACE, "model.dropout": [0.0, 0.25]}, seeds=3)
    text = open_view(page, stage, links.means_view_link)
    keep(page, tmp_path, "mlflow-means")
    points = {run.data.tags["trial.point"] for run in stage.runs()}
    assert len(points) == 8
    assert {line for line in text.splitlines() if line.startswith("Group: ")} == {
        f"Group: {p}" for p in points
    }
    assert "Group by: trial.point" in text
    assert not set(run_names(stage)) & set(text.splitlines())  # the groups are folded
    assert "Which is best" in text


@pytest.mark.skipif(not PICTURES, reason="only for the pictures: 150 trials take a minute to export")
def test_a_picture_of_150_trials(sweeps: Sweeps, page: Page, tmp_path: Path) -> None:
    stage = sweeps.make(LARGE, end=False)
    assert "100 matching runs" in open_view(page, stage, links.saved_view_link)
    keep(page, tmp_path, "mlflow-sweep-150")
