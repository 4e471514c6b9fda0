"""Figures as a browser shows them: on our page, and among the artifacts on MLflow's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from mlflow_stage import Stage
from paper_catalog import paper_spec
from plain_settings import settings_for
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from safetensors.numpy import save_file
from sqlalchemy import update
from stage import Worker, accuracy, add
from whole_lab import api

from services.domain.states import TrialState
from services.settings import Settings
from services.store.models import Trial
from services.store.session import Store

KEY = "k" * 32
DRAWN = "image => image.complete && image.naturalWidth > 100"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A tab; at the end nothing may have been blocked or failed in it."""
    opened = chromium.new_page(viewport={"width": 1280, "height": 1400})
    opened.set_default_timeout(60_000)
    opened.add_init_script("localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')")
    yield opened
    opened.close()


def write_weights(path: Path) -> None:
    """Best weights of a net with six kernels and two classes."""
    metadata = {
        "image": json.dumps((1, 8, 8)),
        "first_layer": "conv1.weight",
        "confusion_part": "val",
        "confusion": json.dumps([[9, 1], [3, 7]]),
        "class_names": json.dumps(["<script>alert(1)</script>", "dogs"]),
    }
    first = np.random.default_rng(1).normal(size=(6, 1, 5, 5)).astype(np.float32)
    save_file({"conv1.weight": first}, path, metadata)


def test_our_page_shows_the_best_weights(page: Page, migrated_sqlite: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "state.db")
    settings = settings_for(f"sqlite:///{tmp_path}/state.db", tmp_path)
    store = Store(settings.database_url)
    sweep_id = add(store, name="with-weights")
    Worker(store, accuracy).finish(sweep_id)
    write_weights(settings.files / "best.safetensors")
    store.write(lambda session: session.execute(update(Trial).values(best_file="best.safetensors")))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    with api(settings.model_copy(update={"api_key": SecretStr(KEY)})) as url:
        page.goto(f"{url}/#key={KEY}")
        expect(page.locator("#sweeps article").first).to_be_visible()
        page.goto(f"{url}/#sweep/{sweep_id}")
        images = page.locator("#detail .figures img")
        expect(images).to_have_count(2)
        for place, title in enumerate(("Confusion matrix", "First layer")):
            image = images.nth(place)
            assert (image.get_attribute("alt") or "").startswith(f"{title} of trial ")
            page.wait_for_function(DRAWN, arg=image.element_handle())
        page.locator("#detail .figures").screenshot(path=tmp_path / "figures.png")
        page.goto("about:blank")  # its stream of events would keep the API waiting
    store.close()
    assert said == []


def test_our_page_shows_what_the_axes_do_and_what_is_left_out(
    page: Page, migrated_sqlite: Path, tmp_path: Path
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "state.db")
    settings = settings_for(f"sqlite:///{tmp_path}/state.db", tmp_path)
    store = Store(settings.database_url)
    space = {"model.dropout": [0.0, 0.25], "train.l2": [0, 0.001], "train.optimizer.lr": [0.02, 0.05]}
    sweep_id = add(store, name="grid", space=space, train={"epochs": 6, "optimizer": "momentum"})
    Worker(store, accuracy).finish(sweep_id)
    pruned = update(Trial).where(Trial.number == 3).values(state=TrialState.PRUNED, epoch=2)
    store.write(lambda session: session.execute(pruned))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    with api(settings.model_copy(update={"api_key": SecretStr(KEY)})) as url:
        page.goto(f"{url}/#key={KEY}")
        expect(page.locator("#sweeps article").first).to_be_visible()
        page.goto(f"{url}/#sweep/{sweep_id}")
        images = page.locator("#detail figure img")
        expect(images).to_have_count(4)
        for place in range(4):
            page.wait_for_function(DRAWN, arg=images.nth(place).element_handle())
        assert "dropout: 0 −0" in (images.nth(0).get_attribute("alt") or "")
        expect(page.get_by_text("8 points compared at epoch 2. No trial is left out.")).to_be_visible()
        expect(page.get_by_text(f"cnnlab effects {sweep_id}")).to_be_visible()
        before = images.nth(1).get_attribute("src")
        page.get_by_label("across").select_option("l2")
        expect(images.nth(1)).not_to_have_attribute("src", before or "")
        page.wait_for_function(DRAWN, arg=images.nth(1).element_handle())
        page.get_by_label("compared at").select_option("epoch 6: 7 points")
        expect(page.get_by_text("7 points compared at epoch 6. Trials left out: 1 pruned.")).to_be_visible()
        page.goto("about:blank")
    store.close()
    assert said == []


@pytest.mark.long
def test_mlflows_page_shows_an_svg_file(
    page: Page, sqlite_store: Store, sqlite_settings: Settings, mlflow_url: str
) -> None:
    settings = sqlite_settings.model_copy(update={"mlflow_url": mlflow_url})
    stage = Stage(sqlite_store, settings, paper_spec(name="pictures"))
    stage.train(1)
    write_weights(settings.files / "best.safetensors")
    for index in range(4):
        stage.end(index, TrialState.SUCCEEDED, best_file="best.safetensors")
    stage.settle()
    assert stage.tracker().mirror(stage.sweep_id)
    stage.tracker().send_files(stage.sweep_id)
    run = stage.parent().info
    page.goto(
        f"{mlflow_url}/#/experiments/{run.experiment_id}/runs/{run.run_id}/artifacts/figures/t003/confusion.svg"
    )
    image = page.locator("img[src^='blob:'], img[src*='confusion.svg']").first
    expect(image).to_be_visible(timeout=60_000)
    page.wait_for_function(DRAWN, arg=image.element_handle())
