"""Pages that say where trials come from, and the form that forks one: a real Chromium and API, no worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from paper_sweep import take
from plain_settings import settings_for
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from stage import hire
from whole_lab import api

from services import dispatch
from services.client import Client
from services.domain.states import TrialState
from services.store import endings, packs, reports, sweeps
from services.store.reports import Epoch, Saved
from services.store.session import Session, Store

KEY = "a key of twenty chars"
SPEC: dict[str, Any] = {
    "name": "first",
    "model": {"name": "lenet5"},
    "data": {"name": "fashion-mnist-mini", "validation": 0.1},
    "train": {"epochs": 4},
    "space": {"model.dropout": [0.0, 0.5]},
}


@dataclass
class Lab:
    """An API in front of a store, and a tab of its page."""

    store: Store
    client: Client
    page: Page
    url: str

    def show(self, noun: str, identity: str) -> Any:
        """Open the panel of a sweep or a trial."""
        self.page.goto(f"{self.url}#{noun}/{identity}")
        return self.page.locator("#detail")

    def train(self, sweep_id: str, last: int) -> None:
        """Report the epochs of a pack up to one, each with a checkpoint; its target ends pack and sweep."""
        self.store.write(lambda s: dispatch.fill(s, sweep_id))  # nothing where the API was first
        pack = next(pack for pack in self.store.read(packs.queued) if pack.sweep_id == sweep_id)
        lease = take(self.store, pack)

        def write(session: Session) -> None:
            trials = list(packs.rows_of(session, lease.pack_id).values())
            for number in range(1, last + 1):
                metrics = {trial.id: {"val/acc": 0.5 + number / 10, "val/loss": 1.0} for trial in trials}
                best = {trial.id: (number, 0.5 + number / 10) for trial in trials}
                saved = Saved(number, f"packs/{lease.pack_id}/{number}", "0" * 64, 10)
                reports.commit(session, lease, Epoch(number, metrics, best, saved, busy_ms=10, work_ms=9))
            if last == trials[0].target_epoch:
                for trial in trials:
                    endings.end_trial(session, lease, trial.id, TrialState.SUCCEEDED)
                endings.close(session, lease, "done")

        self.store.write(write)
        self.store.write(lambda session: sweeps.settle(session, sweep_id))


@pytest.fixture(scope="module")
def lab(chromium: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(migrated_sqlite, folder / "state.db")
    settings = settings_for(f"sqlite:///{folder / 'state.db'}", folder)
    store = Store(settings.database_url)
    with api(settings.model_copy(update={"api_key": SecretStr(KEY), "lease_ttl": 3600.0})) as url:
        client = Client(url, KEY)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(10_000)
        page.goto(f"{url}/#key={KEY}")
        for slot in range(4):
            hire(store, "lab-1", slot, f"idle on cpu:{slot}")
        expect(page.locator("#status")).to_have_text("live")
        yield Lab(store, client, page, f"{url}/")
        client.close()
        page.close()
    store.close()


def test_a_trial_is_forked_on_its_panel_and_both_name_each_other(lab: Lab) -> None:
    sweep_id = lab.client.submit(SPEC | {"name": "parents", "seed": 1})["id"]
    lab.train(sweep_id, 2)
    parent = f"{sweep_id}-0001"
    lab.show("sweep", sweep_id).locator(".board .trials a").last.click()
    detail = lab.page.locator("#detail")
    expect(detail.get_by_role("heading", name="t001 of parents")).to_be_visible()
    expect(detail).to_contain_text("epoch 2 of 4")
    expect(detail.locator(".chart")).to_be_visible()
    fork = detail.get_by_role("button", name="Fork", exact=True)
    changes = detail.get_by_label("New values")
    for text, words in [
        ("train.optimizer.lrr = 1\ntrain.batch_size = 32", "train.optimizer.lrr: is not a hyperparameter"),
        ("lr", "each line must be a path and a value, such as train.optimizer.lr = 0.01, got lr"),
        ("lr = 1\nlr = 2", "lr is given twice"),
    ]:
        changes.fill(text)
        fork.click()
        expect(detail.locator(".faults")).to_contain_text(words)
        expect(changes).to_have_value(text)
    lab.page.wait_for_timeout(700)  # the page is read again, and what was typed stays
    expect(changes).to_have_value("lr = 1\nlr = 2")

    changes.fill('lr = 2e-3\ntrain.schedule = {"name": "step", "every": 2}')
    fork.click()
    expect(detail.get_by_role("heading", name="parents t001 fork")).to_be_visible()
    made = lab.page.url.partition("#sweep/")[2]
    where = f"Goes on from trial {parent} after its epoch 2, with train.optimizer.lr 0.002"
    expect(detail.locator(".lineage")).to_contain_text(where)
    assert lab.client.sweep(made)["forked_from"]["changed"]["train.schedule.name"] == "step"
    detail.locator(".lineage").get_by_role("link", name=parent).click()
    expect(detail.locator(".lineage")).to_contain_text(f"Forked as {made}-0000 after epoch 2")
    detail.locator(".lineage").get_by_role("link", name=f"{made}-0000").click()
    expect(detail.locator(".lineage")).to_contain_text(where)
    assert lab.page.title() == "t000 of parents t001 fork · cnnlab"


def test_a_trial_that_cannot_be_forked_says_why(lab: Lab) -> None:
    sweep_id = lab.client.submit(SPEC | {"name": "ended", "seed": 2})["id"]
    lab.train(sweep_id, 4)
    detail = lab.show("trial", f"{sweep_id}-0000")
    detail.get_by_role("button", name="Fork", exact=True).click()
    expect(detail.locator(".faults")).to_contain_text(
        "has trained all of its 4 epochs, so a fork would have none left"
    )
    expect(lab.show("trial", "nobody")).to_contain_text("no trial 'nobody'")


def test_what_is_reused_names_its_source(lab: Lab) -> None:
    first = lab.client.submit(SPEC | {"seed": 3})["id"]
    lab.train(first, 4)
    whole = lab.client.extend(first, points=[{"model.dropout": 0.25}])["id"]
    detail = lab.show("sweep", whole)
    expect(detail.locator(".lineage")).to_contain_text(f"Continues sweep {first}.")
    expect(detail.locator(".lineage")).to_contain_text(f"2 trials reused from sweep {first}, 8 epochs.")
    expect(lab.page.locator(f"#sweeps article:has(a[href='#sweep/{whole}'])")).to_contain_text(
        "2 trials reused"
    )

    source = detail.locator(".board .reused a").first
    name = source.inner_text()
    source.click()
    expect(lab.page.locator("#detail code", has_text=name).first).to_be_visible()
    expect(lab.show("trial", f"{whole}-0000").locator(".lineage")).to_contain_text(
        f"Reused: all 4 epochs from trial {first}-0000."
    )
    longer = lab.client.extend(first, epochs=6)["id"]
    expect(lab.show("trial", f"{longer}-0001").locator(".lineage")).to_contain_text(
        f"Reused: the first 4 epochs from trial {first}-0001, whose checkpoint it goes on from."
    )
