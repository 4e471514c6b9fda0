"""The page's leaderboard in a real Chromium: it fits a screen, and no word or number in it is broken."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plain_settings import settings_for
from playwright.sync_api import Page, expect
from pydantic import SecretStr
from servers import browser
from servers.missing import NotInstalled, give_up
from stage import Worker, accuracy, add
from whole_lab import api

from services.client import Client
from services.store.session import Store

KEY = "k" * 20
SIX_AXES = {
    "model.dropout": [0.0, 0.15],
    "train.optimizer": ["nesterov", {"name": "nesterov", "momentum": 0.5}],
    "train.optimizer.lr": [0.01, 0.02],
    "train.l2": [0, 0.0001],
    "train.batch_size": [32, 64],
    "model.activation": ["relu", "tangent-sigmoid"],
}
THREE_AXES = dict(list(SIX_AXES.items())[:3])
# Words, names and numbers of the table that stand on more than one line, and whether the table fits.
BROKEN_WORDS = """table => {
  const broken = [], walk = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    for (const { 0: word, index } of walk.currentNode.data.matchAll(/[^ ]+/g)) {
      const range = document.createRange();
      range.setStart(walk.currentNode, index);
      range.setEnd(walk.currentNode, index + word.length);
      if (range.getClientRects().length > 1) broken.push(word);
    }
  }
  return [broken, table.scrollWidth <= table.parentElement.clientWidth];
}"""


@pytest.fixture(scope="module")
def lab(
    migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, Client, Page]]:
    """A store with an API in front of it, and a page of that API as wide as a laptop's screen."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(migrated_sqlite, folder / "state.db")
    settings = settings_for(f"sqlite:///{folder / 'state.db'}", folder)
    store = Store(settings.database_url)
    try:
        with api(settings.model_copy(update={"api_key": SecretStr(KEY)})) as url, browser.start() as chromium:
            client, page = Client(url, KEY), chromium.new_page(viewport={"width": 1400, "height": 900})
            page.goto(f"{url}/#key={KEY}")
            expect(page.locator("#status")).to_have_text("live")
            yield store, client, page
            client.close()
    except NotInstalled as why:
        give_up(why)
    store.close()


@pytest.mark.parametrize(("space", "seeds"), [(THREE_AXES, 5), (SIX_AXES, 1), (SIX_AXES, 5)])
def test_the_leaderboard_breaks_no_word(
    lab: tuple[Store, Client, Page], space: dict[str, Any], seeds: int
) -> None:
    store, client, page = lab
    sweep_id = add(store, space=space, seeds=seeds)
    Worker(store, accuracy).finish(sweep_id)
    page.goto(f"{page.url.split('#')[0]}#sweep/{sweep_id}")
    best = client.sweep(sweep_id)["best"]
    expect(page.locator("#detail .winner")).to_have_text(best["label"])
    first = page.locator(".board tbody tr").first
    expect(first.locator("td.value").last).to_have_text(best["cells"][-1]["text"])
    expect(first.locator("td.result")).to_contain_text(best["text"])
    assert page.locator(".board").evaluate(BROKEN_WORDS) == [[], True]
