"""The page renames, describes and deletes sweeps of any name: a real Chromium and API, no worker."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from plain_settings import settings_for
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from strange_names import STRANGE
from whole_lab import api

from services.client import Client
from services.store import sweeps
from services.store.session import Store

KEY = "a key of twenty chars"
SPEC = {
    "name": "first",
    "model": {"name": "mlp", "hidden": [4]},
    "data": "fashion-mnist-mini",
    "space": {"dropout": [0, 0.5]},
}


class Lab:
    """An API in front of a store, and a tab of its page."""

    def __init__(self, store: Store, client: Client, page: Page, url: str) -> None:
        self.store, self.client, self.page, self.url = store, client, page, url

    def over(self) -> str:
        """A sweep that was cancelled."""
        sweep_id = str(self.client.submit(SPEC)["id"])
        self.client.cancel(sweep_id)
        self.store.write(lambda session: sweeps.settle(session, sweep_id))
        return sweep_id


@pytest.fixture
def lab(chromium: Browser, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Lab]:
    path = tmp_path / "state.db"
    shutil.copy(migrated_sqlite, path)
    store = Store(f"sqlite:///{path}")
    settings = settings_for(f"sqlite:///{path}", tmp_path).model_copy(update={"api_key": SecretStr(KEY)})
    with api(settings) as url, Client(url, KEY) as client:
        page = chromium.new_page()
        page.set_default_timeout(10_000)
        page.goto(f"{url}/#key={KEY}")
        yield Lab(store, client, page, url)
        page.close()
    store.close()


def test_any_name_is_given_and_shown(lab: Lab) -> None:
    sweep_id = lab.over()
    lab.page.goto(f"{lab.url}/#sweep/{sweep_id}")
    panel = lab.page.locator("#detail")
    for name in STRANGE:
        lab.page.fill("#new-name", name)
        lab.page.fill("#new-description", f"{name}\nsecond line")
        panel.get_by_role("button", name="Save").click()
        expect(panel.locator("h2")).to_have_text(name)
        expect(panel.locator(".description")).to_have_text(f"{name}\nsecond line")
        expect(lab.page).to_have_title(f"{name} · cnnlab")
        assert lab.client.sweep(sweep_id)["name"] == name
    lab.page.fill("#new-name", " x")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator(".faults")).to_contain_text("name: must neither begin nor end with a space")


def test_a_sweep_is_deleted_after_a_question(lab: Lab) -> None:
    sweep_id = lab.over()
    lab.page.goto(f"{lab.url}/#sweep/{sweep_id}")
    remove = lab.page.locator("#detail").get_by_role("button", name="Delete sweep")
    remove.click()
    expect(lab.page.locator("#question")).to_have_text("Delete first?")
    expect(lab.page.locator("#consequence")).to_contain_text("This cannot be taken back.")
    lab.page.locator("#keep").click()
    assert lab.client.sweep(sweep_id)["id"] == sweep_id
    remove.click()
    lab.page.locator("#agree").click()
    expect(lab.page.locator("#detail")).to_be_empty()
    expect(lab.page.locator("#sweeps")).to_contain_text("No sweeps yet")


def test_a_sweep_that_goes_on_has_no_button_and_one_that_others_need_says_why(lab: Lab) -> None:
    source = lab.over()
    lab.client.extend(source, seeds=2)
    lab.page.goto(f"{lab.url}/#sweep/{source}")
    panel = lab.page.locator("#detail")
    panel.get_by_role("button", name="Delete sweep").click()
    expect(panel.locator(".faults")).to_contain_text("continues it; delete those first")
    other = str(lab.client.submit(SPEC)["id"])
    lab.page.goto(f"{lab.url}/#sweep/{other}")
    expect(lab.page.locator("#new-name")).to_have_value("first")
    expect(panel.get_by_role("button", name="Delete sweep")).to_have_count(0)
